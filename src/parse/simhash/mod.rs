//! What a page says, in 64 bits: pages with nearly the same text have fingerprints that differ in few bits.
//!
//! The simhash of Charikar ("Similarity estimation techniques from rounding algorithms", STOC 2002), as Manku, Jain and Das Sarma
//! used it on web pages (WWW 2007): each run of three words votes for or against each bit. A run counts once, however often it stands in
//! the page, or a list that says one thing a thousand times would be like every other list. Text that pages of a
//! site have in common is left out as far as elements tell it: `nav`, `header`, `footer`, `aside` and controls. Numbers are left out
//! too: times and counts change from one answer to the next.
//!
//! Invariant: a fingerprint depends on the text alone, not on tags, case or white space. Edge: a few runs of words decide a short page,
//! so pages with fewer than 128 of them are near only to pages with the same text; with fewer than 20 words there is no fingerprint. Character
//! references stay as they are written. Bytes beyond ASCII are letters, as in UTF-8; those of Chinese, Japanese and
//! Korean characters, which stand without spaces, are a word each.

#[cfg(test)]
mod tests;
mod words;

use std::ops::ControlFlow;

use words::{Word, for_each_word};

use super::scan::{Markup, Name, Tag, Visitor, scan_as};

/// Pages with fewer words than this say too little.
const FEWEST_WORDS: u32 = 20;
/// Pages with fewer different runs of words are compared exactly: of 2,500 chapters of manuals, 37 were near to one that says
/// something else before this was so, stubs of some sixty words all of them, and none since.
const FEWEST_RUNS: u32 = 128;
/// Runs of words remembered, so that each counts once: a page has 300 KB of text before there are more.
const MOST_REMEMBERED: usize = 1 << 16;
/// Places for runs at first.
const INITIAL_SLOTS: usize = 1 << 10;
/// The lowest bit of each byte.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
/// Spreads a word over 64 bits: the golden ratio.
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
/// Votes that a byte holds.
const LANE_MAX: u32 = 255;

/// The fingerprint of a text that comes in pieces. As a [`Visitor`] it takes what counts of a page; any other visitor can
/// hand it what it is told itself.
#[derive(Debug)]
pub struct Simhash {
    /// The last three words, the newest last.
    run: [u64; 3],
    words: u32,
    runs: u32,
    /// All words in their order.
    exact: u64,
    /// A hash table of runs; 0 is a free place.
    seen: Vec<u64>,
    remembered: usize,
    /// Votes for the bits: of bit `8 * byte + bit` in byte `byte` of `votes[bit]`.
    votes: [u64; 8],
    /// Votes counted in `votes` since it was last emptied.
    pending: u32,
    total: [u32; 64],
    /// Open elements whose text is left out.
    ignored_depth: u32,
}

/// The fingerprint of a page, or none where it has too little text. Its bytes are of any encoding that the [scanner](super::scan)
/// takes.
#[must_use]
pub fn of_html(html: &[u8]) -> Option<u64> {
    of_page(Markup::Html, html)
}

/// As [`of_html`], for a page of these rules.
#[must_use]
pub fn of_page(markup: Markup, html: &[u8]) -> Option<u64> {
    let mut simhash = Simhash::new();
    scan_as(markup, html, &mut simhash);
    simhash.finish()
}

impl Default for Simhash {
    fn default() -> Self {
        Self::new()
    }
}

