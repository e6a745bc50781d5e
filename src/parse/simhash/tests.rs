//! The fingerprint compared with a simple implementation; similar pages, and different ones.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::parse::scan::oracle;

/// The words of a text, read in the simplest way.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in text.chars() {
        let is_word = character >= '\u{3000}';
        let is_punctuation = matches!(character, '\u{80}'..='\u{BF}' | '\u{2000}'..='\u{203F}');
        let is_letter =
            character.is_ascii_alphanumeric() || !character.is_ascii() && !is_punctuation;
        if is_word || !is_letter {
            words.push(String::new());
        }
        if is_letter {
            words
                .last_mut()
                .unwrap()
                .push(character.to_ascii_lowercase());
        }
        if is_word {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn runs(text: &str) -> HashSet<String> {
    words(text).windows(3).map(|run| run.join(" ")).collect()
}

/// The fingerprint with votes counted one by one. Words and runs are hashed with the same functions.
fn simple_simhash(text: &str) -> Option<u64> {
    let words = words(text);
    if words.len() < 20 {
        return None;
    }
    let hash = |word: &String| {
        let mut word_hash = Word::default();
        word.bytes()
            .for_each(|byte| word_hash.add(u64::from(byte), 8));
        word_hash.hash()
    };
    let is_number = |word: &&String| word.bytes().all(|byte| byte.is_ascii_digit());
    let counted = words.iter().filter(|word| !is_number(word));
    let counted: Vec<u64> = counted.map(hash).collect();
    let runs = counted
        .windows(3)
        .map(|run| hash_run(run[0], run[1], run[2]));
    let runs: HashSet<u64> = runs.collect();
    if runs.len() < 128 {
        let exact = words.iter().map(hash).fold(0_u64, |all, word| {
            (all.rotate_left(5) ^ word).wrapping_mul(GOLDEN_RATIO)
        });
        return Some(mix(exact));
    }
    let votes = |bit: u32| runs.iter().filter(|run| *run >> bit & 1 == 1).count();
    Some((0..64).fold(0, |all, bit| {
        all | u64::from(votes(bit) > runs.len() / 2) << bit
    }))
}

fn of_text(pieces: &[&str]) -> Option<u64> {
    let mut simhash = Simhash::new();
    pieces
        .iter()
        .for_each(|piece| simhash.push(piece.as_bytes()));
    simhash.finish()
}

fn distance(one: &str, other: &str) -> u32 {
    let of = |page: &str| of_html(page.as_bytes()).unwrap();
    (of(one) ^ of(other)).count_ones()
}

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/site/hosts/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

#[test]
fn a_page_served_again_is_similar_to_itself() {
    let page = fixture("journal.localhost/articles/dovetails-without-a-template.html");
    let paragraph = page.find("<p>").unwrap();
    let with = |text: &str| format!("{}{text}{}", &page[..paragraph], &page[paragraph..]);
    let page = with("<p>Served at 12:31:07 to visitor 4711</p>");
    let script = "<script>var a = 'b c d e f'</script><!-- x y z --><p>";
    for (what, near) in [
        (
            "a session in every link",
            page.replace(".html\"", ".html?sid=0123456789abcdef\""),
        ),
        (
            "a later time",
            with("<p>Served at 14:02:55 to visitor 4712</p>"),
        ),
        ("a script and a comment", page.replacen("<p>", script, 1)),
        (
            "another menu",
            page.replacen("<p>", "<nav><li>One thing<li>Another thing</nav><p>", 1),
        ),
        (
            "capitals and other white space",
            page.to_uppercase().replace(' ', "\n\t "),
        ),
    ] {
        assert_eq!(distance(&page, &near), 0, "{what}");
    }
}

#[test]
fn with_one_more_word_most_pages_stay_similar() {
    let page = fixture("journal.localhost/articles/dovetails-without-a-template.html");
    let body = page.find("<p>").unwrap();
    let spaces = page[body..].match_indices(' ').map(|(at, _)| body + at);
    let distances: Vec<u32> = spaces
        .step_by(7)
        .map(|at| distance(&page, &format!("{} word{}", &page[..at], &page[at..])))
        .collect();
    let near = distances.iter().filter(|bits| **bits <= 3).count();
    let largest = distances.iter().max().unwrap();
    assert!(
        near * 10 >= distances.len() * 9,
        "{near} of {}",
        distances.len()
    );
    assert!(*largest <= 8, "{largest} bits");
}

#[test]
fn no_two_fixture_pages_are_similar() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/site");
    let mut folders = vec![std::path::PathBuf::from(root)];
    let mut prints = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "html") {
                let print = of_html(&std::fs::read(&path).unwrap());
                prints.extend(print.map(|print| (print, path)));
            }
        }
    }
    assert!(prints.len() > 100, "{}", prints.len());
    for (index, (one, path)) in prints.iter().enumerate() {
        for (other, other_path) in &prints[..index] {
            assert!((one ^ other).count_ones() > 3, "{path:?} {other_path:?}");
        }
    }
}

#[test]
fn similar_real_pages_have_most_of_their_text_in_common() {
    let pages: Vec<String> = oracle::pages()
        .iter()
        .map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
        .collect();
    let prints: Vec<Option<u64>> = pages.iter().map(|page| of_html(page.as_bytes())).collect();
    for (index, one) in prints.iter().enumerate() {
        for (before, other) in prints[..index].iter().enumerate() {
            let (Some(one), Some(other)) = (one, other) else {
                continue;
            };
            if (one ^ other).count_ones() <= 3 {
                // The runs include markup, so pages share more than their text.
                let (one, other) = (runs(&pages[index]), runs(&pages[before]));
                let common = one.intersection(&other).count() * 2;
                assert!(common > one.len().max(other.len()), "{index} {before}");
            }
        }
    }
}

#[test]
fn a_short_page_matches_only_the_same_text_and_a_shorter_one_nothing() {
    let words: Vec<String> = (0..60).map(|word| format!("w{word}")).collect();
    let page = words.join(" ");
    let of = |text: &str| of_html(text.as_bytes());
    assert_eq!(of(&page), of(&format!("<p class=x>{page}</p>")));
    let other = of(&page.replace("w59", "w60")).unwrap();
    assert!((of(&page).unwrap() ^ other).count_ones() > 3);
    assert_eq!(of(&words[..19].join(" ")), None);
    assert!(of(&words[..20].join(" ")).is_some());
    assert_eq!(
        of(&format!("<nav>{page}")),
        None,
        "nobody knows where the menu ends"
    );
    assert_eq!(of(&format!("<nav>{page}</nav>")), None);
}

#[test]
fn a_repeated_line_counts_once() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut list = |start: &str| {
        let lines = (0..400).map(|_| format!("<li>{:x} is one of them", random.u32(..)));
        format!("{start}{}", lines.collect::<String>())
    };
    let (one, other) = (list("<ul>"), list("<ul>"));
    let distance = distance(&one, &other);
    assert!(
        distance > 10,
        "{distance} bits, but only one line in common"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fingerprint_equals_that_of_the_simple_implementation(
        text in "([a-zA-Z0-9]{1,20}[ ,.]{1,3}|\\PC{0,12}|[é–\u{A0}日本ü“]{1,3}|of the ){0,250}",
    ) {
        let joined = of_text(&[&text]);
        prop_assert_eq!(joined, simple_simhash(&text));
        let pieces: Vec<&str> = text.split(' ').collect();
        prop_assert_eq!(joined, of_text(&pieces));
    }

    #[test]
    fn random_bytes_never_panic(page in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = of_html(&page);
    }
}
