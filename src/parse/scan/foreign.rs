//! Whether a place is inside `svg` or `math`, without a tree.
//!
//! In foreign content `<![CDATA[` is a section and not a comment, `script`, `style` and `title` hold ordinary
//! markup, and names mean other elements (HTML 13.2.6.5). A browser asks the tree; this keeps a stack
//! of the few elements that change the answer.
//!
//! Invariant: exact where these elements are closed properly; at most `DEPTH` are remembered. Edge, each an
//! approximation of the tree builder:
//! * an end tag closes the nearest remembered element of its name, even across HTML elements still open inside;
//! * in foreign content, an end tag of a name from the break-out list leaves it, as if it closed an HTML element around it;
//! * inside an integration point (`foreignObject`, `desc`, `title`, `mi`, …) the first HTML start tag but raw text ends CDATA sections until
//!   the point is closed, void elements and end tags notwithstanding;
//! * any `annotation-xml` with the right `encoding` counts; MathML's text points let `mglyph` and `malignmark` in as HTML.

use super::Markup;
use super::name::Name;
use super::tag::Tag;

/// How many elements are remembered; what is nested deeper is not seen to change anything.
const DEPTH: usize = 32;

/// HTML start tags that no foreign element is called: they end all foreign content around them.
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

/// Elements of SVG and MathML inside which HTML may stand.
const SVG_POINTS: [&str; 3] = ["foreignobject", "desc", "title"];
const MATH_POINTS: [&str; 5] = ["mi", "mo", "mn", "ms", "mtext"];

/// The foreign elements around the current place.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign {
    frames: [Frame; DEPTH],
    depth: usize,
    /// In XML no tag ends what it does not close.
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
    /// At the start of a document of these rules.
    pub(super) fn of(markup: Markup) -> Self {
        Self {
            is_xml: markup == Markup::Xml,
            ..Self::default()
        }
    }

    /// Whether any foreign element is open around this place.
    #[inline]
    pub(super) fn is_inside(&self) -> bool {
        self.depth > 0
    }

    /// Whether `<![CDATA[` opens a section here.
    pub(super) fn allows_cdata(&self) -> bool {
        !matches!(self.top(), None | Some(Frame::Point { html: true, .. }))
    }

    /// A start tag begins: whether it makes a foreign element. One from the break-out list leaves foreign content first.
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

    /// A start tag ended: remembers the elements that matter.
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
            // Raw text ends with its own end tag, and the point is current again.
            name if name.raw_text().is_some() || name == Name::Script => {}
            _ => {
                if let Some(Frame::Point { html, .. }) = self.frames[..self.depth].last_mut() {
                    *html = true;
                }
            }
        }
    }

    /// An end tag was seen inside.
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

    /// The name under which this foreign element is an integration point, if it is one.
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

/// 13.2.6.5: `font` is HTML if it has one of these.
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
