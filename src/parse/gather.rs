//! Gathers the links of one page: each URL once, within limits.
//!
//! References come in as text, in any number; the result is a [`FoundLinks`] of exactly the size it needs. Invariant: at
//! most `limit` links and [`TEXT_LIMIT`] bytes of URLs, no matter how large the page or how long its base is; `more`
//! is set if links were left out. The thread keeps the working memory for the next page, so that a page only allocates
//! its result.

use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use super::resolve::Resolver;
use crate::url::PageUrl;
use crate::url::fingerprint::FingerprintMap;
use crate::visit::found::{FoundKind, FoundLink, FoundLinks};

/// The most bytes of URLs that are taken from one page.
const TEXT_LIMIT: usize = 64 << 20;
/// The most bytes of working memory that a thread keeps for the next page.
const REUSED_LIMIT: usize = 1 << 20;

/// The links gathered from one page so far.
pub(super) struct Gathering {
    buffers: Box<GatherBuffers>,
    limit: usize,
    /// Whether the fragments of links are gathered too.
    fragments: bool,
}

impl Gathering {
    /// Starts a page, from which at most `limit` links are taken.
    pub(super) fn new(limit: usize) -> Self {
        let mut buffers = BUFFERS.take().unwrap_or_default();
        buffers.found.clear();
        buffers.seen.clear();
        Self {
            buffers,
            limit,
            fragments: false,
        }
    }

    /// Whether the page is longer than what is searched.
    pub(super) fn is_cut(&self) -> bool {
        self.buffers.found.more
    }

    /// Gathers the fragments of links too.
    pub(super) fn take_fragments(&mut self) {
        self.fragments = true;
    }

    /// Changes the limit on links to `limit`.
    pub(super) fn allow(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Adds a reference. Breaks if there is no room for more.
    #[inline]
    pub(super) fn take(
        &mut self,
        resolver: &mut Resolver<'_>,
        reference: &str,
        kind: FoundKind,
        nofollow: bool,
    ) -> ControlFlow<()> {
        let GatherBuffers { found, seen } = &mut *self.buffers;
        let fingerprints = resolver.fingerprints();
        let Some((url, fingerprint)) = resolver.resolve(reference) else {
            // Not the URL of a page. If it was too long to be parsed, it might have been one.
            found.more |= reference.len() > PageUrl::LONGEST;
            if kind != FoundKind::Guess {
                found.checked.add_invalid(resolver.base(), reference);
            }
            return ControlFlow::Continue(());
        };
        if url.len() > PageUrl::LONGEST {
            found.more = true;
            return ControlFlow::Continue(());
        }
        if self.fragments && kind != FoundKind::Guess {
            let to = (url, fingerprint);
            found.more |= found.checked.add_target(to, reference, fingerprints);
        }
        match seen.entry(fingerprint) {
            Entry::Occupied(existing) => found.merge_link(*existing.get(), kind, nofollow),
            Entry::Vacant(vacant) => {
                let count = found.len();
                if count >= self.limit || found.text_len() + url.len() > TEXT_LIMIT {
                    found.more = true;
                    return ControlFlow::Break(());
                }
                vacant.insert(u32::try_from(count).unwrap_or(u32::MAX));
                found.push(FoundLink {
                    url,
                    fingerprint,
                    kind,
                    is_part: false,
                    nofollow,
                    led: false,
                    recipe: None,
                });
            }
        }
        ControlFlow::Continue(())
    }

    /// Records something about the whole page.
    pub(super) fn note(&mut self, note: impl FnOnce(&mut FoundLinks)) {
        note(&mut self.buffers.found);
    }

    /// The result; `None` if there is nothing to report.
    pub(super) fn finish(self) -> Option<Box<FoundLinks>> {
        let found = &self.buffers.found;
        let result = (!found.says_nothing()).then(|| Box::new(found.clone()));
        if found.memory() + self.buffers.seen.capacity() * SEEN < REUSED_LIMIT {
            BUFFERS.set(Some(self.buffers));
        }
        result
    }
}

/// The working memory that a thread reuses from page to page.
#[derive(Default)]
struct GatherBuffers {
    found: FoundLinks,
    /// Which link has which fingerprint.
    seen: FingerprintMap<u32>,
}

/// Bytes per entry of a [`GatherBuffers`]'s map.
const SEEN: usize = 17;

thread_local! {
    static BUFFERS: Cell<Option<Box<GatherBuffers>>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::fingerprint::Fingerprints;

    /// The URLs of these references, at most `limit`, and whether there were more.
    fn gathered(base: &str, limit: usize, references: &[&str]) -> (Vec<String>, bool) {
        let base = PageUrl::parse(base).unwrap();
        let mut resolver = Resolver::new(&base, Fingerprints::seeded(1));
        let mut gathering = Gathering::new(limit);
        for reference in references {
            if gathering
                .take(&mut resolver, reference, FoundKind::Page, false)
                .is_break()
            {
                break;
            }
        }
        let found = gathering.finish().unwrap_or_default();
        for link in found.iter() {
            assert_eq!(link.fingerprint, Fingerprints::seeded(1).of(link.url));
        }
        let urls = found.iter().map(|link| link.url.to_owned());
        (urls.collect(), found.more)
    }

    #[test]
    fn each_url_is_gathered_once_however_it_is_spelled() {
        let spellings = [
            "/a/~b",
            "b",
            "./%7eb#x",
            "mailto:x@h.example",
            "HTTP://u:p@H.example:80/a/%7Eb",
            "/a/b",
        ];
        let (urls, more) = gathered("http://h.example/a/", usize::MAX, &spellings);
        assert_eq!(urls, ["http://h.example/a/~b", "http://h.example/a/b"]);
        assert!(!more);
    }

    #[test]
    fn links_beyond_the_limit_are_reported_but_repetitions_do_not_count() {
        let base = "http://h.example/";
        let (urls, more) = gathered(base, 2, &["a", "b", "a#x", "b"]);
        assert_eq!((urls.len(), more), (2, false));
        let (urls, more) = gathered(base, 2, &["a", "b", "c"]);
        assert_eq!((urls.len(), more), (2, true));
    }

    #[test]
    fn references_too_long_for_a_url_are_left_out_and_reported() {
        let long = "a".repeat(PageUrl::LONGEST);
        let longer = "a".repeat(PageUrl::LONGEST + 1);
        for reference in [long, longer] {
            let (urls, more) = gathered("http://h.example/", 9, &[&reference, "b"]);
            assert_eq!((urls, more), (vec!["http://h.example/b".to_owned()], true));
        }
    }

    #[test]
    fn a_long_base_does_not_blow_up_a_small_page() {
        let base = format!("http://h.example/{}/", "a".repeat(16_000));
        let references: Vec<String> = (0..6_000).map(|number| number.to_string()).collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let (urls, more) = gathered(&base, usize::MAX, &references);
        let bytes: usize = urls.iter().map(String::len).sum();
        assert!(
            more && bytes <= TEXT_LIMIT && bytes > TEXT_LIMIT - 17_000,
            "{bytes}"
        );
    }

    #[test]
    fn nothing_leaks_into_the_next_page_and_large_buffers_are_freed() {
        assert_eq!(gathered("http://h.example/", 1, &["a", "b"]).0.len(), 1);
        assert!(BUFFERS.take().is_some());
        let many: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            gathered("http://h.example/", usize::MAX, &many).0.len(),
            50_000
        );
        assert!(BUFFERS.take().is_none());
        assert!(Gathering::new(1).finish().is_none());
    }
}
