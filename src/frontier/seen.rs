//! The requests that were seen, with one number for each: exact, in flat memory.
//!
//! In a list the number is the first row with the request, in a crawl what the URL was [seen as](super::claim).
//!
//! The newest fingerprints are in a table. When it is full they are sorted and written to an unnamed temporary
//! file, and only a Bloom filter stays in memory (1.25 bytes per fingerprint), so that a list of 30 million lines
//! costs a few dozen MiB and a new URL rarely costs a read. Fingerprints are 64 bits, with a new seed in each run,
//! so that no page can forge a duplicate; two of 30 million URLs share one by chance in one of 40,000 runs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;

use crate::error::{Error, Result};
use crate::url::fingerprint::FingerprintMap;

/// The most fingerprints in memory: as many as fit into a table of 2^21 slots.
const IN_MEMORY: usize = 1_800_000;
/// Bytes of one entry on disk: fingerprint and row.
const ENTRY_BYTES: usize = 16;
/// Entries that are read at a time when a run is searched.
const PAGE_ENTRIES: usize = 256;
/// Bits per fingerprint in a Bloom filter, and bits set for one: about 1 % false positives.
const BITS_PER_ENTRY: usize = 10;
const PROBES: u32 = 7;

/// The requests that were seen.
#[derive(Default)]
pub(crate) struct Seen {
    newest: FingerprintMap<u64>,
    runs: Vec<SortedRun>,
    in_memory: Option<usize>,
}

/// One sorted run of entries on disk.
struct SortedRun {
    file: File,
    entries: u64,
    filter: Bloom,
}

struct Bloom {
    bits: Vec<u64>,
}

impl Seen {
    /// Stores a fingerprint if it is new; otherwise returns what is known about it.
    ///
    /// # Errors
    /// When the temporary files cannot be written or read.
    pub(crate) fn admit(&mut self, fingerprint: u64, known: u64) -> Result<Option<u64>> {
        let before = self.get(fingerprint)?;
        if before.is_none() {
            self.put(fingerprint, known)?;
        }
        Ok(before)
    }

    /// What is known about a fingerprint.
    ///
    /// # Errors
    /// When the temporary files cannot be read.
    pub(crate) fn get(&self, fingerprint: u64) -> Result<Option<u64>> {
        if let Some(known) = self.newest.get(&fingerprint) {
            return Ok(Some(*known));
        }
        // The newest entry counts.
        for run in self.runs.iter().rev() {
            if let Some(known) = run.find(fingerprint).map_err(temporary)? {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }

    /// Stores what is known about a fingerprint, replacing what was known before.
    ///
    /// # Errors
    /// When the temporary files cannot be written.
    pub(crate) fn put(&mut self, fingerprint: u64, known: u64) -> Result<()> {
        if self.newest.len() >= self.in_memory.unwrap_or(IN_MEMORY) {
            self.spill().map_err(temporary)?;
        }
        self.newest.insert(fingerprint, known);
        Ok(())
    }

    fn spill(&mut self) -> std::io::Result<()> {
        let mut entries: Vec<(u64, u64)> = self.newest.drain().collect();
        entries.sort_unstable();
        let mut filter = Bloom::for_entries(entries.len());
        let mut file = BufWriter::with_capacity(1 << 20, tempfile::tempfile()?);
        for (fingerprint, row) in &entries {
            filter.insert(*fingerprint);
            file.write_all(&fingerprint.to_le_bytes())?;
            file.write_all(&row.to_le_bytes())?;
        }
        let file = file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        self.runs.push(SortedRun {
            file,
            entries: entries.len() as u64,
            filter,
        });
        Ok(())
    }
}

impl SortedRun {
    fn find(&self, fingerprint: u64) -> std::io::Result<Option<u64>> {
        if !self.filter.contains(fingerprint) {
            return Ok(None);
        }
        // Fingerprints are evenly spread, so the position can be estimated: read around it, and move on if it was
        // missed.
        let guess = ((u128::from(fingerprint) * u128::from(self.entries)) >> 64) as u64;
        let mut from = guess.saturating_sub(PAGE_ENTRIES as u64 / 2);
        let mut page = [0; PAGE_ENTRIES * ENTRY_BYTES];
        loop {
            let count = (self.entries - from).min(PAGE_ENTRIES as u64) as usize;
            self.file
                .read_exact_at(&mut page[..count * ENTRY_BYTES], from * ENTRY_BYTES as u64)?;
            let entry = |index: usize| {
                let bytes = &page[index * ENTRY_BYTES..][..ENTRY_BYTES];
                let (key, row) = bytes.split_at(8);
                let word =
                    |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("a slice of eight"));
                (word(key), word(row))
            };
            if fingerprint < entry(0).0 {
                if from == 0 {
                    return Ok(None);
                }
                from = from.saturating_sub(PAGE_ENTRIES as u64 - 1);
            } else if fingerprint > entry(count - 1).0 {
                if from + count as u64 >= self.entries {
                    return Ok(None);
                }
                from += count as u64 - 1;
                if entry(count - 1).0 < fingerprint && count == 1 {
                    from += 1;
                }
            } else {
                let nearest = (0..count)
                    .find(|index| entry(*index).0 >= fingerprint)
                    .map(entry);
                return Ok(nearest
                    .filter(|(key, _)| *key == fingerprint)
                    .map(|(_, row)| row));
            }
        }
    }
}

impl Bloom {
    fn for_entries(count: usize) -> Self {
        Self {
            bits: vec![0; (count * BITS_PER_ENTRY).div_ceil(64).max(1)],
        }
    }

