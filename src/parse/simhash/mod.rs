//! Simhash: 64-bit fingerprints of a page's text. Similar texts have fingerprints that differ in few bits.
//!
//! The simhash of Charikar ("Similarity estimation techniques from rounding algorithms", STOC 2002), as Manku, Jain
//! and Das Sarma used it on web pages (WWW 2007): each run of three words votes for or against each bit. A run counts
//! once, however often it occurs; otherwise a list that repeats one phrase a thousand times would resemble every other
//! such list. Text that the pages of a site have in common is left out, as far as elements show it: `nav`, `header`,
//! `footer`, `aside` and controls. Numbers are left out too, as times and counts change from one response to the next.
//!
//! Invariant: a fingerprint depends only on the text, not on tags, case or white space. On a short page, a few runs of
//! words would decide, so a page with fewer than 128 runs only matches pages with the same text; with fewer than 20
//! words, there is no fingerprint. Character references are not decoded. Bytes beyond ASCII are letters, as in UTF-8;
//! Chinese, Japanese and Korean characters, which are written without spaces, count as a word each.

#[cfg(test)]
mod tests;
mod words;

use std::ops::ControlFlow;

use words::{GOLDEN_RATIO, LOW_BITS, Word, for_each_word};

use super::scan::{Markup, Name, Tag, Visitor, scan_as};

/// Pages with fewer words than this get no fingerprint.
const FEWEST_WORDS: u32 = 20;
/// Pages with fewer distinct runs of words than this are compared exactly.
///
/// Before this limit existed, 37 of 2,500 manual chapters matched a chapter with other content, all of them stubs of
/// some sixty words; now none do.
const FEWEST_RUNS: u32 = 128;
/// The most runs of words that are remembered so that each counts once.
///
/// A page reaches it at about 300 KB of text.
const MOST_REMEMBERED: usize = 1 << 16;
/// The initial size of the hash table of runs.
const INITIAL_SLOTS: usize = 1 << 10;
/// The most votes that fit in a byte.
const LANE_MAX: u32 = 255;

/// Computes the fingerprint of a text that arrives in pieces.
///
/// As a [`Visitor`], it uses the text of a page that counts; another visitor can also forward its calls to it.
#[derive(Debug)]
pub struct Simhash {
    /// The last three words, the newest last.
    run: [u64; 3],
    words: u32,
    runs: u32,
    /// A hash of all words in order.
    exact: u64,
    /// A hash table of runs; 0 is a free slot.
    seen: Vec<u64>,
    remembered: usize,
    /// Votes for the bits: those for bit `8 * byte + bit` are in byte `byte` of `votes[bit]`.
    votes: [u64; 8],
    /// The number of votes in `votes` since it was last flushed.
    pending: u32,
    total: [u32; 64],
    /// The number of open elements whose text is left out.
    ignored_depth: u32,
}

/// The fingerprint of a page, or `None` if it has too little text.
///
/// Its bytes are in any encoding that the [scanner](super::scan) supports.
#[must_use]
pub fn of_html(html: &[u8]) -> Option<u64> {
    of_page(Markup::Html, html)
}

/// Like [`of_html`], for a page with the given rules.
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
    /// The state before any text.
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

    /// Adds a piece of text. A word does not extend from one piece into the next.
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

    /// Whether a run is seen for the first time.
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

    /// Moves the votes to the larger counters.
    fn flush_votes(&mut self) {
        for (bit, votes) in self.votes.iter_mut().enumerate() {
            for (byte, votes) in votes.to_le_bytes().into_iter().enumerate() {
                self.total[8 * byte + bit] += u32::from(votes);
            }
            *votes = 0;
        }
        self.pending = 0;
    }

    /// The fingerprint.
    ///
    /// `None` if there was too little text, or an element whose text is left out was never closed.
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

/// Whether an element is the same on all pages of a site, or has nothing to read.
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

/// The hash of three words in a row; never 0.
#[inline]
fn hash_run(first: u64, second: u64, third: u64) -> u64 {
    mix(first.rotate_left(34) ^ second.rotate_left(17) ^ third).max(1)
}

/// Finishes a 64-bit hash, after David Stafford ("mix 13").
#[inline]
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
