//! Medians, quantiles, and how far values spread around them.

/// The factor from a median absolute deviation to the standard deviation of a normal distribution.
///
/// It is 1 / (the third quartile), rounded in the usual way.
pub(super) const NORMAL_CONSISTENCY: f64 = 1.4826;

/// The middle value, or the mean of the two middle ones; `0.0` if there are no values.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a `share` (0 to 1) of the values lies.
///
/// `0.0` if there are no values. Interpolates linearly between two values: type 7 of Hyndman & Fan, "Sample quantiles
/// in statistical packages" (1996), the default of R, NumPy and Julia. A share outside 0 to 1 is clamped, and NaN
/// counts as 0.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    quantile_of_sorted(&sorted(values), share)
}

/// How far the values spread around their median, as a share of it.
///
/// It is 1.4826 times the median absolute deviation, divided by the median: `0.05` for normal noise of 5 %, and still
/// about that if a few rounds are outliers. `None` if there are no values or the median is 0.
pub fn relative_spread(values: &[f64]) -> Option<f64> {
    let middle = median(values);
    let spread = NORMAL_CONSISTENCY * median(&deviations(values, middle)) / middle.abs();
    spread.is_finite().then_some(spread)
}

/// How far each finite value lies from `middle`.
pub(super) fn deviations(values: &[f64], middle: f64) -> Vec<f64> {
    finite(values).map(|value| (value - middle).abs()).collect()
}

/// The finite values.
pub(super) fn finite(values: &[f64]) -> impl Iterator<Item = f64> {
    values.iter().copied().filter(|value| value.is_finite())
}

/// The finite values in ascending order.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> = finite(values).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Same as [`quantile`], for finite values in ascending order.
pub(super) fn quantile_of_sorted(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let share = if share.is_nan() { 0.0 } else { share };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = (position as usize).min(last);
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    let weight = position - below as f64;
    let step = high - low;
    let between = if step.is_finite() {
        low + step * weight
    } else {
        low * (1.0 - weight) + high * weight // two huge values of opposite signs
    };
    between.clamp(low, high)
}
