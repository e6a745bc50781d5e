//! Editions of a folder: which of its HTML files have another text, and that text.
//!
//! The files are listed once, when the folder is opened. Invariant: markup and links of a page stay as they are, and
//! each letter of its text becomes another one, so every word does. Edges: only the letters of English change, so a page
//! without any gets a sentence; a file that is added later never changes; UTF-16 is not understood.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::dice::{Dice, Shuffle};
use super::editions::{Changes, Editions};
use super::grounds::Grounds;
use super::settings::OriginSettings;

/// Larger files are never changed, nor compressed, because that happens anew for each request.
pub(crate) const CHANGED_LIMIT: u64 = 4 << 20;

/// The purpose of the dice; each edition adds its number.
const FOR_LETTERS: u64 = 1 << 33;

/// Elements whose content is not text, in lower case.
const CODE: [&[u8]; 2] = [b"script", b"style"];

/// The files of a folder that have another text in this edition.
#[derive(Debug)]
pub(crate) struct Revisions {
    editions: Editions,
    /// The paths of all pages, in the order of their numbers.
    paths: Vec<String>,
    /// The files that changed, and the edition of their text.
    changed: HashMap<PathBuf, u64>,
    dice: Dice,
}

impl Revisions {
    /// The edition of a folder for settings that were checked.
    pub(crate) fn open(grounds: &Grounds, settings: &OriginSettings) -> Revisions {
        // What comes and goes is generated: a folder has what it has.
        let settings = &OriginSettings {
            added: 0.0,
            gone: 0.0,
            ..settings.clone()
        };
        let changes = settings.edition > 1 && settings.churn > 0.0;
        let pages = match changes {
            true => grounds.pages(CHANGED_LIMIT),
            false => Vec::new(),
        };
        let editions = Editions::new(settings, pages.len() as u64);
        let (paths, files): (Vec<_>, Vec<_>) = pages.into_iter().unzip();
        let numbered = files.into_iter().zip(0..);
        let changed = numbered.filter_map(|(file, number)| {
            let edition = editions.last_change(number)?;
            (edition > 1).then_some((file, edition))
        });
        Revisions {
            changed: changed.collect(),
            editions,
            paths,
            dice: Dice::new(settings.seed),
        }
    }

    /// The edition in which a file last changed; 1 for one that did not.
    pub(crate) fn last_change(&self, file: &Path) -> u64 {
        if self.changed.is_empty() {
            return 1;
        }
        self.changed.get(file).copied().unwrap_or(1)
    }

    /// What differs between an earlier edition and this one.
    pub(crate) fn changes_since(&self, edition: u64) -> Changes {
        let path = |page| {
            usize::try_from(page)
                .ok()
                .and_then(|page| self.paths.get(page))
        };
        let path = |page| path(page).cloned().unwrap_or_default(); // there is one for each number
        self.editions.changes_since(edition, path)
    }

    /// The text of an edition after the first, in place of the first one's.
    pub(crate) fn rewrite(&self, html: &mut Vec<u8>, edition: u64) {
        let letters = Letters::new(self.dice, edition);
        let mut changed = false;
        let mut at = 0;
        while let Some(&byte) = html.get(at) {
            at += match byte {
                b'<' => markup(&html[at..]),
                b'&' => reference(&html[at..]),
                _ => {
                    html[at] = letters.other(byte);
                    changed |= html[at] != byte;
                    1
                }
            };
        }
        if !changed {
            html.extend_from_slice(format!("<p>This is edition {edition}.</p>\n").as_bytes());
        }
    }
}

/// A replacement for each letter.
struct Letters([u8; 26]);

impl Letters {
    /// In a random order, each letter is replaced by the next one, so that none stays.
    fn new(dice: Dice, edition: u64) -> Letters {
        let shuffle = Shuffle::new(dice, FOR_LETTERS + edition, 26);
        let mut order = [0; 26];
        for letter in 0..26_u8 {
            let place = shuffle.place(letter.into()) as usize; // below 26
            order[place] = letter;
        }
        let mut letters = [0; 26];
        for (place, letter) in order.iter().enumerate() {
            letters[usize::from(*letter)] = order[(place + 1) % 26];
        }
        Letters(letters)
    }

