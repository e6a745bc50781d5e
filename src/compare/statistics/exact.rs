//! Whether two engines fail at different rates: Fisher's exact test, two-sided.
//!
//! Fisher, "Statistical Methods for Research Workers" (1934), section 21.02. The two-sided p value sums the
//! probabilities of all tables that are no more likely than the observed one, as R's `fisher.test` and SciPy's
//! `fisher_exact` do.

/// The relative difference up to which two probabilities count as equal, to allow for rounding.
const ROUNDING: f64 = 1e-7;

/// The p value of Fisher's exact test.
///
/// It is the probability that failures are split at least this unevenly if both sides fail at the same rate. Each side
/// is a pair of failures and requests. `1.0` if a side made no requests. More failures than requests count as all
/// requests failed.
pub fn exact_test(one: (u64, u64), other: (u64, u64)) -> f64 {
    let [one, other] = [one, other].map(|(failed, asked)| (failed.min(asked), asked));
    let failed = one.0 + other.0;
    let asked = one.1 + other.1;
    if one.1 == 0 || other.1 == 0 || failed == 0 || failed == asked {
        return 1.0;
    }
    // Given the number of all failures, those of one side have a hypergeometric distribution.
    let probability = |ours: u64| {
        (choose(one.1, ours) + choose(other.1, failed - ours) - choose(asked, failed)).exp()
    };
    let seen = probability(one.0) * (1.0 + ROUNDING);
    let least = failed.saturating_sub(other.1);
    let most = failed.min(one.1);
    let sum: f64 = (least..=most).map(probability).filter(|p| *p <= seen).sum();
    sum.min(1.0)
}

/// The logarithm of the binomial coefficient.
fn choose(of: u64, taken: u64) -> f64 {
    log_factorial(of) - log_factorial(taken) - log_factorial(of - taken)
}

/// ln n!, by Stirling's series above 20; accurate to about 1e-12.
fn log_factorial(n: u64) -> f64 {
    if n <= 20 {
        return (2..=n).map(|factor| factor as f64).product::<f64>().ln();
    }
    let n = n as f64;
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + 1.0 / (12.0 * n)
        - 1.0 / (360.0 * n.powi(3))
        + 1.0 / (1260.0 * n.powi(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.fisher_exact([[failed, asked - failed], …]).pvalue`, SciPy 1.17.1.
    #[test]
    fn it_agrees_with_scipy() {
        for (one, other, p) in [
            ((8, 10), (1, 6), 0.034_965_034_965_034_95),
            ((1, 10), (11, 14), 0.002_759_456_185_220_088),
            ((0, 7), (7, 7), 0.000_582_750_582_750_582_5),
            ((5, 100), (5, 100), 1.0),
        ] {
            let p_value = exact_test(one, other);
            assert!((p_value - p).abs() < 1e-9, "{one:?} {other:?}: {p_value}");
        }
    }

    #[test]
    fn equal_rates_large_numbers_and_no_data_show_no_difference() {
        assert!(exact_test((500, 10_000), (510, 10_000)) > 0.5);
        assert!(exact_test((0, 10_000), (0, 10_000)) >= 1.0);
        assert!(exact_test((10, 10), (20, 20)) >= 1.0);
        assert!(exact_test((0, 0), (3, 20)) >= 1.0);
        assert!(exact_test((5_000, 10_000), (0, 10_000)) < 1e-100);
    }
}
