//! The text of a page as its reader sees it, line by line.

use std::ops::ControlFlow;

use crate::earlier::Text;
use crate::parse::scan::{Name, Tag, TextContext, Visitor, decode, scan_as, utf8};

/// The most bytes of a page's text that are kept.
const LONGEST: usize = 256 << 10;
/// The longest line, in bytes: a longer one is split between two words.
const LINE: usize = 400;

/// Elements that do not end a line.
const INLINE: [&str; 26] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "em", "font", "i",
    "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u",
];

/// The lines of a text, without markup, with white space collapsed and without blank lines.
pub(super) fn lines(text: &Text) -> Vec<String> {
    let mut lines = Lines::default();
    match text.markup {
        Some(markup) => scan_as(markup, text.content.as_bytes(), &mut lines),
        None => {
            for line in text.content.lines() {
                let _ = lines.push(line);
                lines.end();
            }
        }
    }
    lines.end();
    lines.done
}

#[derive(Default)]
struct Lines {
    done: Vec<String>,
    line: String,
    bytes: usize,
    /// Whether white space came after the last word.
    is_spaced: bool,
}

impl Lines {
    fn push(&mut self, text: &str) -> ControlFlow<()> {
        self.is_spaced |= text.starts_with(char::is_whitespace);
        for word in text.split_whitespace() {
            if self.line.len() + word.len() > LINE {
                self.end();
            }
            if self.is_spaced && !self.line.is_empty() {
                self.line.push(' ');
            }
            let room = LINE.saturating_sub(self.line.len());
            self.line.push_str(&word[..word.floor_char_boundary(room)]);
            self.is_spaced = true;
        }
        self.is_spaced = text.ends_with(char::is_whitespace) || text.is_empty() && self.is_spaced;
        match self.bytes < LONGEST {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }

    fn end(&mut self) {
        if !self.line.is_empty() {
            self.bytes += self.line.len();
            self.done.push(std::mem::take(&mut self.line));
        }
        self.is_spaced = false;
    }

    fn tag(&mut self, name: &[u8]) {
        let is_inline = |inline: &&str| inline.as_bytes().eq_ignore_ascii_case(name);
        if !INLINE.iter().any(is_inline) {
            self.end();
        }
    }
}

impl<'a> Visitor<'a> for Lines {
    fn start_tag(&mut self, tag: &mut Tag<'a>) -> ControlFlow<()> {
        self.tag(tag.name_text());
        ControlFlow::Continue(())
    }

    /// Scripts and styles are not for people; the title is compared apart.
    fn raw_text(&mut self, _: Name, _: &'a [u8], _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn text(&mut self, text: &'a [u8], _: usize) -> ControlFlow<()> {
        self.push(&decode(text, TextContext::Text, &utf8))
    }

    fn end_tag(&mut self, name: &'a [u8]) -> ControlFlow<()> {
        self.tag(name);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::scan::Markup;

    fn of(markup: Option<Markup>, content: &str) -> Vec<String> {
        lines(&Text {
            markup,
            content: content.to_owned(),
        })
    }

    #[test]
    fn blocks_are_lines_and_inline_elements_are_not() {
        let html = "<title>t</title><h1>A &amp; B</h1><p>one <b>two</b>three\n <i>four</i><script>x</script>\
            <ul><li>a<li>b</ul><p> </p>";
        assert_eq!(
            of(Some(Markup::Html), html),
            ["A & B", "one twothree four", "a", "b"]
        );
        assert_eq!(of(None, "a  b\n\n<c>"), ["a b", "<c>"]);
    }

    #[test]
    fn a_long_line_is_split_and_a_long_page_is_cut() {
        let words = "word ".repeat(1000);
        let split = of(None, &words);
        assert!(split.len() > 10 && split.iter().all(|line| line.len() <= LINE));
        let page = format!("<p>{words}").repeat(200);
        let kept: usize = of(Some(Markup::Html), &page).iter().map(String::len).sum();
        assert!(kept < LONGEST + 2 * words.len(), "{kept}");
    }
}