impl Simhash {
    /// Of no text yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            run: [0; 3],
            words: 0,
            runs: 0,
            exact: 0,
            seen: vec![0; INITIAL_SLOTS],
            remembered: 0,
            votes: [0; 8],
            pending: 0,
            total: [0; 64],
            ignored_depth: 0,
        }
    }

    /// Takes a piece of the text. A word does not reach from one piece into the next.
    pub fn push(&mut self, text: &[u8]) {
        for_each_word(text, |word| self.word(word));
    }

    #[inline]
    fn word(&mut self, word: Word) {
        let hash = word.hash();
        self.exact = (self.exact.rotate_left(5) ^ hash).wrapping_mul(GOLDEN_RATIO);
        self.words = self.words.saturating_add(1);
        if word.is_number {
            return;
        }
        let [_, first, second] = self.run;
        self.run = [first, second, hash];
        if first != 0 {
            self.vote(hash_run(first, second, hash));
        }
    }

    #[inline]
    fn vote(&mut self, run: u64) {
        if !self.is_new(run) {
            return;
        }
        self.runs = self.runs.saturating_add(1);
        for (bit, votes) in self.votes.iter_mut().enumerate() {
            *votes += (run >> bit) & LOW_BITS;
        }
        self.pending += 1;
        if self.pending == LANE_MAX {
            self.flush_votes();
        }
    }

    /// Whether a run was not seen before.
    #[inline]
    fn is_new(&mut self, run: u64) -> bool {
        let mask = self.seen.len() - 1;
        let mut slot = run as usize & mask;
        loop {
            match self.seen[slot] {
                0 => break,
                existing if existing == run => return false,
                _ => slot = (slot + 1) & mask,
            }
        }
        if self.remembered < MOST_REMEMBERED {
            self.seen[slot] = run;
            self.remembered += 1;
            if self.remembered * 2 > self.seen.len() {
                self.grow();
            }
        }
        true
    }

    #[cold]
    fn grow(&mut self) {
        let length = self.seen.len() * 4;
        let before = std::mem::replace(&mut self.seen, vec![0; length]);
        self.remembered = 0;
        for run in before.into_iter().filter(|run| *run != 0) {
            self.is_new(run);
        }
    }

    /// Moves the votes to where there is more room.
    fn flush_votes(&mut self) {
        for (bit, votes) in self.votes.iter_mut().enumerate() {
            for (byte, votes) in votes.to_le_bytes().into_iter().enumerate() {
                self.total[8 * byte + bit] += u32::from(votes);
            }
            *votes = 0;
        }
        self.pending = 0;
    }

    /// The fingerprint; none where there was too little text, or the page left an element open whose text is left out.
    #[must_use]
    pub fn finish(mut self) -> Option<u64> {
        if self.words < FEWEST_WORDS || self.ignored_depth > 0 {
            return None;
        }
        if self.runs < FEWEST_RUNS {
            return Some(mix(self.exact));
        }
        self.flush_votes();
        let half = self.runs / 2;
        let bits = self.total.iter().enumerate();
        Some(bits.fold(0, |all, (bit, votes)| all | u64::from(*votes > half) << bit))
    }
}

impl<'a> Visitor<'a> for Simhash {
    #[inline]
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        if is_ignored(tag.name_text()) {
            self.ignored_depth = self.ignored_depth.saturating_add(1);
        }
        ControlFlow::Continue(())
    }

    fn raw_text(&mut self, name: Name, text: &'a [u8], _: usize) -> ControlFlow<()> {
        if name == Name::Title {
            self.push(text);
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn text(&mut self, text: &'a [u8], _: usize) -> ControlFlow<()> {
        if self.ignored_depth == 0 {
            self.push(text);
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn end_tag(&mut self, name: &'a [u8]) -> ControlFlow<()> {
        if is_ignored(name) {
            self.ignored_depth = self.ignored_depth.saturating_sub(1);
        }
        ControlFlow::Continue(())
    }
}

/// Elements that hold the same on all pages of a site, or nothing to read.
fn is_ignored(name: &[u8]) -> bool {
    let names: &[&[u8]] = match name.len() {
        3 => &[b"nav"],
        5 => &[b"aside"],
        6 => &[b"header", b"footer", b"button", b"select"],
        8 => &[b"template"],
        _ => return false,
    };
    names
        .iter()
        .any(|ignored| ignored.eq_ignore_ascii_case(name))
}

/// Three words in a row; never 0.
#[inline]
fn hash_run(first: u64, second: u64, third: u64) -> u64 {
    mix(first.rotate_left(34) ^ second.rotate_left(17) ^ third).max(1)
}

/// The finish of a 64-bit hash by David Stafford ("mix 13").
#[inline]
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