    fn insert(&mut self, fingerprint: u64) {
        for bit in self.probes(fingerprint) {
            self.bits[bit / 64] |= 1 << (bit % 64);
        }
    }

    fn contains(&self, fingerprint: u64) -> bool {
        self.probes(fingerprint)
            .all(|bit| self.bits[bit / 64] >> (bit % 64) & 1 == 1)
    }

    /// Double hashing (Kirsch and Mitzenmacher, 2006).
    fn probes(&self, fingerprint: u64) -> impl Iterator<Item = usize> + use<> {
        let size = self.bits.len() as u64 * 64;
        let step = fingerprint
            .rotate_left(32)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            | 1;
        (0..PROBES).map(move |probe| {
            let mixed = fingerprint.wrapping_add(step.wrapping_mul(u64::from(probe)));
            ((u128::from(mixed) * u128::from(size)) >> 64) as usize
        })
    }
}

fn temporary(source: std::io::Error) -> Error {
    Error::output(std::env::temp_dir(), source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_found_in_memory_and_on_disk_and_never_by_mistake() {
        let mut seen = Seen {
            in_memory: Some(10_000),
            ..Seen::default()
        };
        let mut random = fastrand::Rng::with_seed(7);
        let fingerprints: Vec<u64> = (0..55_000)
            .map(|_| random.u64(..))
            .chain([0, 1, u64::MAX])
            .collect();
        for (row, fingerprint) in fingerprints.iter().enumerate() {
            assert_eq!(seen.admit(*fingerprint, row as u64).unwrap(), None);
        }
        assert!(seen.runs.len() >= 5);
        for (row, fingerprint) in fingerprints.iter().enumerate() {
            assert_eq!(seen.admit(*fingerprint, 0).unwrap(), Some(row as u64));
        }
        for (row, fingerprint) in fingerprints.iter().enumerate().step_by(3) {
            seen.put(*fingerprint, row as u64 + 1).unwrap();
        }
        for (row, fingerprint) in fingerprints.iter().enumerate() {
            let expected = row as u64 + u64::from(row.is_multiple_of(3));
            assert_eq!(seen.get(*fingerprint).unwrap(), Some(expected));
        }
        for _ in 0..20_000 {
            assert_eq!(seen.admit(random.u64(..), 0).unwrap(), None);
        }
    }

    #[test]
    fn the_filter_avoids_most_disk_reads() {
        let mut filter = Bloom::for_entries(10_000);
        let mut random = fastrand::Rng::with_seed(7);
        let known: Vec<u64> = (0..10_000).map(|_| random.u64(..)).collect();
        known
            .iter()
            .for_each(|fingerprint| filter.insert(*fingerprint));
        assert!(
            known
                .iter()
                .all(|fingerprint| filter.contains(*fingerprint))
        );
        let alarms = (0..10_000)
            .filter(|_| filter.contains(random.u64(..)))
            .count();
        assert!(alarms < 300, "{alarms} false alarms of 10,000");
    }
}
