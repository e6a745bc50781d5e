//! What every store must do, and what the SQLite store must refuse.

use std::fs;
use std::path::Path;

use super::*;
use crate::error::Error;
use crate::job::{Reach, Role, Via};
use crate::url::PageUrl;

/// Row `id` of a job: a page of one of three hosts, found on the first page.
fn row(id: u64) -> Row {
    let url = PageUrl::parse(&format!("http://h{}.example/page/{id}?q=%C3%A9", id % 3)).unwrap();
    Row {
        id,
        fingerprint: id.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        host: url.host_key(),
        url: url.as_str().into(),
        role: if id.is_multiple_of(5) {
            Role::Asset
        } else {
            Role::Page
        },
        via: Via::Link,
        depth: id as u16 % 7,
        row: id.is_multiple_of(11).then_some(id),
        found_on: u64::from(id > 1),
        found_on_url: None,
        reach: Reach::PublicOr(id.is_multiple_of(2).then(|| [127, 0, 0, 1].into())),
        request: id.is_multiple_of(13).then(|| "{}".into()),
        state: State::Waiting(0),
    }
}

fn settled(id: u64) -> Settled {
    let state = match id % 4 {
        0 => State::Failed {
            status: Some(503),
            class: "http-5xx".into(),
            message: "HTTP 503".into(),
        },
        1 => State::Skipped {
            class: "robots".into(),
            message: "Disallow: /".into(),
        },
        _ => State::Done(Some(200)),
    };
    Settled { id, state }
}

fn batch(found: impl IntoIterator<Item = u64>, over: impl IntoIterator<Item = u64>) -> Batch {
    let found: Vec<Row> = found.into_iter().map(row).collect();
    let list = ListMark {
        row: found.len() as u64,
        taken: found.len() as u64,
        done: false,
    };
    Batch {
        list,
        found,
        changes: over.into_iter().map(settled).map(Change::Settled).collect(),
        marks: [("jsonl:x".to_owned(), serde_json::json!({"bytes": 17}))].into(),
        ..Batch::default()
    }
}

fn create(path: &Path) -> Sqlite {
    let known = Known {
        seed: u64::MAX - 3,
        ..Known::default()
    };
    Sqlite::create(&JobFolder::lock(path).unwrap(), &known).unwrap()
}

fn open(path: &Path) -> Result<(Sqlite, Known)> {
    Sqlite::open(&JobFolder::lock(path)?)
}

fn rows(store: &mut Sqlite) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    store.restore(&mut |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

fn want(host: u64, after: u64, count: usize) -> Want {
    let host = row(host).host;
    Want { host, after, count }
}

#[test]
fn commits_survive_a_crash_and_unsettled_rows_wait_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    store.commit(&batch(1..=100, [])).unwrap();
    store.commit(&batch(101..=200, 1..=50)).unwrap();
    let leased = store.lease(&want(1, 0, 1000)).unwrap();
    assert_eq!(leased.first().map(|row| row.id), Some(52));
    // A process that dies writes nothing more: it does not even close the database.
    std::mem::forget(store);

    let (mut store, known) = open(folder.path()).unwrap();
    assert_eq!(known.seed, u64::MAX - 3);
    assert_eq!(known.marks["jsonl:x"]["bytes"], 17);
    let expected: Vec<Row> = (1..=200)
        .map(|id| Row {
            state: if id <= 50 {
                settled(id).state
            } else {
                State::Waiting(0)
            },
            ..row(id)
        })
        .collect();
    assert_eq!(rows(&mut store).unwrap(), expected);
    assert_eq!(store.lease(&want(1, 0, 1000)).unwrap(), leased);
}

#[test]
fn a_lease_returns_the_rows_after_those_in_the_hosts_queue_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    store.commit(&batch(1..=300, [])).unwrap();
    let ids = |rows: Vec<Row>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(store.lease(&want(2, 0, 3)).unwrap()), [2, 5, 8]);
    assert_eq!(ids(store.lease(&want(2, 8, 3)).unwrap()), [11, 14, 17]);
    assert_eq!(ids(store.lease(&want(2, 296, 3)).unwrap()), [299]);
    let leased = store.lease(&want(2, 296, 3)).unwrap();
    assert_eq!(leased[0].found_on_url.as_deref(), Some(&*row(1).url));
    let nobody = Want {
        host: PageUrl::parse("http://nobody.example/").unwrap().host_key(),
        after: 0,
        count: 5,
    };
    assert_eq!(store.lease(&nobody).unwrap(), []);
}

