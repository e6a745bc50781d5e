//! The links of a page: resolved, with their fingerprints, and with their text in one allocation.
//!
//! Built by the parse half, on any free core, so that the loop only has to look up a number to know whether a link
//! was seen before. Invariant: every URL in it is the text of a [`PageUrl`](crate::PageUrl), and is in it once, or
//! once for each recipe that asks for it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::url::fingerprint::Fingerprints;
use crate::visit::checked::Checked;

/// What a page leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundLinks {
    text: String,
    links: Vec<StoredLink>,
    /// The recipes that links are followed with, each once.
    recipes: Vec<Arc<str>>,
    /// Whether the page, or a response header, asks that none of its links be followed.
    pub nofollow: bool,
    /// Whether the page, or a response header, asks not to be indexed.
    pub noindex: bool,
    /// Whether links were left out because there were too many, or some were too long.
    pub more: bool,
    /// What a link checker needs from the page.
    pub checked: Checked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct StoredLink {
    start: u32,
    end: u32,
    fingerprint: u64,
    kind: FoundKind,
    is_part: bool,
    nofollow: bool,
    led: LinkReason,
}

/// The reason to follow a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum LinkReason {
    /// The page has it.
    Page,
    /// A recipe selects it.
    Recipe,
    /// A recipe selects it, and the target is for the recipe with this index.
    To(u8),
}

/// One link that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundLink<'a> {
    /// The target: absolute, in WHATWG form, without fragment.
    pub url: &'a str,
    /// The fingerprint of that URL.
    pub fingerprint: u64,
    /// What the page uses the link for.
    pub kind: FoundKind,
    /// Whether it is an asset of the page too, as an image that links to itself.
    pub is_part: bool,
    /// Whether the page asks not to follow it.
    pub nofollow: bool,
    /// Whether a recipe selects it.
    pub led: bool,
    /// The recipe for the target, if the recipe of this page names one.
    pub recipe: Option<&'a Arc<str>>,
}

/// What a page uses a link for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FoundKind {
    /// Another page: from an anchor, a frame, a form, a refresh, or an entry of a feed or a sitemap.
    Page,
    /// An asset of this page: an image, a script, a style sheet, a font.
    Asset,
    /// The page's own preferred URL.
    Canonical,
    /// The same content in another language or form: a translation, a feed.
    Alternate,
    /// Another sitemap, in a sitemap index.
    Sitemap,
    /// Text in a script that looks like a URL.
    Guess,
}

impl FoundKind {
    /// The strength of a use: of two uses of one URL, the stronger counts. Pages are fetched for their links too,
    /// assets are not.
    pub(crate) const fn strength(self) -> u8 {
        match self {
            FoundKind::Guess => 0,
            FoundKind::Asset => 1,
            FoundKind::Alternate => 2,
            FoundKind::Canonical => 3,
            FoundKind::Sitemap => 4,
            FoundKind::Page => 5,
        }
    }

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

impl FoundLinks {
    /// The most recipes that links may be followed with.
    pub const RECIPES: usize = 126;

    /// The approximate size in memory, in bytes.
    pub(crate) fn size(&self) -> u64 {
        (self.text.len() + self.links.len() * size_of::<StoredLink>() + self.checked.size()) as u64
    }

    /// Adds a link. Beyond 4 GiB of text, links are dropped and `more` is set.
    pub(crate) fn push(&mut self, link: FoundLink<'_>) {
        let end = self.text.len() + link.url.len();
        let (Ok(start), Ok(end)) = (u32::try_from(self.text.len()), u32::try_from(end)) else {
            self.more = true;
            return;
        };
        self.text.push_str(link.url);
        self.links.push(StoredLink {
            start,
            end,
            fingerprint: link.fingerprint,
            kind: link.kind,
            is_part: link.is_part,
            nofollow: link.nofollow,
            led: LinkReason::Page,
        });
    }

