//! Runs the same work through every engine and finds the fastest one here.
//!
//! Also how certain that is, what the engine waited for, and what to run next.
//!
//! Everything but the engine is the same: the URLs, the loop, the fetch path, the limits, the parsing. Every round
//! runs in a fresh process, rounds are interleaved, and a winner is named only if all engines got the same answers.
//! The result is plain data, [`Comparison`]; presenting it is up to the caller.
//!
//! Edge: it waits for its children and computes between them, so it is blocking code; run it on a thread of its own.

mod answers;
mod arena;
mod comparison;
mod contestant;
mod curve;
mod diagnosis;
mod finding;
mod flights;
mod latency;
mod list;
mod machine;
mod map;
mod outcome;
mod round;
mod rounds;
mod schedule;
mod settings;
mod stage;
pub mod statistics;
mod sweep;
mod target;
#[doc(hidden)] // the curve fitted to a sweep: not part of the stable interface
pub mod usl;
pub mod verdict;

use std::time::{Duration, Instant, SystemTime};

pub use comparison::*;
pub use contestant::{CONTESTANTS, Contestant};
pub use curve::{Axis, Curve, End, Fit, Point, Sweep};
pub use finding::*;
pub use latency::Latency;
pub use list::{Listed, listed};
pub use machine::Machine;
pub use map::{Cell, Map};
pub use round::{ROUND_ARGUMENT, serve_round};
pub use settings::{CompareSettings, LEAST_ROUNDS};
pub use stage::Stage;
pub use target::{Archived, Practice, Target};

use answers::Answers;
use arena::Arena;
use outcome::Rounds;
use rounds::Course;

use crate::error::{Error, Result, Setting};
use crate::run::stop::Stop;

/// A machine is noisy if its processors spent more than this share of the time on other work.
const NOISY: f64 = 0.1;
/// The most URLs whose texts are compared because their bytes change between requests.
const TEXTS: usize = 100;

impl CompareSettings {
    /// The most requests that a comparison sends to its target.
    ///
    /// All rounds of all engines, the warm-ups, one more fetch of each page that changes, and the sweep.
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

    /// Whether the server runs on this machine, in this process.
    fn serves_here(&self) -> bool {
        self.target.is_practice() || self.archive.is_some()
    }

    /// # Errors
    /// When a setting is invalid.
    fn check(&self) -> Result<()> {
        let refuse = |setting, what: &str| Err(Error::invalid(setting, what));
        let practice = matches!(self.target, Target::Practice(_));
        if self.rounds < LEAST_ROUNDS {
            return refuse(
                Setting::Rounds,
                "fewer than 5 rounds of each engine cannot show a difference",
            );
        }
        if self.map && !practice {
            return refuse(
                Setting::Map,
                "the map changes the server's latency, so it needs the practice server and no URLs",
            );
        }
        if self.sweep == Some(Axis::Latency) && !practice {
            return refuse(
                Setting::Sweep,
                "a sweep of latency changes the server's, so it needs the practice server and no URLs",
            );
        }
        match &self.target {
            Target::Urls(urls) if urls.is_empty() => {
                Err(Error::Setting("there is no URL to compare with".to_owned()))
            }
            Target::Practice(practice) if practice.pages == 0 => {
                refuse(Setting::Pages, "0 leaves nothing to fetch")
            }
            _ => Ok(()),
        }
    }
}

