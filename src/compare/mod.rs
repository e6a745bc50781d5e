//! The same work through every engine: which is fastest here, how sure that is, what it waited for, and what to type next.
//!
//! Everything but the engine is equal: the URLs, the loop, the fetch path, the limits, the parsing. Every round runs in a fresh
//! process, rounds are interleaved, and before a winner is named all engines have to have given the same answers. What is
//! found is plain data, [`Comparison`]; telling it is somebody else's.
//!
//! Edge: it waits for its children and computes between them, so it is blocking code, for a thread that has nothing else to do.

mod answers;
mod arena;
mod comparison;
mod contestant;
mod diagnosis;
mod flights;
mod latency;
mod list;
mod machine;
mod map;
mod outcome;
mod round;
mod rounds;
mod schedule;
pub mod statistics;
mod sweep;
#[doc(hidden)] // the curve that a sweep is fitted to: no promise is made of it
pub mod usl;
pub mod verdict;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

pub use arena::{Practice, Target};
pub use comparison::*;
pub use contestant::{CONTESTANTS, Contestant};
pub use latency::Latency;
pub use list::{Listed, listed};
pub use map::{Cell, Map};
pub use round::{ROUND_ARGUMENT, serve_round};
pub use sweep::{Axis, Curve, End, Point, Sweep};

use answers::Answers;
use arena::Arena;
use outcome::Rounds;
use rounds::Course;

use crate::engine::DEFAULT_IN_FLIGHT;
use crate::error::{Error, Result};
use crate::fetch::FetchSettings;
use crate::frontier::FrontierSettings;
use crate::parse::Work;
use crate::stop::Stop;

/// Fewer rounds than this show nothing.
pub const LEAST_ROUNDS: u32 = 5;
/// Processors that were busy with something else for more than this share make a machine noisy.
const NOISY: f64 = 0.1;
/// URLs whose texts are compared, where their bytes change from one request to the next.
const TEXTS: usize = 100;

/// What is compared, and how.
#[derive(Debug, Clone)]
pub struct CompareSettings {
    /// The engines.
    pub contestants: Vec<Contestant>,
    /// Requests in flight, for engines whose size is open.
    pub in_flight: NonZeroUsize,
    /// What is asked.
    pub target: Target,
    /// What a request may do, the same for all.
    pub fetch: FetchSettings,
    /// Politeness and patience, the same for all.
    pub frontier: FrontierSettings,
    /// Work put on each page, the same for all.
    pub work: Work,
    /// Rounds of each engine, [`LEAST_ROUNDS`] at least.
    pub rounds: u32,
    /// Whether a sweep may ask for URLs of the list more than once, to try more in flight than a short list allows.
    pub repeats: bool,
    /// How long the rounds may take together, about.
    pub time_budget: Duration,
    /// The seed of the order of rounds, of the choice of URLs, and of the resampling.
    pub seed: u64,
    /// Along what throughput is measured besides.
    pub sweep: Option<Axis>,
    /// Whether the winners at other latencies and other work are found besides.
    pub map: bool,
    /// The binary that rounds are run by; the current one where it is `None`. It must call [`serve_round`] when its first
    /// argument is [`ROUND_ARGUMENT`].
    pub program: Option<PathBuf>,
    /// The command line that repeats it.
    pub command: String,
    /// The command line that fetches the same with the same settings, but for engine and concurrency.
    pub fetch_command: String,
    /// What is in force, for whoever reads the report.
    pub settings: Vec<(String, String)>,
}

/// How far a comparison is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage<'a> {
    /// An engine runs its first URLs, to warm up and to see how fast it is.
    WarmUp {
        /// Its name; `the server` where it is the server's latency that is looked at.
        engine: &'a str,
    },
    /// An engine runs a round.
    Round {
        /// Its name.
        engine: &'a str,
        /// Rounds that are over.
        done: usize,
        /// Rounds in all.
        of: usize,
    },
    /// An engine asks once more for pages that change, untimed, so that their texts can be compared.
    Texts {
        /// Its name.
        engine: &'a str,
    },
    /// An engine runs at one point of the sweep.
    Sweep {
        /// Its name.
        engine: &'a str,
        /// The point.
        at: f64,
    },
    /// An engine runs at one cell of the map.
    Map {
        /// Its name.
        engine: &'a str,
        /// Cells that are over.
        done: usize,
        /// Cells, as far as is known.
        of: usize,
    },
}

