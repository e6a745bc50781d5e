//! A tag: its name, and its attributes, pulled one at a time (HTML 13.2.5.8 and 32 to 40).
//!
//! Invariant: every byte of a tag is read once, whether or not the attributes are pulled. Duplicate attributes are
//! returned as written; [`Tag::pick`] keeps the first, as the standard says.

use memchr::memchr;

use super::byte::{CLASS, CLOSE, SLASH, SPACE, is_space};
use super::name::{self, Name};

/// An attribute as written: the name in its original case, the value with its character references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The name, never empty.
    pub name: &'a [u8],
    /// The value without quotes; empty if there is none.
    pub value: &'a [u8],
}

/// A start or end tag of the page.
#[derive(Clone, Debug)]
pub struct Tag<'a> {
    html: &'a [u8],
    open: usize,
    text: (usize, usize),
    at: usize,
    name: Name,
    state: TagState,
    foreign: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TagState {
    Open,
    Closed,
    SelfClosed,
    Unfinished,
}

impl<'a> Tag<'a> {
    /// The tag whose `<` is at `open` and whose name starts at `from`.
    #[inline]
    pub(super) fn open(html: &'a [u8], open: usize, from: usize) -> Self {
        let (name, end) = name::read(html, from);
        Tag {
            html,
            open,
            text: (from, end),
            at: end,
            name,
            state: TagState::Open,
            foreign: false,
        }
    }

    /// The element's name, if it is one that matters.
    #[inline]
    #[must_use]
    pub fn name(&self) -> Name {
        self.name
    }

    /// The name as written.
    #[must_use]
    pub fn name_text(&self) -> &'a [u8] {
        &self.html[self.text.0..self.text.1]
    }

    /// The position of its `<`, in bytes from the start of the page.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.open
    }

    /// Whether it is an element of SVG or MathML, in which case its name means something else.
    #[inline]
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Whether it ends in `/>`. Only valid once the tag is closed.
    #[must_use]
    pub fn is_self_closing(&self) -> bool {
        self.state == TagState::SelfClosed
    }

    /// The same tag with its attributes still to be pulled.
    pub(super) fn rewound(&self) -> Self {
        Tag {
            at: self.text.1,
            state: TagState::Open,
            ..*self
        }
    }

    pub(super) fn set_foreign(&mut self, foreign: bool) {
        self.foreign = foreign;
    }

    /// The next attribute, or `None` at the end of the tag.
    #[inline]
    pub fn next_attribute(&mut self) -> Option<Attribute<'a>> {
        let html = self.html;
        let mut at = self.at;
        // In the state before an attribute name, "=" is the first byte of a name, whatever follows.
        loop {
            let Some(&byte) = html.get(at) else {
                return self.fail();
            };
            match CLASS[usize::from(byte)] {
                CLOSE => return self.finish(at),
                SPACE | SLASH => at += 1,
                _ => break,
            }
        }
        let name = at;
        at += 1;
        while html
            .get(at)
            .is_some_and(|&byte| CLASS[usize::from(byte)] == 0)
        {
            at += 1;
        }
        let name = &html[name..at];
        at = after_spaces(html, at);
        let mut value: &[u8] = b"";
        if html.get(at) == Some(&b'=') {
            at = after_spaces(html, at + 1);
            match html.get(at) {
                Some(&quote @ (b'"' | b'\'')) => {
                    at += 1;
                    let Some(end) = find(html, at, quote) else {
                        return self.fail();
                    };
                    value = &html[at..end];
                    at = end + 1;
                }
                // A missing value: ">" closes the tag, as the next call will see.
                Some(b'>') => {}
                Some(_) => {
                    let start = at;
                    while html
                        .get(at)
                        .is_some_and(|&byte| CLASS[usize::from(byte)] & (SPACE | CLOSE) == 0)
                    {
                        at += 1;
                    }
                    value = &html[start..at];
                }
                None => return self.fail(),
            }
        }
        self.at = at;
        Some(Attribute { name, value })
    }

    /// Pulls all attributes and returns the first value for each of these lower-case names.
    ///
    /// `None` if the input ends inside the tag.
    #[inline]
    pub fn pick<const N: usize>(&mut self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut values = [None; N];
        while let Some(attribute) = self.next_attribute() {
            for (value, name) in values.iter_mut().zip(names) {
                if attribute.name.eq_ignore_ascii_case(name.as_bytes()) {
                    if value.is_none() {
                        *value = Some(attribute.value);
                    }
                    break;
                }
            }
        }
        self.close().then_some(values)
    }

    /// Skips the rest of the tag. Returns false if the input ends inside it.
    pub fn close(&mut self) -> bool {
        self.end().is_some()
    }

    /// The position after the tag, or `None` if the input ends inside it.
    #[inline]
    pub(super) fn end(&mut self) -> Option<usize> {
        if self.state == TagState::Open {
            while self.next_attribute().is_some() {}
        }
        (self.state != TagState::Unfinished).then_some(self.at)
    }

    #[inline]
    fn finish<T>(&mut self, at: usize) -> Option<T> {
        if self.state == TagState::Open {
            // Only a "/" right before the ">" closes the element; one that ends an unquoted value is part of the
            // value.
            let is_self_closing = at > self.at && self.html[at - 1] == b'/';
            self.state = if is_self_closing {
                TagState::SelfClosed
            } else {
                TagState::Closed
            };
            self.at = at + 1;
        }
        None
    }

    #[cold]
    fn fail<T>(&mut self) -> Option<T> {
        if self.state == TagState::Open {
            self.state = TagState::Unfinished;
            self.at = self.html.len();
        }
        None
    }
}

#[inline]
fn after_spaces(html: &[u8], mut at: usize) -> usize {
    while html.get(at).is_some_and(|&byte| is_space(byte)) {
        at += 1;
    }
    at
}

#[inline]
fn find(html: &[u8], at: usize, byte: u8) -> Option<usize> {
    memchr(byte, &html[at..]).map(|offset| at + offset)
}
