//! Throughput along one setting: requests in flight, the server's latency, or work per page.
//!
//! Along concurrency each engine keeps doubling until its throughput stops growing; the points are fitted with the
//! Universal Scalability Law. Each point is three runs in a new random order: enough to draw a curve, too few to tell
//! two engines apart, which is what the rounds are for.
//!
//! A knee is named only if throughput was seen to stop growing. A sweep that ended for another reason, such as a list
//! that is too short, reports the reason and what it would take to continue.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::arena::Arena;
use super::contestant::Contestant;
use super::curve::{Axis, Curve, End, Fit, Point, Sweep};
use super::settings::CompareSettings;
use super::stage::Stage;
use super::statistics::{Interval, median};
use super::target::Practice;
use super::usl::{self, Usl};
use crate::error::Result;
use crate::parse::Work;

/// Runs of each engine at each point.
pub(super) const RUNS: usize = 3;
/// The intended length of a run; the number of URLs is chosen to fit it.
const TIME: Duration = Duration::from_millis(400);
/// The highest concurrency that is tried.
const MOST: usize = 4096;
/// Pages of the practice server, so that there are several for each slot.
const PAGES: u64 = 4 * MOST as u64;
/// An engine has stopped growing once its throughput grew by less than this share twice in a row.
const GROWTH: f64 = 0.05;
/// A fit that explains a smaller share of the variance than this is not shown.
const GOOD_FIT: f64 = 0.8;
/// The share of the highest throughput that the knee has to reach.
const ENOUGH: f64 = 0.9;
/// With fewer requests per slot than this, the start and end of a run would outweigh its middle.
const TURNS: usize = 2;
/// Requests per slot in an engine's first run, before its speed is known.
const FIRST_TURNS: usize = 8;
/// The server latencies that are tried, in milliseconds.
const LATENCIES: [f64; 8] = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
/// The amounts of work per page that are tried, in microseconds of one core.
const WORKS: [f64; 7] = [0.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0];

/// The most requests that a sweep over `urls` URLs can send.
pub(super) fn most_requests(
    axis: Axis,
    contestants: &[Contestant],
    urls: u64,
    repeats: bool,
) -> u64 {
    let runs = (contestants.len() * RUNS) as u64;
    let points = match axis {
        Axis::Concurrency => MOST.ilog2() as usize + 1,
        Axis::Latency => LATENCIES.len(),
        Axis::Work => WORKS.len(),
    };
    let turns = |power: u32| urls.max(FIRST_TURNS as u64 * (1 << power));
    match axis {
        Axis::Concurrency if repeats => runs * (0..points as u32).map(turns).sum::<u64>(),
        _ => runs * points as u64 * urls,
    }
}

/// Measures throughput along an axis; `None` if interrupted.
///
/// # Errors
/// When the practice server cannot be started, or a round does not finish.
pub(super) fn sweep(
    axis: Axis,
    settings: &CompareSettings,
    arena: &mut Arena,
    report: &mut impl FnMut(&Stage<'_>),
) -> Result<Option<Sweep>> {
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
        // The practice server can have any number of pages, so no engine has to stop for lack of them.
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
            let in_flight = contestant.engine.in_flight();
            if axis == Axis::Concurrency && climb.end.is_none() {
                climb.end = climb.end(in_flight, x, arena.most_urls(in_flight * FIRST_TURNS));
            }
            if climb.end.is_none() || climb.points.is_empty() {
                turn.extend(std::iter::repeat_n((index, contestant), RUNS));
            }
        }
        if turn.is_empty() {
            break;
        }
        random.shuffle(&mut turn);
        let mut runs = vec![Vec::new(); climbs.len()];
        for (index, contestant) in turn {
            report(&Stage::Sweep {
                engine: &contestant.name,
                at: x,
            });
            let climb = &mut climbs[index];
            let in_flight = contestant.engine.in_flight();
            let count = climb.count(in_flight, arena.most_urls(in_flight * FIRST_TURNS));
            let Some(run) = arena.run(contestant.engine, count)? else {
                return Ok(None);
            };
            let per_second = run.per_second();
            climb.each = 1.0 / per_second.max(1e-9);
            runs[index].push((per_second, run.measured.median_latency_ms()));
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
    Ok(Some(Sweep { axis, unit, curves }))
}

/// One engine's measurements as its concurrency grows.
struct Climb {
    contestant: Contestant,
    points: Vec<Point>,
    /// Seconds per record in the last run.
    each: f64,
    /// Why it is not tried at further points.
    end: Option<End>,
}

impl Climb {
    fn new(contestant: &Contestant) -> Self {
        Self {
            contestant: contestant.clone(),
            points: Vec::new(),
            each: 0.0,
            end: None,
        }
    }

    /// Why more in flight is not worth trying, or not possible.
    fn end(&self, in_flight: usize, x: f64, urls: usize) -> Option<End> {
        if self.contestant.fixed {
            return (!self.points.is_empty()).then_some(End::FixedSize); // a fixed size makes one point
        }
        if (in_flight as f64) < x {
            return Some(End::FixedSize);
        }
        let medians: Vec<f64> = self
            .points
            .iter()
            .map(|point| point.per_second.median)
            .collect();
        if let [before @ .., one, two] = medians.as_slice() {
            let best = before.iter().copied().fold(0.0, f64::max);
            if one.max(*two) < best * (1.0 + GROWTH) {
                return Some(End::StoppedGrowing);
            }
        }
        (in_flight * TURNS > urls).then_some(End::ListTooShort {
            urls_needed: 4 * TURNS * in_flight,
        })
    }

    /// The number of URLs in a run: what fits the time, but a few requests per slot.
    ///
    /// At most `most`.
    fn count(&self, in_flight: usize, most: usize) -> usize {
        let fitting = match self.each > 0.0 {
            // Twice as many in flight may be twice as fast.
            true => (2.0 * TIME.as_secs_f64() / self.each) as usize,
            false => 0,
        };
        let turns = if self.each > 0.0 { 4 } else { FIRST_TURNS };
        fitting.max(in_flight * turns).max(8).min(most)
    }

    fn curve(self, axis: Axis) -> Curve {
        let along = axis == Axis::Concurrency;
        let end = along.then(|| self.end.unwrap_or(End::HighestTried));
        let measured: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|point| (point.x, point.per_second.median))
            .collect();
        let law = usl::fit(&measured).filter(|law| along && law.r_squared >= GOOD_FIT);
        let levelled = end == Some(End::StoppedGrowing);
        Curve {
            engine: self.contestant.name,
            points: self.points,
            knee: knee(&measured, law).filter(|_| levelled),
            end,
            fit: law.map(|law| Fit {
                peak_at: law.peak(),
                peak_per_second: law.peak().map(|peak| law.at(peak)),
                law,
            }),
        }
    }
}