impl Default for CompareSettings {
    /// Every engine with as many requests in flight as a run has by default, on the practice server, as `haul compare` does it
    /// without arguments.
    fn default() -> Self {
        let in_flight = NonZeroUsize::new(DEFAULT_IN_FLIGHT).unwrap_or(NonZeroUsize::MIN);
        let all = CONTESTANTS.map(str::to_owned);
        Self {
            contestants: Contestant::list(&all, in_flight).unwrap_or_default(),
            in_flight,
            target: Target::Practice(Practice::default()),
            fetch: FetchSettings::default(),
            frontier: FrontierSettings::default(),
            work: Work::default(),
            rounds: 7,
            repeats: false,
            time_budget: Duration::from_secs(45),
            seed: fastrand::u32(..).into(),
            sweep: None,
            map: false,
            program: None,
            command: String::new(),
            fetch_command: String::new(),
            settings: Vec::new(),
        }
    }
}

impl CompareSettings {
    /// The most requests that are sent to the target: every round of every engine, the warm-up, and pages that change once more.
    pub fn most_requests(&self) -> u64 {
        let urls = match &self.target {
            Target::Urls(urls) => urls.len() as u64,
            Target::Practice(practice) => practice.pages,
        };
        let rounds = u64::from(self.rounds) + 1;
        let texts = urls.min(TEXTS as u64);
        let base = (urls * rounds + texts) * self.contestants.len() as u64;
        let along = match self.sweep {
            Some(axis) => sweep::most_requests(axis, &self.contestants, urls, self.repeats),
            None => 0,
        };
        base + along
    }

    /// # Errors
    /// When a setting cannot hold.
    fn check(&self) -> Result<()> {
        let refuse = |what: &str| Err(Error::Setting(what.to_owned()));
        let practice = matches!(self.target, Target::Practice(_));
        if self.rounds < LEAST_ROUNDS {
            return refuse(
                "--rounds: with fewer than 5 rounds of each engine nothing can be shown",
            );
        }
        if self.map && !practice {
            return refuse(
                "--map changes the server's latency: it needs the practice server, and takes no URLs",
            );
        }
        if self.sweep == Some(Axis::Latency) && !practice {
            return refuse(
                "--sweep latency changes the server's latency: it needs the practice server, and takes no URLs",
            );
        }
        match &self.target {
            Target::Urls(urls) if urls.is_empty() => refuse("no URL to compare with"),
            Target::Practice(practice) if practice.pages == 0 => {
                refuse("--pages 0 leaves nothing to ask")
            }
            _ => Ok(()),
        }
    }
}

