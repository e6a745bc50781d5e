//! The Universal Scalability Law: throughput against concurrency, and where it stops growing.
//!
//! Gunther, "Guerrilla Capacity Planning" (2007): X(N) = λN / (1 + σ(N-1) + κN(N-1)). λ is the throughput at N = 1; σ,
//! contention, is the share of the work that has to queue; κ, coherency, is what each pair costs each other, and what
//! makes the curve turn down. A law fitted to a sweep explains it and predicts a little beyond its end; it proves
//! nothing far outside.

use serde::{Deserialize, Serialize};

/// The fewest points: three determine the parameters, and one is left over to judge the fit.
const FEWEST_POINTS: usize = 4;

/// The fewest different concurrencies that determine the curve.
const FEWEST_LEVELS: usize = 3;

/// A concurrency beyond this is a mistake, and its square would drown out the others.
const MOST_CONCURRENCY: f64 = 1e9;

/// The share of the highest throughput that the knee reaches.
const KNEE: f64 = 0.9;

/// The most steps of one descent; it usually takes about ten.
const STEPS: usize = 200;

/// How much a further parameter has to reduce the sum of squares, as a share of it: by more than rounding.
const WORTHWHILE: f64 = 1e-9;

/// A sum of squared relative residuals that is only rounding.
const ROUNDING: f64 = 1e-24;

/// A fitted Universal Scalability Law.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Usl {
    /// Throughput at a concurrency of 1, in the unit of the points.
    pub lambda: f64,
    /// Contention, 0 to 1: at 0 throughput grows in proportion, at 1 it does not grow.
    pub sigma: f64,
    /// Coherency, 0 or more: at 0 the curve never turns down.
    pub kappa: f64,
    /// Goodness of fit: the share of the throughput's variance that the curve explains.
    ///
    /// At 1 it goes through all points; at 0 it is no better than their mean.
    pub r_squared: f64,
    /// The highest concurrency that was measured; beyond it the curve is a prediction.
    pub measured_to: f64,
}

impl Usl {
    /// The throughput at a concurrency of 1 or more.
    pub fn at(&self, concurrency: f64) -> f64 {
        self.lambda * concurrency / slowdown(concurrency, self.sigma, self.kappa)
    }

    /// The concurrency with the highest throughput, √((1-σ)/κ), at least 1.
    ///
    /// Often beyond what was measured.
    ///
    /// `None` if κ is 0: the curve never turns down.
    pub fn peak(&self) -> Option<f64> {
        let peak = ((1.0 - self.sigma) / self.kappa).sqrt().max(1.0);
        (self.kappa > 0.0 && peak.is_finite()).then_some(peak)
    }

    /// The concurrency beyond which more hardly pays off, at least 1.
    ///
    /// Not a whole number, so round it up. It is the smallest at which the curve reaches 90 % of its highest value
    /// between 1 and [`measured_to`](Self::measured_to). On a curve that still rises in proportion that is nine tenths
    /// of `measured_to`. Such a sweep ended too early, which shows in a [`peak`](Self::peak) beyond its end, or no
    /// peak.
    pub fn knee(&self) -> f64 {
        let highest = self.peak().unwrap_or(f64::MAX).min(self.measured_to);
        let enough = KNEE * self.at(highest);
        let (mut below, mut above) = (1.0, highest);
        if self.at(below) >= enough {
            return below;
        }
        for _ in 0..100 {
            let middle = f64::midpoint(below, above); // the curve rises all the way to its peak
            if self.at(middle) >= enough {
                above = middle;
            } else {
                below = middle;
            }
        }
        above
    }
}

