//! Which engine runs when, and on how many URLs.
//!
//! Rounds come in blocks: in each, every engine runs once, in an order drawn anew. Whatever disturbs the machine for a while
//! disturbs them all, and no engine always runs after the same other one.

use std::time::Duration;

/// The shortest round that is worth its start.
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest that is aimed at.
const LONGEST: Duration = Duration::from_secs(2);
/// An engine that seems to need so many times that takes fewer URLs.
const PATIENCE: f64 = 8.0;
/// Fewer requests than this for each in flight, and the ends of a round outweigh its middle.
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

/// How long a round may take, so that all of them and the warm-up fit the budget.
pub(super) fn round_time(budget: Duration, rounds: u32, engines: usize) -> Duration {
    let runs = (rounds + 1) * engines.max(1) as u32;
    (budget / runs.max(1)).clamp(SHORTEST, LONGEST)
}

/// URLs of the round that warms an engine up.
pub(super) fn warm_up(urls: usize, in_flight: usize) -> usize {
    (in_flight * TURNS).max(10).min(urls)
}

/// URLs of an engine's rounds: all, or where that would take several times the time of a round, as many as fit. Several, as
/// the warm-up was short, and what an engine takes to start weighs less in a longer round.
pub(super) fn count(
    urls: usize,
    in_flight: usize,
    warm: (usize, Duration),
    time: Duration,
) -> usize {
    let each = warm.1.as_secs_f64() / warm.0.max(1) as f64;
    if each * urls as f64 <= PATIENCE * time.as_secs_f64() {
        return urls;
    }
    let fitting = (time.as_secs_f64() / each.max(1e-9)) as usize;
    fitting.max(warm_up(urls, in_flight)).min(urls)
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
    fn an_engine_that_is_slow_gets_fewer_urls_but_some() {
        let second = Duration::from_secs(1);
        assert_eq!(
            count(2000, 64, (256, Duration::from_millis(80)), second),
            2000
        );
        assert_eq!(count(2000, 1, (10, Duration::from_millis(200)), second), 50);
        assert_eq!(count(2000, 1, (10, Duration::from_secs(100)), second), 10);
        assert_eq!(count(5, 64, (5, Duration::from_secs(100)), second), 5);
    }
}
