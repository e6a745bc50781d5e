//! How many attributes a tag that is still open may have by now.
//!
//! The tokenizer compares each attribute with all before it, and says nothing until the tag is closed. Where it has been
//! silent for a while, the bytes since are read here, by the states of HTML 13.2.5.32 to 40, for every `<` at once that
//! may have opened the tag: which of them did is not known here. Invariant: the answer is never less than what the
//! tokenizer holds; time is linear.

/// States of a tag: of the attributes, HTML 13.2.5.32 to 40, and before them.
const STATES: usize = 9;
const OPEN: usize = 0; // behind "<"
const NAME: usize = 1; // in the tag's name
const BEFORE: usize = 2; // before an attribute's name
const ATTRIBUTE: usize = 3; // in an attribute's name
const AFTER: usize = 4; // behind it
const EQUALS: usize = 5; // behind "="
const DOUBLE: usize = 6; // in a value in double quotes
const SINGLE: usize = 7; // in one in single quotes
const BARE: usize = 8; // in one without

/// Reads on where the tokenizer is silent.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// For each state that a tag may be in, the most attributes it may have.
    states: [Option<usize>; STATES],
    read: bool,
}

impl Attributes {
    /// Whether nothing was read yet.
    pub(super) fn is_new(&self) -> bool {
        !self.read
    }

    /// The most attributes that a tag which is open now may have.
    pub(super) fn most(&self) -> usize {
        self.states.iter().flatten().copied().max().unwrap_or(0)
    }

    /// Reads on.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        self.read = true;
        for &byte in bytes {
            let mut next = [None; STATES];
            for (state, count) in self.states.iter().enumerate() {
                let Some(count) = *count else { continue };
                if let Some((state, more)) = step(state, byte) {
                    next[state] = next[state].max(Some(count + usize::from(more)));
                }
            }
            if byte == b'<' {
                next[OPEN] = Some(0);
            }
            self.states = next;
        }
    }
}

/// The next state, and whether an attribute begins. None: the tag ends, or was none.
fn step(state: usize, byte: u8) -> Option<(usize, bool)> {
    let space = byte.is_ascii_whitespace();
    Some(match (state, byte) {
        (OPEN, b'/') => (OPEN, false),
        (OPEN, _) => return byte.is_ascii_alphabetic().then_some((NAME, false)),
        (DOUBLE, b'"') | (SINGLE, b'\'') => (BEFORE, false),
        (DOUBLE | SINGLE, _) => (state, false),
        (_, b'>') => return None,
        (BARE, _) if space => (BEFORE, false),
        (BARE, _) => (BARE, false),
        (EQUALS, b'"') => (DOUBLE, false),
        (EQUALS, b'\'') => (SINGLE, false),
        (EQUALS, _) if space => (EQUALS, false),
        (EQUALS, _) => (BARE, false),
        (NAME | BEFORE, _) if space || byte == b'/' => (BEFORE, false),
        (NAME, _) => (NAME, false),
        (BEFORE, _) => (ATTRIBUTE, true),
        (_, b'/') => (BEFORE, false),
        (_, b'=') => (EQUALS, false),
        (_, _) if space => (AFTER, false),
        (ATTRIBUTE, _) => (ATTRIBUTE, false),
        (_, _) => (ATTRIBUTE, true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_counted_in_every_form_and_values_hide_none() {
        for (text, most) in [
            ("<a b c=d e='f g' h=\"i j\"k", 5),
            ("<a b/c/d", 3),
            ("<a b = c d", 2),
            ("<a =b", 1),
            ("<a b c>", 0),
            ("<a b c><d e", 1),
            ("x < a b c", 0),
            // The quote may belong to a text before the tag: both readings are kept.
            ("<i x=\"<a b c d e", 4),
        ] {
            let mut attributes = Attributes::default();
            attributes.read(text.as_bytes());
            assert_eq!(attributes.most(), most, "{text}");
        }
    }
}