    /// Adds a link that a recipe selects, with the recipe for its target. This overrides what the page says about the
    /// link. `existing` is the index of the link, if it is in this list already.
    pub(crate) fn lead(
        &mut self,
        existing: Option<usize>,
        url: &str,
        fingerprint: u64,
        recipe: Option<&str>,
    ) {
        let led = match recipe {
            None => LinkReason::Recipe,
            Some(recipe) => self.reason_for(recipe),
        };
        if existing.is_none() {
            self.push(FoundLink {
                url,
                fingerprint,
                kind: FoundKind::Page,
                is_part: false,
                nofollow: false,
                led: true,
                recipe: None,
            });
        }
        let at = existing.unwrap_or(self.links.len().saturating_sub(1));
        let Some(link) = self.links.get_mut(at) else {
            return;
        };
        if link.fingerprint != fingerprint {
            return;
        }
        link.is_part |= link.kind == FoundKind::Asset;
        link.kind = FoundKind::Page;
        link.nofollow = false;
        let link = *link;
        match (link.led, led) {
            (LinkReason::Page | LinkReason::Recipe, led) => self.links[at].led = led,
            (LinkReason::To(_), LinkReason::Page | LinkReason::Recipe) => {}
            (LinkReason::To(_), led) => {
                let mut same = self.links.iter();
                if !same.any(|link| link.fingerprint == fingerprint && link.led == led) {
                    self.links.push(StoredLink { led, ..link });
                }
            }
        }
    }

    /// The mark of a link for this recipe. Beyond [`RECIPES`](Self::RECIPES), which settings refuse, the link gets no
    /// recipe.
    fn reason_for(&mut self, recipe: &str) -> LinkReason {
        let known = self.recipes.iter().position(|known| **known == *recipe);
        let at = known.unwrap_or_else(|| {
            self.recipes.push(recipe.into());
            self.recipes.len() - 1
        });
        match u8::try_from(at) {
            Ok(at) if usize::from(at) < Self::RECIPES => LinkReason::To(at),
            _ => LinkReason::Recipe,
        }
    }

    /// Notes another use of a link: the strongest use counts, and one that may be followed is enough. It is
    /// remembered that the link is an asset too, as it may be in scope only as that. A guess does not change a link
    /// that the page itself has.
    pub(crate) fn merge_link(&mut self, index: u32, kind: FoundKind, nofollow: bool) {
        let Some(link) = self.links.get_mut(index as usize) else {
            return;
        };
        match (link.kind, kind) {
            (_, FoundKind::Guess) => {}
            (FoundKind::Guess, _) => (link.kind, link.nofollow) = (kind, nofollow),
            (known, _) => {
                link.is_part |= (known == FoundKind::Asset) != (kind == FoundKind::Asset);
                link.nofollow &= nofollow;
                if kind.strength() > known.strength() {
                    link.kind = kind;
                }
            }
        }
    }

    /// The same links without fingerprints, which another run cannot use, and which nothing can compress.
    pub(crate) fn unmarked(&self) -> Self {
        let mut unmarked = self.clone();
        for link in &mut unmarked.links {
            link.fingerprint = 0;
        }
        unmarked
    }

    /// Gives the links the fingerprints of another run.
    pub(crate) fn mark_by(&mut self, fingerprints: Fingerprints) {
        for link in &mut self.links {
            let url = self.text.get(link.start as usize..link.end as usize);
            link.fingerprint = fingerprints.of(url.unwrap_or_default());
        }
    }

    /// Removes everything, but keeps the allocated memory.
    pub(crate) fn clear(&mut self) {
        let (mut text, mut links) = (
            std::mem::take(&mut self.text),
            std::mem::take(&mut self.links),
        );
        text.clear();
        links.clear();
        *self = Self {
            text,
            links,
            ..Self::default()
        };
    }

    /// Whether it is empty: no links, and nothing about them.
    pub(crate) fn says_nothing(&self) -> bool {
        self.links.is_empty()
            && !(self.nofollow || self.noindex || self.more)
            && self.checked.is_empty()
    }

    /// The total length of all URLs, in bytes.
    pub(crate) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The allocated memory of the text and the links, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.text.capacity() + self.links.capacity() * size_of::<StoredLink>()
    }

