//! Identity of URLs: a 64-bit fingerprint that is the same for all spellings of a URL.
//!
//! Spellings that RFC 3986 calls equivalent (6.2.2.1 and 6.2.2.2) have the same fingerprint: the case of the digits
//! in `%2f` does not count, and an encoded unreserved character (`%7E`) equals that character. All other equivalent
//! spellings (the host's case, default ports, dot segments) are already the same in a [`PageUrl`](crate::PageUrl).
//! Nothing is dropped, sorted or guessed, because it may matter to a server. Requests use the URL as it was found;
//! the canonical spelling only serves to identify it.
//!
//! Each run or job has its own random seed, so that no page can provoke a collision.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// Computes the fingerprints of one run or job, which can only be compared with each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprints {
    seed: u64,
}

/// A map keyed by fingerprints.
pub(crate) type FingerprintMap<V> = HashMap<u64, V, BuildHasherDefault<IdentityHasher>>;

/// A set of fingerprints.
pub(crate) type FingerprintSet = HashSet<u64, BuildHasherDefault<IdentityHasher>>;

/// A hasher that returns a fingerprint unchanged. It is a seeded hash already, so no page can choose it.
#[derive(Debug, Default)]
pub(crate) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 fingerprints are hashed");
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

impl Fingerprints {
    /// The fingerprints of a run with this seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns the seed.
    pub fn seed(self) -> u64 {
        self.seed
    }

    /// The fingerprint of a URL in WHATWG form, without fragment.
    pub fn of(self, url: &str) -> u64 {
        let bytes = url.as_bytes();
        match memchr::memchr(b'%', bytes) {
            None => xxh3_64_with_seed(bytes, self.seed),
            Some(first) => {
                let mut hash = Xxh3::with_seed(self.seed);
                hash.update(&bytes[..first]);
                canonical_pieces(&bytes[first..], |piece| hash.update(piece));
                hash.digest()
            }
        }
    }

    /// A seeded hasher, for more than a URL.
    pub(crate) fn begin(self) -> Xxh3 {
        Xxh3::with_seed(self.seed)
    }
}

/// The canonical spelling, the same for all equivalent spellings of a URL.
pub(crate) fn canonical(url: &str) -> Cow<'_, str> {
    if !url.contains('%') {
        return Cow::Borrowed(url);
    }
    let mut text = Vec::with_capacity(url.len());
    canonical_pieces(url.as_bytes(), |piece| text.extend_from_slice(piece));
    // Pieces are only split at `%`, and only ASCII is rewritten, so this is valid UTF-8.
    String::from_utf8(text).map_or(Cow::Borrowed(url), Cow::Owned)
}

/// Passes on the pieces of the canonical spelling.
///
/// A URL with a `%` that is not part of an escape is not valid by RFC 3986, so its rules of equivalence do not apply:
/// from there on, the rest is left unchanged. (Otherwise `%4%31` would become `%41`, which is `A`.)
fn canonical_pieces(url: &[u8], mut take: impl FnMut(&[u8])) {
    let mut rest = url;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (before, from) = rest.split_at(at);
        take(before);
        let byte = from.get(1).and_then(|high| {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            Some((digit(high)? * 16 + digit(from.get(2)?)?) as u8)
        });
        rest = match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                take(&[byte]);
                &from[3..]
            }
            Some(_) => {
                take(&[
                    b'%',
                    from[1].to_ascii_uppercase(),
                    from[2].to_ascii_uppercase(),
                ]);
                &from[3..]
            }
            None => return take(from),
        };
    }
    take(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;
    use proptest::prelude::*;

    #[test]
    fn two_spellings_of_one_url_have_one_fingerprint() {
        let of = |text| Fingerprints::seeded(7).of(PageUrl::parse(text).unwrap().as_str());
        let same = [
            "http://h.example/~a/b%2Fc?q=%C3%A9",
            "HTTP://H.example:80/%7ea/b%2fc?q=%c3%a9#top",
            "http://h.example/x/../%7Ea/b%2fc?q=é",
        ];
        assert!(same.iter().all(|url| of(url) == of(same[0])));
        for other in [
            "http://h.example/~a/b/c?q=é",
            "http://h.example/~A/b%2Fc?q=é",
        ] {
            assert_ne!(of(other), of(same[0]), "{other}");
        }
        let elsewhere = Fingerprints::seeded(8).of(same[0]);
        assert_ne!(elsewhere, Fingerprints::seeded(7).of(same[0]));
    }

    #[test]
    fn what_follows_a_stray_percent_sign_is_equal_to_nothing_but_itself() {
        for (stray, other) in [("%%34%31", "A"), ("%4%31", "%41"), ("%%41", "%A")] {
            assert_eq!(canonical(stray), stray);
            assert_ne!(canonical(stray), canonical(other));
        }
        assert_eq!(canonical("%7e%zz%7e"), "~%zz%7e");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn the_one_spelling_is_spelled_so_itself(path in "([a-z%0-9A-F/.~é]|%[2-7]?[0-9A-Fa-f]){0,30}") {
            let url = PageUrl::parse(&format!("http://h.example/{path}")).unwrap();
            let once = canonical(url.as_str());
            prop_assert_eq!(canonical(&once), once.as_ref());
            let again = PageUrl::parse(&once).unwrap();
            let prints = Fingerprints::seeded(1);
            prop_assert_eq!(prints.of(&once), prints.of(url.as_str()));
            prop_assert_eq!(canonical(again.as_str()).is_empty(), false);
        }
    }
}