#[test]
fn only_one_process_at_a_time_can_lock_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let first = JobFolder::lock(folder.path()).unwrap();
    assert!(matches!(
        JobFolder::lock(folder.path()),
        Err(Error::Locked { .. })
    ));
    drop(first);
    JobFolder::lock(folder.path()).unwrap();
}

#[test]
fn a_job_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(create(folder.path()));
    let database = rusqlite::Connection::open(folder.path().join("frontier.db")).unwrap();
    database.pragma_update(None, "user_version", 0).unwrap();
    drop(database);
    let error = open(folder.path()).err().unwrap();
    assert!(
        matches!(error, Error::OtherFormat { found: 0, .. }),
        "{error}"
    );
}

#[test]
fn a_job_with_a_flipped_bit_is_refused_or_intact() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    store.commit(&batch(1..=60, [])).unwrap();
    store.commit(&batch(61..=90, 1..=40)).unwrap();
    let whole = rows(&mut store).unwrap();
    drop(store);
    let path = folder.path().join("frontier.db");
    let (_, known) = open(folder.path()).unwrap();
    let bytes = fs::read(&path).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut refused = 0;
    for round in 0..400 {
        // The first 100 bytes identify the file, so they are tried more often.
        let at = if round < 100 {
            random.usize(..100)
        } else {
            random.usize(..bytes.len())
        };
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << random.u8(..8);
        fs::write(&path, &damaged).unwrap();
        let read =
            open(folder.path()).and_then(|(mut store, known)| Ok((rows(&mut store)?, known)));
        match read {
            Ok((rows, other)) => assert!(rows == whole && other == known, "bit in byte {at}"),
            Err(
                Error::Store { .. }
                | Error::Damaged { .. }
                | Error::OtherFormat { .. }
                | Error::Output { .. },
            ) => refused += 1,
            Err(other) => panic!("{other} for byte {at}"),
        }
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(folder.path().join(format!("frontier.db{suffix}")));
        }
    }
    assert!(refused > 100, "{refused} of 400 were refused");
}

#[test]
fn a_truncated_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    store.commit(&batch(1..=900, [])).unwrap();
    drop(store);
    let path = folder.path().join("frontier.db");
    let bytes = fs::read(&path).unwrap();
    for length in [0, 1, 99, 4096, 8192, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let read = open(folder.path()).and_then(|(mut store, _)| rows(&mut store));
        let message = read.err().map(|error| error.to_string());
        assert!(
            message
                .as_ref()
                .is_some_and(|message| message.contains("damaged")),
            "{length}: {message:?}"
        );
    }
}

#[test]
fn a_log_that_lost_commits_is_refused_and_not_taken_for_an_early_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    for first in (1..400).step_by(40) {
        store.commit(&batch(first..first + 40, [])).unwrap();
    }
    std::mem::forget(store); // its log is not folded into the database
    let log = fs::read(folder.path().join("frontier.db-wal")).unwrap();
    assert!(log.len() > 10_000, "the commits are in the log");
    let middle = log.len() / 2;
    let mut damaged = log.clone();
    damaged[middle] ^= 4;
    for (bytes, whole) in [
        (&log[..], true),
        (&log[..middle], false),
        (&[], false),
        (&damaged, false),
    ] {
        // The first process still has its files open here, so the second one gets a copy.
        let copy = tempfile::tempdir().unwrap();
        for name in ["frontier.db", "commits"] {
            fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        fs::write(copy.path().join("frontier.db-wal"), bytes).unwrap();
        let message = open(copy.path()).err().map(|error| error.to_string());
        assert_eq!(message.is_none(), whole, "{message:?}");
        assert!(
            whole
                || message
                    .as_ref()
                    .is_some_and(|message| message.contains("damaged")),
            "{message:?}"
        );
    }
}
