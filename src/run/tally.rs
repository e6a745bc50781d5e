//! The figures of a run. Every number that is ever shown comes from here.
//!
//! A fold over visits, plus a few counters that the loop sets; it reads no clock. Its size is bounded whatever the
//! length of the list: it has at most one example per class of failure, and figures of a limited number of hosts.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::job::Role;
use crate::page::failure::FetchError;
use crate::run::load::Loads;
use crate::run::wait::Waits;
use crate::url::HostKey;
use crate::visit::Visit;
use crate::visit::broken::Broken;

/// The most hosts with figures of their own; later hosts only count in the sums.
const HOSTS_KEPT: usize = 4096;

/// The figures of a run so far.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tally {
    /// Finished jobs: one for each record.
    pub visited: u64,
    /// Those that failed: with an error, or a status of 400 or above.
    pub failed: u64,
    /// Lines that repeat an earlier one.
    pub duplicates: u64,
    /// Lines that a setting or a robots.txt skipped.
    pub skipped: u64,
    /// Links that were not followed, by the class of the reason.
    pub passed_over: BTreeMap<&'static str, u64>,
    /// Records of links, as opposed to seeds.
    pub led_to: u64,
    /// Those that failed.
    pub led_to_failed: u64,
    /// Links that got no response but might have: their host was given up, or timed out.
    pub lost: u64,
    /// Broken links of a crawl, with the pages that link there. In a job that stores links, those of all sessions.
    pub broken: Broken,
    /// robots.txt files that were requested.
    pub robots: u64,
    /// Sitemaps that were read.
    pub sitemaps: u64,
    /// Sitemaps that a site listed, but that could not be read or contained no page.
    pub sitemaps_failed: u64,
    /// Links that a robots.txt forbids.
    pub forbidden: u64,
    /// Archive records without a page, by their kind.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Responses over the wire, including redirects and retries.
    pub answers: u64,
    /// Failed attempts that went back to the frontier to be retried.
    pub retries: u64,
    /// Redirects followed.
    pub redirects: u64,
    /// Body bytes over the wire.
    pub wire_bytes: u64,
    /// Final statuses.
    pub statuses: BTreeMap<u16, u64>,
    /// Pages of an earlier run that were used without asking, because they were still fresh.
    pub cached: u64,
    /// What changed since the earlier run, for pages that it had, by [`Change::as_str`](crate::Change::as_str).
    pub changes: BTreeMap<&'static str, u64>,
    /// Failures by class, each with its first URL as an example.
    pub failures: BTreeMap<&'static str, Failures>,
    /// Latency of the responses, from sending to the last byte, in microseconds.
    pub latency: Histogram<u64>,
    /// Figures by host, for the first 4096 hosts.
    pub hosts: BTreeMap<HostKey, HostTally>,
    /// Hosts beyond those, counted once for each of their jobs.
    pub hosts_beyond: u64,
    /// Jobs in flight now.
    pub in_flight: usize,
    /// Jobs waiting in the frontier now.
    pub waiting: usize,
    /// Time that the slowest host still needs for its jobs, by its delay and latency. Updated every second.
    pub slowest_host: Duration,
    /// Waits of a few seconds or more; updated every second.
    pub waits: Waits,
    /// Hosts that may not be contacted for a few seconds or more; updated every second.
    pub held_hosts: u64,
    /// The hosts with the most jobs; updated every second.
    pub loads: Loads,
    /// Time since the last checkpoint of the job, or since it was opened; `None` without a job.
    pub checkpoint_age: Option<Duration>,
    /// Total number of records: estimated from the size of the list until that is fully read.
    pub total: Option<u64>,
    /// Entries read from the list so far.
    pub rows: u64,
    /// The number of the last row that was read.
    pub last_row: u64,
    /// Time since the run began.
    pub elapsed: Duration,
    /// Connections that were opened or attempted; 0 unless the settings ask to count them.
    pub connections: u64,
}

