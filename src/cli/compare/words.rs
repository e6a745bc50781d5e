//! The sentences about a comparison, shared by the table, the JSON and the report.
//!
//! Each sentence rests on a figure of the comparison; what could not be measured is listed.

use std::time::Duration;

use haul::compare::verdict::Ranking;
use haul::compare::{
    Axis, Bound, Comparison, Diagnosis, EngineResult, LEAST_ROUNDS, OwnLimit, Recommendation,
    Verdict, Warning,
};
use haul::spelled;

use super::layout::counted;

/// The sentences about one comparison.
#[derive(Debug)]
pub(super) struct Words {
    /// Who won.
    pub(super) verdict: Option<String>,
    /// What the best engine was waiting for.
    pub(super) why: Option<Why>,
    /// What makes the figures less certain.
    pub(super) warnings: Vec<String>,
    /// The command to run next.
    pub(super) next: Option<Next>,
}

/// What the best engine was waiting for.
#[derive(Debug)]
pub(super) struct Why {
    /// The bottleneck, in a few words.
    pub(super) bound: &'static str,
    /// The evidence for it, and what to do about it.
    pub(super) sentences: Vec<String>,
    /// What could not be measured here.
    pub(super) unknown: Vec<&'static str>,
}

/// The command to run next.
#[derive(Debug)]
pub(super) struct Next {
    /// The command line.
    pub(super) command: String,
    /// Why.
    pub(super) because: String,
}

impl Words {
    /// The sentences about `comparison`; `fetch` is the command that fetches the same URLs, still without an engine.
    pub(super) fn of(comparison: &Comparison, fetch: &str) -> Self {
        let engines = &comparison.engines;
        let verdict = comparison.verdict.as_ref();
        let diagnosis = comparison.diagnosis.as_ref();
        let next = comparison.recommendation.as_ref();
        Self {
            verdict: verdict.map(|verdict| self::verdict(verdict, engines)),
            why: diagnosis.map(|diagnosis| why(diagnosis, comparison)),
            warnings: comparison.warnings.iter().map(warning).collect(),
            next: next.and_then(|next| self::next(next, comparison, fetch)),
        }
    }
}

fn verdict(verdict: &Verdict, engines: &[EngineResult]) -> String {
    let Some(best) = engines.iter().find(|engine| engine.name == verdict.best) else {
        return "nothing was fetched: every request failed, so there is nothing to compare"
            .to_owned();
    };
    let speed = format!("{} req/s", rounded(best.per_second.median));
    let mut sentence = match verdict.tied.as_slice() {
        [] => format!("{} is the fastest, with {speed}", best.name),
        tied => {
            let all: Vec<String> = std::iter::once(&best.name).chain(tied).cloned().collect();
            format!("no clear difference between {}, at {speed}", listed(&all))
        }
    };
    let slower = engines.iter();
    let mut slower: Vec<_> = slower.filter(|one| one.place == Ranking::Slower).collect();
    slower.sort_by(|one, other| one.ratio.median.total_cmp(&other.ratio.median));
    if let Some(next) = slower.first() {
        let which = if slower.len() > 1 {
            " comes next and"
        } else {
            ""
        };
        sentence.push_str(&format!(
            "; {}{which} takes {}x as long",
            next.name,
            rounded(next.ratio.median)
        ));
    }
    sentence
}

fn why(diagnosis: &Diagnosis, comparison: &Comparison) -> Why {
    let unknown = [
        (
            diagnosis.shares.is_none(),
            "how busy the CPU was (this system has no /proc/stat)",
        ),
        (
            diagnosis.waits.run_queue.is_none(),
            "how long threads waited for a CPU core (this system has no schedstat)",
        ),
        (
            diagnosis.waits.disk.is_none(),
            "how long anything waited for the disk (this kernel has no pressure stall information)",
        ),
    ];
    let unknown = unknown.into_iter().filter(|(is_unknown, _)| *is_unknown);
    Why {
        bound: bound(diagnosis.bound),
        sentences: sentences(diagnosis, comparison),
        unknown: unknown.map(|(_, what)| what).collect(),
    }
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::OwnLimits => "your own politeness settings",
        Bound::Processors => "the CPU",
        Bound::OtherWork => "other work on this machine",
        Bound::Server => "the server",
        Bound::Disk => "the disk",
        Bound::Waiting => "waiting for the network",
    }
}

