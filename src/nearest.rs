//! The word that was probably meant.

/// The nearest of the known words to one that is not known, where one is near: a letter more, less, other or swapped
/// for every three letters. Upper and lower case are the same.
///
/// ```
/// assert_eq!(haul::nearest("sttaus", &["url", "status"]), Some("status"));
/// assert_eq!(haul::nearest("zebra", &["url", "status"]), None);
/// ```
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word: Vec<char> = word.to_lowercase().chars().take(LONGEST).collect();
    known
        .iter()
        .map(|known| {
            let letters: Vec<char> = known.to_lowercase().chars().take(LONGEST).collect();
            (distance(&word, &letters), *known)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= (word.len() / 3).max(1))
        .map(|(_, known)| known)
}

/// Letters of a word that are looked at: no word that anybody knows is longer.
const LONGEST: usize = 64;

/// Edits between two words, a swap of neighbours counting as one (optimal string alignment).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before = vec![0; to.len() + 1];
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1; to.len() + 1];
        for (column, other) in to.iter().enumerate() {
            let change = above[column] + usize::from(letter != other);
            let mut best = change.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && from[row - 1] == *other && to[column - 1] == *letter;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        before = std::mem::replace(&mut above, current);
    }
    above[to.len()]
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

    #[test]
    fn the_distance_counts_each_kind_of_edit_once() {
        let count = |from: &str, to: &str| {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            distance(&letters(from), &letters(to))
        };
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("ab", "ba"), 1);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("abc", ""), 3);
        assert_eq!(count("same", "same"), 0);
    }
}