    fn other(&self, byte: u8) -> u8 {
        let first = match byte {
            b'a'..=b'z' => b'a',
            b'A'..=b'Z' => b'A',
            _ => return byte,
        };
        first + self.0[usize::from(byte - first)]
    }
}

/// The length of the markup that a `<` begins, with the content of an element that has no text; 1 if it begins none.
fn markup(html: &[u8]) -> usize {
    let up_to = |end: &[u8], from: usize| {
        let found = html[from..]
            .windows(end.len())
            .position(|window| window == end);
        found.map_or(html.len(), |found| from + found + end.len())
    };
    if html.starts_with(b"<!--") {
        return up_to(b"-->", 4);
    }
    if !html
        .get(1)
        .is_some_and(|byte| byte.is_ascii_alphabetic() || b"/!?".contains(byte))
    {
        return 1;
    }
    let mut quote = None;
    let end = html.iter().position(|&byte| match quote {
        Some(open) if byte == open => {
            quote = None;
            false
        }
        Some(_) => false,
        None if byte == b'"' || byte == b'\'' => {
            quote = Some(byte);
            false
        }
        None => byte == b'>',
    });
    let end = end.map_or(html.len(), |end| end + 1);
    let name = html[1..end]
        .split(|byte| !byte.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    if CODE.iter().any(|code| name.eq_ignore_ascii_case(code)) {
        let closes =
            |window: &[u8]| window.starts_with(b"</") && window[2..].eq_ignore_ascii_case(name);
        let close = html[end..].windows(name.len() + 2).position(closes);
        return close.map_or(html.len(), |close| end + close);
    }
    end
}

/// The length of the character reference that an `&` begins.
fn reference(html: &[u8]) -> usize {
    let name = html[1..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#');
    1 + name.count()
}

#[cfg(test)]
mod tests {
    use super::super::visitor::folder;
    use super::*;

    fn rewritten(html: &str, edition: u64) -> String {
        let folder = folder(&[]);
        let grounds = Grounds::open(folder.path()).unwrap();
        let revisions = Revisions::open(&grounds, &OriginSettings::default());
        let mut html = html.as_bytes().to_vec();
        revisions.rewrite(&mut html, edition);
        String::from_utf8(html).unwrap()
    }

    #[test]
    fn each_letter_of_the_text_changes_and_nothing_else() {
        let html = "<!DOCTYPE html><!-- x > y --><Style>p > q { a: b }</sTYLE >\n\
            <script async>if (a < b) \"</p>\"</script><p title='a > b' lang=\"a>\">a < b &amp; z&#x61;b, é 1</p><br/>";
        let other = rewritten(html, 2);
        let letters: Vec<usize> = ["a < b", "z&#x61", "b, é"]
            .map(|text| html.rfind(text).unwrap())
            .into();
        let changing = [letters[0], letters[0] + 4, letters[1], letters[2]];
        for (at, (before, after)) in html.bytes().zip(other.bytes()).enumerate() {
            let is_same = before == after;
            assert_eq!(is_same, !changing.contains(&at), "{at}: {other}");
        }
        assert_eq!(html.len(), other.len());
    }

    #[test]
    fn every_edition_has_other_letters_and_no_letter_stays() {
        let alphabet = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut editions: Vec<String> = (2..100)
            .map(|edition| rewritten(alphabet, edition))
            .collect();
        for other in &editions {
            assert!(
                alphabet
                    .bytes()
                    .zip(other.bytes())
                    .all(|(a, b)| a != b || a == b' ')
            );
            assert_eq!(other[..26].to_uppercase(), other[27..]);
        }
        editions.sort_unstable();
        editions.dedup();
        assert_eq!(editions.len(), 98);
    }

    #[test]
    fn a_page_that_ends_within_markup_or_has_no_letters_changes_too() {
        for html in [
            "",
            "<",
            "&",
            "<p",
            "<p title=\"",
            "<!-- ",
            "<script>a",
            "<p>1 é</p>",
            "&amp",
        ] {
            let other = rewritten(html, 3);
            assert!(
                other.starts_with(html) && other.contains("edition 3"),
                "{html}: {other}"
            );
        }
    }
}