/// The figures that the diagnosis rests on, and the conclusion from them.
fn sentences(diagnosis: &Diagnosis, comparison: &Comparison) -> Vec<String> {
    let Diagnosis {
        engine,
        in_flight,
        waits,
        ..
    } = diagnosis;
    let mut sentences = Vec::new();
    if let Some(shares) = diagnosis.shares {
        sentences.push(format!(
            "While {engine} ran, it used {} of the CPU time of {}, {} {}, and other work {}; {} \
             was idle.",
            percent(shares.client),
            counted(comparison.machine.cores, "core"),
            match comparison.workload.archive {
                Some(_) => "serving the archive",
                None => "the practice server",
            },
            percent(shares.server),
            percent(shares.others),
            percent(shares.idle)
        ));
    }
    sentences.push(format!(
        "On average {} of at most {in_flight} requests were in flight, and {} of their time was spent waiting \
         for the first byte of the response.",
        rounded(waits.in_flight * *in_flight as f64),
        percent(waits.first_byte)
    ));
    sentences.extend(waits.idle_latency_ms.map(|idle| {
        format!(
            "The median latency was {} ms, and {} ms with one request in flight.",
            rounded(waits.latency_ms),
            rounded(idle)
        )
    }));
    sentences.extend(conclusion(diagnosis, comparison));
    sentences
}

/// The conclusion from the bottleneck of the run, and what to do about it.
fn conclusion(diagnosis: &Diagnosis, comparison: &Comparison) -> Vec<String> {
    let Diagnosis { engine, waits, .. } = diagnosis;
    let sweep = comparison.sweep.as_ref();
    let workload = &comparison.workload;
    let is_here = workload.practice.is_some() || workload.archive.is_some();
    let is_swept = sweep.is_some_and(|sweep| sweep.axis == Axis::Concurrency);
    let sentence = match diagnosis.bound {
        Bound::OwnLimits => {
            let limit = diagnosis.limit.map(own_limit);
            return limit
                .map(|limit| format!("{limit}: that determined the speed."))
                .into_iter()
                .collect();
        }
        Bound::Processors => {
            "The CPU had nothing left to give: more requests in flight would only wait for it; more cores, or \
             less work per page, would help."
                .to_owned()
        }
        Bound::OtherWork => format!(
            "Something else kept the CPU busy: for {} of the time that the threads of {engine} were ready to \
             run, they had to wait for a core. Close it and measure again.",
            waits.run_queue.map(percent).unwrap_or_default()
        ),
        Bound::Server if is_here => {
            "The server shares this CPU and used most of its time: against a remote server, the engine \
             would have more of it."
                .to_owned()
        }
        Bound::Server => {
            "The server is at its limit: more concurrent requests would only wait longer.".to_owned()
        }
        Bound::Disk => format!(
            "For {} of the time, something waited for the disk.",
            percent(waits.disk.unwrap_or_default())
        ),
        Bound::Waiting => {
            "The server responded about as fast as when it was idle: nearly all of the time was spent waiting \
             for it, and more requests in flight could wait in parallel."
                .to_owned()
        }
    };
    let mut sentences = vec![sentence];
    if diagnosis.bound == Bound::Waiting && !is_swept {
        sentences.push("--sweep finds out how many pay off.".to_owned());
    }
    sentences
}

fn own_limit(limit: OwnLimit) -> String {
    match limit {
        OwnLimit::Delay(delay) => format!(
            "--delay {} limits how often each host gets a request",
            spelled(delay)
        ),
        OwnLimit::Rate(rate) => format!("--rate {rate} limits all requests"),
        OwnLimit::Adaptive => "--adaptive slows down to what each host can take".to_owned(),
        OwnLimit::PerIp(limit) => format!("--per-ip {limit} limits the requests to one address"),
        OwnLimit::PerHost(limit) => format!("--per-host {limit} limits the requests to one host"),
    }
}

