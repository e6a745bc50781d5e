//! The state of a job, whether or not a haul process works on it.
//!
//! One pass over its rows, in one snapshot. Invariant: nothing is locked, and nothing is changed. Edge: a URL that
//! was fetched but not yet committed still counts as waiting here, for about a second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use super::ledger;
use super::store::{self, Reader, Row, State, last_commit};
use crate::error::Result;
use crate::run::wait::Waits;
use crate::url::HostKey;

/// The most hosts that are counted separately.
const MAX_HOSTS: usize = 200_000;
/// The most classes of failures, or of reasons, that are counted; there are fewer.
const MAX_CLASSES: usize = 200;

/// The state of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Inspection {
    /// The settings that it was started with: each value as text, by flag.
    ///
    /// `command` is among them, and `…` stands for a secret.
    pub settings: BTreeMap<String, String>,
    /// The number of times that its failures were put back.
    pub pass: u32,
    /// How far its list was read.
    pub list: ListPosition,
    /// All URLs that are known.
    pub urls: u64,
    /// URLs that wait, or are in flight.
    pub waiting: u64,
    /// URLs that were fetched, including sitemaps.
    pub done: u64,
    /// URLs that failed.
    pub failed: u64,
    /// URLs that are not fetched.
    pub skipped: u64,
    /// Records in its outputs, including those of duplicates and of bad lines.
    ///
    /// If no output counts them: the records of fetched URLs.
    pub records: u64,
    /// Those of the records that a later record of the same URL replaces.
    ///
    /// The later one is from a pass over the failures, or for a stronger claim.
    pub superseded: u64,
    /// The number of URLs by the status of the last response.
    pub statuses: BTreeMap<u16, u64>,
    /// Failures by class.
    pub failures: BTreeMap<String, Cause>,
    /// Skipped URLs by the class of the reason.
    pub skips: BTreeMap<String, Cause>,
    /// The hosts with the most waiting URLs, then the largest ones first; as many as requested.
    pub hosts: Vec<HostCounts>,
    /// Hosts beyond these.
    pub hosts_beyond: u64,
    /// What it waits for while a haul process works on it.
    pub waits: Waits,
    /// How far each of its outputs is durable, by output name.
    pub marks: BTreeMap<String, serde_json::Value>,
    /// Bytes of the files in its folder.
    pub disk_bytes: u64,
    /// When it was last written to, in seconds since 1970.
    pub last_commit: Option<u64>,
}

/// How far a list was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ListPosition {
    /// The last row that was read.
    pub row: u64,
    /// The number of rows that were used.
    pub taken: u64,
    /// Whether the list was read to its end.
    pub done: bool,
}

/// URLs that failed or were skipped for the same class of reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The number of URLs.
    pub count: u64,
    /// The first of them.
    pub example: String,
    /// The message for that URL.
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
    /// URLs that are not fetched.
    pub skipped: u64,
}

/// Whether there is a job in a folder.
pub fn is_job(folder: &Path) -> bool {
    store::database(folder).is_file()
}

/// Inspects the job in a folder, and lists at most `hosts` of its hosts.
///
/// # Errors
/// When there is no job, or it is damaged, or its format is another one.
pub fn inspect(folder: &Path, hosts: usize) -> Result<Inspection> {
    let mut inspection = Reader::read(folder, |reader| {
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
        inspection.list_hosts(by_host, hosts);
        inspection.superseded = known.superseded;
        inspection.records += known.superseded;
        // An output knows best what is in it: lines of a list that were never admitted have no row here.
        let counted = known.marks.values().filter_map(records_of).max();
        inspection.records = counted.unwrap_or(inspection.records);
        Ok(inspection)
    })?;
    inspection.disk_bytes = bytes_in(folder);
    inspection.last_commit = last_commit(folder);
    Ok(inspection)
}

impl Inspection {
    fn count(&mut self, row: &Row) {
        self.urls += 1;
        let has_record = row.role.has_record();
        let mut count_response = |status: &Option<u16>, records: &mut u64| {
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
                count_response(status, &mut self.records);
                self.done += 1;
            }
            State::Failed {
                status,
                class,
                message,
            } => {
                count_response(status, &mut self.records);
                self.failed += 1;
                count_cause(&mut self.failures, class, &row.url, message);
            }
            State::Skipped { class, message } => {
                self.skipped += 1;
                count_cause(&mut self.skips, class, &row.url, message);
            }
        }
    }

    fn list_hosts(&mut self, by_host: HashMap<HostKey, HostCounts>, shown: usize) {
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

/// The number of records in an output, if its mark includes it.
fn records_of(mark: &serde_json::Value) -> Option<u64> {
    ["records", "pages", "page"]
        .iter()
        .find_map(|name| mark.get(name)?.as_u64())
}

fn count_cause(causes: &mut BTreeMap<String, Cause>, class: &str, url: &str, message: &str) {
    if let Some(cause) = causes.get_mut(class) {
        cause.count += 1;
    } else if causes.len() < MAX_CLASSES {
        let cause = Cause {
            count: 1,
            example: url.to_owned(),
            message: message.to_owned(),
        };
        causes.insert(class.to_owned(), cause);
    }
}

fn count_host(hosts: &mut HashMap<HostKey, HostCounts>, row: &Row) {
    if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&row.host) {
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

/// Bytes of the files in a folder; files that cannot be examined count as nothing.
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
