//! Rounds that stand far from the others.
//!
//! An outlier is told, never left out: medians and ranks bear it, and a machine that produces them is part of the finding.
//! One is no alarm: the deviation of few rounds is a rough measure, so of quiet runs with normal noise 21 % hold an outlier at five
//! rounds, 17 % at seven and 10 % at twenty and more (20,000 simulated runs each).

use super::quantile::{NORMAL_CONSISTENCY, deviations, median};

/// The modified z-score beyond which Iglewicz & Hoaglin call a value an outlier. (hyperfine, by the same score, waits for 10.)
const THRESHOLD: f64 = 3.5;

/// What turns a mean absolute deviation into the standard deviation of a normal distribution: the root of π/2.
const MEAN_CONSISTENCY: f64 = 1.253_314;

/// The indexes of the outliers, in order: values whose modified z-score, their distance from the median over the
/// median absolute deviation times 1.4826, is above 3.5 (Iglewicz & Hoaglin, "How to detect and handle outliers", 1993).
///
/// Where more than half of the values are equal that deviation is 0; then the mean absolute deviation times 1.2533 takes its
/// place, by which a value stands out when it is alone among at least five. Values that are
/// not finite neither count nor are listed.
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
