//! What the best engine was waiting for, who won in words, and what to type next.
//!
//! Only from what was measured: shares of the processors' time, requests in flight on the average, latencies with many and with few in
//! flight, time lost to the disk, and the user's own limits. What could not be measured is named.

use std::time::Duration;

use super::CompareSettings;
use super::arena::Run;
use super::comparison::{Diagnosis, EngineResult, Machine, Recommendation, Shares, Verdict};
use super::outcome::Rounds;
use super::sweep::{Axis, Sweep};
use super::verdict::Place;
use crate::size::spelled;

/// A machine this busy has nothing left to give.
const FULL: f64 = 0.85;
/// In flight on the average, as a share of what may be, below which something holds requests back.
const FILLED: f64 = 0.7;
/// Latency with many in flight against that with few, above which the server is at its limit.
const SLOWED: f64 = 2.0;
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

/// What the best engine was waiting for.
pub(super) fn diagnose(
    best: &Rounds,
    all: &[Rounds],
    settings: &CompareSettings,
    machine: &Machine,
) -> Diagnosis {
    let name = &best.contestant.name;
    let limit = best.contestant.engine.in_flight();
    let mean = best.median(|run| run.measured.flights.mean);
    let shares = shares(best, machine.cores);
    let busy = shares.map(|shares| 1.0 - shares.idle);
    let latency = |rounds: &Rounds| rounds.median(|run| middle(&run.measured.latencies));
    let (many, few) = (
        latency(best),
        all.iter().map(latency).fold(f64::INFINITY, f64::min),
    );
    let disk = lost_to_disk(best);
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let mut sentences = Vec::new();
    if let Some(shares) = shares {
        sentences.push(format!(
            "While {name} ran, the {} processors spent {} of their time on it, {} on the practice server, {} on anything else, and {} on \
             nothing.",
            machine.cores,
            percent(shares.client),
            percent(shares.server),
            percent(shares.others),
            percent(shares.idle)
        ));
    }
    sentences.push(format!(
        "{} of at most {limit} requests were in flight on the average; half of the answers took less than {} ms.",
        rounded(mean),
        rounded(many)
    ));
    let own = own_limits(settings, mean);
    let bound = if let Some(own) = own.filter(|_| mean < FILLED * limit as f64) {
        sentences.push(format!("{own}: it is that which set the speed."));
        "your own politeness settings"
    } else if busy.is_some_and(|busy| busy > FULL) {
        let shares = shares.unwrap_or_default();
        if shares.client >= shares.server.max(shares.others) {
            sentences.push(
                "The processors had nothing left to give: more requests in flight would only wait for them; more cores, or less work on \
                 each page, would help."
                    .to_owned(),
            );
            "the processors"
        } else if shares.server >= shares.others {
            sentences.push(
                "The practice server shares these processors and used most of their time: on the network the engine would have more of \
                 them."
                    .to_owned(),
            );
            "the server"
        } else {
            sentences.push(
                "Something else kept the processors busy: close it and measure again.".to_owned(),
            );
            "other work on this machine"
        }
    } else if disk.is_some_and(|disk| disk > DISK) {
        sentences.push(format!(
            "For {} of the time something waited for the disk.",
            percent(disk.unwrap_or_default())
        ));
        "the disk"
    } else if many > SLOWED * few {
        sentences.push(format!(
            "With fewer in flight the answers took {} ms: the server is at its limit, and more at once would only wait longer.",
            rounded(few)
        ));
        "the server"
    } else {
        sentences.push(
            "The processors had time left and the server answered as fast as ever: nearly all of the time went by waiting, and more \
             requests in flight would wait at the same time."
                .to_owned(),
        );
        if settings.sweep != Some(Axis::Concurrency) {
            sentences.push("--sweep finds how many pay.".to_owned());
        }
        "waiting for the network"
    };
    let mut unknown = Vec::new();
    if shares.is_none() {
        unknown.push("how busy the processors were: this system has no /proc/stat".to_owned());
    }
    if disk.is_none() {
        unknown.push(
            "how long anything waited for the disk: this kernel has no pressure stall information"
                .to_owned(),
        );
    }
    Diagnosis {
        bound: bound.to_owned(),
        sentences,
        shares,
        unknown,
    }
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

/// The median of counted latencies in microseconds, in milliseconds.
pub(super) fn middle(latencies: &[(u64, u64)]) -> f64 {
    let all: u64 = latencies.iter().map(|(_, count)| count).sum();
    let mut seen = 0;
    let found = latencies.iter().find(|(_, count)| {
        seen += count;
        seen * 2 >= all
    });
    found.map_or(0.0, |(micros, _)| *micros as f64 / 1e3)
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

    #[test]
    fn the_median_latency_is_the_one_in_the_middle() {
        assert!((middle(&[(1000, 1), (2000, 1), (9000, 1)]) - 2.0).abs() < 1e-9);
        assert!(middle(&[]).abs() < 1e-9);
    }
}
