//! How a job stands, whether or not a haul works on it.
//!
//! One pass over its rows, in one snapshot. Invariant: nothing is locked, and nothing is changed. Edge: what was asked but is
//! not yet committed still counts as waiting here, for about a second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use super::ledger;
use super::store::{self, Reader, Row, State, last_commit};
use crate::error::Result;
use crate::url::HostKey;
use crate::wait::Waits;

/// Hosts that are counted each on its own.
const HOSTS: usize = 200_000;
/// Classes of failures, or of reasons, that are counted each on its own: there are fewer.
const CLASSES: usize = 200;

/// How a job stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Inspection {
    /// What it was begun with: each setting as text by its flag, `command` among them; `…` stands for a secret.
    pub settings: BTreeMap<String, String>,
    /// How often its failures were put back.
    pub pass: u32,
    /// How far its list was read.
    pub list: ListPosition,
    /// URLs that are known in all.
    pub urls: u64,
    /// URLs that wait, or are in flight.
    pub waiting: u64,
    /// URLs that were fetched, sitemaps among them.
    pub done: u64,
    /// URLs that failed.
    pub failed: u64,
    /// URLs that are not asked.
    pub skipped: u64,
    /// Records that its outputs hold, those of duplicates and of bad lines included; where no output counts them, those of
    /// what was asked.
    pub records: u64,
    /// Those of them that a later record of the same URL replaces: a pass over the failures wrote that, or a stronger claim
    /// came later.
    pub superseded: u64,
    /// How often each status was the last answer.
    pub statuses: BTreeMap<u16, u64>,
    /// Failures by their class.
    pub failures: BTreeMap<String, Cause>,
    /// What was not asked, by the class of the reason.
    pub skips: BTreeMap<String, Cause>,
    /// The hosts with the most that waits, and of those the largest first; as many as were asked for.
    pub hosts: Vec<HostCounts>,
    /// Hosts beyond these.
    pub hosts_beyond: u64,
    /// What it waits for while a haul works on it.
    pub waits: Waits,
    /// How far each of its outputs is durable, by its name.
    pub marks: BTreeMap<String, serde_json::Value>,
    /// Bytes of the files that lie in its folder.
    pub disk_bytes: u64,
    /// When it was last written to, in seconds since 1970.
    pub last_commit: Option<u64>,
}

/// How far a list was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ListPosition {
    /// The last row that was read.
    pub row: u64,
    /// Rows that were taken of it.
    pub taken: u64,
    /// Whether it was read to its end.
    pub done: bool,
}

/// URLs of one class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub example: String,
    /// What was said of that one.
    pub message: String,
}

/// The URLs of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostCounts {
    /// Its scheme, name and port.
    pub host: HostKey,
    /// URLs that wait, or are in flight.
    pub waiting: u64,
    /// URLs that were fetched.
    pub done: u64,
    /// URLs that failed.
    pub failed: u64,
    /// URLs that are not asked.
    pub skipped: u64,
}

/// Whether a job lives in a folder.
pub fn is_job(folder: &Path) -> bool {
    store::database(folder).is_file()
}

/// Looks at the job of a folder, and at no more than `hosts` hosts of it.
///
/// # Errors
/// When there is no job, it is damaged, or of another format.
pub fn inspect(folder: &Path, hosts: usize) -> Result<Inspection> {
    let mut seen = Reader::read(folder, |reader| {
        let known = reader.known();
        let mut inspection = Inspection {
            settings: known.settings.clone(),
            pass: known.pass,
            list: ListPosition {
                row: known.list.row,
                taken: known.list.taken,
                done: known.list.done,
            },
            marks: known.marks.clone(),
            ..Inspection::default()
        };
        inspection.waits = ledger::take_waits(&mut inspection.marks);
        ledger::take_lines(&mut inspection.marks);
        let mut by_host = HashMap::new();
        reader.each_row(&mut |row| {
            inspection.count(&row);
            count_host(&mut by_host, &row);
            Ok(())
        })?;
        inspection.rank(by_host, hosts);
        inspection.superseded = known.superseded;
        inspection.records += known.superseded;
        // An output knows best what it holds; the rows of a list that were never asked have no row here.
        let counted = known.marks.values().filter_map(records_of).max();
        inspection.records = counted.unwrap_or(inspection.records);
        Ok(inspection)
    })?;
    seen.disk_bytes = bytes_in(folder);
    seen.last_commit = last_commit(folder);
    Ok(seen)
}

impl Inspection {
    fn count(&mut self, row: &Row) {
        self.urls += 1;
        let has_record = row.role.has_record();
        let mut answered = |status: &Option<u16>, records: &mut u64| {
            *records += u64::from(has_record);
            if let Some(status) = status {
                *self.statuses.entry(*status).or_default() += 1;
            }
        };
        match &row.state {
            State::Waiting(_) => self.waiting += 1,
            State::Reread(_) => {
                self.waiting += 1;
                self.records += u64::from(has_record);
            }
            State::Done(status) => {
                answered(status, &mut self.records);
                self.done += 1;
            }
            State::Failed {
                status,
                class,
                message,
            } => {
                answered(status, &mut self.records);
                self.failed += 1;
                note(&mut self.failures, class, &row.url, message);
            }
            State::Skipped { class, message } => {
                self.skipped += 1;
                note(&mut self.skips, class, &row.url, message);
            }
        }
    }

    fn rank(&mut self, by_host: HashMap<HostKey, HostCounts>, shown: usize) {
        let mut hosts: Vec<HostCounts> = by_host.into_values().collect();
        let size = |host: &HostCounts| host.done + host.failed + host.skipped;
        hosts.sort_by(|one, other| {
            let key = |host: &HostCounts| Reverse((host.waiting, size(host)));
            key(one)
                .cmp(&key(other))
                .then_with(|| one.host.cmp(&other.host))
        });
        self.hosts_beyond = hosts.len().saturating_sub(shown) as u64;
        hosts.truncate(shown);
        self.hosts = hosts;
    }
}

/// How many records an output holds, where its mark says so.
fn records_of(mark: &serde_json::Value) -> Option<u64> {
    ["records", "pages", "page"]
        .iter()
        .find_map(|name| mark.get(name)?.as_u64())
}

fn note(causes: &mut BTreeMap<String, Cause>, class: &str, url: &str, message: &str) {
    if let Some(cause) = causes.get_mut(class) {
        cause.count += 1;
    } else if causes.len() < CLASSES {
        let cause = Cause {
            count: 1,
            example: url.to_owned(),
            message: message.to_owned(),
        };
        causes.insert(class.to_owned(), cause);
    }
}

fn count_host(hosts: &mut HashMap<HostKey, HostCounts>, row: &Row) {
    if hosts.len() >= HOSTS && !hosts.contains_key(&row.host) {
        return;
    }
    let host = hosts.entry(row.host.clone()).or_insert_with(|| HostCounts {
        host: row.host.clone(),
        waiting: 0,
        done: 0,
        failed: 0,
        skipped: 0,
    });
    match row.state {
        State::Waiting(_) | State::Reread(_) => host.waiting += 1,
        State::Done(_) => host.done += 1,
        State::Failed { .. } => host.failed += 1,
        State::Skipped { .. } => host.skipped += 1,
    }
}

/// Bytes of the files that lie in a folder; what cannot be looked at counts for nothing.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = folder.read_dir() else {
        return 0;
    };
    let files = entries.filter_map(|entry| entry.ok()?.metadata().ok());
    files
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}
