//! Comparison with SciPy and NumPy, and properties that hold for any input.
//!
//! The expected figures are in `fixtures/statistics`, with the script that made them.

use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Expected {
    samples: Vec<SampleFigures>,
    rank_tests: Vec<RankFigures>,
    median_intervals: Vec<MedianFigures>,
    ratio_intervals: Vec<RatioFigures>,
}

#[derive(Deserialize)]
struct SampleFigures {
    values: Vec<f64>,
    median: f64,
    quantiles: Vec<(f64, f64)>,
    relative_spread: f64,
    outliers: Vec<usize>,
}

#[derive(Deserialize)]
struct RankFigures {
    one: Vec<f64>,
    other: Vec<f64>,
    method: String,
    p: f64,
}

#[derive(Deserialize)]
struct MedianFigures {
    values: Vec<f64>,
    #[serde(flatten)]
    bounds: BoundFigures,
}

#[derive(Deserialize)]
struct RatioFigures {
    of: Vec<f64>,
    to: Vec<f64>,
    #[serde(flatten)]
    bounds: BoundFigures,
}

#[derive(Deserialize)]
struct BoundFigures {
    low_between: (f64, f64),
    high_between: (f64, f64),
}

fn expected() -> Expected {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/statistics/expected.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[track_caller]
fn assert_close(ours: f64, theirs: f64, within: f64) {
    assert!(
        (ours - theirs).abs() <= within * theirs.abs().max(f64::MIN_POSITIVE),
        "{ours} is not {theirs}"
    );
}

#[test]
fn medians_quantiles_spreads_and_outliers_match_numpy_and_scipy() {
    for figures in expected().samples {
        assert_close(median(&figures.values), figures.median, 1e-12);
        for (share, value) in figures.quantiles {
            assert_close(quantile(&figures.values, share), value, 1e-12);
        }
        let spread = relative_spread(&figures.values).unwrap();
        assert_close(spread, figures.relative_spread, 1e-9);
        assert_eq!(outliers(&figures.values), figures.outliers);
    }
}

#[test]
fn p_values_match_those_of_scipy() {
    for figures in expected().rank_tests {
        let p = rank_test(&figures.one, &figures.other);
        // a relative tolerance: a p of 1e-18 has to be right as well
        let within = if figures.method == "exact" {
            1e-12
        } else {
            1e-9
        };
        assert_close(p, figures.p, within);
        assert_eq!(rank_test(&figures.other, &figures.one), p);
    }
}

/// We draw 10,000 resamples and SciPy 200,000, with another generator. The share of resamples below a bound varies by
/// 0.16 % (the root of 0.025 × 0.975 / 10,000), so a bound may lie 0.6 % of the resamples to either side of SciPy's.
/// In values that is little, or, with few rounds and a gap between two of them, the whole gap.
#[test]
fn intervals_match_those_of_scipy_except_for_resampling_noise() {
    let expected = expected();
    for seed in 0..20 {
        for figures in &expected.median_intervals {
            assert_near(median_interval(&figures.values, seed), &figures.bounds);
        }
        for figures in &expected.ratio_intervals {
            let ours = ratio_interval(&figures.of, &figures.to, seed);
            assert_near(ours, &figures.bounds);
        }
    }
}

#[track_caller]
fn assert_near(ours: Interval, theirs: &BoundFigures) {
    for (bound, (least, most)) in [
        (ours.low, theirs.low_between),
        (ours.high, theirs.high_between),
    ] {
        let rounding = 1e-12 * most;
        assert!(
            bound >= least - rounding && bound <= most + rounding,
            "{ours:?}: {bound} is not between {least} and {most}"
        );
    }
}

#[test]
fn what_slowed_a_whole_block_cancels_out_of_the_ratio() {
    let to = [1.0, 3.0, 1.1, 5.0, 0.9, 2.0, 4.0];
    let of = to.map(|seconds| seconds * 1.5);
    let paired = ratio_interval(&of, &to, 1);
    assert_close(paired.low, 1.5, 1e-12);
    assert_close(paired.high, 1.5, 1e-12);
    let apart = ratio_interval(&of, &to[..6], 1);
    assert!(apart.high - apart.low > 1.0, "{apart:?}");
}

#[test]
fn the_same_seed_gives_the_same_interval_and_another_one_does_not() {
    let values: Vec<f64> = (0..40).map(|n| f64::from(n * n % 41)).collect();
    let to = &values[..20];
    assert_eq!(median_interval(&values, 1), median_interval(&values, 1));
    assert_eq!(
        ratio_interval(&values, to, 1),
        ratio_interval(&values, to, 1)
    );
    assert_ne!(
        ratio_interval(&values, to, 1),
        ratio_interval(&values, to, 2)
    );
}

#[test]
fn every_function_has_a_result_for_no_values() {
    let nothing = [f64::NAN, f64::INFINITY];
    assert_eq!(median(&[]), 0.0);
    assert_eq!(quantile(&nothing, 0.9), 0.0);
    assert_eq!(relative_spread(&nothing), None);
    assert_eq!(relative_spread(&[-1.0, 0.0, 1.0]), None);
    assert_eq!(outliers(&nothing), [0; 0]);
    assert_eq!(median_interval(&[], 1), Interval::point(0.0));
    assert_eq!(ratio_interval(&[1.0], &[], 1), Interval::point(0.0));
    assert_eq!(rank_test(&[1.0], &nothing), 1.0);
    assert_eq!(rank_test(&[2.0; 9], &[2.0; 30]), 1.0);
}

#[test]
fn rounds_that_are_not_finite_are_left_out_with_their_block() {
    let (of, to) = ([2.0, f64::NAN, 4.0, 6.0], [1.0, 9.0, 2.0, f64::INFINITY]);
    assert_eq!(
        ratio_interval(&of, &to, 3),
        ratio_interval(&[2.0, 4.0], &[1.0, 2.0], 3)
    );
}

fn any_values() -> impl Strategy<Value = Vec<f64>> {
    let special = prop::sample::select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
    ]);
    prop::collection::vec(prop_oneof![special, any::<f64>(), 0.5..2.0], 0..30)
}

#[track_caller]
fn assert_ordered(interval: Interval) {
    let Interval { median, low, high } = interval;
    assert!(low <= median && median <= high, "{interval:?}");
    assert!(low.is_finite() && high.is_finite(), "{interval:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))] // a case is 30,000 resamples

    #[test]
    fn no_numbers_panic_and_intervals_are_in_order(
        one in any_values(), other in any_values(), share in any::<f64>(), seed in any::<u64>(),
    ) {
        assert_ordered(median_interval(&one, seed));
        assert_ordered(ratio_interval(&one, &other, seed));
        assert_ordered(ratio_interval(&one, &one, seed));
        let p = rank_test(&one, &other);
        prop_assert!((0.0..=1.0).contains(&p), "{}", p);
        prop_assert_eq!(rank_test(&one, &one), 1.0);
        prop_assert!(quantile(&one, share).is_finite());
        prop_assert!(relative_spread(&one).is_none_or(|spread| spread >= 0.0));
        prop_assert!(outliers(&one).iter().all(|&index| one[index].is_finite()));
    }
}
