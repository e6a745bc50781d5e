//! What every sink promises a job, each member through all of it: whatever happens after a mark, a session that goes on
//! from there ends with each record once, in order, and nothing torn.

use std::error::Error as _;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::samples::{saved_from, tree};
use super::warc::strict;
use super::*;

/// Records that are there before the job, where it writes after them.
const BEFORE: usize = 3;

/// A kind of sink, and where it writes.
struct Member {
    settings: SinkSettings,
    folder: tempfile::TempDir,
}

/// A sink that is open.
enum Session {
    Records(Box<dyn Sink>),
    Files(Box<Files>),
}

/// Every kind of sink.
fn every() -> Vec<Member> {
    let plain = SinkSettings::default;
    let format = |format, body| SinkSettings {
        format,
        body,
        ..plain()
    };
    let template = Some(Template::parse("%{row} %{url}").unwrap());
    let records = [
        format(Format::Text, false),
        format(Format::Jsonl, false),
        format(Format::Jsonl, true),
        format(Format::Csv, false),
        format(Format::Csv, true),
        SinkSettings {
            template,
            ..plain()
        },
    ];
    let mut members = Vec::new();
    for settings in records {
        for append in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("records");
            let destination = Destination::File { path, append };
            let settings = SinkSettings {
                destination,
                ..settings.clone()
            };
            members.push(Member { settings, folder });
        }
    }
    for format in [Format::Edges, Format::Dot] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edges");
        let destination = Destination::File {
            path,
            append: false,
        };
        let settings = SinkSettings {
            destination,
            ..format_only(format)
        };
        members.push(Member { settings, folder });
    }
    for (name, append) in [
        ("pages.warc", false),
        ("pages.warc", true),
        ("pages.warc.gz", false),
        ("pages.warc.gz", true),
        ("pages.wacz", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let destination = Destination::File { path, append };
        let settings = SinkSettings {
            destination,
            ..format_only(Format::Warc)
        };
        members.push(Member { settings, folder });
    }
    let folder = tempfile::tempdir().unwrap();
    let files = Some(folder.path().join("files"));
    let settings = SinkSettings {
        folder: files,
        ..plain()
    };
    members.push(Member { settings, folder });
    members
}

fn format_only(format: Format) -> SinkSettings {
    SinkSettings {
        format,
        ..SinkSettings::default()
    }
}

impl Member {
    /// The file that its mark is of.
    fn file(&self) -> PathBuf {
        match &self.settings.destination {
            Destination::File { path, .. } => path.clone(),
            Destination::Stdout => self.folder.path().join("journal"),
        }
    }

    fn keeps_what_was_there(&self) -> bool {
        matches!(
            self.settings.destination,
            Destination::File { append: true, .. }
        )
    }

    fn open(&self, start: Start<'_>) -> Result<Session> {
        match open_files(&self.settings, start, Some(&self.file()))? {
            Some(files) => Ok(Session::Files(Box::new(files))),
            None => open(&self.settings, start).map(Session::Records),
        }
    }

    /// Its name for messages.
    fn name(&self) -> String {
        files_name(&self.settings).unwrap_or_else(|| name(&self.settings))
    }

    /// Puts there what a job does not own, and answers how many records that is.
    fn prepare(&self) -> usize {
        if !self.keeps_what_was_there() {
            return 0;
        }
        let mut session = self.open(Start::Fresh).unwrap();
        (0..BEFORE).for_each(|number| session.write(number));
        session.finish();
        BEFORE
    }

    /// What a write that was cut in the middle leaves.
    fn tear(&self) {
        let mut file = OpenOptions::new().append(true).open(self.file()).unwrap();
        file.write_all(b"{\"row\": 9, \"url\": \"http").unwrap();
    }