/// Where a curve that stopped growing reaches 90 % of its highest throughput.
///
/// Taken from the law if it fits and peaks within what was measured, otherwise the first point that reaches it.
fn knee(measured: &[(f64, f64)], law: Option<Usl>) -> Option<u64> {
    if let Some(law) = law
        && law.peak().is_none_or(|peak| peak <= law.measured_to)
    {
        return Some(law.knee().ceil() as u64);
    }
    let highest = measured.iter().map(|(_, speed)| *speed).fold(0.0, f64::max);
    let first = measured
        .iter()
        .find(|(_, speed)| *speed >= ENOUGH * highest);
    first.map(|(x, _)| *x as u64)
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

/// KiB that one core hashes with SHA-256 in a microsecond.
pub(super) fn hash_speed() -> f64 {
    let begun = Instant::now();
    let mut kibibytes = 0;
    while begun.elapsed() < Duration::from_millis(20) {
        std::hint::black_box(Work::Hash(256).run_on_empty_page());
        kibibytes += 256;
    }
    f64::from(kibibytes) / begun.elapsed().as_micros().max(1) as f64
}

/// Work that takes one core `micros` microseconds.
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
    fn an_engine_climbs_until_it_stops_growing_twice_in_a_row() {
        let end = |speeds: &[f64], in_flight, x| climb(speeds).end(in_flight, x, 1000);
        assert_eq!(end(&[100.0, 200.0, 390.0], 8, 8.0), None);
        assert_eq!(end(&[100.0, 200.0, 390.0, 392.0], 16, 16.0), None);
        assert_eq!(
            end(&[100.0, 200.0, 390.0, 392.0, 380.0], 32, 32.0),
            Some(End::StoppedGrowing)
        );
        assert_eq!(
            end(&[100.0, 200.0], 512, 512.0),
            Some(End::ListTooShort { urls_needed: 4096 })
        );
        assert_eq!(
            end(&[100.0, 200.0], 64, 128.0),
            Some(End::FixedSize),
            "too few children"
        );
    }

    /// 200 URLs at 200 ms: throughput keeps doubling until the list is too short.
    #[test]
    fn a_climb_that_the_list_ends_has_no_knee_and_reports_how_many_urls_it_needs() {
        let mut growing = climb(&[5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 246.0]);
        growing.end = growing.end(128, 128.0, 200);
        let curve = growing.curve(Axis::Concurrency);
        assert_eq!(curve.knee, None);
        assert_eq!(curve.end, Some(End::ListTooShort { urls_needed: 1024 }));
    }

    #[test]
    fn a_curve_that_was_seen_to_stop_growing_has_a_knee() {
        let mut levelled = climb(&[100.0, 190.0, 350.0, 560.0, 700.0, 720.0, 715.0]);
        levelled.end = levelled.end(128, 128.0, 10_000);
        let curve = levelled.curve(Axis::Concurrency);
        assert_eq!(curve.end, Some(End::StoppedGrowing));
        let knee = curve.knee.unwrap();
        assert!((8..=32).contains(&knee), "{knee}");
    }

    #[test]
    fn a_law_that_explains_nothing_is_not_shown() {
        let mut noise = climb(&[100.0, 20.0, 180.0, 15.0, 90.0, 10.0]);
        noise.end = noise.end(64, 64.0, 10_000);
        let curve = noise.curve(Axis::Concurrency);
        assert!(curve.fit.is_none(), "{:?}", curve.fit);
        assert_eq!(curve.knee, Some(4), "the first point near the highest");
    }

    #[test]
    fn work_grows_with_the_time_that_it_should_take() {
        assert!(work_of(0.0, 1.5).is_none());
        assert_eq!(work_of(1000.0, 1.5), Work::Hash(1500));
        assert!(hash_speed() > 0.0);
    }
}
