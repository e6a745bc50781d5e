//! What the best engine was waiting for, who won, and which engine to use.
//!
//! It is based only on what was measured and waited for: requests in flight, latency compared with an idle server's,
//! time in which no processor was free, time lost to the disk, the user's own limits. All figures behind a conclusion
//! are in the data; what could not be measured is `None`.

use std::time::Duration;

use super::arena::Run;
use super::comparison::EngineResult;
use super::curve::{Axis, Sweep};
use super::finding::{Bound, Diagnosis, OwnLimit, Recommendation, Shares, Verdict, Waits};
use super::machine::Machine;
use super::outcome::Rounds;
use super::settings::CompareSettings;
use super::verdict::Ranking;

/// The share of busy time above which a machine is fully used.
const FULL: f64 = 0.85;
/// If fewer requests are in flight than this share of the allowed ones, on average, something holds them back.
const FILLED: f64 = 0.7;
/// Latency under load relative to that with one request in flight, above which the server is at its limit.
const SLOWED: f64 = 2.0;
/// Latency under load relative to that with one request in flight, up to which nothing was delayed.
const ON_TIME: f64 = 1.25;
/// The share of threads' runnable time without a free processor above which the lack of processors matters.
const STARVED: f64 = 0.3;
/// The share of the time in which something waited for the disk above which the disk is the bottleneck.
const DISK: f64 = 0.2;

/// The best engine, and those that may be just as fast.
pub(super) fn verdict(engines: &[EngineResult]) -> Verdict {
    let of = |place: Ranking| engines.iter().filter(move |engine| engine.place == place);
    let Some(best) = of(Ranking::Best).next() else {
        return nothing();
    };
    Verdict {
        best: best.name.clone(),
        tied: of(Ranking::NoDifferenceShown)
            .map(|engine| engine.name.clone())
            .collect(),
    }
}

/// The verdict when every request failed: no engine won.
pub(super) fn nothing() -> Verdict {
    Verdict {
        best: String::new(),
        tied: Vec::new(),
    }
}

/// Where the processors' time went during the rounds of an engine.
///
/// `None` if the system does not report it.
pub(super) fn shares(rounds: &Rounds, cores: usize) -> Option<Shares> {
    let sum = |time: &dyn Fn(&Run) -> Option<Duration>| -> Option<f64> {
        let times = rounds.runs.iter().map(|(_, run)| time(run));
        times.map(|time| Some(time?.as_secs_f64())).sum()
    };
    let all = sum(&|run| Some(run.busy?.all))?;
    let busy = sum(&|run| Some(run.busy?.busy))?;
    let client = sum(&|run| Some(run.measured.usage.time()))?;
    let server = sum(&|run| Some(run.served))?;
    if all <= 0.0 || cores == 0 {
        return None;
    }
    Some(Shares {
        client: client / all,
        server: server / all,
        others: ((busy - client - server) / all).max(0.0),
        idle: ((all - busy) / all).clamp(0.0, 1.0),
    })
}

/// Where the time of an engine's rounds went.
fn waits(best: &Rounds, idle_latency_ms: Option<f64>) -> Waits {
    let limit = best.contestant.engine.in_flight().max(1);
    let sum = |time: fn(&Run) -> Option<Duration>| -> Option<f64> {
        let times = best.runs.iter().map(|(_, run)| time(run));
        times.map(|time| Some(time?.as_secs_f64())).sum()
    };
    let ran = sum(|run| Some(run.measured.usage.time())).unwrap_or_default();
    let queued = sum(|run| run.measured.run_queue);
    Waits {
        in_flight: best.median(|run| run.measured.flights.mean) / limit as f64,
        first_byte: best.median(|run| run.measured.flights.first_byte),
        latency_ms: best.median(|run| run.measured.median_latency_ms()),
        idle_latency_ms,
        run_queue: queued.map(|queued| queued / (queued + ran).max(1e-9)),
        disk: lost_to_disk(best),
    }
}

impl Bound {
    /// Finds the bottleneck from what was waited for.
    ///
    /// What merely happened at the same time is not a cause: a busy machine that did not delay the responses held
    /// nothing up.
    fn of(waits: &Waits, shares: Option<Shares>, has_own_limits: bool) -> Self {
        let stretched = match waits.idle_latency_ms {
            Some(idle) => waits.latency_ms / idle.max(1e-3),
            None => 1.0,
        };
        let is_filled = waits.in_flight >= FILLED;
        if has_own_limits && !is_filled {
            return Bound::OwnLimits;
        }
        if stretched <= ON_TIME && is_filled {
            return Bound::Waiting;
        }
        if waits.disk.is_some_and(|disk| disk > DISK) {
            return Bound::Disk;
        }
        let shares = shares.unwrap_or_default();
        let starved = waits.run_queue.is_some_and(|share| share > STARVED);
        let full = shares.idle < 1.0 - FULL && shares.client + shares.server + shares.others > 0.0;
        if full && shares.client >= shares.server.max(shares.others) {
            return Bound::Processors;
        }
        if full && shares.server >= shares.others {
            return Bound::Server;
        }
        if starved && shares.others > shares.client.max(shares.server) {
            return Bound::OtherWork;
        }
        match stretched > SLOWED {
            true => Bound::Server,
            false => Bound::Waiting,
        }
    }
}

