//! The contract of every sink with a job.
//!
//! Whatever happens after a mark, a session resumed there ends with each record exactly once, in order, and nothing
//! torn. Every test runs for every kind of sink.

mod members;

use std::error::Error as _;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use serde_json::json;

use super::*;
use members::{every, growing};

/// Returns a mark as it is after a restart: serialized and read back.
fn restored(mark: Mark) -> Mark {
    serde_json::from_str(&serde_json::to_string(&mark).unwrap()).unwrap()
}

/// Returns an error and its source in one line.
fn reasons(error: &Error) -> String {
    let source = error.source().map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

#[test]
fn a_session_resumed_from_a_mark_ends_with_each_record_once() {
    for (after, flushed, torn) in [
        (0, false, false),
        (5, false, true),
        (40, true, true),
        (900, true, false),
    ] {
        for member in every() {
            let before = member.prepare();
            let mut session = member.open(Start::Over).unwrap();
            (before..10).for_each(|number| session.write(number));
            let mark = restored(session.checkpoint());
            (10..10 + after).for_each(|number| session.write(number));
            if flushed {
                session.flush();
            }
            session.kill();
            if torn {
                member.tear();
            }
            let mut session = member.open(Start::At(&mark)).unwrap();
            (10..60).for_each(|number| session.write(number));
            session.finish();
            let expected: Vec<usize> = (0..60).collect();
            assert_eq!(member.read(), expected, "{} {after}", member.name());
        }
    }
}

#[test]
fn a_job_that_is_killed_repeatedly_ends_with_each_record_once() {
    const ALL: usize = 300;
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        // Sinks that are not a single growing file are slow.
        for member in every()
            .into_iter()
            .filter(|member| seed < 4 || member.grows())
        {
            let mut done = member.prepare();
            let mut mark: Option<Mark> = None;
            let mut sessions = 0;
            loop {
                sessions += 1;
                let start = mark.as_ref().map_or(Start::Over, Start::At);
                let mut session = member.open(start).unwrap();
                let first = session.checkpoint();
                if random.u8(..8) == 0 {
                    // Killed before that mark was stored, and before the first record.
                    session.kill();
                    continue;
                }
                mark = Some(restored(first));
                let mut next = done;
                for _ in 0..random.u32(..120) {
                    match random.u8(..32) {
                        0 => session.flush(),
                        1 => drop(session.checkpoint()), // killed before it was stored
                        2 => (mark, done) = (Some(restored(session.checkpoint())), next),
                        _ if next < ALL => {
                            session.write(next);
                            next += 1;
                        }
                        _ => {}
                    }
                }
                if next == ALL {
                    session.finish();
                    break;
                }
                session.kill();
                if random.bool() {
                    member.tear();
                }
            }
            let expected: Vec<usize> = (0..ALL).collect();
            assert_eq!(member.read(), expected, "{} seed {seed}", member.name());
            assert!(sessions > 1, "{} seed {seed}", member.name());
        }
    }
}

#[test]
fn a_finished_job_can_be_resumed_from_its_last_mark() {
    for member in every() {
        let before = member.prepare();
        let mut session = member.open(Start::Over).unwrap();
        (before..10).for_each(|number| session.write(number));
        let mark = restored(session.finish());
        let mut session = member.open(Start::At(&mark)).unwrap();
        (10..20).for_each(|number| session.write(number));
        session.finish();
        assert_eq!(
            member.read(),
            (0..20).collect::<Vec<_>>(),
            "{}",
            member.name()
        );
    }
}

#[test]
fn without_a_mark_the_file_is_started_over_whatever_is_in_it() {
    for member in every().iter().filter(|member| !member.appends()) {
        let mut session = member.open(Start::Over).unwrap();
        (0..50).for_each(|number| session.write(number));
        session.flush();
        session.kill();
        member.tear();
        let mut session = member.open(Start::Over).unwrap();
        (0..5).for_each(|number| session.write(number));
        session.finish();
        assert_eq!(member.read(), [0, 1, 2, 3, 4], "{}", member.name());
    }
}

#[test]
fn a_file_shorter_than_its_mark_is_refused_with_both_lengths() {
    for member in growing() {
        let mut session = member.open(Start::Over).unwrap();
        (0..10).for_each(|number| session.write(number));
        let mark = session.finish();
        let file = member.file();
        // The closing bytes may come after the mark.
        let length = mark.length().unwrap();
        let opened = OpenOptions::new().write(true).open(&file).unwrap();
        opened.set_len(length - 1).unwrap();
        let error = member.open(Start::At(&mark)).err().unwrap();
        let expected = format!(
            "cannot go on with {}: it has {} bytes, and the job left {length} in it: somebody changed it; put it back as it \
             was",
            file.display(),
            length - 1
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(
            fs::metadata(&file).unwrap().len(),
            length - 1,
            "nothing is cut off"
        );
    }
}

#[test]
fn a_file_that_is_gone_or_replaced_is_refused_and_not_recreated() {
    for member in growing() {
        let mut session = member.open(Start::Over).unwrap();
        session.write(0);
        let mark = session.finish();
        let file = member.file();
        let length = mark.length().unwrap();
        fs::remove_file(&file).unwrap();
        let error = reasons(&member.open(Start::At(&mark)).err().unwrap());
        let expected = format!(
            "cannot go on with {}: it is gone, and the job left {length} bytes in it",
            file.display()
        );
        assert!(error.starts_with(&expected), "{error}");
        assert!(!file.exists());
        fs::create_dir(&file).unwrap();
        let error = reasons(&member.open(Start::At(&mark)).err().unwrap());
        assert!(error.contains("it is not the file any more"), "{error}");
    }
}

#[test]
fn a_mark_of_another_sink_is_refused() {
    for member in every() {
        let mut session = member.open(Start::Over).unwrap();
        session.write(0);
        session.finish();
        for wrong in [
            json!(null),
            json!(7),
            json!({"rows": 7}),
            json!({"bytes": -1}),
            json!({"bytes": "7"}),
        ] {
            let error = reasons(&member.open(Start::At(&Mark(wrong))).err().unwrap());
            assert!(error.contains("mark of it is damaged"), "{error}");
        }
    }
}

#[test]
fn outputs_that_cannot_be_cut_back_are_refused_only_in_a_job() {
    let stdout = SinkSettings::default();
    assert!(!stdout.is_rewindable());
    for start in [Start::Over, Start::At(&Mark(json!({"bytes": 0})))] {
        let error = samples::open(&stdout, start).err().unwrap().to_string();
        assert!(
            error.contains("standard output cannot be cut back"),
            "{error}"
        );
    }
    assert!(
        samples::open(&stdout, Start::Fresh)
            .unwrap()
            .checkpoint()
            .is_err()
    );
    assert_eq!(
        samples::open(&stdout, Start::Fresh)
            .unwrap()
            .finish()
            .unwrap(),
        None
    );

    let path = PathBuf::from("/dev/null");
    let device = SinkSettings::file(path, samples::format("text", false));
    assert!(!device.is_rewindable());
    let mut sink = samples::open(&device, Start::Fresh).unwrap();
    let error = reasons(&sink.checkpoint().unwrap_err());
    assert!(error.starts_with("cannot write /dev/null: "), "{error}");
    assert_eq!(sink.finish().unwrap(), None);
    assert!(every().iter().all(members::Member::is_rewindable));
}
