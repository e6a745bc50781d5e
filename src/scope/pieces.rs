//! Pieces of a URL's text: its parameters, and its fingerprint with some pieces cut out.

use std::ops::Range;

use url::Position;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::url::PageUrl;
use crate::visit::skip::Skip;

/// The most pieces that can be cut out of one URL; further ones stay in.
const MOST_CUTS: usize = 8;

/// Computes seeded fingerprints, so that no page can know which texts share one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prints {
    seed: u64,
}

/// Pieces of a URL, as byte ranges of its text, in order and without overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cuts {
    pieces: [Range<usize>; MOST_CUTS],
    count: usize,
}

/// One parameter of a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter<'u> {
    /// The name as written; empty if there is no `=`.
    pub(super) name: &'u str,
    /// The value as written; the whole parameter if there is no `=`.
    pub(super) value: &'u str,
    /// The end of the value in the URL's text.
    pub(super) end: usize,
}

impl Prints {
    pub(super) fn seeded(seed: u64) -> Self {
        Self { seed }
    }

    pub(super) fn of(self, text: &str) -> u64 {
        xxh3_64_with_seed(text.as_bytes(), self.seed)
    }

    /// The fingerprint of two fingerprints, in this order.
    pub(super) fn combine(self, first: u64, second: u64) -> u64 {
        // The final mix of a 64-bit hash by David Stafford ("mix 13").
        let mut mixed = first.rotate_left(25) ^ second.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The fingerprint of a text without the pieces that are cut out.
    pub(super) fn without(self, text: &str, cuts: &Cuts) -> u64 {
        let remaining = cuts.remaining(text);
        remaining.fold(0, |print, piece| self.combine(print, self.of(piece)))
    }
}

impl Cuts {
    /// Adds a piece after the existing ones.
    pub(super) fn push(&mut self, piece: Range<usize>) {
        debug_assert!(self.end() <= piece.start, "pieces come in order");
        if let Some(slot) = self.pieces.get_mut(self.count) {
            *slot = piece;
            self.count += 1;
        }
    }

    /// The end of the last piece.
    pub(super) fn end(&self) -> usize {
        self.iter().last().map_or(0, |piece| piece.end)
    }

    fn iter(&self) -> impl Iterator<Item = &Range<usize>> {
        self.pieces[..self.count].iter()
    }

    /// The text that remains, piece by piece.
    fn remaining<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let starts = std::iter::once(0).chain(self.iter().map(|piece| piece.end));
        let ends = self.iter().map(|piece| piece.start).chain([text.len()]);
        starts.zip(ends).map(|(start, end)| &text[start..end])
    }

    /// Path and query of a URL for messages, with `*` for each piece that is cut out.
    pub(super) fn display(&self, url: &PageUrl) -> String {
        let pieces: Vec<&str> = self.remaining(url.as_str()).collect();
        let text = pieces.join("*");
        let path = url.origin_text().len();
        Skip::cut(text.get(path..).unwrap_or_default())
    }
}

/// The non-empty parameters of a URL.
pub(super) fn parameters(url: &PageUrl) -> impl Iterator<Item = Parameter<'_>> {
    let start = url.as_url()[..Position::BeforeQuery].len();
    let query = url.as_url().query().unwrap_or_default();
    let mut at = start;
    query.split('&').filter_map(move |text| {
        let end = at + text.len();
        at = end + 1;
        let (name, value) = text.split_once('=').unwrap_or(("", text));
        (!text.is_empty()).then_some(Parameter { name, value, end })
    })
}

impl Parameter<'_> {
    /// The range of the value in the URL's text.
    pub(super) fn range(&self) -> Range<usize> {
        self.end - self.value.len()..self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(piece: Range<usize>) -> Cuts {
        let mut cuts = Cuts::default();
        cuts.push(piece);
        cuts
    }

    #[test]
    fn the_fingerprint_depends_on_the_remaining_pieces_and_their_order() {
        let prints = Prints::seeded(3);
        let fingerprint_without = |text: &str| prints.without(text, &cut(2..4));
        assert_eq!(fingerprint_without("ab12cd"), fingerprint_without("ab34cd"));
        for other in ["cd12ab", "abc12d", "ab12", "ab12ab"] {
            assert_ne!(
                fingerprint_without("ab12cd"),
                fingerprint_without(other),
                "{other}"
            );
        }
        assert_ne!(
            prints.without("abcd", &Cuts::default()),
            fingerprint_without("ab12cd")
        );
    }

    #[test]
    fn parameters_know_their_range() {
        let url = PageUrl::parse("http://a.example/?a=1&&b&c==&=d").unwrap();
        let pairs: Vec<_> = parameters(&url)
            .map(|parameter| {
                assert_eq!(&url.as_str()[parameter.range()], parameter.value);
                (parameter.name, parameter.value)
            })
            .collect();
        assert_eq!(pairs, [("a", "1"), ("", "b"), ("c", "="), ("", "d")]);
        assert_eq!(parameters(&PageUrl::placeholder()).count(), 0);
    }
}