    /// The numbers of the records that a reader who knows nothing of us finds.
    fn read(&self) -> Vec<usize> {
        if let Some(folder) = &self.settings.folder {
            return files(folder);
        }
        if self.settings.format == Format::Warc {
            return strict::numbers(&self.file());
        }
        let text = fs::read_to_string(self.file()).unwrap();
        let number = |text: &str| text.parse().unwrap();
        match (&self.settings.template, self.settings.format) {
            (Some(_), _) => text
                .lines()
                .map(|line| number(line.split_once(' ').unwrap().0))
                .collect(),
            (None, Format::Text) => text
                .lines()
                .map(|line| number(line.rsplit_once('/').unwrap().1))
                .collect(),
            (None, Format::Jsonl) => serde_json::Deserializer::from_str(&text)
                .into_iter::<serde_json::Value>()
                .map(|line| line.unwrap()["row"].as_u64().unwrap() as usize)
                .collect(),
            (None, Format::Warc) => unreachable!("it is read above"),
            (None, Format::Edges) => ::csv::Reader::from_reader(text.as_bytes())
                .records()
                .map(|edge| number(edge.unwrap()[1].rsplit_once('/').unwrap().1))
                .collect(),
            (None, Format::Dot) => text
                .strip_prefix("digraph site {\n  node [shape=box];\n")
                .and_then(|edges| edges.strip_suffix("}\n"))
                .unwrap()
                .lines()
                .map(|edge| number(edge.split('"').nth(3).unwrap().rsplit_once('/').unwrap().1))
                .collect(),
            // A header in the middle is no number.
            (None, Format::Csv) => ::csv::Reader::from_reader(text.as_bytes())
                .records()
                .map(|record| number(&record.unwrap()[0]))
                .collect(),
        }
    }
}

/// The numbers of the files below a folder, each of which must hold its own.
fn files(folder: &Path) -> Vec<usize> {
    let number = |(name, text): (String, String)| {
        assert_eq!(name, format!("h.example/{text}.html"));
        text.parse().unwrap()
    };
    tree(folder).into_iter().map(number).collect()
}

impl Session {
    fn write(&mut self, number: usize) {
        let body = format!("{number:05}");
        let mut visit = saved_from(&format!("http://h.example/{body}"), 200, body.clone());
        visit.job.row = Some(number as u64);
        let mut found = crate::found::Found::default();
        found.push(crate::found::FoundLink {
            url: &format!("http://to.example/{body}"),
            fingerprint: number as u64,
            kind: crate::found::FoundKind::Page,
            nofollow: false,
        });
        visit.parsed.found = Some(Box::new(found));
        match self {
            Self::Records(sink) => sink.write(&visit).unwrap(),
            Self::Files(files) => files.save(&mut visit).unwrap(),
        }
    }

    fn flush(&mut self) {
        match self {
            Self::Records(sink) => sink.flush().unwrap(),
            Self::Files(files) => files.flush().unwrap(),
        }
    }

    fn checkpoint(&mut self) -> Mark {
        match self {
            Self::Records(sink) => sink.checkpoint().unwrap(),
            Self::Files(files) => files.checkpoint().unwrap(),
        }
    }

    fn finish(self) -> Mark {
        match self {
            Self::Records(sink) => sink.finish().unwrap().unwrap(),
            Self::Files(files) => files.finish().unwrap().unwrap(),
        }
    }

    /// What was handed to the system is there, what was not is gone: nothing of ours runs when a process is killed.
    fn kill(self) {
        match self {
            Self::Records(sink) => std::mem::forget(sink),
            Self::Files(files) => files.abandon(),
        }
    }
}

/// A mark as whoever keeps it has it after a restart.
fn kept(mark: Mark) -> Mark {
    serde_json::from_str(&serde_json::to_string(&mark).unwrap()).unwrap()
}

