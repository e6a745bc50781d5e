//! What a link checker asks of a page beside its links.
//!
//! Bounded in number and in bytes, whatever a page holds. Edge: which of it is broken is known only when the crawl ends.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprints;
use crate::nearest::nearest;
use crate::url::{PageUrl, UrlError};

/// References that are no URL and are kept of one page.
const MALFORMED: usize = 1000;
/// Characters of one that are kept.
const SHOWN: usize = 200;
/// Fragments of links that are kept of one page.
const FRAGMENTS: usize = 50_000;
/// Ids of one page that are kept; a page with more has none, as it cannot be said what it lacks.
pub(crate) const IDS: usize = 200_000;
/// What the URL standard writes as `%..` in a fragment.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
/// What begins the part of a fragment that is for the browser alone (URL Fragment Text Directives, 3.1).
const DIRECTIVE: &str = ":~:";

/// What a link checker asks of a page beside its links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// References that are no URL, as they are written, at most 200 characters of each.
    malformed: Vec<Box<str>>,
    /// Fragments of its links, each once.
    fragments: Vec<Fragment>,
    /// The hashes of its ids; `None` where nobody asks, of what is no page, and where there are too many.
    ids: Option<Box<[u64]>>,
}

/// A place on a page that a link leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fragment {
    /// The page.
    pub(crate) page: u64,
    /// The hash of the id as it is written in the URL.
    pub(crate) written: u64,
    /// The hash of the id that it means once it is decoded.
    pub(crate) decoded: u64,
    /// The URL with its fragment, at most 200 characters of that.
    pub(crate) url: Box<str>,
}

impl Checked {
    /// Takes a reference that led to no page: it is kept where it is no URL at all.
    pub(crate) fn lead_nowhere(&mut self, base: &PageUrl, reference: &str) {
        if self.malformed.len() >= MALFORMED || !is_malformed(base, reference) {
            return;
        }
        let shown: String = reference.chars().take(SHOWN).collect();
        if !self.malformed.iter().any(|known| **known == *shown) {
            self.malformed.push(shown.into());
        }
    }

    /// Takes the fragment of a reference to this URL, if it has one that may be missing. Answers whether it was left out, as there
    /// are too many.
    pub(crate) fn lead_to(
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

    /// Notes the ids of the page, and that each fragment of a link is kept once.
    pub(crate) fn finish(&mut self, ids: Option<Vec<u64>>) {
        self.ids = ids.map(Vec::into_boxed_slice);
        let key = |fragment: &Fragment| (fragment.page, fragment.written);
        self.fragments.sort_by_key(key);
        self.fragments.dedup_by_key(|fragment| key(fragment));
    }

    /// References that are no URL, as they are written, at most 200 characters of each and each once.
    pub fn malformed(&self) -> impl Iterator<Item = &str> {
        self.malformed.iter().map(|text| &**text)
    }

    /// The places that links of the page lead to.
    pub(crate) fn fragments(&self) -> &[Fragment] {
        &self.fragments
    }

    /// The hashes of the ids on the page, where they are known.
    pub(crate) fn ids(&self) -> Option<&[u64]> {
        self.ids.as_deref()
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let malformed = self.malformed.iter().map(|text| text.len() + 16);
        let fragments = self.fragments.iter();
        let fragments = fragments.map(|fragment| fragment.url.len() + size_of::<Fragment>());
        let ids = self.ids.as_ref().map_or(0, |ids| ids.len() * 8);
        malformed.sum::<usize>() + fragments.sum::<usize>() + ids
    }
}

impl Fragment {
    /// The place that a reference to this page names. `None` where it names none, or the top, which every page has (HTML, "find
    /// the indicated part").
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

/// Whether a reference that leads to no page of http or https is no URL. Other schemes are the business of others, but
/// one before `//` that is nearly `http` or `https` is taken for a slip of the finger: `htps://example.org`. A list of
/// all schemes could not tell, as every app has one of its own.
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
        (0..3).for_each(|_| checked.lead_nowhere(&base, &long));
        assert_eq!(
            checked
                .malformed()
                .map(|text| text.chars().count())
                .collect::<Vec<_>>(),
            [SHOWN]
        );
        (0..5000).for_each(|number| checked.lead_nowhere(&base, &format!("htps://{number}/")));
        assert_eq!(checked.malformed().count(), MALFORMED);
    }
}
