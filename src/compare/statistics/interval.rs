//! An estimate with its bounds.

use serde::{Deserialize, Serialize};

/// An estimate with the bounds of its 95 % confidence interval; `low <= median <= high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate: a median, or a ratio of two medians.
    pub median: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Interval {
    /// An interval of zero width.
    pub fn point(at: f64) -> Interval {
        Interval {
            median: at,
            low: at,
            high: at,
        }
    }
}
