//! The figures of a run for programs: JSON objects and metrics show the same ones.
//!
//! Copied from the [`Tally`] a few times a second at most, never for a request.

use std::collections::BTreeMap;
use std::time::Duration;

use haul::deps::Histogram;
use haul::{Tally, Wait};
use serde::Serialize;

/// The figures of a run, in the units and under the names of `docs/src/reference/progress.schema.json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub(crate) elapsed: Duration,
    /// Finished URLs: one for each record.
    pub(crate) done: u64,
    pub(crate) total: Option<u64>,
    pub(crate) total_is_estimate: bool,
    /// Every finished URL is one of four: fetched, failed, duplicate or skipped.
    pub(crate) fetched: u64,
    pub(crate) failed: u64,
    pub(crate) duplicates: u64,
    pub(crate) skipped: u64,
    pub(crate) waiting: usize,
    pub(crate) in_flight: usize,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) failures: BTreeMap<&'static str, u64>,
    /// Responses over the wire, including redirects and retries.
    pub(crate) responses: u64,
    pub(crate) retries: u64,
    pub(crate) redirects: u64,
    pub(crate) response_ms: Option<ResponseTimes>,
    pub(crate) wire_bytes: u64,
    pub(crate) held_hosts: u64,
    waits: u64,
    first_wait: Option<Wait>,
    slowest_host: Option<String>,
    #[serde(rename = "checkpoint_age_s", serialize_with = "some_seconds")]
    pub(crate) checkpoint_age: Option<Duration>,
}

/// Response times in milliseconds, from sending a request to the last byte of the response.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ResponseTimes {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

impl Figures {
    pub(crate) fn of(tally: &Tally) -> Self {
        let slowest = tally.slowest_host().filter(|(_, mean)| !mean.is_zero());
        let failures = tally.failures.iter();
        Self {
            elapsed: tally.elapsed,
            done: tally.visited,
            total: tally.total,
            total_is_estimate: tally.total.is_some_and(|total| total != tally.rows),
            fetched: tally.fetched(),
            failed: tally.failed,
            duplicates: tally.duplicates,
            skipped: tally.skipped,
            waiting: tally.waiting,
            in_flight: tally.in_flight,
            statuses: tally.statuses.clone(),
            failures: failures
                .map(|(class, failures)| (*class, failures.count))
                .collect(),
            responses: tally.answers,
            retries: tally.retries,
            redirects: tally.redirects,
            response_ms: (tally.answers > 0).then(|| ResponseTimes::of(&tally.latency)),
            wire_bytes: tally.wire_bytes,
            held_hosts: tally.held_hosts,
            waits: tally.waits.count,
            first_wait: tally.waits.first.first().cloned(),
            slowest_host: slowest.map(|(host, _)| host.as_str().to_owned()),
            checkpoint_age: tally.checkpoint_age,
        }
    }
}

impl ResponseTimes {
    /// `latency` is in microseconds.
    fn of(latency: &Histogram<u64>) -> Self {
        let ms = |micros: u64| micros as f64 / 1000.0;
        let at = |quantile| ms(latency.value_at_quantile(quantile));
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: ms(latency.max()),
        }
    }
}

/// With one decimal, as nobody needs more of a number that is out of date when it is read.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn seconds<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(rounded(duration.as_secs_f64()))
}

fn some_seconds<S: serde::Serializer>(
    duration: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    duration
        .map(|duration| rounded(duration.as_secs_f64()))
        .serialize(to)
}