/// Compares the engines.
///
/// Once `stop` drains, no more rounds are run, and the result is based on the completed blocks.
///
/// # Errors
/// When a setting is invalid, the practice server cannot be started, or a round cannot finish.
pub fn compare(
    settings: &CompareSettings,
    stop: &Stop,
    mut report: impl FnMut(&Stage<'_>),
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
    let course = rounds::run(settings, &arena, &mut answers, &mut report)?;
    let rounds = &course.rounds;
    if rounds.is_empty() {
        answers = Answers::default(); // answers from warm-ups alone compare nothing
    }
    compare_texts(rounds, &arena, &mut answers, &mut report)?;
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
        .position(|engine| engine.place == verdict::Ranking::Best);
    let best = best.map(|index| &rounds[index]).filter(|_| fetched);
    let warnings = warnings(settings, &course, &engines, &agreement, &machine);
    let workload = Workload {
        urls: arena.urls.len(),
        hosts: arena.hosts(),
        work: settings.work.to_string(),
        practice: arena.practice.as_ref().map(practice),
        archive: settings.archive.as_ref().map(archive),
    };
    let idle = course.idle_latency_ms;
    let diagnosis = best.map(|best| diagnosis::diagnose(best, idle, settings, &machine));
    let may_continue = || proved && fetched && !stop.drain.is_cancelled();
    let sweep = match settings.sweep.filter(|_| may_continue()) {
        Some(axis) => sweep::sweep(axis, settings, &mut arena, &mut report)?,
        None => None,
    };
    let map = match settings.map && may_continue() {
        true => map::map(settings, &mut arena, &mut report)?,
        false => None,
    };
    let recommendation = verdict
        .as_ref()
        .filter(|_| fetched)
        .and_then(|_| diagnosis::recommend(&engines, sweep.as_ref()));
    Ok(Comparison {
        command: settings.command.clone(),
        started: crate::text::moment::to_second(started),
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

/// Fetches URLs whose bytes change between requests once more, untimed, and compares their texts.
fn compare_texts(
    rounds: &[Rounds],
    arena: &Arena,
    answers: &mut Answers,
    report: &mut impl FnMut(&Stage<'_>),
) -> Result<()> {
    let changing = answers.changing(TEXTS);
    if changing.is_empty() {
        return Ok(());
    }
    for (index, rounds) in rounds.iter().enumerate() {
        let engine = &rounds.contestant.name;
        report(&Stage::Texts { engine });
        let texts = arena.texts(rounds.contestant.engine, &changing)?;
        answers.add(index, texts);
    }
    Ok(())
}

fn archive(archive: &Archived) -> ArchiveResult {
    ArchiveResult {
        path: archive.path.clone(),
        latency_ms: milliseconds(archive.latency),
        jitter_ms: milliseconds(archive.jitter),
        as_recorded: archive.as_recorded,
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn practice(practice: &Practice) -> PracticeResult {
    PracticeResult {
        latency_ms: milliseconds(practice.latency),
        jitter_ms: milliseconds(practice.jitter),
        size_bytes: practice.size.0,
        pages: practice.pages,
        error_rate: practice.error_rate,
    }
}

/// What makes the figures less reliable.
fn warnings(
    settings: &CompareSettings,
    course: &Course,
    engines: &[EngineResult],
    agreement: &Agreement,
    machine: &Machine,
) -> Vec<Warning> {
    let rounds = &course.rounds;
    let mut warnings = course.left_out.clone();
    if course.interrupted {
        let whole = engines.first().map_or(0, |engine| engine.rounds.len());
        warnings.push(Warning::Interrupted {
            whole,
            wanted: settings.rounds,
        });
    }
    let outlying: Vec<(String, usize)> = engines
        .iter()
        .filter(|engine| engine.outliers.len() > 1) // one in six engines has one even on a quiet machine
        .map(|engine| (engine.name.clone(), engine.outliers.len()))
        .collect();
    if !outlying.is_empty() {
        warnings.push(Warning::Outliers { rounds: outlying });
    }
    for engine in engines.iter().filter(|engine| engine.failed > 0) {
        warnings.push(Warning::Failures {
            engine: engine.name.clone(),
            records: engine.failed,
        });
    }
    let shares = rounds
        .iter()
        .filter_map(|rounds| diagnosis::shares(rounds, machine.cores));
    let others: Vec<f64> = shares.map(|shares| shares.others).collect();
    let others = statistics::median(&others);
    if others > NOISY {
        warnings.push(Warning::BusyMachine { share: others });
    }
    if agreement.changing > 0 {
        warnings.push(Warning::ChangingPages {
            urls: agreement.changing,
        });
    }
    let pauses: u64 = rounds
        .iter()
        .flat_map(|rounds| &rounds.runs)
        .map(|(_, run)| run.measured.pauses)
        .sum();
    if pauses > 0 {
        warnings.push(Warning::HostsPaused { times: pauses });
    }
    if settings.serves_here() && machine.cores == 1 {
        warnings.push(Warning::OneProcessor);
    }
    warnings
}
