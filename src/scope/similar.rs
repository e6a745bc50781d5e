//! Detects pages with nearly the same text: an earlier fingerprint within three bits of this one.
//!
//! The scheme of Manku, Jain and Das Sarma ("Detecting near-duplicates for web crawling", WWW 2007): 64 bits are split
//! into four blocks of 16, and two fingerprints that differ in three bits have at least one block in common. So each
//! page is in four tables, one per block, and looked up and compared there. Invariant: memory is limited, and so is
//! the time of a query: only the newest pages are remembered, and in each table only a limited number of the newest
//! pages with that block are compared. Of similar pages, only the first is remembered, so a trap that serves one page
//! endlessly takes a single slot.

use crate::visit::compared::NEAR;

/// The most pages that are remembered: 36 MiB at that number.
const PAGE_LIMIT: usize = 1 << 20;
/// The most pages compared in each table. Of a million evenly distributed pages, 16 have the same block.
const COMPARE_LIMIT: usize = 512;
/// The number of blocks of a fingerprint: one more than bits in which similar pages may differ.
const BLOCKS: usize = 1 + NEAR as usize;
/// The number of values of a block.
const VALUES: usize = 1 << 16;
/// Marks that there is no older page with the same block.
const NONE: u32 = u32::MAX;

/// The fingerprints of the pages seen so far.
#[derive(Debug)]
pub struct Similar {
    pages: Vec<SeenPage>,
    /// The total number of pages remembered so far; page `n` is at index `n % limit`.
    remembered: u32,
    /// The newest page with each value of each block.
    newest: Vec<u32>,
    limit: usize,
}

#[derive(Debug, Clone, Copy)]
struct SeenPage {
    fingerprint: u64,
    id: u64,
    /// For each block, the previous page with the same value.
    older: [u32; BLOCKS],
}

impl Default for Similar {
    fn default() -> Self {
        Self::new()
    }
}

impl Similar {
    /// Without any pages yet.
    pub fn new() -> Self {
        Self::with_limit(PAGE_LIMIT)
    }

    /// Like [`new`](Self::new), with the most pages to remember.
    fn with_limit(limit: usize) -> Self {
        Self {
            pages: Vec::new(),
            remembered: 0,
            newest: vec![NONE; BLOCKS * VALUES],
            limit,
        }
    }

    /// The id of the nearest earlier page within three bits of this [fingerprint](crate::parse::simhash).
    ///
    /// The earliest if several are equally near. If there is none, this page is remembered under its own id.
    pub fn near(&mut self, fingerprint: u64, id: u64) -> Option<u64> {
        let nearest = (0..BLOCKS)
            .flat_map(|block| self.with_block(fingerprint, block))
            .map(|(number, page)| {
                (
                    (page.fingerprint ^ fingerprint).count_ones(),
                    number,
                    page.id,
                )
            })
            .filter(|(distance, ..)| *distance <= NEAR)
            .min()
            .map(|(.., id)| id);
        if nearest.is_none() {
            self.remember(fingerprint, id);
        }
        nearest
    }

    /// The newest pages with this block of a fingerprint, newest first.
    fn with_block(&self, fingerprint: u64, block: usize) -> impl Iterator<Item = (u32, &SeenPage)> {
        let mut next = self.newest[slot(fingerprint, block)];
        std::iter::from_fn(move || {
            let page = self.page(next)?;
            let number = std::mem::replace(&mut next, page.older[block]);
            Some((number, page))
        })
        .take(COMPARE_LIMIT)
    }

    /// The page with this number, unless a newer one has overwritten it.
    fn page(&self, number: u32) -> Option<&SeenPage> {
        let is_available = number != NONE && (self.remembered - number) as usize <= self.limit;
        is_available
            .then(|| self.pages.get(number as usize % self.limit))
            .flatten()
    }

    fn remember(&mut self, fingerprint: u64, id: u64) {
        // After four billion different pages, no more are remembered.
        let number = self.remembered;
        if number == NONE {
            return;
        }
        let older = std::array::from_fn(|block| {
            std::mem::replace(&mut self.newest[slot(fingerprint, block)], number)
        });
        let page = SeenPage {
            fingerprint,
            id,
            older,
        };
        match self.pages.get_mut(number as usize % self.limit) {
            Some(oldest) => *oldest = page,
            None => self.pages.push(page),
        }
        self.remembered += 1;
    }
}

/// The index in `newest` for this block of a fingerprint.
fn slot(fingerprint: u64, block: usize) -> usize {
    block * VALUES + (fingerprint >> (16 * block)) as usize % VALUES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flips this number of distinct bits.
    fn changed(fingerprint: u64, bits: usize, random: &mut fastrand::Rng) -> u64 {
        let mut bits_to_flip: Vec<u32> = (0..64).collect();
        random.shuffle(&mut bits_to_flip);
        bits_to_flip[..bits]
            .iter()
            .fold(fingerprint, |all, bit| all ^ (1 << bit))
    }

    #[test]
    fn pages_within_three_bits_are_found_but_not_pages_beyond() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut similar = Similar::new();
        let pages: Vec<u64> = (0..20_000).map(|_| random.u64(..)).collect();
        for (id, page) in pages.iter().enumerate() {
            assert_eq!(similar.near(*page, id as u64), None);
        }
        for (id, page) in pages.iter().enumerate() {
            let bits = id % 4;
            let near = changed(*page, bits, &mut random);
            assert_eq!(similar.near(near, 0), Some(id as u64), "{bits} bits");
        }
        for page in pages.iter().take(4000) {
            assert_eq!(similar.near(changed(*page, 6, &mut random), 0), None);
        }
    }

    #[test]
    fn the_nearest_page_is_returned_and_the_first_of_equals() {
        let mut similar = Similar::new();
        assert_eq!(similar.near(0b1111_0000, 1), None);
        assert_eq!(similar.near(0, 2), None);
        assert_eq!(similar.near(0b0001, 9), Some(2));
        assert_eq!(similar.near(0b0011_0000, 9), Some(1), "both are two away");
        assert_eq!(similar.near(0b1110_0000, 9), Some(1));
    }

    #[test]
    fn old_pages_are_forgotten_and_memory_is_limited() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut similar = Similar::with_limit(1000);
        let pages: Vec<u64> = (0..10_000).map(|_| random.u64(..)).collect();
        for (id, page) in pages.iter().enumerate() {
            assert_eq!(similar.near(*page, id as u64), None);
        }
        for (id, page) in pages.iter().enumerate().skip(9000) {
            assert_eq!(similar.near(*page, 0), Some(id as u64));
        }
        for page in &pages[..500] {
            assert_eq!(similar.near(*page, 0), None);
        }
        assert_eq!(similar.pages.len(), 1000);
    }

    #[test]
    fn only_the_newest_pages_with_the_same_block_are_compared() {
        let mut similar = Similar::new();
        let mut random = fastrand::Rng::with_seed(5);
        for id in 0..10_000 {
            similar.near(random.u64(..) << 16, id);
        }
        let compared: Vec<u32> = similar.with_block(0, 0).map(|(number, _)| number).collect();
        assert_eq!(compared.len(), COMPARE_LIMIT);
        assert!(compared.is_sorted_by(|newer, older| newer > older));
    }
}
