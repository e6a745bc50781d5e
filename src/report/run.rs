//! The report of a run: a fold over its events, of bounded size whatever the length of the list.
//!
//! Figures that the tally has come from there. In addition, this gathers what only the report shows: the run over
//! time, the slowest pages, and pages by depth.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::compare::{Latency, Machine};
use crate::crawl::Ended;
use crate::run::event::Event;
use crate::run::tally::Tally;
use crate::visit::Visit;

/// The version of the JSON layout.
const FORMAT: u32 = 1;
/// The most points of the run over time. Beyond that, pairs of points are merged.
const POINTS: usize = 480;
/// The time that a point covers at first.
const POINT: Duration = Duration::from_millis(250);
/// The number of slowest pages that are listed.
const SLOWEST: usize = 50;
/// The number of hosts that are listed, those with the most pages.
const HOSTS: usize = 100;
/// The deepest depth that is counted separately; deeper pages count as this depth.
const DEPTHS: u16 = 200;

/// Gathers the data of a report during a run.
#[derive(Debug)]
pub struct RunReport {
    started: SystemTime,
    command: String,
    settings: Vec<(String, String)>,
    machine: Machine,
    over_time: OverTime,
    slowest: BinaryHeap<Reverse<SlowPage>>,
    depths: BTreeMap<u16, Depth>,
    tally: Tally,
}

/// The figures of a run over time.
#[derive(Debug)]
struct OverTime {
    points: Vec<Point>,
    each: Duration,
    /// Records in the tally at the last point.
    records: u64,
    wire_bytes: u64,
    failed: u64,
    until: Duration,
}

/// One point: the figures of one stretch of a run.
#[derive(Debug, Clone, Copy, Serialize)]
struct Point {
    s: f64,
    per_second: f64,
    bytes_per_second: f64,
    in_flight: usize,
    failed: u64,
}

/// A slow page, ordered by its total time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct SlowPage {
    total: Duration,
    first_byte: Duration,
    url: String,
    status: u16,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Depth {
    pages: u64,
    failed: u64,
}

impl RunReport {
    /// Starts the report of a run that begins now. The command line and the settings are part of it.
    pub fn begin(command: String, settings: Vec<(String, String)>) -> Self {
        Self {
            started: SystemTime::now(),
            command,
            settings,
            machine: Machine::here(),
            over_time: OverTime::new(),
            slowest: BinaryHeap::new(),
            depths: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    /// Adds an event to the report.
    pub fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Visited(visit) => self.visited(visit),
            Event::Tick(tally) => self.over_time.tick(tally),
            _ => {}
        }
    }

    fn visited(&mut self, visit: &Visit) {
        let depth = self.depths.entry(visit.job.depth.min(DEPTHS)).or_default();
        depth.pages += 1;
        depth.failed += u64::from(visit.failure().is_some());
        let Ok(page) = &visit.outcome else { return };
        let timing = page.timing;
        let least = self.slowest.peek().map(|Reverse(page)| page.total);
        if self.slowest.len() >= SLOWEST && least >= Some(timing.total) {
            return;
        }
        self.slowest.push(Reverse(SlowPage {
            total: timing.total,
            first_byte: timing.first_byte,
            url: visit.job.url.to_string(),
            status: page.status,
            bytes: page.wire_bytes,
        }));
        if self.slowest.len() > SLOWEST {
            self.slowest.pop();
        }
    }

    /// The finished report as JSON.
    pub fn json(mut self, tally: &Tally, ended: Ended) -> String {
        self.over_time.end(tally);
        self.tally = tally.clone();
        serde_json::to_string(&self.document(ended)).unwrap_or_default()
    }

