//! Remote text, made safe to print.
//!
//! Text from a server may contain escape sequences that repaint a terminal, or marks that reverse the direction of a
//! line. Each such character is replaced by a visible one, so nothing is hidden and nothing has an effect. Records
//! for programs (JSON, CSV) are not cleaned: they contain the original text.

use std::borrow::Cow;

/// A text with every character that affects a terminal replaced by a visible one.
///
/// ```
/// assert_eq!(haul::clean("a\u{1b}[31mb\n"), "a␛[31mb␊");
/// assert_eq!(haul::clean("plain"), "plain");
/// ```
pub fn clean(text: &str) -> Cow<'_, str> {
    match text.find(acts) {
        None => Cow::Borrowed(text),
        Some(first) => {
            let mut cleaned = String::with_capacity(text.len() + 16);
            cleaned.push_str(&text[..first]);
            cleaned.extend(text[first..].chars().map(seen));
            Cow::Owned(cleaned)
        }
    }
}

/// Whether a character does anything to a terminal besides taking up space.
pub(crate) fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Marks, embeddings, overrides and isolates of the bidirectional algorithm.
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators; interlinear annotations.
            | '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}')
}

fn seen(character: char) -> char {
    match character {
        // The control pictures are in the order of the control characters.
        '\0'..='\u{1F}' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{FFFD}'),
        '\u{7F}' => '\u{2421}',
        acting if acts(acting) => '\u{FFFD}',
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_is_left() {
        let every: String = (0..=0xA0)
            .chain(0x2000..=0x2070)
            .chain([0x61C, 0xFFF9, 0xFFFA, 0xFFFB])
            .filter_map(char::from_u32)
            .collect();
        let cleaned = clean(&every);
        assert_eq!(cleaned.chars().count(), every.chars().count());
        assert!(!cleaned.chars().any(acts), "{cleaned:?}");
        for hidden in ['\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}', '\r'] {
            assert!(acts(hidden) && !cleaned.contains(hidden), "{hidden:?}");
        }
    }

    #[test]
    fn what_people_write_stays_and_costs_no_copy() {
        for text in ["naïve café", "日本語", "עברית", "👩‍👩‍👧", "a\u{a0}b"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text));
        }
    }
}
