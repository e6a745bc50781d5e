//! The figures of one moment.

use haul::deps::Histogram;
use haul::{Loads, Tally};

use crate::progress::Figures;

/// The upper bounds of the buckets of response times, in milliseconds.
pub(super) const BOUNDS: [u32; 14] = [
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000,
];

/// The figures of one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) figures: Figures,
    pub(super) times: Times,
    pub(super) loads: Loads,
}

/// Response times.
#[derive(Debug)]
pub(super) struct Times {
    /// The number of responses that took at most each of the [`BOUNDS`].
    pub(super) within: [u64; BOUNDS.len()],
    pub(super) count: u64,
    /// Their sum in seconds, within 0.1%.
    pub(super) sum: f64,
}

impl Snapshot {
    pub(super) fn of(tally: &Tally) -> Self {
        Self {
            figures: Figures::of(tally),
            times: Times::of(&tally.latency),
            loads: tally.loads.clone(),
        }
    }
}

impl Times {
    /// `latency` is in microseconds.
    fn of(latency: &Histogram<u64>) -> Self {
        let mut times = Self {
            within: [0; BOUNDS.len()],
            count: latency.len(),
            sum: 0.0,
        };
        // In one pass. Counts only grow, and so does the sum, as a collector expects.
        for step in latency.iter_recorded() {
            let value = step.value_iterated_to();
            let count = step.count_at_value();
            times.sum += latency.median_equivalent(value) as f64 / 1e6 * count as f64;
            let least = latency.lowest_equivalent(value);
            for (bound, within) in BOUNDS.iter().zip(&mut times.within) {
                if least <= u64::from(*bound) * 1000 {
                    *within += count;
                }
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_a_time_at_a_bound_is_within_it() {
        let mut tally = Tally::default();
        for micros in [4_000, 5_000, 5_100, 400_000_000] {
            tally.latency.record(micros).unwrap();
        }
        let times = Times::of(&tally.latency);
        assert_eq!(times.within[..2], [2, 3]);
        assert_eq!((times.within[BOUNDS.len() - 1], times.count), (3, 4));
        assert!((times.sum - 400.0141).abs() < 0.4, "{}", times.sum);
    }
}
