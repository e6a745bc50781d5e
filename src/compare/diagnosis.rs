//! What the best engine was waiting for, who won in words, and what to type next.
//!
//! Only from what was measured, and from what was waited for: requests in flight, latency against that of an idle server, time in which
//! no processor was free, time lost to the disk, the user's own limits. Each sentence rests on a figure that is in the JSON; what
//! could not be measured is named.

use std::time::Duration;

use super::CompareSettings;
use super::arena::Run;
use super::comparison::{Diagnosis, EngineResult, Machine, Recommendation, Shares, Verdict, Waits};
use super::outcome::Rounds;
use super::sweep::{Axis, Sweep};
use super::verdict::Place;
use crate::size::spelled;

/// A machine this busy has nothing left to give.
const FULL: f64 = 0.85;
/// In flight on the average, as a share of what may be, below which something holds requests back.
const FILLED: f64 = 0.7;
/// Latency with many in flight against that with one, above which the server is at its limit.
const SLOWED: f64 = 2.0;
/// The same, up to which nothing was held up.
const ON_TIME: f64 = 1.25;
/// The share of the time that threads could have run, above which it matters that no processor was free for them.
const STARVED: f64 = 0.3;
/// The share of the time in which something waited for the disk, above which it is the disk.
const DISK: f64 = 0.2;

/// Who won, in words.
pub(super) fn verdict(engines: &[EngineResult]) -> Verdict {
    let of = |place: Place| engines.iter().filter(move |engine| engine.place == place);
    let Some(best) = of(Place::Best).next() else {
        return nothing();
    };
    let tied: Vec<String> = of(Place::NoDifferenceShown)
        .map(|engine| engine.name.clone())
        .collect();
    let speed = format!("{} requests a second", rounded(best.per_second.median));
    let mut sentence = match tied.as_slice() {
        [] => format!("{} is the fastest, with {speed}", best.name),
        tied => {
            let all: Vec<String> = std::iter::once(&best.name).chain(tied).cloned().collect();
            format!("no difference shown between {}: {speed}", listed(&all))
        }
    };
    let mut slower: Vec<_> = of(Place::Slower).collect();
    slower.sort_by(|one, other| one.ratio.median.total_cmp(&other.ratio.median));
    if let Some(next) = slower.first() {
        let which = if slower.len() > 1 { ", the next," } else { "" };
        sentence.push_str(&format!(
            "; {}{which} takes {}x as long",
            next.name,
            rounded(next.ratio.median)
        ));
    }
    Verdict {
        sentence,
        best: best.name.clone(),
        tied,
    }
}

/// Nobody won: there was nothing to win.
pub(super) fn nothing() -> Verdict {
    Verdict {
        sentence: "nothing was fetched: every request failed, so there is nothing to compare"
            .to_owned(),
        best: String::new(),
        tied: Vec::new(),
    }
}

/// Where the processors' time went during the rounds of an engine; `None` where the system does not say.
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

/// What a run can be bound by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    OwnLimits,
    Processors,
    OtherWork,
    Server,
    Disk,
    Waiting,
}

impl Bound {
    /// Decides from what was waited for. What merely happened at the same time is no cause: a busy machine that did not make the answers
    /// late held nothing up.
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

    fn words(self) -> &'static str {
        match self {
            Bound::OwnLimits => "your own politeness settings",
            Bound::Processors => "the processors",
            Bound::OtherWork => "other work on this machine",
            Bound::Server => "the server",
            Bound::Disk => "the disk",
            Bound::Waiting => "waiting for the network",
        }
    }
}

/// What the best engine was waiting for. `idle_latency_ms` is the median latency with one request in flight.
pub(super) fn diagnose(
    best: &Rounds,
    idle_latency_ms: Option<f64>,
    settings: &CompareSettings,
    machine: &Machine,
) -> Diagnosis {
    let limit = best.contestant.engine.in_flight();
    let waits = waits(best, idle_latency_ms);
    let shares = shares(best, machine.cores);
    let own = own_limits(settings, waits.in_flight * limit as f64);
    let bound = Bound::of(&waits, shares, own.is_some());
    let mut unknown = Vec::new();
    if shares.is_none() {
        unknown.push("how busy the processors were: this system has no /proc/stat".to_owned());
    }
    if waits.run_queue.is_none() {
        unknown.push(
            "how long threads waited for a processor: this system has no schedstat".to_owned(),
        );
    }
    if waits.disk.is_none() {
        unknown.push(
            "how long anything waited for the disk: this kernel has no pressure stall information"
                .to_owned(),
        );
    }
    Diagnosis {
        bound: bound.words().to_owned(),
        sentences: sentences(bound, best, (&waits, shares), own, settings, machine),
        waits,
        shares,
        unknown,
    }
}

