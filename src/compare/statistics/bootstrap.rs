//! Confidence intervals by resampling: the percentile bootstrap of Efron (1979).
//!
//! Nothing is assumed about the shape of the noise. The interval is only as good as the rounds it draws from: with
//! five rounds the 95 % interval of a median is close to their whole range, and resampling cannot know of a slow round
//! that never occurred.
//!
//! Made for dozens of rounds: the cost is [`RESAMPLES`] times the number of values.

use fastrand::Rng;

use super::interval::Interval;
use super::quantile::{finite, median, quantile_of_sorted, sorted};

/// Resamples per interval.
///
/// The share of them below a bound, meant to be 2.5 %, varies by 0.16 % from seed to seed.
const RESAMPLES: usize = 10_000;

/// The share of resamples left out at each end of a 95 % interval.
const TAIL: f64 = 0.025;

/// The median with its 95 % interval.
///
/// All `0.0` if there are no values; one value makes an interval of zero width.
pub fn median_interval(values: &[f64], seed: u64) -> Interval {
    let values: Vec<f64> = finite(values).collect();
    let mut rng = Rng::with_seed(seed);
    let mut sample = Sample::new(&values);
    interval(median(&values), || {
        sample.draw_all(&mut rng);
        sample.take_median()
    })
}

/// The median of `of` divided by the median of `to`, with its 95 % interval.
///
/// A ratio of 2 means that `of` takes twice as long. Rounds come in blocks in which each engine ran once. In slices of
/// equal length value `i` of both is assumed to be from block `i`, and whole blocks are drawn, so that whatever slowed
/// a whole block cancels out; a block in which either value is not finite is left out. Slices of different lengths are
/// drawn independently of each other.
///
/// If the median of `to` is 0, the ratio is 1 if both are 0, and otherwise the largest finite number. All `0.0` if
/// either side has no values.
pub fn ratio_interval(of: &[f64], to: &[f64], seed: u64) -> Interval {
    let paired = of.len() == to.len();
    let (of, to): (Vec<f64>, Vec<f64>) = if paired {
        let blocks = of.iter().zip(to);
        blocks
            .filter(|(of, to)| of.is_finite() && to.is_finite())
            .unzip()
    } else {
        (finite(of).collect(), finite(to).collect())
    };
    if of.is_empty() || to.is_empty() {
        return Interval::point(0.0);
    }
    let mut rng = Rng::with_seed(seed);
    let (mut upper, mut lower) = (Sample::new(&of), Sample::new(&to));
    interval(ratio(median(&of), median(&to)), || {
        if paired {
            for _ in 0..of.len() {
                let block = rng.usize(..of.len());
                upper.draw(block);
                lower.draw(block);
            }
        } else {
            upper.draw_all(&mut rng);
            lower.draw_all(&mut rng);
        }
        ratio(upper.take_median(), lower.take_median())
    })
}

/// A quotient that is always a finite number.
fn ratio(of: f64, to: f64) -> f64 {
    if of == to {
        1.0
    } else if to == 0.0 {
        f64::MAX.copysign(of)
    } else {
        (of / to).clamp(f64::MIN, f64::MAX)
    }
}

/// The percentile interval of what `resample` returns, widened if necessary to include the estimate.
fn interval(estimate: f64, mut resample: impl FnMut() -> f64) -> Interval {
    let mut drawn: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    drawn.sort_unstable_by(f64::total_cmp);
    Interval {
        median: estimate,
        low: quantile_of_sorted(&drawn, TAIL).min(estimate),
        high: quantile_of_sorted(&drawn, 1.0 - TAIL).max(estimate),
    }
}

/// Values to draw from.
///
/// A resample is kept as a count for each value in ascending order, so its median is found by walking over the counts
/// and nothing is sorted twice.
struct Sample {
    sorted: Vec<f64>,
    /// The index in `sorted` of each block's value.
    place: Vec<usize>,
    /// How often each value of `sorted` was drawn; all 0 between resamples.
    drawn: Vec<u32>,
}

impl Sample {
    /// Makes a sample of finite values.
    fn new(values: &[f64]) -> Sample {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&one, &other| values[one].total_cmp(&values[other]));
        let mut place = vec![0; values.len()];
        for (rank, &block) in order.iter().enumerate() {
            place[block] = rank;
        }
        Sample {
            sorted: sorted(values),
            place,
            drawn: vec![0; values.len()],
        }
    }

    fn draw(&mut self, block: usize) {
        self.drawn[self.place[block]] += 1;
    }

    /// Draws as many values as there are.
    fn draw_all(&mut self, rng: &mut Rng) {
        for _ in 0..self.sorted.len() {
            self.draw(rng.usize(..self.sorted.len()));
        }
    }

    /// The median of what was drawn since the last call; `0.0` if there are no values.
    fn take_median(&mut self) -> f64 {
        let drawn = self.sorted.len() as u32; // the number of rounds is nowhere near 2^32
        let (lower, upper) = (drawn.saturating_sub(1) / 2, drawn / 2);
        let mut seen = 0;
        let mut below = None;
        let mut middle = 0.0;
        for (&value, &count) in self.sorted.iter().zip(&self.drawn) {
            seen += count;
            if seen > lower && below.is_none() {
                below = Some(value);
            }
            if seen > upper {
                middle = f64::midpoint(below.unwrap_or(value), value);
                break;
            }
        }
        self.drawn.fill(0);
        middle
    }
}
