//! What a link checker needs from a page besides its links.
//!
//! Bounded in number and bytes, whatever the page contains. Which of it is broken is only known when the crawl ends.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::text::nearest::nearest;
use crate::url::fingerprint::Fingerprints;
use crate::url::{PageUrl, UrlError};

/// The most invalid references that are kept per page.
const MALFORMED: usize = 1000;
/// The most characters that are kept of one reference.
const SHOWN: usize = 200;
/// The most fragments of links that are kept per page.
const FRAGMENTS: usize = 50_000;
/// The most ids that are kept per page. A page with more gets none, as one could not tell which it lacks.
pub(crate) const IDS: usize = 200_000;
/// The fragment percent-encode set of the URL standard.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
/// The start of a fragment directive, which is only for the browser (URL Fragment Text Directives, 3.1).
const DIRECTIVE: &str = ":~:";

/// What a link checker needs from a page besides its links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Invalid references as written, cut to 200 characters.
    malformed: Vec<Box<str>>,
    /// The fragments of its links, each once.
    fragments: Vec<Fragment>,
    /// The hashes of its ids; `None` if they are not needed, it is not a page, or there are too many.
    ids: Option<Box<[u64]>>,
}

/// A fragment of a page that a link leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fragment {
    /// The fingerprint of the page.
    pub(crate) page: u64,
    /// The hash of the id as written in the URL.
    pub(crate) written: u64,
    /// The hash of the percent-decoded id.
    pub(crate) decoded: u64,
    /// The URL with the fragment, which is cut to 200 characters.
    pub(crate) url: Box<str>,
}

impl Checked {
    /// Adds a reference that leads to no page; it is kept only if it is invalid.
    pub(crate) fn add_invalid(&mut self, base: &PageUrl, reference: &str) {
        if self.malformed.len() >= MALFORMED || !is_malformed(base, reference) {
            return;
        }
        let shown: String = reference.chars().take(SHOWN).collect();
        if !self.malformed.iter().any(|known| **known == *shown) {
            self.malformed.push(shown.into());
        }
    }

    /// Adds the fragment of a reference to this URL, if it has one that may be missing. Returns whether it was
    /// dropped because there are too many.
    pub(crate) fn add_target(
        &mut self,
        (url, page): (&str, u64),
        reference: &str,
        fingerprints: Fingerprints,
    ) -> bool {
        let Some(fragment) = Fragment::of((url, page), reference, fingerprints) else {
            return false;
        };
        if self.fragments.len() >= FRAGMENTS {
            return true;
        }
        self.fragments.push(fragment);
        false
    }

    /// Stores the ids of the page, and removes duplicate fragments.
    pub(crate) fn finish(&mut self, ids: Option<Vec<u64>>) {
        self.ids = ids.map(Vec::into_boxed_slice);
        let key = |fragment: &Fragment| (fragment.page, fragment.written);
        self.fragments.sort_by_key(key);
        self.fragments.dedup_by_key(|fragment| key(fragment));
    }

    /// Invalid references as written, each once and cut to 200 characters.
    pub fn malformed(&self) -> impl Iterator<Item = &str> {
        self.malformed.iter().map(|text| &**text)
    }

    /// The fragments that links of the page lead to.
    pub(crate) fn fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    /// The hashes of the ids on the page, if they are known.
    pub(crate) fn ids(&self) -> Option<&[u64]> {
        self.ids.as_deref()
    }

    /// Whether it is empty.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The approximate size in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        let malformed = self.malformed.iter().map(|text| text.len() + 16);
        let fragments = self.fragments.iter();
        let fragments = fragments.map(|fragment| fragment.url.len() + size_of::<Fragment>());
        let ids = self.ids.as_ref().map_or(0, |ids| ids.len() * 8);
        malformed.sum::<usize>() + fragments.sum::<usize>() + ids
    }
}

impl Fragment {
    /// The fragment of a reference to this page. `None` without one, or for the top, which every page has (HTML,
    /// "find the indicated part").
    fn of((url, page): (&str, u64), reference: &str, fingerprints: Fingerprints) -> Option<Self> {
        let (_, fragment) = reference.split_once('#')?;
        let fragment = fragment.split(DIRECTIVE).next().unwrap_or_default();
        let fragment = fragment.replace(['\t', '\n', '\r'], "");
        if fragment.is_empty() {
            return None;
        }
        let written = utf8_percent_encode(&fragment, ENCODED).to_string();
        let decoded = percent_decode_str(&written).decode_utf8_lossy();
        if decoded.eq_ignore_ascii_case("top") {
            return None;
        }
        let shown: String = fragment.chars().take(SHOWN).collect();
        Some(Self {
            page,
            written: id(&written, fingerprints),
            decoded: id(&decoded, fingerprints),
            url: format!("{url}#{shown}").into(),
        })
    }
}

/// The hash of an id.
pub(crate) fn id(text: &str, fingerprints: Fingerprints) -> u64 {
    let mut hash = fingerprints.begin();
    hash.update(text.as_bytes());
    hash.digest()
}

/// Whether a reference that does not lead to an http or https page is invalid. Other schemes are valid, except that
/// one before `//` that is almost `http` or `https` counts as a typo: `htps://example.org`. A list of valid schemes
/// would not help, as every app may have its own.
fn is_malformed(base: &PageUrl, reference: &str) -> bool {
    match base.join(reference) {
        Ok(_) | Err(UrlError::TooLong) => false,
        Err(UrlError::Malformed(_)) => true,
        Err(UrlError::Scheme(scheme)) => {
            let rest = reference.get(scheme.len()..).unwrap_or_default();
            rest.starts_with("://") && nearest(&scheme, &["http", "https"]).is_some()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_scheme_is_no_url_and_a_scheme_of_its_own_is_one() {
        let base = PageUrl::parse("http://h.example/").unwrap();
        for wrong in [
            "htps://h/",
            "htp://h/",
            "hhttp://h/",
            "HTTTPS://h/",
            "ttps://h/",
            "httpss://h/",
            "http://",
            "http://a b/",
            "http://h:x/",
            "https://[::1/",
            "//[",
            "http://h%/",
        ] {
            assert!(is_malformed(&base, wrong), "{wrong}");
        }
        for fine in [
            "mailto:x",
            "tel:1",
            "javascript:x",
            "data:,x",
            "ftp://h/",
            "sftp://h/",
            "rtsp://h/",
            "smtp://h/",
            "nntp://h/",
            "ftps://h/",
            "obsidian://x",
            "http:",
            "http:x",
            "htps:x",
            "about:blank",
            "a:b",
            "x",
            "",
            "blob:https://h/x",
            "ipfs://x",
        ] {
            assert!(!is_malformed(&base, fine), "{fine}");
        }
    }

    #[test]
    fn what_is_kept_of_a_page_is_bounded_and_each_text_is_kept_once() {
        let base = PageUrl::parse("http://h.example/").unwrap();
        let mut checked = Checked::default();
        let long = format!("http://a b/{}", "é".repeat(3000));
        (0..3).for_each(|_| checked.add_invalid(&base, &long));
        assert_eq!(
            checked
                .malformed()
                .map(|text| text.chars().count())
                .collect::<Vec<_>>(),
            [SHOWN]
        );
        (0..5000).for_each(|number| checked.add_invalid(&base, &format!("htps://{number}/")));
        assert_eq!(checked.malformed().count(), MALFORMED);
    }
}