/// Fits the law to points of concurrency (1 or more) and throughput (above 0, any unit).
///
/// Uses least squares of the relative residuals, because noise is proportional to throughput: otherwise a sweep over
/// three orders of magnitude would be fitted to its upper end alone. The same law with σ or κ or both at 0 is fitted
/// first, and a parameter is added only if it makes the fit better.
///
/// Points that are not finite or out of bounds are ignored. `None` with fewer than four points left, with fewer than
/// three different concurrencies, or if the figures are too far apart to compute with.
pub fn fit(points: &[(f64, f64)]) -> Option<Usl> {
    let points: Vec<(f64, f64)> = points.iter().copied().filter(is_usable).collect();
    let mut levels: Vec<f64> = points.iter().map(|&(concurrency, _)| concurrency).collect();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    if points.len() < FEWEST_POINTS || levels.len() < FEWEST_LEVELS {
        return None;
    }
    let (_, unit) = points[0]; // scales figures of any size to around 1
    let scaled: Vec<(f64, f64)> = points.iter().map(|&(n, x)| (n, x / unit)).collect();
    if scaled.iter().any(|&(_, x)| !x.is_normal()) {
        return None;
    }
    let simplest_first = [
        [true, false, false],
        [true, true, false],
        [true, false, true],
        [true, true, true],
    ];
    let mut best: Option<Estimate> = None;
    for free in simplest_first {
        let Some(candidate) =
            Estimate::start(&scaled, free).and_then(|start| start.descend(&scaled, free))
        else {
            continue;
        };
        let better = best.as_ref().is_none_or(|best| {
            best.squares > ROUNDING && candidate.squares < best.squares * (1.0 - WORTHWHILE)
        });
        if better {
            best = Some(candidate);
        }
    }
    let [lambda, sigma, kappa] = best?.parameters;
    let mut law = Usl {
        lambda: lambda * unit,
        sigma,
        kappa,
        r_squared: 0.0,
        measured_to: levels.last().copied()?,
    };
    law.r_squared = r_squared(&points, &law, unit);
    (law.lambda.is_normal() && law.r_squared.is_finite()).then_some(law)
}

fn is_usable(&(concurrency, throughput): &(f64, f64)) -> bool {
    (1.0..=MOST_CONCURRENCY).contains(&concurrency) && throughput > 0.0 && throughput.is_finite()
}

/// 1 + σ(N-1) + κN(N-1), which is at least 1.
fn slowdown(concurrency: f64, sigma: f64, kappa: f64) -> f64 {
    1.0 + (concurrency - 1.0) * (sigma + kappa * concurrency)
}

fn r_squared(points: &[(f64, f64)], law: &Usl, unit: f64) -> f64 {
    let mean = points.iter().map(|&(_, x)| x / unit).sum::<f64>() / points.len() as f64;
    let (mut left, mut all) = (0.0, 0.0);
    for &(n, x) in points {
        left += ((x - law.at(n)) / unit).powi(2);
        all += (x / unit - mean).powi(2);
    }
    if left <= ROUNDING * all.max(1.0) {
        1.0
    } else if all > 0.0 {
        (1.0 - left / all).max(0.0)
    } else {
        0.0
    }
}

/// An estimate of λ, σ and κ, with its sum of squares.
struct Estimate {
    parameters: [f64; 3],
    squares: f64,
}

impl Estimate {
    fn at(points: &[(f64, f64)], parameters: [f64; 3]) -> Option<Estimate> {
        let residuals = points.iter().map(|&point| residual(point, parameters));
        let squares: f64 = residuals.map(|residual| residual * residual).sum();
        (squares.is_finite() && parameters[0] > 0.0).then_some(Estimate {
            parameters,
            squares,
        })
    }

    /// The parameters to start from.
    ///
    /// N/X(N) is linear in 1/λ, σ/λ and κ/λ, so the inverted law is solved in one step; with little noise that is
    /// almost the solution.
    fn start(points: &[(f64, f64)], free: [bool; 3]) -> Option<Estimate> {
        let mut equations = Equations::default();
        for &(n, x) in points {
            let share = x / n;
            equations.add([share, share * (n - 1.0), share * n * (n - 1.0)], 1.0);
        }
        let [one, contention, coherency] = equations.solve(free, 0.0)?;
        let bounded = within_bounds([1.0 / one, contention / one, coherency / one]);
        Estimate::at(points, bounded).or_else(|| {
            let (_, x) = points[0];
            Estimate::at(points, [x, 0.0, 0.0])
        })
    }