fn warning(warning: &Warning) -> String {
    match warning {
        Warning::TooSlow { engine, limit } => format!(
            "{engine}: not one record within {}, its share of the time budget",
            spelled(*limit)
        ),
        Warning::FewRounds {
            whole,
            wanted,
            budget,
        } => few_rounds(*whole, *wanted, *budget),
        Warning::Interrupted { whole, wanted } => format!(
            "interrupted: {whole} of {wanted} rounds were completed, and the results are based on those"
        ),
        Warning::Outliers { rounds } => {
            let each = rounds.iter();
            let each: Vec<_> = each
                .map(|(engine, count)| format!("{count} of {engine}"))
                .collect();
            format!(
                "rounds that took much longer or shorter than the rest: {}",
                each.join(", ")
            )
        }
        Warning::Failures { engine, records } => {
            format!("{engine}: {records} records failed, over all rounds")
        }
        Warning::BusyMachine { share } => format!(
            "something else used {} of this machine's CPU: close it, or use more --rounds",
            percent(*share)
        ),
        Warning::ChangingPages { urls } => format!(
            "{urls} URLs got different responses with the same engine, and their texts differ too much to tell \
             whether the pages are the same: these URLs prove nothing"
        ),
        Warning::HostsPaused { times } => format!(
            "hosts were paused {times} times because they refused requests or timed out, so their limit was \
             measured; lower -c, or set --rate"
        ),
        Warning::OneProcessor => "the server and the engines share one CPU core".to_owned(),
    }
}

fn few_rounds(whole: usize, wanted: u32, budget: Duration) -> String {
    let shown = match whole >= LEAST_ROUNDS as usize {
        true => String::new(),
        false => format!("; fewer than {LEAST_ROUNDS} cannot show a difference"),
    };
    let budget = spelled(budget);
    format!("{whole} of {wanted} rounds fit in --time-budget {budget}{shown}")
}

fn next(next: &Recommendation, comparison: &Comparison, fetch: &str) -> Option<Next> {
    let mut engines = comparison.engines.iter();
    let chosen = engines.find(|engine| engine.name == next.engine)?;
    let mut because = match next.alone {
        true => format!("{} is the fastest here", chosen.name),
        false => format!(
            "of the fastest engines, {} uses the least CPU time: {} us per request",
            chosen.name,
            rounded(chosen.cpu_us.user + chosen.cpu_us.system)
        ),
    };
    if let Some(knee) = next.knee {
        because.push_str(&format!(
            "; more than {knee} in flight hardly makes it faster"
        ));
    }
    if chosen.name == "async" {
        let cores = comparison.machine.cores;
        because.push_str(&format!(
            "; it parses on {cores} thread{}, one per core",
            if cores == 1 { "" } else { "s" }
        ));
    }
    let word = chosen.name.split(['#', ':']).next().unwrap_or_default();
    let engine = match (word, next.knee) {
        ("async" | "threads" | "blocking", Some(knee)) => format!("{word} -c {knee}"),
        ("async" | "threads" | "blocking", None) => format!("{word} -c {}", chosen.in_flight),
        _ => chosen.engine.clone(),
    };
    Some(Next {
        command: format!("{fetch} --engine {engine}"),
        because,
    })
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A number with three significant digits or so, and commas between thousands.
fn rounded(value: f64) -> String {
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
    fn numbers_are_rounded_to_about_three_digits() {
        let rounded: Vec<_> = [0.123, 1.0, 12.34, 1234.5, 1_234_567.0]
            .map(rounded)
            .to_vec();
        assert_eq!(rounded, ["0.12", "1.00", "12.3", "1,234", "1,234,567"]);
    }

    #[test]
    fn names_are_listed_with_commas_and_and() {
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(listed(&words), "a, b and c");
        assert_eq!(listed(&words[..2]), "a and b");
    }

    #[test]
    fn a_warning_says_how_many_rounds_fit_and_whether_that_is_enough() {
        let warning = |whole| few_rounds(whole, 7, Duration::from_secs(45));
        assert_eq!(warning(6), "6 of 7 rounds fit in --time-budget 45s");
        assert!(warning(4).ends_with("45s; fewer than 5 cannot show a difference"));
    }
}