/// Why it is thought to be bound by that, each from a figure of [`Waits`] or [`Shares`], and what to do about it.
fn sentences(
    bound: Bound,
    best: &Rounds,
    (waits, shares): (&Waits, Option<Shares>),
    own: Option<String>,
    settings: &CompareSettings,
    machine: &Machine,
) -> Vec<String> {
    let (name, limit) = (&best.contestant.name, best.contestant.engine.in_flight());
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let mut sentences = Vec::new();
    if let Some(shares) = shares {
        sentences.push(format!(
            "While {name} ran, the {} processors spent {} of their time on it, {} on the practice server, {} on other work, and were idle for {}.",
            machine.cores,
            percent(shares.client),
            percent(shares.server),
            percent(shares.others),
            percent(shares.idle)
        ));
    }
    sentences.push(format!(
        "On average {} of at most {limit} requests were in flight, {} of that time before the first byte of the answer.",
        rounded(waits.in_flight * limit as f64),
        percent(waits.first_byte)
    ));
    let idle = waits.idle_latency_ms.map(|idle| {
        format!(
            "half of the answers took less than {} ms, and {} ms with one request in flight",
            rounded(waits.latency_ms),
            rounded(idle)
        )
    });
    sentences.extend(idle.as_ref().map(|idle| format!("{}.", capitalized(idle))));
    let queued = waits.run_queue.map(percent);
    match bound {
        Bound::OwnLimits => sentences.extend(own.map(|own| format!("{own}: that set the speed."))),
        Bound::Processors => sentences.push(
            "The processors had nothing left to give: more requests in flight would only wait for them; more cores, or less work on \
             each page, would help."
                .to_owned(),
        ),
        Bound::OtherWork => sentences.push(format!(
            "Something else kept the processors busy, and for {} of the time that its threads could have run, none was free for {name}: \
             close it and measure again.",
            queued.unwrap_or_default()
        )),
        Bound::Server if settings.target.is_practice() => sentences.push(
            "The practice server shares these processors and used most of their time: on the network the engine would have more of \
             them."
                .to_owned(),
        ),
        Bound::Server => sentences.push(
            "The server is at its limit: more requests at once would only wait longer.".to_owned(),
        ),
        Bound::Disk => sentences.push(format!(
            "For {} of the time something waited for the disk.",
            percent(waits.disk.unwrap_or_default())
        )),
        Bound::Waiting => {
            sentences.push(
                "The server answered about as fast as when it was idle: nearly all of the time went by waiting for it, and more requests \
                 in flight would wait at the same time."
                    .to_owned(),
            );
            if settings.sweep != Some(Axis::Concurrency) {
                sentences.push("--sweep finds how many pay off.".to_owned());
            }
        }
    }
    sentences
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The user's own limit that keeps requests from being in flight.
fn own_limits(settings: &CompareSettings, mean: f64) -> Option<String> {
    let frontier = &settings.frontier;
    if !frontier.delay.is_zero() {
        return Some(format!(
            "--delay {} holds every host back",
            spelled(frontier.delay)
        ));
    }
    if let Some(rate) = frontier.rate {
        return Some(format!("--rate {rate} holds requests back"));
    }
    if frontier.adaptive {
        return Some("--adaptive asks each host no faster than it bears".to_owned());
    }
    if frontier.per_ip > 0 && mean <= frontier.per_ip as f64 * 1.5 {
        return Some(format!(
            "--per-ip {} keeps requests to one address back",
            frontier.per_ip
        ));
    }
    (frontier.per_host > 0).then(|| {
        format!(
            "--per-host {} keeps requests to one host back",
            frontier.per_host
        )
    })
}

/// The share of the rounds' time in which something waited for the disk.
fn lost_to_disk(rounds: &Rounds) -> Option<f64> {
    let lost: Option<Duration> = rounds.runs.iter().map(|(_, run)| run.busy?.disk).sum();
    let wall: Duration = rounds.runs.iter().map(|(_, run)| run.measured.wall).sum();
    Some(lost?.as_secs_f64() / wall.as_secs_f64().max(1e-9))
}

/// What to type next: of the engines that could not be told apart, the one with the least processor time.
pub(super) fn recommend(
    engines: &[EngineResult],
    sweep: Option<&Sweep>,
    settings: &CompareSettings,
    cores: usize,
) -> Recommendation {
    let cost = |engine: &EngineResult| engine.cpu_us.user + engine.cpu_us.system;
    let fit: Vec<_> = engines
        .iter()
        .filter(|engine| engine.place != Place::Slower)
        .collect();
    let Some(chosen) = fit
        .iter()
        .min_by(|one, other| cost(one).total_cmp(&cost(other)))
    else {
        return Recommendation {
            command: settings.fetch_command.clone(),
            because: "nothing was measured".to_owned(),
        };
    };
    let mut because = match fit.len() {
        1 => format!("{} is the fastest here", chosen.name),
        _ => format!(
            "of the fastest, {} uses the least processor time: {} us a request",
            chosen.name,
            rounded(cost(chosen))
        ),
    };
    let curve = sweep
        .filter(|sweep| sweep.axis == Axis::Concurrency)
        .and_then(|sweep| {
            sweep
                .curves
                .iter()
                .find(|curve| curve.engine == chosen.name)
        });
    let word = chosen.name.split(['#', ':']).next().unwrap_or_default();
    let knee = curve
        .and_then(|curve| curve.knee)
        .filter(|_| word != "sequential");
    if let Some(knee) = knee {
        because.push_str(&format!(
            "; with more than {knee} in flight it hardly gets faster"
        ));
    }
    if chosen.name == "async" {
        because.push_str(&format!(
            "; it parses on {cores} thread{}, one a core",
            if cores == 1 { "" } else { "s" }
        ));
    }
    let engine = match (word, knee) {
        ("async" | "threads" | "blocking", Some(knee)) => format!("{word} -c {knee}"),
        ("async" | "threads" | "blocking", None) => format!("{word} -c {}", chosen.in_flight),
        _ => chosen.engine.clone(),
    };
    Recommendation {
        command: format!("{} --engine {engine}", settings.fetch_command),
        because,
    }
}

/// A figure with as many digits as it is worth.
pub(super) fn rounded(value: f64) -> String {
    let digits = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left % 3 == 0 && digit.is_ascii_digit() {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match rest {
        "" => grouped,
        rest => format!("{grouped}.{rest}"),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_as_many_digits_as_they_are_worth() {
        let rounded: Vec<_> = [0.123, 1.0, 12.34, 1234.5, 1_234_567.0]
            .map(rounded)
            .to_vec();
        assert_eq!(rounded, ["0.12", "1.00", "12.3", "1,234", "1,234,567"]);
    }

    #[test]
    fn words_are_listed_as_people_do() {
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(listed(&words), "a, b and c");
        assert_eq!(listed(&words[..2]), "a and b");
    }

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

    /// p50 204 ms of a server that takes 200 ms, while a neighbour burns all processors.
    #[test]
    fn a_busy_neighbour_that_delays_nothing_is_no_cause() {
        let beside = shares(0.01, 0.0, 0.98);
        let bound = |waits: Waits| Bound::of(&waits, beside, false);
        assert_eq!(bound(waits(204.0, 200.0, 0.97, 0.6)), Bound::Waiting);
        assert_eq!(bound(waits(900.0, 200.0, 0.97, 0.6)), Bound::OtherWork);
        assert_eq!(bound(waits(900.0, 200.0, 0.97, 0.02)), Bound::Server);
    }

    #[test]
    fn each_bound_rests_on_what_was_waited_for() {
        let quiet = shares(0.05, 0.05, 0.0);
        assert_eq!(
            Bound::of(&waits(20.0, 20.0, 0.1, 0.0), quiet, true),
            Bound::OwnLimits
        );
        assert_eq!(
            Bound::of(&waits(20.0, 20.0, 0.9, 0.0), quiet, true),
            Bound::Waiting,
            "limits that hold nothing back are no cause"
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