    /// Improves the parameters by projected Levenberg-Marquardt descent.
    ///
    /// A parameter at its bound that would leave it stays there for this step.
    fn descend(mut self, points: &[(f64, f64)], free: [bool; 3]) -> Option<Estimate> {
        let mut damping = 1e-3;
        for _ in 0..STEPS {
            let mut equations = Equations::default();
            for &point in points {
                let wanted = -residual(point, self.parameters);
                equations.add(slopes(point, self.parameters), wanted);
            }
            let mut free = free;
            for (index, free) in free.iter_mut().enumerate().skip(1) {
                let (value, wants) = (self.parameters[index], equations.right[index]);
                let at_bound =
                    (value <= 0.0 && wants < 0.0) || (index == 1 && value >= 1.0 && wants > 0.0);
                *free = *free && !at_bound;
            }
            let step = equations.solve(free, damping)?;
            let mut next = self.parameters;
            for (parameter, step) in next.iter_mut().zip(step) {
                *parameter += step;
            }
            match Estimate::at(points, within_bounds(next)) {
                Some(better) if better.squares < self.squares => {
                    self = better;
                    damping = f64::max(damping / 10.0, 1e-12);
                }
                _ => damping *= 10.0,
            }
            if self.squares <= ROUNDING || damping > 1e12 {
                break; // the curve goes through all points, or not even a tiny step improves it
            }
        }
        Some(self)
    }
}

/// X(N) / x - 1.
fn residual((n, x): (f64, f64), [lambda, sigma, kappa]: [f64; 3]) -> f64 {
    lambda * n / (x * slowdown(n, sigma, kappa)) - 1.0
}

/// The derivatives of the residual by λ, σ and κ.
fn slopes((n, x): (f64, f64), [lambda, sigma, kappa]: [f64; 3]) -> [f64; 3] {
    let slowdown = slowdown(n, sigma, kappa);
    let by_lambda = n / (x * slowdown);
    let by_sigma = -lambda * by_lambda * (n - 1.0) / slowdown;
    [by_lambda, by_sigma, by_sigma * n]
}

fn within_bounds([lambda, sigma, kappa]: [f64; 3]) -> [f64; 3] {
    [lambda, sigma.clamp(0.0, 1.0), kappa.max(0.0)]
}

/// The normal equations of a linear least squares problem in three unknowns.
#[derive(Default)]
struct Equations {
    left: [[f64; 3]; 3],
    right: [f64; 3],
}

impl Equations {
    /// Adds a row: the unknowns times `slopes` should be `wanted`.
    fn add(&mut self, slopes: [f64; 3], wanted: f64) {
        for (row, by_row) in slopes.into_iter().enumerate() {
            for (column, by_column) in slopes.into_iter().enumerate() {
                self.left[row][column] += by_row * by_column;
            }
            self.right[row] += by_row * wanted;
        }
    }

    /// Solves for the unknowns, with those that are not free at 0.
    ///
    /// `None` if they are not determined.
    ///
    /// `damping` is Marquardt's, added to a diagonal of ones.
    fn solve(&self, free: [bool; 3], damping: f64) -> Option<[f64; 3]> {
        // with a diagonal of ones, slopes of very different sizes lose no precision
        let scale: [f64; 3] = std::array::from_fn(|index| self.left[index][index].sqrt());
        let mut rows = [[0.0; 4]; 3];
        for (row, cells) in rows.iter_mut().enumerate() {
            for column in 0..3 {
                cells[column] = if free[row] && free[column] && row != column {
                    self.left[row][column] / (scale[row] * scale[column])
                } else if row == column {
                    1.0 + damping
                } else {
                    0.0
                };
            }
            cells[3] = if free[row] {
                self.right[row] / scale[row]
            } else {
                0.0
            };
        }
        // Gaussian elimination; this matrix is positive definite and needs no pivoting
        for pivot in 0..3 {
            let above = rows[pivot];
            for below in &mut rows[pivot + 1..] {
                let factor = below[pivot] / above[pivot];
                for (cell, above) in below.iter_mut().zip(above) {
                    *cell -= factor * above;
                }
            }
        }
        let mut unknowns = [0.0; 3];
        for row in (0..3).rev() {
            let known: f64 = (row + 1..3)
                .map(|next| rows[row][next] * unknowns[next])
                .sum();
            unknowns[row] = (rows[row][3] - known) / rows[row][row];
        }
        let solved: [f64; 3] = std::array::from_fn(|index| {
            if free[index] {
                unknowns[index] / scale[index]
            } else {
                0.0
            }
        });
        solved.iter().all(|one| one.is_finite()).then_some(solved)
    }
}

