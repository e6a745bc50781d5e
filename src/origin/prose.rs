//! Plausible text from a list of words: the same seed gives the same text.
//!
//! Paragraphs are written once, at the start; pages only copy them. They are plain ASCII without markup characters,
//! so they need no escaping. Invariant: there is at least one paragraph, and no paragraph is empty.

use super::dice::Dice;

const PARAGRAPHS: u64 = 512;

/// The purposes of the dice.
const FOR_LENGTH: u64 = 11;
const FOR_WORD: u64 = 12;
const FOR_TITLE: u64 = 13;

const WORDS: &str = "the of and to in that was his he it with is for as had you not be her on at by which have or from \
    this him but all she they were my are me one their so an said them we who would been will no when there if more out \
    up into do any your what has man could other than our some very time upon about may its only now like little then \
    can made should did us such great before must two these see know over much down after first mr good men own never \
    most old shall day where those came come himself way work life without go make well through being long say might \
    how am too under even part people house again still while same every here right place thought world last water \
    city garden market bridge river harbour letter paper machine copper silver winter summer morning evening teacher \
    doctor captain village mountain valley island forest orchard kitchen window ladder lantern engine railway station \
    merchant traveller gardener baker painter carpenter library catalogue chapter history science measure distance \
    pressure balance current surface weather harvest journey passage quarter account question answer reason purpose";

/// Text to copy from.
#[derive(Debug)]
pub(crate) struct Prose {
    words: Vec<&'static str>,
    paragraphs: Vec<String>,
    dice: Dice,
}

impl Prose {
    pub(crate) fn new(dice: Dice) -> Prose {
        let words = WORDS.split_whitespace().collect();
        let mut prose = Prose {
            words,
            paragraphs: Vec::new(),
            dice,
        };
        prose.paragraphs = (0..PARAGRAPHS)
            .map(|number| prose.write_paragraph(number))
            .collect();
        prose
    }

    /// One of the paragraphs, 200 to 900 bytes.
    pub(crate) fn paragraph(&self, choice: u64) -> &str {
        &self.paragraphs[(choice % PARAGRAPHS) as usize] // exactly this many were written
    }

    /// Writes four words and the number, so that no two pages share a title.
    pub(crate) fn write_title(&self, number: u64, title: &mut String) {
        for place in 0..4 {
            let word = self.word(FOR_TITLE, number * 4 + place);
            push_word(title, word, place == 0);
            title.push(' ');
        }
        title.push_str(&number.to_string());
    }

    fn write_paragraph(&self, number: u64) -> String {
        let mut text = String::new();
        let sentences = 3 + self.dice.below(FOR_LENGTH, number, 6);
        for sentence in 0..sentences {
            let at = (number * 10 + sentence) * 100;
            let words = 8 + self.dice.below(FOR_LENGTH, at + 1, 14);
            for place in 0..words {
                if !text.is_empty() {
                    text.push(' ');
                }
                push_word(&mut text, self.word(FOR_WORD, at + place), place == 0);
            }
            text.push('.');
        }
        text
    }

    fn word(&self, what: u64, throw: u64) -> &'static str {
        let choice = self.dice.below(what, throw, self.words.len() as u64);
        self.words[choice as usize] // smaller than the number of words
    }
}

fn push_word(text: &mut String, word: &str, capital: bool) {
    let (first, rest) = word.split_at(1); // the words are ASCII
    if capital {
        text.push_str(&first.to_ascii_uppercase());
    } else {
        text.push_str(first);
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_plain_text() {
        let (one, same, other) = (
            Prose::new(Dice::new(1)),
            Prose::new(Dice::new(1)),
            Prose::new(Dice::new(2)),
        );
        assert_eq!(one.paragraphs, same.paragraphs);
        assert_ne!(one.paragraphs, other.paragraphs);
        for paragraph in &one.paragraphs {
            assert!(
                (100..1200).contains(&paragraph.len()),
                "{}",
                paragraph.len()
            );
            assert!(
                paragraph
                    .bytes()
                    .all(|byte| byte.is_ascii_alphabetic() || byte == b' ' || byte == b'.')
            );
        }
    }
}
