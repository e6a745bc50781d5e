//! An upper bound on the number of attributes of a tag that is still open.
//!
//! The tokenizer compares each attribute with all those before it, and emits nothing until the tag is closed. When
//! it has been silent for a while, the bytes it has consumed since are scanned here, following the states of HTML
//! 13.2.5.32 to 40, in parallel for every `<` that may have opened the tag: which of them really did is not known
//! here. Invariant: the result is never less than the number of attributes the tokenizer has collected; time is
//! linear.

/// The states of a tag before and inside its attributes (HTML 13.2.5.32 to 40).
const STATES: usize = 9;
const OPEN: usize = 0; // after "<"
const NAME: usize = 1; // in the tag name
const BEFORE: usize = 2; // before an attribute name
const ATTRIBUTE: usize = 3; // in an attribute name
const AFTER: usize = 4; // after it
const EQUALS: usize = 5; // after "="
const DOUBLE: usize = 6; // in a value in double quotes
const SINGLE: usize = 7; // in a value in single quotes
const BARE: usize = 8; // in an unquoted value

/// Scans the bytes for which the tokenizer emitted nothing.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// For each state that a tag may be in, the largest number of attributes it may have.
    states: [Option<usize>; STATES],
    read: bool,
}

impl Attributes {
    /// Whether no bytes have been scanned yet.
    pub(super) fn is_new(&self) -> bool {
        !self.read
    }

    /// The largest number of attributes that a tag which is still open may have.
    pub(super) fn max_count(&self) -> usize {
        self.states.iter().flatten().copied().max().unwrap_or(0)
    }

    /// Scans more bytes.
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

/// The next state, and whether an attribute begins.
///
/// `None` if the tag ends or turns out not to be one.
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
    fn attributes_are_counted_in_every_syntax_and_not_inside_values() {
        for (text, max) in [
            ("<a b c=d e='f g' h=\"i j\"k", 5),
            ("<a b/c/d", 3),
            ("<a b = c d", 2),
            ("<a =b", 1),
            ("<a b c>", 0),
            ("<a b c><d e", 1),
            ("x < a b c", 0),
            // The quote may belong to text before the tag, so both readings are tracked.
            ("<i x=\"<a b c d e", 4),
        ] {
            let mut attributes = Attributes::default();
            attributes.read(text.as_bytes());
            assert_eq!(attributes.max_count(), max, "{text}");
        }
    }
}