/// The law fitted to data with known parameters, and compared with SciPy's fits of the same points.
#[cfg(test)]
mod tests {
    use std::path::Path;

    use fastrand::Rng;
    use proptest::prelude::*;

    use super::*;
    use crate::compare::statistics::median;

    const LEVELS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

    fn law(lambda: f64, sigma: f64, kappa: f64) -> Usl {
        Usl {
            lambda,
            sigma,
            kappa,
            r_squared: 1.0,
            measured_to: 256.0,
        }
    }

    /// Points of a law with normal noise, proportional to each.
    fn measured(law: &Usl, noise: f64, rng: &mut Rng) -> Vec<(f64, f64)> {
        let mut noisy = |n: f64| {
            let (radius, angle) = (rng.f64().max(1e-300), rng.f64());
            let normal = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
            (n, law.at(n) * (1.0 + noise * normal))
        };
        LEVELS.iter().map(|&n| noisy(n)).collect()
    }

    #[track_caller]
    fn assert_close(ours: f64, theirs: f64, within: f64) {
        assert!((ours - theirs).abs() <= within, "{ours} is not {theirs}");
    }

    #[test]
    fn parameters_are_recovered_from_points_without_noise() {
        for [lambda, sigma, kappa] in [
            [1000.0, 0.05, 0.0005],
            [20.0, 0.0, 0.0],
            [1e-3, 0.2, 0.0],
            [5e12, 0.0, 1e-5],
            [1.0, 1.0, 0.0],
            [300.0, 0.9, 0.01],
        ] {
            let truth = law(lambda, sigma, kappa);
            let fitted = fit(&measured(&truth, 0.0, &mut Rng::with_seed(1))).unwrap();
            assert_close(fitted.lambda, lambda, lambda * 1e-9);
            assert_close(fitted.sigma, sigma, 1e-9);
            assert_close(fitted.kappa, kappa, 1e-9);
            assert_close(fitted.r_squared, 1.0, 1e-9);
            assert_eq!(fitted.kappa == 0.0, kappa == 0.0, "{fitted:?}");
        }
    }

    #[test]
    fn known_parameters_are_recovered_despite_noise_of_three_per_cent() {
        let truth = law(1000.0, 0.05, 0.0005); // turns at 43.6
        let peak = truth.peak().unwrap();
        let (mut near, mut peaks) = (0, Vec::new());
        for seed in 0..100 {
            let fitted = fit(&measured(&truth, 0.03, &mut Rng::with_seed(seed))).unwrap();
            let at = fitted.peak().unwrap();
            peaks.push(at);
            near += u32::from(
                (fitted.lambda / truth.lambda - 1.0).abs() < 0.1
                    && (fitted.sigma - truth.sigma).abs() < 0.02
                    && (fitted.kappa / truth.kappa - 1.0).abs() < 0.15
                    && (at / peak - 1.0).abs() < 0.1
                    && fitted.r_squared > 0.97,
            );
        }
        assert!(near >= 95, "{near} of 100");
        assert_close(median(&peaks), peak, peak * 0.01);
    }

    #[test]
    fn proportional_data_is_a_line_and_saturating_data_does_not_turn_down() {
        for seed in 0..100 {
            let rng = &mut Rng::with_seed(seed);
            let line = fit(&measured(&law(20.0, 0.0, 0.0), 0.03, rng)).unwrap();
            assert!(line.sigma < 0.01 && line.r_squared > 0.98, "{line:?}");
            assert!(line.peak().is_none_or(|peak| peak > 256.0), "{line:?}");
            assert!(line.knee() > 128.0, "{line:?}");
            let full = fit(&measured(&law(20.0, 0.2, 0.0), 0.03, rng)).unwrap();
            assert_close(full.sigma, 0.2, 0.05);
            assert!(full.peak().is_none_or(|peak| peak > 40.0), "{full:?}");
            assert!((8.0..64.0).contains(&full.knee()), "{full:?}"); // 31.2 without noise
        }
    }

