//! Throughput along one setting: how many in flight, the latency of the server, or the work on each page.
//!
//! Along concurrency each engine goes on doubling until its throughput stops growing; the points are fitted with the Universal
//! Scalability Law. Three runs a point, in an order drawn anew each time: enough to draw a curve, too few to tell two
//! engines apart, which is what the rounds are for.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::arena::{Arena, Practice};
use super::contestant::Contestant;
use super::diagnosis::middle;
use super::statistics::{Interval, median};
use super::usl::{self, Usl};
use super::{CompareSettings, Stage};
use crate::error::Result;
use crate::parse::Work;

/// Runs of an engine at each point.
pub(super) const RUNS: usize = 3;
/// What a run is cut to.
const TIME: Duration = Duration::from_millis(400);
/// The highest concurrency that is tried.
const MOST: usize = 4096;
/// Pages of the practice server, so that there are several for each request in flight.
const PAGES: u64 = 4 * MOST as u64;
/// An engine whose throughput grew by less than this share, twice in a row, has stopped growing.
const GROWTH: f64 = 0.05;
/// Latencies of the server, in milliseconds.
const LATENCIES: [f64; 8] = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
/// Work on each page, in microseconds of one core.
const WORKS: [f64; 7] = [0.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0];

/// Along what throughput is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Requests in flight.
    Concurrency,
    /// The latency of the practice server.
    Latency,
    /// Work put on each page.
    Work,
}

/// Throughput along one setting.
#[derive(Debug, Clone, Serialize)]
pub struct Sweep {
    /// The setting.
    pub axis: Axis,
    /// Its unit: `in flight`, `ms`, or `us` of one core.
    pub unit: &'static str,
    /// A curve for each engine.
    pub curves: Vec<Curve>,
}

/// One engine's throughput along the setting.
#[derive(Debug, Clone, Serialize)]
pub struct Curve {
    /// The engine's name.
    pub engine: String,
    /// What was measured.
    pub points: Vec<Point>,
    /// The concurrency beyond which more hardly pays, where there is a fit.
    pub knee: Option<u64>,
    /// The Universal Scalability Law, where concurrency is the axis and there are points enough.
    pub fit: Option<Fit>,
}

/// One point of a curve.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Where on the axis.
    pub x: f64,
    /// Records a second: the median, the least and the most of the runs.
    pub per_second: Interval,
    /// The median latency, in milliseconds.
    pub p50_ms: f64,
}

/// A fitted law, and what it predicts.
#[derive(Debug, Clone, Serialize)]
pub struct Fit {
    /// The law.
    #[serde(flatten)]
    pub law: Usl,
    /// The concurrency of the most throughput; `None` where the curve never turns.
    pub peak_at: Option<f64>,
    /// That throughput.
    pub peak_per_second: Option<f64>,
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "concurrency" => Ok(Axis::Concurrency),
            "latency" => Ok(Axis::Latency),
            "work" => Ok(Axis::Work),
            _ => Err(format!("{text:?} is none of concurrency, latency and work")),
        }
    }
}

/// The most rounds that a sweep can take.
pub(super) fn most_runs(axis: Axis, contestants: &[Contestant]) -> u64 {
    let points = match axis {
        Axis::Concurrency => MOST.ilog2() as usize + 1,
        Axis::Latency => LATENCIES.len(),
        Axis::Work => WORKS.len(),
    };
    (points * contestants.len() * RUNS) as u64
}

