//! The arithmetic of a comparison: medians, spreads, intervals, a rank test, outliers.
//!
//! Everything here is a pure function of its numbers (and of a seed if it draws): the same figures give the same
//! result on every machine. It uses medians and ranks throughout, because round times have a long upper tail: one slow
//! round can move a mean by any amount, but hardly moves a median.
//!
//! Only finite numbers count. NaN and the infinities are not measurements and are ignored everywhere, so nothing
//! panics and no result is NaN or infinite. Each function documents its result when no number is left: `0.0` for a
//! median, a quantile or an interval, `1.0` for the p value of a rank test.

mod bootstrap;
mod exact;
mod interval;
mod outliers;
mod quantile;
mod rank;
#[cfg(test)]
mod tests;

pub use bootstrap::{median_interval, ratio_interval};
pub use exact::exact_test;
pub use interval::Interval;
pub use outliers::outliers;
pub use quantile::{median, quantile, relative_spread};
pub use rank::rank_test;