    /// SciPy minimises the same squares by another method. If a parameter hardly matters, the two differ in its last
    /// digits, so the sums of squares are compared as well: ours is never larger.
    #[test]
    fn fits_match_those_of_scipy() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/statistics/expected.json");
        let expected: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for theirs in expected["usl"].as_array().unwrap() {
            let points: Vec<(f64, f64)> = serde_json::from_value(theirs["points"].clone()).unwrap();
            let number = |name: &str| theirs[name].as_f64().unwrap();
            let ours = fit(&points).unwrap();
            let residuals = points.iter().map(|&(n, x)| ours.at(n) / x - 1.0);
            let squares: f64 = residuals.map(|one| one * one).sum();
            assert!(squares <= number("squares") + 1e-8, "{ours:?}, {theirs}");
            assert_close(ours.lambda, number("lambda"), number("lambda") * 1e-4);
            assert_close(ours.sigma, number("sigma"), 1e-4);
            assert_close(ours.kappa, number("kappa"), 1e-6);
            assert_close(ours.r_squared, number("r_squared"), 1e-5);
        }
    }

    #[test]
    fn peak_and_knee_are_on_the_curve() {
        let turns = law(1000.0, 0.1, 0.001);
        assert_close(turns.peak().unwrap(), 30.0, 1e-9);
        assert_close(turns.at(turns.knee()), 0.9 * turns.at(30.0), 1e-6);
        assert!(turns.knee() < 30.0);
        let line = law(10.0, 0.0, 0.0);
        assert_eq!(line.peak(), None);
        assert_close(line.knee(), 0.9 * 256.0, 1e-6);
        assert_eq!(law(10.0, 1.0, 0.0).knee(), 1.0);
        assert_eq!(law(10.0, 1.0, 0.5).peak(), Some(1.0));
    }

    #[test]
    fn four_points_at_three_concurrencies_are_needed() {
        let points = measured(&law(10.0, 0.1, 0.001), 0.0, &mut Rng::with_seed(1));
        assert_eq!(fit(&[]), None);
        assert_eq!(fit(&points[..3]), None);
        assert!(fit(&points[..4]).is_some());
        assert_eq!(fit(&[points[0], points[0], points[1], points[1]]), None);
        let broken = [
            (f64::NAN, 1.0),
            (0.0, 1.0),
            (8.0, 0.0),
            (8.0, f64::INFINITY),
        ];
        assert_eq!(fit(&[&broken[..], &points[..3]].concat()), None);
        assert_eq!(fit(&[&broken[..], &points].concat()), fit(&points));
    }

    proptest! {
        #[test]
        fn no_points_panic_and_every_law_is_within_its_bounds(
            points in prop::collection::vec(
                (
                    prop_oneof![any::<f64>(), 0.0..300.0, prop::sample::select(LEVELS.to_vec())],
                    prop_oneof![any::<f64>(), 0.0..1e6, Just(0.0), Just(1.0), Just(f64::MAX)],
                ),
                0..20,
            ),
        ) {
            if let Some(fitted) = fit(&points) {
                prop_assert!(fitted.lambda > 0.0 && fitted.lambda.is_finite(), "{:?}", fitted);
                prop_assert!((0.0..=1.0).contains(&fitted.sigma), "{:?}", fitted);
                prop_assert!(fitted.kappa >= 0.0 && fitted.kappa.is_finite(), "{:?}", fitted);
                prop_assert!((0.0..=1.0).contains(&fitted.r_squared), "{:?}", fitted);
                prop_assert!((1.0..=fitted.measured_to).contains(&fitted.knee()), "{:?}", fitted);
                prop_assert!(fitted.peak().is_none_or(|peak| peak >= 1.0), "{:?}", fitted);
            }
        }
    }
}