    fn document(&self, ended: Ended) -> serde_json::Value {
        let tally = &self.tally;
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let mut slowest: Vec<&SlowPage> = self.slowest.iter().map(|Reverse(page)| page).collect();
        slowest.sort_by_key(|page| Reverse(page.total));
        let slowest: Vec<_> = slowest
            .into_iter()
            .map(|page| {
                serde_json::json!({
                    "url": page.url, "status": page.status, "class": null, "total_ms": milliseconds(page.total),
                    "first_byte_ms": milliseconds(page.first_byte), "bytes": page.bytes,
                })
            })
            .collect();
        let mut hosts: Vec<_> = tally.hosts.iter().collect();
        hosts.sort_by_key(|(_, host)| Reverse(host.visited));
        let beyond = tally.hosts_beyond + hosts.len().saturating_sub(HOSTS) as u64;
        let hosts: Vec<_> = hosts
            .into_iter()
            .take(HOSTS)
            .map(|(name, host)| {
                serde_json::json!({
                    "host": name.as_str(), "visited": host.visited, "failed": host.failed,
                    "mean_ms": milliseconds(host.busy) / host.visited.max(1) as f64,
                })
            })
            .collect();
        let failures: Vec<_> = tally
            .failures
            .iter()
            .map(|(class, failures)| {
                serde_json::json!({
                    "class": class, "count": failures.count, "example": failures.example, "message": failures.message,
                })
            })
            .collect();
        let broken: Vec<_> = tally
            .broken
            .urls
            .iter()
            .map(|url| {
                serde_json::json!({
                    "url": url.url, "class": url.class, "status": url.status, "holders": url.holders,
                })
            })
            .collect();
        let depths: Vec<_> = self
            .depths
            .iter()
            .map(|(depth, pages)| {
                serde_json::json!({ "depth": depth, "pages": pages.pages, "failed": pages.failed })
            })
            .collect();
        serde_json::json!({
            "kind": "run",
            "format": FORMAT,
            "haul": env!("CARGO_PKG_VERSION"),
            "command": self.command,
            "started": crate::text::moment::to_second(self.started),
            "took_s": tally.elapsed.as_secs_f64(),
            "machine": self.machine,
            "settings": self.settings,
            "ended": match ended {
                Ended::Complete => "complete",
                Ended::Interrupted => "interrupted",
                Ended::TimeUp => "time limit",
                Ended::OutputFailed => "output failed",
            },
            "records": tally.visited,
            "fetched": tally.fetched(),
            "failed": tally.failed,
            "failed_with_status": tally.answered_badly(),
            "skipped": tally.skipped,
            "duplicates": tally.duplicates,
            "retries": tally.retries,
            "redirects": tally.redirects,
            "wire_bytes": tally.wire_bytes,
            "statuses": tally.statuses.iter().collect::<Vec<_>>(),
            "failures": failures,
            "hosts": hosts,
            "hosts_beyond": beyond,
            "latency_ms": Latency::of(&tally.latency),
            "latency_curve": Latency::curve(&tally.latency),
            "over_time": self.over_time.points,
            "slowest": slowest,
            "passed_over": tally.passed_over.iter().collect::<Vec<_>>(),
            // A list has a single depth, which is not worth a chart.
            "depths": if depths.len() > 1 { depths } else { Vec::new() },
            "broken": broken,
        })
    }
}

impl OverTime {
    fn new() -> Self {
        Self {
            points: Vec::new(),
            each: POINT,
            records: 0,
            wire_bytes: 0,
            failed: 0,
            until: Duration::ZERO,
        }
    }

    fn tick(&mut self, tally: &Tally) {
        if tally.elapsed.saturating_sub(self.until) >= self.each {
            self.add(tally);
        }
        if self.points.len() >= POINTS {
            self.halve();
        }
    }

    /// Adds the figures since the last point.
    fn end(&mut self, tally: &Tally) {
        if tally.elapsed > self.until && tally.visited > self.records {
            self.add(tally);
        }
    }

    fn add(&mut self, tally: &Tally) {
        let took = (tally.elapsed - self.until).as_secs_f64().max(1e-9);
        self.points.push(Point {
            s: tally.elapsed.as_secs_f64(),
            per_second: (tally.visited - self.records) as f64 / took,
            bytes_per_second: (tally.wire_bytes - self.wire_bytes) as f64 / took,
            in_flight: tally.in_flight,
            failed: tally.failed - self.failed,
        });
        (self.records, self.wire_bytes) = (tally.visited, tally.wire_bytes);
        (self.failed, self.until) = (tally.failed, tally.elapsed);
    }

    /// Merges every two points into one.
    fn halve(&mut self) {
        self.each *= 2;
        let merged = self.points.chunks(2).map(|pair| match pair {
            [one, other] => Point {
                s: other.s,
                per_second: f64::midpoint(one.per_second, other.per_second),
                bytes_per_second: f64::midpoint(one.bytes_per_second, other.bytes_per_second),
                in_flight: one.in_flight.max(other.in_flight),
                failed: one.failed + other.failed,
            },
            rest => rest[0],
        });
        self.points = merged.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_no_more_points_than_a_short_one_and_the_same_sum() {
        let mut over_time = OverTime::new();
        let mut tally = Tally::default();
        for tenth in 1..=100_000_u64 {
            tally.elapsed = Duration::from_millis(100 * tenth);
            tally.visited = 5 * tenth;
            tally.failed = tenth;
            over_time.tick(&tally);
        }
        over_time.end(&tally);
        assert!(over_time.points.len() < POINTS && over_time.points.len() > POINTS / 4);
        let failed: u64 = over_time.points.iter().map(|point| point.failed).sum();
        assert_eq!(failed, 100_000);
        assert!(
            over_time
                .points
                .iter()
                .all(|point| (point.per_second - 50.0).abs() < 1.0)
        );
    }
}