    /// The links, in page order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FoundLink<'_>> {
        self.links.iter().map(|entry| FoundLink {
            url: self
                .text
                .get(entry.start as usize..entry.end as usize)
                .unwrap_or_default(),
            fingerprint: entry.fingerprint,
            kind: entry.kind,
            is_part: entry.is_part,
            nofollow: entry.nofollow,
            led: entry.led != LinkReason::Page,
            recipe: match entry.led {
                LinkReason::To(at) => self.recipes.get(usize::from(at)),
                LinkReason::Page | LinkReason::Recipe => None,
            },
        })
    }

    /// Replaces http URLs with what `change` returns for them: another URL, and its fingerprint.
    pub(crate) fn replace(&mut self, change: impl Fn(&str) -> Option<(String, u64)>) {
        for at in 0..self.links.len() {
            let link = self.links[at];
            let url = self.text.get(link.start as usize..link.end as usize);
            let changed = url.filter(|url| url.starts_with("http:")).and_then(&change);
            let Some((url, fingerprint)) = changed else {
                continue;
            };
            let (start, end) = (self.text.len(), self.text.len() + url.len());
            if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) {
                self.text.push_str(&url);
                self.links[at] = StoredLink {
                    start,
                    end,
                    fingerprint,
                    ..link
                };
            }
        }
    }

    /// The number of links.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there are no links.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_comes_out_in_order() {
        let mut found = FoundLinks::default();
        let link = |url, fingerprint| FoundLink {
            url,
            fingerprint,
            kind: FoundKind::Page,
            is_part: false,
            nofollow: fingerprint == 2,
            led: false,
            recipe: None,
        };
        let links = [link("http://a.example/", 1), link("http://b.example/é", 2)];
        links.iter().for_each(|link| found.push(*link));
        assert!(found.iter().eq(links));
        assert_eq!(found.len(), 2);
    }

    fn of(url: &str, kind: FoundKind, nofollow: bool) -> FoundLinks {
        let mut found = FoundLinks::default();
        found.push(FoundLink {
            url,
            fingerprint: 1,
            kind,
            is_part: false,
            nofollow,
            led: false,
            recipe: None,
        });
        found
    }

    #[test]
    fn the_strongest_use_counts_and_one_that_may_be_followed_is_enough() {
        use FoundKind as K;
        for (uses, expected) in [
            ([(K::Asset, true), (K::Page, true)], (K::Page, true)),
            ([(K::Page, true), (K::Asset, false)], (K::Page, false)),
            (
                [(K::Canonical, false), (K::Alternate, true)],
                (K::Canonical, false),
            ),
            ([(K::Page, true), (K::Guess, false)], (K::Page, true)),
            ([(K::Guess, false), (K::Page, true)], (K::Page, true)),
            ([(K::Guess, false), (K::Guess, false)], (K::Guess, false)),
        ] {
            let mut found = of("http://a.example/", uses[0].0, uses[0].1);
            found.merge_link(0, uses[1].0, uses[1].1);
            let link = found.iter().next().unwrap();
            assert_eq!((link.kind, link.nofollow), expected, "{uses:?}");
        }
    }

    #[test]
    fn what_a_recipe_asks_for_is_followed_whatever_the_page_says() {
        let mut found = of("http://a.example/", FoundKind::Asset, true);
        found.lead(Some(0), "http://a.example/", 1, None);
        for recipe in ["item", "other", "item", "other"] {
            found.lead(Some(0), "http://a.example/", 1, Some(recipe));
        }
        found.lead(None, "http://b.example/", 2, Some("item"));
        let links: Vec<_> = found.iter().collect();
        let expected = [
            ("http://a.example/", "item"),
            ("http://a.example/", "other"),
            ("http://b.example/", "item"),
        ];
        assert_eq!(links.len(), expected.len());
        for (link, (url, recipe)) in links.iter().zip(expected) {
            assert_eq!((link.url, link.kind), (url, FoundKind::Page));
            assert!(link.led && !link.nofollow);
            assert_eq!(link.recipe.map(|recipe| &**recipe), Some(recipe));
        }
    }

    #[test]
    fn a_link_that_is_a_part_of_the_page_too_is_both() {
        use FoundKind as K;
        for (uses, expected) in [
            ([K::Page, K::Asset], (K::Page, true)),
            ([K::Asset, K::Page], (K::Page, true)),
            ([K::Asset, K::Asset], (K::Asset, false)),
            ([K::Asset, K::Guess], (K::Asset, false)),
            ([K::Guess, K::Asset], (K::Asset, false)),
            ([K::Page, K::Page], (K::Page, false)),
        ] {
            let mut found = of("http://a.example/", uses[0], false);
            found.merge_link(0, uses[1], false);
            let link = found.iter().next().unwrap();
            assert_eq!((link.kind, link.is_part), expected, "{uses:?}");
        }
    }

    #[test]
    fn what_is_cleared_is_as_new_but_for_its_memory() {
        let mut found = of("http://a.example/", FoundKind::Page, false);
        (found.nofollow, found.more) = (true, true);
        assert!(!found.says_nothing());
        found.clear();
        assert_eq!(found, FoundLinks::default());
        assert!(found.says_nothing() && found.memory() > 0);
    }
}
