//! The rounds of a comparison: a warm-up of each engine, then blocks in which every engine runs once, within the time that they may take.
//!
//! The time budget is a bound. Warm-ups are cut off, the rounds are planned from what they showed, the plan is looked at again after the first
//! block, and no block begins that would not end in time. Invariant: what is returned are whole blocks; of an interrupted comparison
//! those that were whole.

use std::time::{Duration, Instant};

use super::answers::Answers;
use super::arena::Arena;
use super::finding::Warning;
use super::outcome::Rounds;
use super::schedule::{self, Speed};
use super::settings::{CompareSettings, LEAST_ROUNDS};
use super::stage::Stage;
use crate::engine::Engine;
use crate::error::{Error, Result, Setting};
use crate::size::spelled;

/// URLs that are fetched one at a time to see how long an answer takes when nothing else is in flight.
const IDLE: usize = 5;
/// A first block that took so many times what was planned is planned anew.
const OFF: f64 = 1.5;
/// The share of a block for which there has to be time left, or none is begun.
const FITS: f64 = 0.8;

/// What the rounds came to.
pub(super) struct Course {
    /// Each engine that could run, with its rounds.
    pub(super) rounds: Vec<Rounds>,
    /// The median latency with one request in flight, in milliseconds.
    pub(super) idle_latency_ms: Option<f64>,
    /// What had to be left out to keep to the time.
    pub(super) left_out: Vec<Warning>,
    /// Whether somebody interrupted it.
    pub(super) interrupted: bool,
}

