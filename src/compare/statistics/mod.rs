//! The arithmetic of a comparison: medians, spreads, intervals, a rank test, outliers.
//!
//! Everything here is a pure function of its numbers (and of a seed where it draws): the same figures give the
//! same answer on every machine. Medians and ranks throughout, because round times have a long upper tail:
//! one slow round moves a mean as far as it likes and a median hardly.
//!
//! Only finite numbers count. NaN and the infinities are no measurements and are passed over everywhere, so
//! nothing panics and nothing that is returned is NaN or infinite. What no number is left of is said function by
//! function: `0.0` for a median, a quantile or an interval, `1.0` for the p value of a rank test.

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