/// Every reason of an error, in one line.
fn reasons(error: &Error) -> String {
    let source = error.source().map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

#[test]
fn a_session_that_goes_on_from_a_mark_ends_with_each_record_once() {
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
            let mark = kept(session.checkpoint());
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
fn a_job_that_is_killed_again_and_again_ends_with_each_record_once() {
    const ALL: usize = 300;
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        for member in every() {
            let mut done = member.prepare();
            let mut mark: Option<Mark> = None;
            let mut sessions = 0;
            loop {
                sessions += 1;
                let start = mark.as_ref().map_or(Start::Over, Start::At);
                let mut session = member.open(start).unwrap();
                let first = session.checkpoint();
                if random.u8(..8) == 0 {
                    // Killed before anybody kept that mark, and before the first record.
                    session.kill();
                    continue;
                }
                mark = Some(kept(first));
                let mut next = done;
                for _ in 0..random.u32(..120) {
                    match random.u8(..32) {
                        0 => session.flush(),
                        1 => drop(session.checkpoint()), // killed before anybody kept it
                        2 => (mark, done) = (Some(kept(session.checkpoint())), next),
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
fn a_job_that_came_to_its_end_can_go_on_from_its_last_mark() {
    for member in every() {
        let before = member.prepare();
        let mut session = member.open(Start::Over).unwrap();
        (before..10).for_each(|number| session.write(number));
        let mark = kept(session.finish());
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
fn where_no_mark_is_known_the_file_begins_again_whatever_is_in_it() {
    for member in every()
        .iter()
        .filter(|member| !member.keeps_what_was_there())
    {
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
fn a_file_that_is_shorter_than_its_mark_is_refused_with_both_lengths() {
    for member in every() {
        let mut session = member.open(Start::Over).unwrap();
        (0..10).for_each(|number| session.write(number));
        let mark = session.finish();
        let file = member.file();
        // What comes last of all may be behind the mark.
        let length = mark.length().unwrap();
        let opened = OpenOptions::new().write(true).open(&file).unwrap();
        opened.set_len(length - 1).unwrap();
        let error = member.open(Start::At(&mark)).err().unwrap();
        let expected = format!(
            "cannot write {}: it has {} bytes, and the job left {length} in it: somebody changed it; put it back as it \
             was, or start over with --fresh",
            file.display(),
            length - 1
        );
        assert_eq!(reasons(&error), expected);
        assert_eq!(
            fs::metadata(&file).unwrap().len(),
            length - 1,
            "nothing is cut"
        );
    }
}

#[test]
fn a_file_that_is_gone_or_replaced_is_refused_and_not_made_again() {
    for member in every() {
        let mut session = member.open(Start::Over).unwrap();
        session.write(0);
        let mark = session.finish();
        let file = member.file();
        let length = mark.length().unwrap();
        fs::remove_file(&file).unwrap();
        let error = reasons(&member.open(Start::At(&mark)).err().unwrap());
        let expected = format!(
            "cannot write {}: it is gone, and the job left {length} bytes in it",
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
fn a_mark_that_is_none_of_its_own_is_refused() {
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
fn what_cannot_be_cut_back_is_refused_in_a_job_and_well_without() {
    let stdout = SinkSettings::default();
    assert!(!stdout.is_rewindable());
    for start in [Start::Over, Start::At(&Mark(json!({"bytes": 0})))] {
        let error = open(&stdout, start).err().unwrap().to_string();
        assert!(
            error.contains("standard output cannot be cut back"),
            "{error}"
        );
    }
    assert!(open(&stdout, Start::Fresh).unwrap().checkpoint().is_err());
    assert_eq!(open(&stdout, Start::Fresh).unwrap().finish().unwrap(), None);

    let path = PathBuf::from("/dev/null");
    let device = SinkSettings {
        destination: Destination::File {
            path,
            append: false,
        },
        ..SinkSettings::default()
    };
    assert!(!device.is_rewindable());
    let mut sink = open(&device, Start::Fresh).unwrap();
    let error = reasons(&sink.checkpoint().unwrap_err());
    assert!(error.starts_with("cannot write /dev/null: "), "{error}");
    assert_eq!(sink.finish().unwrap(), None);
    assert!(
        every()
            .iter()
            .all(|member| member.settings.folder.is_some() || member.settings.is_rewindable())
    );
}
