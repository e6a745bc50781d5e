//! Which engine wins, and whether the figures show it.
//!
//! The best engine is the one with the lowest median. Another engine is called slower only if three things agree: the
//! rank test, the interval of the ratio (all of it above 1) and the ratio itself (above 1.01, since a difference of
//! one per cent matters to no one). Everything else is "no difference shown", which does not mean "they are equal".
//!
//! The rank test counts if p is below 0.01 when two engines are compared. Six engines make five comparisons, each with
//! an engine that was picked after the fact because it came out best; together they share 0.02, which is 0.004 each.
//! Two times five rounds that do not overlap at all have p = 2/252 = 0.0079, and can have no less; so the level is
//! never below what such rounds can reach without ties. With fewer than five rounds a side no difference is ever
//! shown.
//!
//! How often that is wrong, simulated with log-normal noise of 5 %: of two equal engines one is called slower in at
//! most 1.2 % of the runs. Of six equal engines any is called slower in 6 % of the runs (five rounds), 2.4 % (seven)
//! and 3.7 % (ten or more) if the noise of each round is independent, and in less than 1.3 % if 3 % of noise shared by
//! a block comes on top (2.6 % with five rounds). A slowdown of 20 % among six engines is found in 93 % of the runs
//! (five rounds), nearly always (seven) and always (ten or more); with 5 % of shared noise in 68 %, 82 % and always.
//!
//! The rank test ignores blocks: noise that slows whole blocks makes it cautious, and then more rounds are needed.
//! (The signed-rank test, which uses pairs, needs eight rounds for a p below 0.01.)

use serde::{Deserialize, Serialize};

use super::statistics::{Interval, median, rank_test, ratio_interval};

/// The p value below which the rank test of a single pair shows a difference.
const SIGNIFICANT: f64 = 0.01;

/// The level that all pairs share: twice that of a single pair, because they are not independent.
const SHARED: f64 = 0.02;

/// The smallest ratio that is worth mentioning.
const NOTABLE: f64 = 1.01;

/// The fewest rounds per engine that can show a difference.
const FEWEST_ROUNDS: usize = 5;

/// How one engine did against the best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The engine.
    pub name: String,
    /// Time relative to the best: 1 is the best, 2 takes twice as long.
    ///
    /// All 0 if no round was measured.
    pub ratio: Interval,
    /// The p value of the rank test against the best.
    ///
    /// `None` for the best itself and if no round was measured.
    pub p: Option<f64>,
    /// What the rounds show about the engine.
    pub place: Ranking,
}

/// What the figures show about an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ranking {
    /// The engine with the lowest median; it is the fastest only if all others are slower.
    Best,
    /// The engine may be as fast as the best: the rounds show no difference.
    NoDifferenceShown,
    /// The engine is slower than the best.
    Slower,
}

/// Judges engines by name and seconds per request of each round, in the order given.
///
/// Value `i` of every engine that ran all rounds is from block `i`; an engine with a different number of rounds is
/// compared without blocks. Values that are not finite are ignored: failed rounds must be reported elsewhere. Exactly
/// one engine is [`Ranking::Best`] unless the list is empty: the first of those with the lowest median, or if nothing
/// was measured, the first.
pub fn judge(engines: &[(String, Vec<f64>)], seed: u64) -> Vec<Standing> {
    let measured = engines.iter().enumerate();
    let best = measured
        .filter(|(_, (_, seconds))| rounds(seconds) > 0)
        .map(|(index, (_, seconds))| (index, median(seconds)))
        .min_by(|(_, one), (_, other)| one.total_cmp(other))
        .map_or(0, |(index, _)| index);
    let pairs = engines.len().saturating_sub(1);
    let standings = engines.iter().enumerate();
    standings
        .map(|(index, (name, seconds))| {
            let name = name.clone();
            if index == best {
                return Standing {
                    name,
                    ratio: Interval::point(if rounds(seconds) > 0 { 1.0 } else { 0.0 }),
                    p: None,
                    place: Ranking::Best,
                };
            }
            let (_, least) = &engines[best];
            let ratio = ratio_interval(seconds, least, seed.wrapping_add(index as u64));
            let p = (rounds(seconds) > 0).then(|| rank_test(seconds, least));
            let enough = rounds(seconds).min(rounds(least)) >= FEWEST_ROUNDS;
            let shown = enough
                && p.is_some_and(|p| p < level(pairs, rounds(seconds), rounds(least)))
                && ratio.low > 1.0
                && ratio.median > NOTABLE;
            let place = if shown {
                Ranking::Slower
            } else {
                Ranking::NoDifferenceShown
            };
            Standing {
                name,
                ratio,
                p,
                place,
            }
        })
        .collect()
}