/// The totals of records that the exit code of a run depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Records.
    pub visited: u64,
    /// Those that failed.
    pub failed: u64,
    /// Lines that repeat an earlier one.
    pub duplicates: u64,
    /// Lines that a setting or a robots.txt skipped.
    pub skipped: u64,
    /// Records of links, as opposed to seeds.
    pub led_to: u64,
    /// Those that failed.
    pub led_to_failed: u64,
    /// Links that got no response but might have.
    pub lost: u64,
}

/// The count of a class of failure, with its first example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// How often.
    pub count: u64,
    /// The URL of the first failure.
    pub example: String,
    /// The message of the first failure.
    pub message: String,
}

/// The figures of one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostTally {
    /// Jobs that finished on it.
    pub visited: u64,
    /// Those that failed.
    pub failed: u64,
    /// The sum of their latencies.
    pub busy: Duration,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            visited: 0,
            failed: 0,
            duplicates: 0,
            skipped: 0,
            passed_over: BTreeMap::new(),
            led_to: 0,
            led_to_failed: 0,
            lost: 0,
            broken: Broken::default(),
            robots: 0,
            sitemaps: 0,
            sitemaps_failed: 0,
            forbidden: 0,
            left_out: BTreeMap::new(),
            answers: 0,
            retries: 0,
            redirects: 0,
            wire_bytes: 0,
            statuses: BTreeMap::new(),
            cached: 0,
            changes: BTreeMap::new(),
            failures: BTreeMap::new(),
            latency: Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are valid"),
            hosts: BTreeMap::new(),
            hosts_beyond: 0,
            in_flight: 0,
            waiting: 0,
            slowest_host: Duration::ZERO,
            waits: Waits::default(),
            held_hosts: 0,
            loads: Loads::default(),
            checkpoint_age: None,
            total: None,
            rows: 0,
            last_row: 0,
            elapsed: Duration::ZERO,
            connections: 0,
        }
    }
}

impl Tally {
    /// Counts a response, final or not.
    pub(crate) fn answered(&mut self, wire_bytes: u64, took: Duration) {
        self.answers += 1;
        self.wire_bytes += wire_bytes;
        self.latency.saturating_record(took.as_micros() as u64);
    }

    /// Counts a finished job without a record; `problem` says that a sitemap could not be read.
    pub(crate) fn unrecorded(&mut self, visit: &Visit, problem: bool) {
        match visit.outcome {
            Err(FetchError::Robots { .. }) => self.forbidden += 1,
            _ if problem => self.sitemaps_failed += 1,
            _ => self.sitemaps += 1,
        }
    }

    /// Counts a finished job of a crawl, in addition to [`settled`](Self::settled).
    pub(crate) fn crawled(&mut self, visit: &Visit) {
        let failure = visit.failure();
        if visit.job.row.is_none() {
            self.led_to += 1;
            self.led_to_failed += u64::from(failure.is_some());
            self.lost += u64::from(is_lost(visit));
        }
        match failure {
            Some(class) => self.broken.count(visit, class),
            None => self.broken.count_malformed(visit),
        }
    }

    /// Counts a finished job.
    pub(crate) fn settled(&mut self, visit: &Visit) {
        self.visited += 1;
        let mut took = Duration::ZERO;
        match &visit.outcome {
            Ok(page) => {
                *self.statuses.entry(page.status).or_default() += 1;
                self.cached += u64::from(visit.parsed.cached);
                if let Some(compared) = &visit.parsed.compared {
                    *self.changes.entry(compared.change.as_str()).or_default() += 1;
                }
                took = page.timing.total;
            }
            Err(FetchError::Duplicate { .. }) => self.duplicates += 1,
            Err(FetchError::Skipped(_) | FetchError::Robots { .. }) => self.skipped += 1,
            Err(_) => {}
        }
        let failure = visit.failure();
        if let Some(class) = failure {
            self.failed += 1;
            self.failures
                .entry(class)
                .and_modify(|failures| failures.count += 1)
                .or_insert_with(|| Failures {
                    count: 1,
                    example: example(visit),
                    message: message(visit),
                });
        }
        if matches!(
            visit.outcome,
            Err(FetchError::Malformed { .. } | FetchError::Duplicate { .. })
        ) {
            return;
        }
        let beyond = self.hosts.len() >= HOSTS_KEPT;
        let host = match self.hosts.get_mut(visit.job.host.as_str()) {
            Some(host) => host,
            None if beyond => {
                self.hosts_beyond += 1;
                return;
            }
            None => self.hosts.entry(visit.job.host.clone()).or_default(),
        };
        host.visited += 1;
        host.failed += u64::from(failure.is_some());
        host.busy += took;
    }

