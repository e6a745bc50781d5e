//! Computes an engine's figures from its rounds.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::arena::Run;
use super::comparison::{EngineResult, ProcessorTime, RoundResult, Switches};
use super::contestant::Contestant;
use super::latency::Latency;
use super::statistics::{median, median_interval, outliers};
use super::verdict::Standing;

/// An engine and its rounds, each with the number of its block.
pub(super) struct Rounds {
    pub(super) contestant: Contestant,
    /// The number of URLs in each round.
    pub(super) count: usize,
    pub(super) runs: Vec<(u32, Run)>,
}

impl Rounds {
    /// Seconds per successful record in each round; infinite for a round in which all failed.
    pub(super) fn seconds(&self) -> Vec<f64> {
        let seconds = |run: &Run| run.measured.wall.as_secs_f64() / run.succeeded();
        self.runs.iter().map(|(_, run)| seconds(run)).collect()
    }

    fn each(&self, figure: impl Fn(&Run) -> f64) -> Vec<f64> {
        self.runs.iter().map(|(_, run)| figure(run)).collect()
    }

    /// The median of a figure over the rounds.
    pub(super) fn median(&self, figure: impl Fn(&Run) -> f64) -> f64 {
        median(&self.each(figure))
    }

    /// The figures of the engine; `standing` is how it did against the best.
    pub(super) fn result(&self, standing: Standing, urls: usize, seed: u64) -> EngineResult {
        let records = |run: &Run| run.measured.records.max(1) as f64;
        let walls = self.each(|run| run.measured.wall.as_secs_f64());
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let in_flight = self.contestant.engine.in_flight();
        let footprint = |run: &Run| run.measured.footprint.unwrap_or_default();
        let known = self
            .runs
            .iter()
            .all(|(_, run)| run.measured.footprint.is_some());
        let latency = self.latency();
        let usual = self.usual(median(&walls));
        EngineResult {
            name: self.contestant.name.clone(),
            engine: self.contestant.engine.to_string(),
            in_flight,
            urls: self.count,
            subset: self.count < urls,
            rounds: self.runs.iter().map(round).collect(),
            wall_s: median_interval(&walls, seed),
            per_second: median_interval(&self.each(Run::per_second), seed),
            bytes_per_second: self.median(|run| {
                run.measured.wire_bytes as f64 / run.measured.wall.as_secs_f64().max(1e-9)
            }),
            ratio: standing.ratio,
            p: standing.p,
            place: standing.place,
            latency_ms: Latency::of(&latency),
            latency_curve: Latency::curve(&latency),
            cpu_us: ProcessorTime {
                user: self.median(|run| micros(run.measured.usage.user) / records(run)),
                system: self.median(|run| micros(run.measured.usage.system) / records(run)),
            },
            peak_memory_bytes: known
                .then(|| self.median(|run| footprint(run).peak_bytes as f64) as u64),
            memory_per_in_flight_bytes: known.then(|| {
                let more = |run: &Run| {
                    footprint(run)
                        .peak_bytes
                        .saturating_sub(run.measured.memory_before)
                };
                self.median(|run| more(run) as f64 / in_flight as f64) as u64
            }),
            threads: known.then(|| self.median(|run| footprint(run).threads as f64) as u64),
            processes: self.median(|run| footprint(run).processes.max(1) as f64) as u64,
            switches: Switches {
                voluntary: self.median(|run| run.measured.usage.voluntary as f64 / records(run)),
                involuntary: self
                    .median(|run| run.measured.usage.involuntary as f64 / records(run)),
            },
            connections: self.median(|run| run.measured.connections as f64) as u64,
            failed: self.runs.iter().map(|(_, run)| run.measured.failed).sum(),
            outliers: outliers(&walls)
                .into_iter()
                .map(|index| self.runs[index].0)
                .collect(),
            in_flight_over_time: usual
                .map_or(Vec::new(), |run| run.measured.flights.over_time.clone()),
            lanes: usual.map_or(Vec::new(), |run| run.measured.flights.lanes.clone()),
        }
    }

    /// The round whose duration is closest to the median.
    fn usual(&self, wall: f64) -> Option<&Run> {
        let apart = |run: &Run| (run.measured.wall.as_secs_f64() - wall).abs();
        let runs = self.runs.iter().map(|(_, run)| run);
        runs.min_by(|one, other| apart(one).total_cmp(&apart(other)))
    }

    /// Latencies of all rounds, in microseconds.
    fn latency(&self) -> Histogram<u64> {
        let mut sum = Histogram::new_with_bounds(1, 3_600_000_000, 3)
            .unwrap_or_else(|_| unreachable!("the bounds are in order"));
        for (_, run) in &self.runs {
            for (micros, count) in &run.measured.latencies {
                sum.saturating_record_n(*micros, *count);
            }
        }
        sum
    }
}

fn round((block, run): &(u32, Run)) -> RoundResult {
    RoundResult {
        block: *block,
        wall_s: run.measured.wall.as_secs_f64(),
        requests: run.measured.records,
        failed: run.measured.failed,
    }
}