/// The p value that shows a difference, given the number of pairs judged and of rounds on either side.
///
/// Never one that rounds without any overlap could not reach.
fn level(pairs: usize, one: usize, other: usize) -> f64 {
    let each = (SHARED / pairs.max(1) as f64).min(SIGNIFICANT);
    let orders = (1..=one.min(other)).fold(1.0, |orders, taken| {
        orders * (one + other + 1 - taken) as f64 / taken as f64
    });
    each.max(2.01 / orders).min(SIGNIFICANT)
}

/// The number of rounds that were measured.
fn rounds(seconds: &[f64]) -> usize {
    seconds.iter().filter(|one| one.is_finite()).count()
}

/// Simulated rounds of engines that are equal, and of engines that are not.
#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::*;

    use super::*;

    fn normal(rng: &mut Rng) -> f64 {
        let (radius, angle) = (rng.f64().max(1e-300), rng.f64());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Simulated rounds of engines with these seconds: log-normal noise of 5 % per round, and `block_noise` shared by
    /// a block.
    fn simulated(
        seconds: &[f64],
        rounds: usize,
        block_noise: f64,
        seed: u64,
    ) -> Vec<(String, Vec<f64>)> {
        let mut rng = Rng::with_seed(seed);
        let mut engines: Vec<(String, Vec<f64>)> = (0..seconds.len())
            .map(|engine| (format!("engine {engine}"), Vec::new()))
            .collect();
        for _ in 0..rounds {
            let block = block_noise * normal(&mut rng);
            for ((_, measured), seconds) in engines.iter_mut().zip(seconds) {
                measured.push(seconds * (block + 0.05 * normal(&mut rng)).exp());
            }
        }
        engines
    }

    /// The number of runs, out of `total`, in which any engine is called slower.
    fn runs_with_a_slower_engine(
        seconds: &[f64],
        rounds: usize,
        block_noise: f64,
        total: u64,
    ) -> u64 {
        (0..total)
            .filter(|&seed| {
                let engines = simulated(seconds, rounds, block_noise, seed);
                let standings = judge(&engines, seed);
                standings.iter().any(|one| one.place == Ranking::Slower)
            })
            .count() as u64
    }

    #[test]
    fn the_same_engine_under_two_names_shows_no_difference() {
        for block_noise in [0.0, 0.05] {
            let wrong = runs_with_a_slower_engine(&[0.02, 0.02], 7, block_noise, 100);
            assert!(wrong <= 1, "{wrong} of 100 with block noise {block_noise}");
        }
    }

    /// Noise shared by a block makes the rank test cautious: about 1 run in 150 is wrong. Without any, 6 to 8 % would
    /// be, because the best of six was picked after the fact; that is why each pair gets a lower level than a single
    /// pair.
    #[test]
    fn of_six_equal_engines_none_is_slower() {
        let wrong = runs_with_a_slower_engine(&[0.02; 6], 7, 0.05, 100);
        assert!(wrong <= 5, "{wrong} of 100");
        let wrong = runs_with_a_slower_engine(&[0.02; 6], 7, 0.0, 100);
        assert!(wrong <= 5, "{wrong} of 100 without block noise");
    }

    /// Nine in ten even if the noise shared by a block is as large as that of each round; there a hundred runs are too
    /// few to show it (the share is 93 %, but 87 of the first 100), so it takes a thousand.
    #[test]
    fn a_slowdown_of_twenty_per_cent_is_found_in_nine_runs_of_ten() {
        for (block_noise, runs) in [(0.0, 100), (0.03, 100), (0.05, 1000)] {
            let slower = runs_with_a_slower_engine(&[0.02, 0.024], 7, block_noise, runs);
            assert!(
                10 * slower >= 9 * runs,
                "{slower} of {runs} with block noise {block_noise}"
            );
        }
    }

    fn engine(name: &str, seconds: &[f64]) -> (String, Vec<f64>) {
        (name.to_owned(), seconds.to_vec())
    }

    fn places(engines: &[(String, Vec<f64>)]) -> Vec<Ranking> {
        judge(engines, 1).iter().map(|one| one.place).collect()
    }

    #[test]
    fn five_rounds_that_do_not_overlap_show_a_difference_and_four_do_not() {
        let fast = engine("fast", &[1.0, 1.1, 1.2, 1.3, 1.4]);
        let slow = engine("slow", &[2.0, 2.1, 2.2, 2.3, 2.4]);
        assert_eq!(
            places(&[slow.clone(), fast.clone()]),
            [Ranking::Slower, Ranking::Best]
        );
        let standings = judge(&[slow.clone(), fast.clone()], 1);
        assert_eq!(standings[0].p, Some(2.0 / 252.0));
        assert_eq!(
            (standings[1].p, standings[1].ratio),
            (None, Interval::point(1.0))
        );
        // four rounds against six have p = 2/210, below 0.01
        let four = engine("slow", &slow.1[..4]);
        let six = engine("fast", &[1.0, 1.1, 1.2, 1.3, 1.4, 1.5]);
        assert!(rank_test(&four.1, &six.1) < 0.01);
        assert_eq!(
            places(&[four, six]),
            [Ranking::NoDifferenceShown, Ranking::Best]
        );
    }

    #[test]
    fn a_p_value_below_one_in_a_hundred_shows_a_difference() {
        let fast = engine("fast", &[1.0, 1.1, 1.2, 1.3, 1.4, 1.5]);
        // a round of the slow engine is faster than two or three of the fast one: p = 0.0087 and 0.0152
        for (odd, place) in [(1.35, Ranking::Slower), (1.25, Ranking::NoDifferenceShown)] {
            let slow = engine("slow", &[odd, 2.0, 2.1, 2.2, 2.3, 2.4]);
            assert_eq!(places(&[fast.clone(), slow]), [Ranking::Best, place]);
        }
    }

    #[test]
    fn an_interval_that_contains_one_outweighs_the_rank_test() {
        let mut outweighed = 0;
        for seed in 0..100 {
            let engines = simulated(&[0.02, 0.0206], 50, 0.0, seed);
            for standing in judge(&engines, seed) {
                let Standing { ratio, p, .. } = standing;
                if p.is_some_and(|p| p < 0.01) && ratio.median > 1.01 && ratio.low <= 1.0 {
                    assert_eq!(standing.place, Ranking::NoDifferenceShown);
                    outweighed += 1;
                }
            }
        }
        assert!(outweighed > 0);
    }

    #[test]
    fn a_difference_of_one_per_cent_is_certain_but_too_small_to_report() {
        let seconds: Vec<f64> = (0..9).map(|n| 1.0 + f64::from(n) * 1e-6).collect();
        let by = |factor: f64| seconds.iter().map(|one| one * factor).collect::<Vec<_>>();
        let [best, near, far] = [1.0, 1.009, 1.011].map(|factor| engine("one", &by(factor)));
        assert!(rank_test(&best.1, &near.1) < 0.001);
        assert_eq!(
            places(&[best, near, far]),
            [Ranking::Best, Ranking::NoDifferenceShown, Ranking::Slower]
        );
    }

    #[test]
    fn a_standing_survives_a_round_trip_through_json() {
        let engines = [engine("async", &[1.0, 2.0]), engine("threads", &[])];
        let standings = judge(&engines, 1);
        let json = serde_json::to_string(&standings).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"[{"name":"async","ratio":{"median":1.0,"low":1.0,"high":1.0},"p":null,"place":"best"},"#,
                r#"{"name":"threads","ratio":{"median":0.0,"low":0.0,"high":0.0},"p":null,"place":"no_difference_shown"}]"#
            )
        );
        assert_eq!(
            serde_json::from_str::<Vec<Standing>>(&json).unwrap(),
            standings
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))] // a case is up to 50,000 resamples

        #[test]
        fn whatever_the_rounds_exactly_one_is_best(
            engines in prop::collection::vec(
                prop::collection::vec(prop_oneof![any::<f64>(), 0.01..0.02, Just(0.0), Just(f64::NAN)], 0..12),
                0..6,
            ),
            seed in any::<u64>(),
        ) {
            let engines: Vec<_> = engines.iter().map(|seconds| engine("one", seconds)).collect();
            let standings = judge(&engines, seed);
            prop_assert_eq!(standings.len(), engines.len());
            let best = standings.iter().filter(|one| one.place == Ranking::Best).count();
            prop_assert_eq!(best, engines.len().min(1));
            for Standing { ratio, p, .. } in standings {
                prop_assert!(ratio.low <= ratio.median && ratio.median <= ratio.high, "{:?}", ratio);
                prop_assert!(ratio.low.is_finite() && ratio.high.is_finite(), "{:?}", ratio);
                prop_assert!(p.is_none_or(|p| (0.0..=1.0).contains(&p)), "{:?}", p);
            }
        }
    }
}
