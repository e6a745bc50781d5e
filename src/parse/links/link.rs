//! A reference in a page, as it was found.

use std::borrow::Cow;

/// The longest URL text that is kept, in bytes.
pub(super) const URL_LIMIT: usize = 8 * 1024;

/// One reference in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The reference as written: trimmed, decoded, not resolved, never empty, at most 8 KiB.
    pub url: Cow<'a, str>,
    /// The element it was found in.
    pub element: Element,
    /// What it is for.
    pub kind: LinkKind,
    /// Whether its `rel` has the token `nofollow`.
    pub nofollow: bool,
    /// The byte offset of its tag or, inside raw text, of the reference itself.
    ///
    /// `u32::MAX` beyond 4 GiB.
    pub offset: u32,
}

/// The element that a reference was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// `<a href>`, in SVG too.
    A,
    /// `<area href>`.
    Area,
    /// `<link href>`.
    Link,
    /// `<iframe src>`, `data-src`.
    Iframe,
    /// `<frame src>`.
    Frame,
    /// `<form action>` of a form that is sent with GET.
    Form,
    /// `<img>`: `src`, `srcset`, `data-src`, `data-srcset`; SVG's `<image href>`, `<use href>` and `<feImage href>`.
    Img,
    /// `<source>`: the same as `<img>`.
    Source,
    /// `<video>`: `src`, `poster`.
    Video,
    /// `<audio src>`.
    Audio,
    /// `<track src>`.
    Track,
    /// `<script src>`.
    Script,
    /// `<embed src>`.
    Embed,
    /// `<object data>`.
    Object,
    /// `<input type=image src>`.
    Input,
    /// `<meta http-equiv=refresh>`.
    MetaRefresh,
    /// CSS: a `style` element or attribute, a presentation attribute of SVG or a style sheet; also `background`.
    Css,
    /// A string in an inline script.
    Inline,
}

/// What a reference is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// Another page, or a document shown in this one.
    Page,
    /// A part of this page, such as an image.
    Asset,
    /// The page's own preferred URL.
    Canonical,
    /// The same content in another language, form or feed.
    Alternate,
    /// The next page of a series.
    Next,
    /// The previous page of a series.
    Previous,
    /// A `link` with any other relation.
    Related,
    /// A string that looks like a URL.
    Guess,
}

/// The content of a `<meta http-equiv="refresh">`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh<'a> {
    /// The seconds to wait.
    pub seconds: u32,
    /// The URL to go to; `None` for the page itself.
    pub url: Option<Cow<'a, str>>,
}