/// Measures along an axis.
///
/// # Errors
/// As [`compare`](super::compare()).
pub(super) fn sweep(
    axis: Axis,
    settings: &CompareSettings,
    arena: &mut Arena,
    tell: &mut impl FnMut(&Stage<'_>),
) -> Result<Sweep> {
    let (unit, values) = match axis {
        Axis::Concurrency => (
            "in flight",
            (0..=MOST.ilog2())
                .map(|power| f64::from(1_u32 << power))
                .collect(),
        ),
        Axis::Latency => ("ms", LATENCIES.to_vec()),
        Axis::Work => ("us", WORKS.to_vec()),
    };
    let speed = hash_speed();
    let (work, practice) = (arena.work.clone(), arena.practice.clone());
    if let (Axis::Concurrency, Some(practice)) = (axis, &practice) {
        // The server is ours: no engine shall stop for want of pages.
        let pages = practice.pages.max(PAGES);
        arena.practise(
            Practice {
                pages,
                ..practice.clone()
            },
            settings.seed,
        )?;
    }
    let mut climbs: Vec<Climb> = settings.contestants.iter().map(Climb::new).collect();
    let mut random = fastrand::Rng::with_seed(settings.seed);
    for x in values {
        match (axis, &practice) {
            (Axis::Latency, Some(practice)) => {
                let latency = Duration::from_secs_f64(x / 1e3);
                arena.practise(
                    Practice {
                        latency,
                        ..practice.clone()
                    },
                    settings.seed,
                )?;
            }
            (Axis::Work, _) => arena.work = work_of(x, speed),
            _ => {}
        }
        let sized = |climb: &Climb| match axis {
            Axis::Concurrency => climb
                .contestant
                .sized(NonZeroUsize::new(x as usize).unwrap_or(NonZeroUsize::MIN)),
            _ => climb.contestant.clone(),
        };
        let mut turn = Vec::new();
        for (index, climb) in climbs.iter_mut().enumerate() {
            let contestant = sized(climb);
            let full = axis == Axis::Concurrency
                && climb.is_over(contestant.engine.in_flight(), x, arena.urls.len());
            if !full {
                turn.extend(std::iter::repeat_n((index, contestant), RUNS));
            }
        }
        if turn.is_empty() {
            break;
        }
        random.shuffle(&mut turn);
        let mut runs = vec![Vec::new(); climbs.len()];
        for (index, contestant) in turn {
            tell(&Stage::Sweep {
                engine: &contestant.name,
                at: x,
            });
            let climb = &mut climbs[index];
            let run = arena.run(
                contestant.engine,
                climb.count(contestant.engine.in_flight(), arena.urls.len()),
            )?;
            let measured = &run.measured;
            let per_second = measured.records as f64 / measured.wall.as_secs_f64().max(1e-9);
            climb.each = 1.0 / per_second.max(1e-9);
            runs[index].push((per_second, middle(&measured.latencies)));
        }
        for (climb, runs) in climbs.iter_mut().zip(runs) {
            climb.points.extend(point(x, &runs));
        }
    }
    arena.work = work;
    if let Some(practice) = practice {
        arena.practise(practice, settings.seed)?;
    }
    let curves = climbs.into_iter().map(|climb| climb.curve(axis)).collect();
    Ok(Sweep { axis, unit, curves })
}

/// One engine on its way up.
struct Climb {
    contestant: Contestant,
    points: Vec<Point>,
    /// Seconds a record, in the last run.
    each: f64,
}

impl Climb {
    fn new(contestant: &Contestant) -> Self {
        Self {
            contestant: contestant.clone(),
            points: Vec::new(),
            each: 0.0,
        }
    }

    /// Whether more in flight is not worth trying, or not possible.
    fn is_over(&self, in_flight: usize, x: f64, urls: usize) -> bool {
        if self.contestant.fixed || (in_flight as f64) < x || in_flight * 2 > urls {
            // What has a size of its own is one point; so is what cannot grow further.
            return !self.points.is_empty() || !self.contestant.fixed;
        }
        let medians: Vec<f64> = self
            .points
            .iter()
            .map(|point| point.per_second.median)
            .collect();
        let [before @ .., one, two] = medians.as_slice() else {
            return false;
        };
        let best = before.iter().copied().fold(0.0, f64::max);
        one.max(*two) < best * (1.0 + GROWTH)
    }

    /// URLs of a run: what fits the time, and a few turns of all that is in flight.
    fn count(&self, in_flight: usize, urls: usize) -> usize {
        let fitting = match self.each > 0.0 {
            // Twice as many in flight may be twice as fast.
            true => (2.0 * TIME.as_secs_f64() / self.each) as usize,
            false => 0,
        };
        let turns = if self.each > 0.0 { 4 } else { 8 };
        fitting.max(in_flight * turns).max(8).min(urls)
    }

    fn curve(self, axis: Axis) -> Curve {
        let measured: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|point| (point.x, point.per_second.median))
            .collect();
        let law = usl::fit(&measured).filter(|_| axis == Axis::Concurrency);
        Curve {
            engine: self.contestant.name,
            points: self.points,
            knee: law.map(|law| law.knee().ceil() as u64),
            fit: law.map(|law| Fit {
                peak_at: law.peak(),
                peak_per_second: law.peak().map(|peak| law.at(peak)),
                law,
            }),
        }
    }
}

fn point(x: f64, runs: &[(f64, f64)]) -> Option<Point> {
    let speeds: Vec<f64> = runs.iter().map(|(per_second, _)| *per_second).collect();
    let latencies: Vec<f64> = runs.iter().map(|(_, p50)| *p50).collect();
    let least = speeds.iter().copied().reduce(f64::min)?;
    let most = speeds.iter().copied().reduce(f64::max)?;
    Some(Point {
        x,
        per_second: Interval {
            median: median(&speeds),
            low: least,
            high: most,
        },
        p50_ms: median(&latencies),
    })
}

/// KiB of SHA-256 that one core does in a microsecond.
pub(super) fn hash_speed() -> f64 {
    let begun = Instant::now();
    let mut kibibytes = 0;
    while begun.elapsed() < Duration::from_millis(20) {
        std::hint::black_box(Work::Hash(256).done_on_nothing());
        kibibytes += 256;
    }
    f64::from(kibibytes) / begun.elapsed().as_micros().max(1) as f64
}

/// Work that takes one core so many microseconds.
pub(super) fn work_of(micros: f64, speed: f64) -> Work {
    Work::Hash((micros * speed).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn climb(speeds: &[f64]) -> Climb {
        let words = ["async".to_owned()];
        let contestants = Contestant::list(&words, NonZeroUsize::MIN).unwrap();
        let mut climb = Climb::new(&contestants[0]);
        for (power, speed) in (0..).zip(speeds) {
            climb
                .points
                .extend(point(f64::from(1 << power), &[(*speed, 1.0)]));
        }
        climb
    }

    #[test]
    fn an_engine_climbs_until_it_has_not_grown_twice_in_a_row() {
        assert!(!climb(&[100.0, 200.0, 390.0]).is_over(8, 8.0, 1000));
        assert!(!climb(&[100.0, 200.0, 390.0, 392.0]).is_over(16, 16.0, 1000));
        assert!(climb(&[100.0, 200.0, 390.0, 392.0, 380.0]).is_over(32, 32.0, 1000));
        assert!(
            climb(&[100.0, 200.0]).is_over(512, 512.0, 1000),
            "too few URLs"
        );
        assert!(
            climb(&[100.0, 200.0]).is_over(64, 128.0, 1000),
            "too few children"
        );
    }

    #[test]
    fn work_grows_with_the_time_that_it_shall_take() {
        assert!(work_of(0.0, 1.5).is_none());
        assert_eq!(work_of(1000.0, 1.5), Work::Hash(1500));
        assert!(hash_speed() > 0.0);
    }
}