/// Finds what the best engine was waiting for.
///
/// `idle_latency_ms` is the median latency with one request in flight.
pub(super) fn diagnose(
    best: &Rounds,
    idle_latency_ms: Option<f64>,
    settings: &CompareSettings,
    machine: &Machine,
) -> Diagnosis {
    let in_flight = best.contestant.engine.in_flight();
    let waits = waits(best, idle_latency_ms);
    let shares = shares(best, machine.cores);
    let limit = own_limit(settings, waits.in_flight * in_flight as f64);
    Diagnosis {
        bound: Bound::of(&waits, shares, limit.is_some()),
        engine: best.contestant.name.clone(),
        in_flight,
        limit,
        waits,
        shares,
    }
}

/// The user's own limit that keeps requests from being in flight.
///
/// On average there are `mean` of them.
fn own_limit(settings: &CompareSettings, mean: f64) -> Option<OwnLimit> {
    let frontier = &settings.frontier;
    if !frontier.delay.is_zero() {
        return Some(OwnLimit::Delay(frontier.delay));
    }
    if let Some(rate) = frontier.rate {
        return Some(OwnLimit::Rate(rate));
    }
    if frontier.adaptive {
        return Some(OwnLimit::Adaptive);
    }
    if frontier.per_ip > 0 && mean <= frontier.per_ip as f64 * 1.5 {
        return Some(OwnLimit::PerIp(frontier.per_ip));
    }
    (frontier.per_host > 0).then_some(OwnLimit::PerHost(frontier.per_host))
}

/// The share of the rounds' time in which something waited for the disk.
fn lost_to_disk(rounds: &Rounds) -> Option<f64> {
    let lost: Option<Duration> = rounds.runs.iter().map(|(_, run)| run.busy?.disk).sum();
    let wall: Duration = rounds.runs.iter().map(|(_, run)| run.measured.wall).sum();
    Some(lost?.as_secs_f64() / wall.as_secs_f64().max(1e-9))
}

/// Recommends an engine to use.
///
/// Among those with no difference shown, it is the one that uses the least processor time.
pub(super) fn recommend(engines: &[EngineResult], sweep: Option<&Sweep>) -> Option<Recommendation> {
    let cost = |engine: &EngineResult| engine.cpu_us.user + engine.cpu_us.system;
    let fit = || {
        let all = engines.iter();
        all.filter(|engine| engine.place != Ranking::Slower)
    };
    let chosen = fit().min_by(|one, other| cost(one).total_cmp(&cost(other)))?;
    let along = sweep.filter(|sweep| sweep.axis == Axis::Concurrency);
    let curve = along.and_then(|sweep| {
        let mut curves = sweep.curves.iter();
        curves.find(|curve| curve.engine == chosen.name)
    });
    // A knee makes no sense for `sequential`, which always has one request in flight.
    let is_sized = !chosen.name.starts_with("sequential");
    Some(Recommendation {
        engine: chosen.name.clone(),
        alone: fit().count() == 1,
        knee: curve.and_then(|curve| curve.knee).filter(|_| is_sized),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(latency_ms: f64, idle: f64, in_flight: f64, run_queue: f64) -> Waits {
        Waits {
            in_flight,
            first_byte: 0.99,
            latency_ms,
            idle_latency_ms: Some(idle),
            run_queue: Some(run_queue),
            disk: Some(0.0),
        }
    }

    fn shares(client: f64, server: f64, others: f64) -> Option<Shares> {
        Some(Shares {
            client,
            server,
            others,
            idle: 1.0 - client - server - others,
        })
    }

    /// A p50 of 204 ms from a server that takes 200 ms, while another program uses all processors.
    #[test]
    fn another_busy_program_that_delays_nothing_is_not_the_cause() {
        let busy = shares(0.01, 0.0, 0.98);
        let bound = |waits: Waits| Bound::of(&waits, busy, false);
        assert_eq!(bound(waits(204.0, 200.0, 0.97, 0.6)), Bound::Waiting);
        assert_eq!(bound(waits(900.0, 200.0, 0.97, 0.6)), Bound::OtherWork);
        assert_eq!(bound(waits(900.0, 200.0, 0.97, 0.02)), Bound::Server);
    }

    #[test]
    fn each_bound_follows_from_what_was_waited_for() {
        let quiet = shares(0.05, 0.05, 0.0);
        assert_eq!(
            Bound::of(&waits(20.0, 20.0, 0.1, 0.0), quiet, true),
            Bound::OwnLimits
        );
        assert_eq!(
            Bound::of(&waits(20.0, 20.0, 0.9, 0.0), quiet, true),
            Bound::Waiting,
            "limits that hold nothing back are not the cause"
        );
        let burning = shares(0.7, 0.2, 0.05);
        assert_eq!(
            Bound::of(&waits(9.0, 1.0, 0.9, 0.4), burning, false),
            Bound::Processors
        );
        let serving = shares(0.3, 0.6, 0.05);
        assert_eq!(
            Bound::of(&waits(9.0, 1.0, 0.9, 0.4), serving, false),
            Bound::Server
        );
        let disk = Waits {
            disk: Some(0.5),
            ..waits(9.0, 1.0, 0.9, 0.0)
        };
        assert_eq!(Bound::of(&disk, quiet, false), Bound::Disk);
    }
}
