//! What a page leads to: its links, resolved, each with its fingerprint, in one allocation for their text.
//!
//! Made by the parse half, on whatever core is free, so that the loop that asks whether each was seen before has only
//! a number to look up. Invariant: every URL in it is a [`PageUrl`](crate::PageUrl)'s text, and stands in it once.

use serde::{Deserialize, Serialize};

/// What a page leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    text: String,
    links: Vec<Entry>,
    /// Whether the page, or the answer's head, asks that none of its links be followed.
    pub nofollow: bool,
    /// Whether the page, or the answer's head, asks not to be kept in an index.
    pub noindex: bool,
    /// Whether links were left out, as there were too many or some were too long.
    pub more: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    start: u32,
    end: u32,
    fingerprint: u64,
    kind: FoundKind,
    nofollow: bool,
}

/// One link that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundLink<'a> {
    /// Where it leads: absolute, in WHATWG form, without fragment.
    pub url: &'a str,
    /// The fingerprint of that URL.
    pub fingerprint: u64,
    /// What the page uses it for.
    pub kind: FoundKind,
    /// Whether the page asks not to follow it.
    pub nofollow: bool,
}

/// What a page uses a link for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FoundKind {
    /// Another page: an anchor, a frame, a form, a refresh, an entry of a feed or of a sitemap.
    Page,
    /// A part of this page: an image, a script, a style sheet, a font.
    Asset,
    /// The page's own preferred URL.
    Canonical,
    /// The same in another language or form: a translation, a feed.
    Alternate,
    /// Another sitemap, in a sitemap index.
    Sitemap,
    /// Text that looks like a URL, in a script.
    Guess,
}

impl FoundKind {
    /// The kind in one word, for edges and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            FoundKind::Page => "page",
            FoundKind::Asset => "asset",
            FoundKind::Canonical => "canonical",
            FoundKind::Alternate => "alternate",
            FoundKind::Sitemap => "sitemap",
            FoundKind::Guess => "guess",
        }
    }
}

impl Found {
    /// Adds a link. Beyond 4 GiB of text none is taken.
    pub(crate) fn push(&mut self, link: FoundLink<'_>) {
        let end = self.text.len() + link.url.len();
        let (Ok(start), Ok(end)) = (u32::try_from(self.text.len()), u32::try_from(end)) else {
            self.more = true;
            return;
        };
        self.text.push_str(link.url);
        self.links.push(Entry {
            start,
            end,
            fingerprint: link.fingerprint,
            kind: link.kind,
            nofollow: link.nofollow,
        });
    }

    /// The links, in the order of the page.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FoundLink<'_>> {
        self.links.iter().map(|entry| FoundLink {
            url: self
                .text
                .get(entry.start as usize..entry.end as usize)
                .unwrap_or_default(),
            fingerprint: entry.fingerprint,
            kind: entry.kind,
            nofollow: entry.nofollow,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_comes_out_in_order() {
        let mut found = Found::default();
        let link = |url, fingerprint| FoundLink {
            url,
            fingerprint,
            kind: FoundKind::Page,
            nofollow: fingerprint == 2,
        };
        let links = [link("http://a.example/", 1), link("http://b.example/é", 2)];
        links.iter().for_each(|link| found.push(*link));
        assert!(found.iter().eq(links));
        assert_eq!(found.len(), 2);
    }
}
