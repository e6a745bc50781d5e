//! Latency as it is reported: a few percentiles, and a curve of them.

use hdrhistogram::Histogram;
use serde::Serialize;

/// The percentiles of a curve.
const PERCENTILES: [f64; 24] = [
    0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 65.0, 70.0, 75.0,
    80.0, 85.0, 90.0, 95.0, 97.5, 99.0, 99.9, 100.0,
];

/// Percentiles of latency, from sending the request to the last byte, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// Computes the percentiles from a histogram of microseconds.
    pub fn of(latency: &Histogram<u64>) -> Self {
        let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: latency.max() as f64 / 1e3,
        }
    }

    /// Pairs of a percentile, 0 to 100, and milliseconds; empty if there are no latencies.
    pub fn curve(latency: &Histogram<u64>) -> Vec<(f64, f64)> {
        let at = |percentile: f64| latency.value_at_percentile(percentile) as f64 / 1e3;
        PERCENTILES
            .into_iter()
            .filter(|_| !latency.is_empty())
            .map(|percentile| (percentile, at(percentile)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_rises_from_the_lowest_latency_to_the_highest() {
        let mut latency = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        (1..=1000).for_each(|micros| latency.record(micros * 1000).unwrap());
        let percentiles = Latency::of(&latency);
        assert!(
            (percentiles.p50 - 500.0).abs() < 1.0 && (percentiles.max - 1000.0).abs() < 1.0,
            "{percentiles:?}"
        );
        let curve = Latency::curve(&latency);
        assert!(curve.is_sorted_by(|one, other| one.1 <= other.1));
        assert_eq!(curve.len(), PERCENTILES.len());
        latency.reset();
        assert!(Latency::curve(&latency).is_empty());
    }
}
