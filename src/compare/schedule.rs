//! Which engine runs when, and on how many URLs.
//!
//! Rounds come in blocks; in each block every engine runs once, in a new random order. So whatever disturbs the
//! machine for a while disturbs all engines, and no engine always runs right after the same other one.

use std::time::Duration;

/// The shortest round that is worth starting a process for.
const SHORTEST: Duration = Duration::from_millis(50);
/// The share of the time budget that all warm-ups together may take.
const WARM_UP: f64 = 0.2;
/// Every warm-up gets at least this long.
const LEAST_WARM_UP: Duration = Duration::from_secs(1);
/// The rounds may take this many times the budget; a round that would run longer is cut off.
const TOLERANCE: f64 = 1.25;
/// With fewer requests than this per slot, the start and end of a round would outweigh its middle.
const TURNS: usize = 4;

/// The order of the engines in each block.
pub(super) fn blocks(engines: usize, rounds: u32, seed: u64) -> Vec<Vec<usize>> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..rounds)
        .map(|_| {
            let mut order: Vec<usize> = (0..engines).collect();
            random.shuffle(&mut order);
            order
        })
        .collect()
}

/// The number of URLs in an engine's warm-up round.
pub(super) fn warm_up(urls: usize, in_flight: usize) -> usize {
    (in_flight * TURNS).max(10).min(urls)
}

/// How long the warm-up of one engine may take, when there are `engines` of them.
pub(super) fn warm_up_limit(budget: Duration, engines: usize) -> Duration {
    (budget.mul_f64(WARM_UP) / engines.max(1) as u32).max(LEAST_WARM_UP)
}

/// Twice the time of the shortest rounds of all engines, because starting the processes takes time too.
pub(super) fn least(engines: usize, rounds: u32) -> Duration {
    2 * SHORTEST * engines as u32 * rounds
}

/// The time left until all rounds must have finished.
pub(super) fn time_left(budget: Duration, elapsed: Duration) -> Duration {
    budget.mul_f64(TOLERANCE).saturating_sub(elapsed)
}

/// How fast an engine is, as measured in its warm-up or last block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speed {
    /// Requests in flight.
    pub(super) in_flight: usize,
    /// Seconds per record.
    pub(super) each: f64,
}

/// The number of URLs per round for each engine, so that `rounds` blocks take about `time`.
///
/// Engines that are fast enough get all URLs; the others share the remaining time equally and get as many of the first
/// URLs as fit.
pub(super) fn counts(urls: usize, speeds: &[Speed], rounds: u32, time: Duration) -> Vec<usize> {
    let needs: Vec<f64> = speeds
        .iter()
        .map(|speed| speed.each * urls as f64)
        .collect();
    let block = time.as_secs_f64() / f64::from(rounds.max(1));
    let shares = shares(
        &needs,
        block.max(SHORTEST.as_secs_f64() * speeds.len() as f64),
    );
    let counts = speeds.iter().zip(needs).zip(shares);
    counts
        .map(|((speed, need), share)| {
            if need <= share {
                return urls;
            }
            let fitting = (share / speed.each.max(1e-9)) as usize;
            // At least a few requests per slot, if these cost no more than twice the share.
            let turns = warm_up(urls, speed.in_flight);
            let affordable = turns as f64 * speed.each <= 2.0 * share;
            fitting.max(if affordable { turns } else { 1 }).min(urls)
        })
        .collect()
}

/// Divides `total` fairly.
///
/// No one gets more than it needs, and what is left over goes to the others.
fn shares(needs: &[f64], total: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..needs.len()).collect();
    order.sort_by(|one, other| needs[*one].total_cmp(&needs[*other]));
    let mut shares = vec![0.0; needs.len()];
    let mut left = total;
    for (given, index) in order.into_iter().enumerate() {
        let fair = left / (needs.len() - given) as f64;
        shares[index] = needs[index].min(fair);
        left -= shares[index];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_has_every_engine_once_and_the_order_changes() {
        let blocks = blocks(6, 20, 7);
        for block in &blocks {
            let mut sorted = block.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
        }
        assert!(blocks.iter().any(|block| *block != blocks[0]));
        assert_eq!(blocks, super::blocks(6, 20, 7));
    }

    #[test]
    fn a_slow_engine_gets_fewer_urls_but_at_least_one() {
        let speed = |in_flight, each| Speed { in_flight, each };
        let speeds = [speed(64, 0.0003), speed(1, 0.02), speed(1, 5.0)];
        // Seven blocks in 45 s: 6.4 s each; the fast engine takes 0.6 s of it, the others share the rest.
        let counts = counts(2000, &speeds, 7, Duration::from_secs(45));
        assert_eq!(counts[0], 2000);
        assert!((140..=150).contains(&counts[1]), "{counts:?}");
        assert_eq!(counts[2], 1);
    }

    /// 200 URLs that take up to 5 s each: the plan fits the budget, no matter how slow the server is.
    #[test]
    fn the_plan_fits_the_budget() {
        for each in [0.001, 0.1, 1.0, 5.0] {
            let speeds = [1, 16, 64, 64].map(|in_flight| Speed {
                in_flight,
                each: each / in_flight as f64,
            });
            let budget = Duration::from_secs(30);
            let counts = counts(200, &speeds, 5, budget);
            let planned: f64 = counts
                .iter()
                .zip(speeds)
                .map(|(count, speed)| {
                    let turns = count.div_ceil(speed.in_flight) as f64;
                    5.0 * turns * speed.each * speed.in_flight as f64
                })
                .sum();
            // A round takes at least as long as one request.
            let least = 5.0 * 4.0 * each;
            assert!(
                planned <= 30.0 * 1.3 + least,
                "{each}: {planned} of {counts:?}"
            );
        }
    }
}
