//! Whether two engines differ at all: the two-sided rank test of Mann & Whitney (1947).
//!
//! Only the order of the values counts, so neither the shape of the noise nor the distance of an outlier matters. The
//! test assumes that the two sides are independent: noise that both share in a block makes it more cautious, never
//! less.

use super::quantile::finite;

/// The most values per side for which the exact distribution is computed.
const EXACT_UP_TO: usize = 20;

/// The p value of the rank test.
///
/// It is the probability that two samples from the same distribution differ in rank at least as much as these do.
/// Exact for up to 20 values a side without ties; otherwise the normal approximation, corrected for ties and for
/// continuity. `1.0` if all values are equal or a side has none.
pub fn rank_test(one: &[f64], other: &[f64]) -> f64 {
    let (one, other): (Vec<f64>, Vec<f64>) = (finite(one).collect(), finite(other).collect());
    if one.is_empty() || other.is_empty() {
        return 1.0;
    }
    let Ranking { wins, ties } = Ranking::new(&one, &other);
    let pairs = (one.len() * other.len()) as f64;
    let wins = wins.max(pairs - wins); // two-sided, so use the side that wins more often
    if ties == 0.0 && one.len().max(other.len()) <= EXACT_UP_TO {
        exact(one.len(), other.len(), wins as usize)
    } else {
        approximate(one.len(), other.len(), wins, ties)
    }
}

/// How the values of one side rank among all.
struct Ranking {
    /// U: the number of pairs in which the first side's value is greater; a tie counts half.
    wins: f64,
    /// The sum of t³ - t over the groups of t equal values.
    ties: f64,
}

impl Ranking {
    fn new(one: &[f64], other: &[f64]) -> Ranking {
        let mut all: Vec<(f64, bool)> = Vec::with_capacity(one.len() + other.len());
        all.extend(one.iter().map(|&value| (value, true)));
        all.extend(other.iter().map(|&value| (value, false)));
        all.sort_unstable_by(|(left, _), (right, _)| left.total_cmp(right));
        let mut ranking = Ranking {
            wins: 0.0,
            ties: 0.0,
        };
        let mut others_below = 0.0;
        for equal in all.chunk_by(|(left, _), (right, _)| left == right) {
            let ours = equal.iter().filter(|(_, ours)| *ours).count() as f64;
            let size = equal.len() as f64;
            ranking.wins += ours * (others_below + (size - ours) / 2.0);
            ranking.ties += size.powi(3) - size;
            others_below += size - ours;
        }
        ranking
    }
}

/// The share of all orders of `one + other` values in which either side wins at least `wins` pairs.
///
/// Uses the recurrence of Mann & Whitney: the greatest value of all either belongs to the first side and wins against
/// all values of the other side, or belongs to the other side and adds no wins. The counts stay below 40 choose 20,
/// about 1.4e11, so they are exact.
fn exact(one: usize, other: usize, wins: usize) -> f64 {
    // orders[n][u]: orders of the values taken from the first side so far and n of the other with u wins
    let mut orders = vec![vec![0_u64; one * other + 1]; other + 1];
    for counts in &mut orders {
        counts[0] = 1;
    }
    for _ in 0..one {
        let mut theirs = vec![0; one * other + 1]; // the greatest belongs to the other side: the row of n - 1
        for (n, counts) in orders.iter_mut().enumerate() {
            let before = counts.clone();
            for (u, count) in counts.iter_mut().enumerate() {
                let ours = u.checked_sub(n).map_or(0, |left| before[left]);
                *count = ours + theirs[u];
            }
            theirs.clone_from(counts);
        }
    }
    let counts = &orders[other];
    let all: u64 = counts.iter().sum();
    let extreme: u64 = counts.iter().skip(wins).sum();
    (2.0 * extreme as f64 / all as f64).min(1.0)
}

/// The same probability from the normal distribution that the wins approach.
fn approximate(one: usize, other: usize, wins: f64, ties: f64) -> f64 {
    let (one, other) = (one as f64, other as f64);
    let all = one + other;
    let variance = one * other / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0; // all values are equal
    }
    let distance = (wins - one * other / 2.0 - 0.5) / variance.sqrt(); // 0.5: wins come in whole steps
    if distance <= 0.0 {
        return 1.0;
    }
    (2.0 * upper_tail(distance)).min(1.0)
}

/// The probability that a standard normal variable is above `z`.
///
/// Accurate to about 1e-14, for `z` of 0 or more. Near 0 it uses the Taylor series of the integral (Abramowitz &
/// Stegun 26.2.11), further out the continued fraction of Mills' ratio (26.2.14), each where it converges fast.
fn upper_tail(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    if z < 3.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..100 {
            term *= z * z / f64::from(2 * n + 1);
            sum += term;
        }
        0.5 - density * sum
    } else {
        let fraction = (1..200).rev().fold(z, |below, n| z + f64::from(n) / below);
        density / fraction
    }
}
