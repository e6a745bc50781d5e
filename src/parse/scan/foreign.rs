//! Tracks whether a position is inside `svg` or `math`, without a tree.
//!
//! In foreign content, `<![CDATA[` is a section and not a comment, `script`, `style` and `title` contain ordinary
//! markup, and names mean other elements (HTML 13.2.6.5). A browser looks at its tree; this module keeps a stack of
//! the few elements that matter.
//!
//! Invariant: exact where these elements are closed properly, up to `DEPTH` of them. In other cases it approximates
//! the tree builder:
//! * an end tag closes the nearest remembered element with its name, even across HTML elements that are still open
//!   inside;
//! * in foreign content, an end tag with a name from the break-out list leaves foreign content, as if it closed an
//!   HTML element around it;
//! * inside an integration point (`foreignObject`, `desc`, `title`, `mi`, …) the first HTML start tag that is not raw
//!   text ends CDATA sections until the point is closed, void elements and end tags notwithstanding;
//! * any `annotation-xml` with the right `encoding` counts; MathML's text points treat `mglyph` and `malignmark` as
//!   HTML.

use super::Markup;
use super::name::Name;
use super::tag::Tag;

/// The number of elements that are remembered; any deeper ones are ignored.
const DEPTH: usize = 32;

/// HTML start tags that end all foreign content around them.
///
/// No foreign element has these names.
const BREAK_OUT: [&str; 44] = [
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "i",
    "img",
    "li",
    "listing",
    "menu",
    "meta",
    "nobr",
    "ol",
    "p",
    "pre",
    "ruby",
    "s",
    "small",
    "span",
    "strong",
    "strike",
    "sub",
    "sup",
    "table",
    "tt",
    "u",
    "ul",
    "var",
];

/// SVG elements that may contain HTML.
const SVG_POINTS: [&str; 3] = ["foreignobject", "desc", "title"];
/// MathML elements that may contain HTML.
const MATH_POINTS: [&str; 5] = ["mi", "mo", "mn", "ms", "mtext"];

/// The foreign elements around the current position.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign {
    frames: [Frame; DEPTH],
    depth: usize,
    /// In XML, an end tag only closes its own element.
    is_xml: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Frame {
    #[default]
    Svg,
    Math,
    Point {
        name: &'static str,
        html: bool,
    },
}

impl Foreign {
    /// The state at the start of a document with these rules.
    pub(super) fn of(markup: Markup) -> Self {
        Self {
            is_xml: markup == Markup::Xml,
            ..Self::default()
        }
    }

    /// Whether the current position is inside any foreign element.
    #[inline]
    pub(super) fn is_inside(&self) -> bool {
        self.depth > 0
    }

    /// Whether `<![CDATA[` starts a section here.
    pub(super) fn allows_cdata(&self) -> bool {
        !matches!(self.top(), None | Some(Frame::Point { html: true, .. }))
    }

    /// Called when a start tag begins. Returns whether it is a foreign element.
    ///
    /// A tag from the break-out list leaves foreign content first.
    #[cold]
    pub(super) fn enter(&mut self, tag: &Tag<'_>) -> bool {
        match self.top() {
            None | Some(Frame::Point { .. }) => false,
            Some(Frame::Svg | Frame::Math) => {
                if self.is_xml {
                    return true;
                }
                let is_break_out = is_one_of(tag.name_text(), &BREAK_OUT)
                    || (tag.name() == Name::Font && is_html_font(tag));
                if is_break_out {
                    self.leave();
                }
                !is_break_out
            }
        }
    }

    /// Called when a start tag has ended. Remembers elements that matter.
    pub(super) fn opened(&mut self, tag: &Tag<'_>) {
        match tag.name() {
            Name::Svg if !tag.is_self_closing() => self.push(Frame::Svg),
            Name::Math if !tag.is_self_closing() => self.push(Frame::Math),
            Name::Svg | Name::Math => {}
            _ if tag.is_foreign() => {
                if let (false, Some(name)) = (tag.is_self_closing(), self.point(tag)) {
                    self.push(Frame::Point { name, html: false });
                }
            }
            // Raw text ends with its own end tag, and the integration point is current again.
            name if name.raw_text().is_some() || name == Name::Script => {}
            _ => {
                if let Some(Frame::Point { html, .. }) = self.frames[..self.depth].last_mut() {
                    *html = true;
                }
            }
        }
    }

    /// Called at an end tag inside a foreign element.
    #[cold]
    pub(super) fn closed(&mut self, name: &[u8]) {
        let depth = self.frames[..self.depth]
            .iter()
            .rposition(|frame| match frame {
                Frame::Svg => name.eq_ignore_ascii_case(b"svg"),
                Frame::Math => name.eq_ignore_ascii_case(b"math"),
                Frame::Point { name: point, .. } => name.eq_ignore_ascii_case(point.as_bytes()),
            });
        match (depth, self.top()) {
            (Some(depth), _) => self.depth = depth,
            (None, Some(Frame::Svg | Frame::Math))
                if !self.is_xml && is_one_of(name, &BREAK_OUT) =>
            {
                self.leave();
            }
            (None, _) => {}
        }
    }

    fn top(&self) -> Option<Frame> {
        self.frames[..self.depth].last().copied()
    }

    fn push(&mut self, frame: Frame) {
        if let Some(slot) = self.frames.get_mut(self.depth) {
            *slot = frame;
            self.depth += 1;
        }
    }

    /// Closes foreign elements up to the nearest integration point.
    fn leave(&mut self) {
        while matches!(self.top(), Some(Frame::Svg | Frame::Math)) {
            self.depth -= 1;
        }
    }

    /// The name of this foreign element, if it is an integration point.
    fn point(&self, tag: &Tag<'_>) -> Option<&'static str> {
        let name = tag.name_text();
        match self.top()? {
            Frame::Svg => one_of(name, &SVG_POINTS),
            Frame::Math => one_of(name, &MATH_POINTS).or_else(|| {
                (name.eq_ignore_ascii_case(b"annotation-xml") && contains_html(tag))
                    .then_some("annotation-xml")
            }),
            Frame::Point { .. } => None,
        }
    }
}

fn one_of(name: &[u8], list: &[&'static str]) -> Option<&'static str> {
    list.iter()
        .find(|one| name.eq_ignore_ascii_case(one.as_bytes()))
        .copied()
}

fn is_one_of(name: &[u8], list: &[&'static str]) -> bool {
    one_of(name, list).is_some()
}

/// Whether a `font` is HTML: if it has one of these attributes (13.2.6.5).
fn is_html_font(tag: &Tag<'_>) -> bool {
    let picked = tag.rewound().pick(["color", "face", "size"]);
    picked.is_some_and(|values| values.iter().any(Option::is_some))
}

fn contains_html(tag: &Tag<'_>) -> bool {
    let encoding = tag.rewound().pick(["encoding"]);
    encoding.is_some_and(|[value]| {
        value.is_some_and(|value| {
            value.eq_ignore_ascii_case(b"text/html")
                || value.eq_ignore_ascii_case(b"application/xhtml+xml")
        })
    })
}
