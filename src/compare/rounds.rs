//! The rounds of a comparison: first warm-ups, then blocks in which every engine runs once.
//!
//! The time budget is a limit. Warm-ups are cut off, the rounds are planned from the measured speeds, the plan is
//! revised after the first block if necessary, and no block is started that would not finish in time. Invariant: only
//! complete blocks are returned, even if the comparison is interrupted.

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
use crate::text::size::spelled;

/// URLs fetched one at a time to measure the latency when nothing else is in flight.
const IDLE: usize = 5;
/// If the first block takes more than this many times its planned time, the rest is planned again.
const OFF: f64 = 1.5;
/// A block is started only if there is time left for this share of it.
const FITS: f64 = 0.8;

/// The result of the rounds.
pub(super) struct Course {
    /// Every engine that could run, with its rounds.
    pub(super) rounds: Vec<Rounds>,
    /// The median latency with one request in flight, in milliseconds.
    pub(super) idle_latency_ms: Option<f64>,
    /// Warnings about what was left out to stay within the time budget.
    pub(super) left_out: Vec<Warning>,
    /// Whether the comparison was interrupted.
    pub(super) interrupted: bool,
}

/// Warms every engine up, then runs the blocks.
///
/// # Errors
/// When a round cannot be run, or no engine gets a single record in its time.
pub(super) fn run(
    settings: &CompareSettings,
    arena: &Arena,
    answers: &mut Answers,
    report: &mut impl FnMut(&Stage<'_>),
) -> Result<Course> {
    let mut course = Course {
        rounds: Vec::new(),
        idle_latency_ms: None,
        left_out: Vec::new(),
        interrupted: false,
    };
    let began = Instant::now();
    let Some(speeds) = course.warm_up(settings, arena, answers, report)? else {
        course.interrupted = true;
        course.finish(settings);
        return Ok(course);
    };
    let left = settings.time_budget.saturating_sub(began.elapsed());
    // Even if the warm-ups used up the budget, the shortest rounds are run.
    let budget = left.max(schedule::least(speeds.len(), settings.rounds));
    let began = Instant::now();
    let urls = arena.urls.len();
    course.plan(schedule::counts(urls, &speeds, settings.rounds, budget));
    let planned = budget / settings.rounds;
    // One more block than wanted, because the first may have to be discarded and planned again.
    let blocks = schedule::blocks(course.rounds.len(), settings.rounds + 1, settings.seed);
    let mut replanned = false;
    for (block, order) in (0..).zip(blocks) {
        let begun = Instant::now();
        let time = schedule::time_left(budget, began.elapsed());
        if !course.block((block, order), time, arena, answers, settings, report)? {
            break;
        }
        let took = begun.elapsed();
        let left = budget.saturating_sub(began.elapsed());
        let fitting = left.as_secs_f64() / took.as_secs_f64().max(1e-9);
        if !replanned && block == 0 && took > planned.mul_f64(OFF) {
            // The warm-up was too optimistic: use fewer URLs, and only as many rounds as it takes to show a
            // difference.
            replanned = true;
            if fitting + 1.0 < f64::from(settings.rounds.min(LEAST_ROUNDS)) {
                let speeds = course.speeds();
                let rounds = settings.rounds.min(LEAST_ROUNDS);
                course.plan(schedule::counts(urls, &speeds, rounds, left));
                course.discard_rounds();
                continue;
            }
        }
        if course.complete_blocks() >= settings.rounds as usize || fitting < FITS {
            break;
        }
    }
    course.finish(settings);
    Ok(course)
}

impl Course {
    /// Warms up every engine, and returns the speeds of those that got any records.
    ///
    /// `None` if interrupted.
    fn warm_up(
        &mut self,
        settings: &CompareSettings,
        arena: &Arena,
        answers: &mut Answers,
        report: &mut impl FnMut(&Stage<'_>),
    ) -> Result<Option<Vec<Speed>>> {
        let limit = schedule::warm_up_limit(settings.time_budget, settings.contestants.len() + 1);
        report(&Stage::WarmUp {
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
            report(&Stage::WarmUp { engine });
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
            answers.add(self.rounds.len(), std::mem::take(&mut run.measured.answers));
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

    /// Runs every engine once, and returns whether the block is complete.
    fn block(
        &mut self,
        (block, order): (u32, Vec<usize>),
        time: Duration,
        arena: &Arena,
        answers: &mut Answers,
        settings: &CompareSettings,
        report: &mut impl FnMut(&Stage<'_>),
    ) -> Result<bool> {
        let begun = Instant::now();
        let engines = order.len();
        let of = engines * settings.rounds as usize;
        for (turn, index) in order.into_iter().enumerate() {
            let engine = self.rounds[index].contestant.name.clone();
            report(&Stage::Round {
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
            answers.add(index, std::mem::take(&mut run.measured.answers));
            self.rounds[index].runs.push((block, run));
        }
        Ok(true)
    }

    /// The engines' speeds as measured in the last block.
    fn speeds(&self) -> Vec<Speed> {
        let speed = |rounds: &Rounds| Speed {
            in_flight: rounds.contestant.engine.in_flight(),
            each: rounds.runs.last().map_or(0.0, |(_, run)| {
                run.measured.wall.as_secs_f64() / run.measured.records.max(1) as f64
            }),
        };
        self.rounds.iter().map(speed).collect()
    }

    /// The number of complete blocks.
    fn complete_blocks(&self) -> usize {
        let runs = self.rounds.iter().map(|rounds| rounds.runs.len());
        runs.min().unwrap_or(0)
    }

    /// Discards the rounds of an earlier plan: they had other numbers of URLs.
    fn discard_rounds(&mut self) {
        for rounds in &mut self.rounds {
            rounds.runs.clear();
        }
    }

    /// Keeps only complete blocks, and adds a warning if there are too few.
    fn finish(&mut self, settings: &CompareSettings) {
        let whole = self.complete_blocks();
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