/// Compares. Once `stop` drains no more rounds are run, and what is returned rests on the blocks that were whole.
///
/// # Errors
/// When a setting cannot hold, the practice server cannot be started, or a round cannot come to its end.
pub fn compare(
    settings: &CompareSettings,
    stop: &Stop,
    mut tell: impl FnMut(&Stage<'_>),
) -> Result<Comparison> {
    settings.check()?;
    let (began, started) = (Instant::now(), SystemTime::now());
    let machine = Machine::here();
    let mut arena = Arena::open(
        &settings.target,
        settings.fetch.clone(),
        settings.frontier.clone(),
        settings.work.clone(),
        settings.program.clone(),
        (settings.seed, settings.repeats),
        stop.clone(),
    )?;
    let mut answers = Answers::default();
    let course = rounds::run(settings, &arena, &mut answers, &mut tell)?;
    let rounds = &course.rounds;
    if rounds.is_empty() {
        answers = Answers::default(); // what a warm-up was answered compares nothing
    }
    compare_texts(rounds, &arena, &mut answers, &mut tell)?;
    let names: Vec<String> = rounds
        .iter()
        .map(|rounds| rounds.contestant.name.clone())
        .collect();
    let agreement = answers.agreement(&names, &arena.urls);
    let seconds: Vec<_> = names
        .iter()
        .cloned()
        .zip(rounds.iter().map(Rounds::seconds))
        .collect();
    let standings = verdict::judge(&seconds, settings.seed);
    let engines: Vec<EngineResult> = rounds
        .iter()
        .zip(standings)
        .map(|(rounds, standing)| rounds.result(standing, arena.urls.len(), settings.seed))
        .collect();
    let fetched = engines.iter().any(EngineResult::fetched);
    let proved = agreement.agree && (agreement.proved > 0 || engines.len() == 1);
    let verdict = match fetched {
        _ if engines.is_empty() => None,
        true => proved.then(|| diagnosis::verdict(&engines)),
        false => agreement.agree.then(diagnosis::nothing),
    };
    let best = engines
        .iter()
        .position(|engine| engine.place == verdict::Place::Best);
    let best = best.map(|index| &rounds[index]).filter(|_| fetched);
    let warnings = warnings(settings, &course, &engines, &agreement, &machine);
    let workload = Workload {
        urls: arena.urls.len(),
        hosts: arena.hosts(),
        work: settings.work.to_string(),
        practice: arena.practice.as_ref().map(practice),
    };
    let idle = course.idle_latency_ms;
    let diagnosis = best.map(|best| diagnosis::diagnose(best, idle, settings, &machine));
    let goes_on = || proved && fetched && !stop.drain.is_cancelled();
    let sweep = match settings.sweep.filter(|_| goes_on()) {
        Some(axis) => sweep::sweep(axis, settings, &mut arena, &mut tell)?,
        None => None,
    };
    let map = match settings.map && goes_on() {
        true => map::map(settings, &mut arena, &mut tell)?,
        false => None,
    };
    let recommendation = verdict
        .as_ref()
        .filter(|_| fetched)
        .map(|_| diagnosis::recommend(&engines, sweep.as_ref(), settings, machine.cores));
    Ok(Comparison {
        kind: "comparison",
        format: FORMAT,
        haul: env!("CARGO_PKG_VERSION"),
        command: settings.command.clone(),
        started: humantime::format_rfc3339_seconds(started).to_string(),
        took_s: began.elapsed().as_secs_f64(),
        seed: settings.seed,
        machine,
        settings: settings.settings.clone(),
        workload,
        engines,
        answers: agreement,
        verdict,
        interrupted: stop.drain.is_cancelled(),
        warnings,
        diagnosis,
        recommendation,
        sweep,
        map,
    })
}

/// Asks once more, untimed, for URLs whose bytes change from one request to the next, and compares their texts.
fn compare_texts(
    rounds: &[Rounds],
    arena: &Arena,
    answers: &mut Answers,
    tell: &mut impl FnMut(&Stage<'_>),
) -> Result<()> {
    let changing = answers.changing(TEXTS);
    if changing.is_empty() {
        return Ok(());
    }
    for (index, rounds) in rounds.iter().enumerate() {
        let engine = &rounds.contestant.name;
        tell(&Stage::Texts { engine });
        let texts = arena.texts(rounds.contestant.engine, &changing)?;
        answers.take(index, texts);
    }
    Ok(())
}

fn practice(practice: &Practice) -> PracticeResult {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    PracticeResult {
        latency_ms: milliseconds(practice.latency),
        jitter_ms: milliseconds(practice.jitter),
        size_bytes: practice.size.0,
        pages: practice.pages,
        error_rate: practice.error_rate,
    }
}

/// What makes the figures less sure.
fn warnings(
    settings: &CompareSettings,
    course: &Course,
    engines: &[EngineResult],
    agreement: &Agreement,
    machine: &Machine,
) -> Vec<String> {
    let rounds = &course.rounds;
    let mut warnings = course.left_out.clone();
    if course.interrupted {
        let whole = engines.first().map_or(0, |engine| engine.rounds.len());
        warnings.push(format!(
            "interrupted: {whole} of {} rounds were whole, and what is said rests on these",
            settings.rounds
        ));
    }
    let outlying: Vec<String> = engines
        .iter()
        .filter(|engine| engine.outliers.len() > 1) // one in six quiet engines has one
        .map(|engine| format!("{} of {}", engine.outliers.len(), engine.name))
        .collect();
    if !outlying.is_empty() {
        warnings.push(format!(
            "rounds that took much longer or shorter than the others: {}",
            outlying.join(", ")
        ));
    }
    for engine in engines.iter().filter(|engine| engine.failed > 0) {
        warnings.push(format!(
            "{}: {} records failed, in all rounds",
            engine.name, engine.failed
        ));
    }
    let shares = rounds
        .iter()
        .filter_map(|rounds| diagnosis::shares(rounds, machine.cores));
    let others: Vec<f64> = shares.map(|shares| shares.others).collect();
    let others = statistics::median(&others);
    if others > NOISY {
        warnings.push(format!(
            "the machine was {:.0} % busy with something else: close it, or ask for more --rounds",
            others * 100.0
        ));
    }
    if agreement.changing > 0 {
        warnings.push(format!(
            "{} URLs were answered differently by the same engine, and their texts do not show that they are the same pages: they prove nothing",
            agreement.changing
        ));
    }
    let held: u64 = rounds
        .iter()
        .flat_map(|rounds| &rounds.runs)
        .map(|(_, run)| run.measured.holds)
        .sum();
    if held > 0 {
        warnings.push(format!(
            "hosts were paused {held} times, as they refused requests or did not answer: what was measured is their limit; lower -c, or set --rate"
        ));
    }
    let hosts = &settings.target;
    if matches!(hosts, Target::Practice(_)) && machine.cores == 1 {
        warnings.push("the practice server and the engines share one processor".to_owned());
    }
    warnings
}
