//! Counters by fingerprint, in limited memory.
//!
//! The first keys are counted exactly. Once there are very many, which only a hostile site causes, later ones share a
//! fixed number of counters. Each then shows at least its own count, so a limit may be reached early for them, but
//! never late. Fingerprints are seeded, so no one outside knows which keys share a counter.

use crate::url::fingerprint::FingerprintMap;

/// The most keys that are counted exactly: as many as fit in a table with 2^20 slots, 18 MiB.
const EXACT_LIMIT: usize = 917_504;
/// The number of counters for all others: 4 MiB, allocated when first needed.
const SHARED_COUNTERS: usize = 1 << 20;

/// Counts by fingerprint.
#[derive(Debug, Default)]
pub(super) struct Counts {
    exact: FingerprintMap<u32>,
    shared: Vec<u32>,
    #[cfg(test)]
    limit: Option<usize>,
}

impl Counts {
    /// How often a key was added, at least.
    pub(super) fn of(&self, key: u64) -> u32 {
        match self.exact.get(&key) {
            Some(count) => *count,
            None => self.shared.get(slot(key)).copied().unwrap_or(0),
        }
    }

    /// Adds one to a key's count.
    pub(super) fn add(&mut self, key: u64) {
        if let Some(count) = self.exact.get_mut(&key) {
            *count = count.saturating_add(1);
        } else if self.exact.len() < self.limit() {
            self.exact.insert(key, 1);
        } else {
            self.shared.resize(SHARED_COUNTERS, 0);
            let count = &mut self.shared[slot(key)];
            *count = count.saturating_add(1);
        }
    }

    /// The memory used, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.exact.capacity() * 8 / 7 * 17 + self.shared.capacity() * 4
    }

    #[cfg(not(test))]
    fn limit(&self) -> usize {
        EXACT_LIMIT
    }

    #[cfg(test)]
    fn limit(&self) -> usize {
        self.limit.unwrap_or(EXACT_LIMIT)
    }
}

fn slot(key: u64) -> usize {
    (key >> 44) as usize % SHARED_COUNTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_counted_less_often_than_it_was_added() {
        let mut counts = Counts {
            limit: Some(100),
            ..Counts::default()
        };
        let mut random = fastrand::Rng::with_seed(5);
        let keys: Vec<u64> = (0..5000).map(|_| random.u64(..)).collect();
        for (index, key) in keys.iter().enumerate() {
            (0..=index % 3).for_each(|_| counts.add(*key));
        }
        for (index, key) in keys.iter().enumerate() {
            let added = (index % 3 + 1) as u32;
            assert!(counts.of(*key) >= added);
            assert!(
                index >= 100 || counts.of(*key) == added,
                "the first are exact"
            );
        }
        let unknown = (0..10_000)
            .filter(|_| counts.of(random.u64(..)) > 0)
            .count();
        assert!(
            unknown < 100,
            "{unknown} keys that were never added have a count"
        );
        assert!(counts.exact.len() == 100 && counts.shared.len() == SHARED_COUNTERS);
    }
}
