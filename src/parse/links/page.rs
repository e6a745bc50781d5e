//! What was found in one page.

use std::borrow::Cow;

use super::link::{Link, LinkKind, Refresh};
use crate::robots::Directives;

/// The longest title that is kept, in bytes.
pub(super) const TITLE_LIMIT: usize = 1024;

/// What was found in one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageLinks<'a> {
    /// The text of the first HTML `title` that is not empty.
    ///
    /// White space is collapsed; at most 1 KiB.
    pub title: Option<String>,
    /// The first `<base href>`: links resolve against it, and it against the page's URL.
    pub base: Option<Cow<'a, str>>,
    /// The `lang` of the first `html` tag.
    pub language: Option<Cow<'a, str>>,
    /// The first refresh; its URL, if it has one, is also among the links.
    pub refresh: Option<Refresh<'a>>,
    /// The directives of `<meta name="robots">` and of the one with the robot's own name.
    pub directives: Directives,
    /// The links in the order of the page, duplicates included.
    pub links: Vec<Link<'a>>,
    /// The ids that links can point to, as written, including repetitions; at most 200,001.
    pub ids: Vec<Cow<'a, str>>,
    /// Whether links were left out because of the limit.
    pub more: bool,
    /// The number of references that were left out because they are longer than 8 KiB.
    pub skipped: u32,
}

impl<'a> PageLinks<'a> {
    /// The first link of a kind, for instance the canonical one.
    #[must_use]
    pub fn first(&self, kind: LinkKind) -> Option<&Link<'a>> {
        self.links.iter().find(|link| link.kind == kind)
    }
}