/// Warms every engine up, then runs the blocks.
///
/// # Errors
/// When a round cannot be run, or no engine gets one record in its time.
pub(super) fn run(
    settings: &CompareSettings,
    arena: &Arena,
    answers: &mut Answers,
    tell: &mut impl FnMut(&Stage<'_>),
) -> Result<Course> {
    let mut course = Course {
        rounds: Vec::new(),
        idle_latency_ms: None,
        left_out: Vec::new(),
        interrupted: false,
    };
    let began = Instant::now();
    let Some(speeds) = course.warm_up(settings, arena, answers, tell)? else {
        course.interrupted = true;
        course.close(settings);
        return Ok(course);
    };
    let left = settings.time_budget.saturating_sub(began.elapsed());
    // A budget that the warm-ups have used up still has room for the shortest rounds.
    let budget = left.max(schedule::least(speeds.len(), settings.rounds));
    let began = Instant::now();
    let urls = arena.urls.len();
    course.plan(schedule::counts(urls, &speeds, settings.rounds, budget));
    let planned = budget / settings.rounds;
    // One more than wanted: the first may have to be planned anew.
    let blocks = schedule::blocks(course.rounds.len(), settings.rounds + 1, settings.seed);
    let mut replanned = false;
    for (block, order) in (0..).zip(blocks) {
        let begun = Instant::now();
        let time = schedule::time_left(budget, began.elapsed());
        if !course.block((block, order), time, arena, answers, settings, tell)? {
            break;
        }
        let took = begun.elapsed();
        let left = budget.saturating_sub(began.elapsed());
        let fitting = left.as_secs_f64() / took.as_secs_f64().max(1e-9);
        if !replanned && block == 0 && took > planned.mul_f64(OFF) {
            // The warm-up promised too much: fewer URLs, in as many rounds as are needed to show anything.
            replanned = true;
            if fitting + 1.0 < f64::from(settings.rounds.min(LEAST_ROUNDS)) {
                let speeds = course.speeds();
                let rounds = settings.rounds.min(LEAST_ROUNDS);
                course.plan(schedule::counts(urls, &speeds, rounds, left));
                course.forget();
                continue;
            }
        }
        if course.whole() >= settings.rounds as usize || fitting < FITS {
            break;
        }
    }
    course.close(settings);
    Ok(course)
}

impl Course {
    /// Lets every engine run once. Answers with the speeds of those that got anything; `None`: interrupted.
    fn warm_up(
        &mut self,
        settings: &CompareSettings,
        arena: &Arena,
        answers: &mut Answers,
        tell: &mut impl FnMut(&Stage<'_>),
    ) -> Result<Option<Vec<Speed>>> {
        let limit = schedule::warm_up_limit(settings.time_budget, settings.contestants.len() + 1);
        tell(&Stage::WarmUp {
            engine: "the server",
        });
        let count = IDLE.min(arena.urls.len());
        let Some(idle) = arena.run_within(Engine::Sequential, count, Some(limit))? else {
            return Ok(None);
        };
        self.idle_latency_ms =
            (!idle.measured.latencies.is_empty()).then(|| idle.measured.median_latency_ms());
        let mut speeds = Vec::new();
        for contestant in &settings.contestants {
            let engine = &contestant.name;
            tell(&Stage::WarmUp { engine });
            let in_flight = contestant.engine.in_flight();
            let count = schedule::warm_up(arena.urls.len(), in_flight);
            let Some(mut run) = arena.run_within(contestant.engine, count, Some(limit))? else {
                return Ok(None);
            };
            if run.measured.records == 0 {
                self.left_out.push(Warning::TooSlow {
                    engine: engine.clone(),
                    limit,
                });
                continue;
            }
            answers.take(self.rounds.len(), std::mem::take(&mut run.measured.answers));
            let each = run.measured.wall.as_secs_f64() / run.measured.records as f64;
            speeds.push(Speed { in_flight, each });
            self.rounds.push(Rounds {
                contestant: contestant.clone(),
                count: 0,
                runs: Vec::new(),
            });
        }
        if self.rounds.is_empty() {
            let problem = format!(
                "no engine got one record in {}: these URLs need more than {}",
                spelled(limit),
                spelled(settings.time_budget)
            );
            return Err(Error::invalid(Setting::TimeBudget, problem));
        }
        Ok(Some(speeds))
    }

    fn plan(&mut self, counts: Vec<usize>) {
        for (rounds, count) in self.rounds.iter_mut().zip(counts) {
            rounds.count = count;
        }
    }

    /// Runs every engine once. Answers whether the block is whole.
    fn block(
        &mut self,
        (block, order): (u32, Vec<usize>),
        time: Duration,
        arena: &Arena,
        answers: &mut Answers,
        settings: &CompareSettings,
        tell: &mut impl FnMut(&Stage<'_>),
    ) -> Result<bool> {
        let begun = Instant::now();
        let engines = order.len();
        let of = engines * settings.rounds as usize;
        for (turn, index) in order.into_iter().enumerate() {
            let engine = self.rounds[index].contestant.name.clone();
            tell(&Stage::Round {
                engine: &engine,
                done: block as usize * engines + turn,
                of,
            });
            let left = time
                .saturating_sub(begun.elapsed())
                .max(Duration::from_millis(1));
            let (engine, count) = (
                self.rounds[index].contestant.engine,
                self.rounds[index].count,
            );
            let Some(mut run) = arena.run_within(engine, count, Some(left))? else {
                self.interrupted = true;
                return Ok(false);
            };
            if run.measured.cut {
                return Ok(false);
            }
            answers.take(index, std::mem::take(&mut run.measured.answers));
            self.rounds[index].runs.push((block, run));
        }
        Ok(true)
    }

    /// The speeds that the last block showed.
    fn speeds(&self) -> Vec<Speed> {
        let speed = |rounds: &Rounds| Speed {
            in_flight: rounds.contestant.engine.in_flight(),
            each: rounds.runs.last().map_or(0.0, |(_, run)| {
                run.measured.wall.as_secs_f64() / run.measured.records.max(1) as f64
            }),
        };
        self.rounds.iter().map(speed).collect()
    }

    /// How many blocks are whole.
    fn whole(&self) -> usize {
        let runs = self.rounds.iter().map(|rounds| rounds.runs.len());
        runs.min().unwrap_or(0)
    }

    /// Forgets rounds that were planned otherwise than what follows.
    fn forget(&mut self) {
        for rounds in &mut self.rounds {
            rounds.runs.clear();
        }
    }

    /// Keeps whole blocks alone, and says what is missing.
    fn close(&mut self, settings: &CompareSettings) {
        let whole = self.whole();
        for rounds in &mut self.rounds {
            rounds.runs.truncate(whole);
        }
        if whole == 0 {
            self.rounds.clear();
        }
        if whole >= settings.rounds as usize || self.interrupted {
            return;
        }
        self.left_out.push(Warning::FewRounds {
            whole,
            wanted: settings.rounds,
            budget: settings.time_budget,
        });
    }
}
