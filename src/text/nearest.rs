//! The word that was probably meant.

use strsim::osa_distance;

/// The nearest of the known words to one that is not known, where one is near: a letter more, less, other or swapped
/// for every three letters. Upper and lower case are the same.
///
/// ```
/// assert_eq!(haul::nearest("sttaus", &["url", "status"]), Some("status"));
/// assert_eq!(haul::nearest("zebra", &["url", "status"]), None);
/// ```
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = folded(word);
    known
        .iter()
        .map(|known| (osa_distance(&word, &folded(known)), *known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= (word.chars().count() / 3).max(1))
        .map(|(_, known)| known)
}

/// A word in lower case, as far as it is compared: no known word has more letters.
fn folded(word: &str) -> String {
    word.to_lowercase().chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_found_and_another_word_is_not() {
        let known = ["url", "status", "total_ms", "first_byte_ms", "title"];
        for (typed, meant) in [
            ("staus", "status"),
            ("statsu", "status"),
            ("STATUS", "status"),
            ("totl_ms", "total_ms"),
            ("first-byte-ms", "first_byte_ms"),
            ("ur", "url"),
        ] {
            assert_eq!(nearest(typed, &known), Some(meant), "{typed}");
        }
        for typed in ["", "elephant", "xyz"] {
            assert_eq!(nearest(typed, &known), None, "{typed:?}");
        }
        assert_eq!(nearest("url", &[]), None);
    }
}