    /// The totals of all records.
    pub fn totals(&self) -> Totals {
        Totals {
            visited: self.visited,
            failed: self.failed,
            duplicates: self.duplicates,
            skipped: self.skipped,
            led_to: self.led_to,
            led_to_failed: self.led_to_failed,
            lost: self.lost,
        }
    }

    /// The host with the highest mean latency, and that latency.
    pub fn slowest_host(&self) -> Option<(&HostKey, Duration)> {
        let asked = self.hosts.iter().filter(|(_, host)| host.visited > 0);
        asked
            .map(|(key, host)| (key, host.busy / host.visited as u32))
            .max_by_key(|(_, mean)| *mean)
    }

    /// Records of successful fetches. Every record is one of four: fetched, failed, duplicate or skipped.
    pub fn fetched(&self) -> u64 {
        self.visited
            .saturating_sub(self.failed + self.duplicates + self.skipped)
    }

    /// Failed records that have a response nevertheless: with a status of 400 or above.
    pub fn answered_badly(&self) -> u64 {
        let bad = self.failures.iter();
        let bad = bad.filter(|(class, _)| class.starts_with("http-"));
        bad.map(|(_, failures)| failures.count).sum()
    }

    /// Failed records as a share of those that were requested, from 0 to 1.
    pub fn failed_share(&self) -> f64 {
        let asked = self.visited - self.duplicates - self.skipped;
        if asked == 0 {
            0.0
        } else {
            self.failed as f64 / asked as f64
        }
    }
}

impl std::ops::Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            visited: self.visited + other.visited,
            failed: self.failed + other.failed,
            duplicates: self.duplicates + other.duplicates,
            skipped: self.skipped + other.skipped,
            led_to: self.led_to + other.led_to,
            led_to_failed: self.led_to_failed + other.led_to_failed,
            lost: self.lost + other.lost,
        }
    }
}

/// Whether failures of a class are transient: the page was lost, but not by a fault of its site. `Some(true)` for any
/// page, `Some(false)` only if it is on the host of the page that links to it: failures on other sites are not this
/// crawl's business.
pub(crate) fn may_pass(class: &str, role: Role) -> Option<bool> {
    match class {
        "host-down" | "unprocessed" if role == Role::External => None,
        "host-down" | "unprocessed" | "shortage" | "spool" | "lost" => Some(true),
        "dns" | "connect" | "closed" | "cut" | "timeout" | "robots-unreachable" | "proxy"
        | "checksum" => Some(false),
        _ => None,
    }
}

/// Whether this class is not a failure, because the URL was not meant to be requested.
pub(crate) fn is_class_of_skip(class: &str) -> bool {
    matches!(class, "duplicate" | "skipped" | "robots")
}

fn is_lost(visit: &Visit) -> bool {
    let may_pass = match &visit.outcome {
        Ok(_) => None,
        Err(error) => may_pass(error.class(), visit.job.role),
    };
    may_pass.is_some_and(|anywhere| anywhere || visit.job.is_of_the_same_host())
}

fn example(visit: &Visit) -> String {
    match &visit.outcome {
        Err(FetchError::Malformed { text, .. }) => match visit.job.row {
            Some(row) => format!("line {row}: {text}"),
            None => text.clone(),
        },
        _ => visit.job.first_url().to_string(),
    }
}

fn message(visit: &Visit) -> String {
    match &visit.outcome {
        Ok(page) if page.status >= 400 => format!("HTTP {}", page.status),
        Ok(_) => visit.parsed.fault.clone().unwrap_or_default(),
        Err(error) => error.to_string(),
    }
}
