//! Rounds that are far away from the others.
//!
//! An outlier is reported, never left out: medians and ranks tolerate it, and a machine that produces outliers is part
//! of the result. A single one is no reason for alarm: the deviation of few rounds is a rough measure, so among runs
//! with normal noise 21 % have an outlier with five rounds, 17 % with seven and 10 % with twenty or more (20,000
//! simulated runs each).

use super::quantile::{NORMAL_CONSISTENCY, deviations, median};

/// The modified z-score above which Iglewicz & Hoaglin call a value an outlier.
///
/// hyperfine uses 10 with the same score.
const THRESHOLD: f64 = 3.5;

/// The factor from a mean absolute deviation to the standard deviation of a normal distribution: the root of π/2.
const MEAN_CONSISTENCY: f64 = 1.253_314;

/// The indexes of the outliers, in order: values whose modified z-score is above 3.5.
///
/// The score is the distance from the median divided by 1.4826 times the median absolute deviation (Iglewicz &
/// Hoaglin, "How to detect and handle outliers", 1993). If more than half of the values are equal, that deviation is
/// 0; then 1.2533 times the mean absolute deviation replaces it, by which a value stands out if it is the only
/// different one among at least five. Values that are not finite neither count nor are listed.
pub fn outliers(values: &[f64]) -> Vec<usize> {
    let middle = median(values);
    let away = deviations(values, middle);
    let mut scale = NORMAL_CONSISTENCY * median(&away);
    if scale == 0.0 {
        scale = MEAN_CONSISTENCY * away.iter().map(|one| one / away.len() as f64).sum::<f64>();
    }
    let far = |value: f64| value.is_finite() && (value - middle).abs() > THRESHOLD * scale;
    let indexes = values.iter().enumerate();
    indexes
        .filter(|(_, value)| far(**value))
        .map(|(index, _)| index)
        .collect()
}
