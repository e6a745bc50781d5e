//! What to find in a page.

/// What to find in a page. The title, the base and the directives in `meta` come with any of the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSettings<'s> {
    /// References to other pages: `a area iframe frame form link`, refresh.
    pub pages: bool,
    /// References to the parts of this page: images, media, scripts, style sheets.
    pub assets: bool,
    /// URLs in `style` elements and attributes, as assets.
    pub styles: bool,
    /// Guesses in the string literals of inline scripts and JSON.
    pub guess: bool,
    /// Scripts that the page loads, even if no other assets are wanted.
    pub scripts: bool,
    /// The ids that links can point to: `id` of any element and `name` of `a`.
    pub ids: bool,
    /// The most links that are kept from one page.
    pub limit: usize,
    /// The name by which a page may address this robot in `meta`, in any case; may be empty.
    pub agent: &'s str,
}

impl LinkSettings<'_> {
    /// Only the title: the scan ends as soon as it is known.
    pub const TITLE: Self = LinkSettings {
        pages: false,
        assets: false,
        styles: false,
        guess: false,
        scripts: false,
        ids: false,
        limit: 50_000,
        agent: "",
    };

    /// References to other pages, for a crawl.
    pub const PAGES: Self = LinkSettings {
        pages: true,
        ..Self::TITLE
    };

    /// Everything that the page refers to, but no guesses.
    pub const ALL: Self = LinkSettings {
        assets: true,
        styles: true,
        ..Self::PAGES
    };

    pub(super) fn wants_links(&self) -> bool {
        self.pages || self.assets || self.styles || self.guess || self.scripts || self.ids
    }
}

impl Default for LinkSettings<'_> {
    fn default() -> Self {
        Self::PAGES
    }
}
