//! Names of months and weekdays in languages of Europe, and Indonesian.
//!
//! The languages are those most often used for dates on pages.
//!
//! The names come from the GNU C library, through the crate `pure-rust-locales`: each as it stands alone and within
//! a date (`май`, `мая`), in full and abbreviated. Languages whose names mean a different month elsewhere are left
//! out: `listopad` is November in Czech and Polish, but October in Croatian. Invariant: no name here belongs to two
//! months.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The meaning of a word in a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A month, from 1.
    Month(i8),
    Weekday,
    /// A weekday in one language and a month in another.
    ///
    /// `mar.` is Tuesday in French and Spanish, and March in Spanish too.
    Either(i8),
}

/// The meaning of a lower-case word; `None` if it is not a known name.
pub(super) fn lookup(word: &str) -> Option<Word> {
    WORDS.get(word).copied()
}

/// The names of one language.
struct Names {
    months: [Option<&'static [&'static str]>; 4],
    days: [&'static [&'static str]; 2],
}

macro_rules! languages {
    ($($locale:ident)+) => {
        &[$({
            use pure_rust_locales::$locale::LC_TIME::{AB_ALT_MON, ABDAY, ABMON, ALT_MON, DAY, MON};
            Names {
                months: [Some(MON), Some(ABMON), ALT_MON, AB_ALT_MON],
                days: [DAY, ABDAY],
            }
        }),+]
    };
}

static LANGUAGES: &[Names] = languages! {
    bg_BG ca_ES cs_CZ da_DK de_AT de_DE el_GR en_GB es_ES et_EE fi_FI fr_FR hu_HU id_ID is_IS it_IT lt_LT lv_LV nb_NO nl_NL pl_PL pt_BR
    pt_PT ro_RO ru_RU sk_SK sl_SI sv_SE tr_TR uk_UA
};

static WORDS: LazyLock<HashMap<String, Word>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for names in LANGUAGES {
        for months in names.months.into_iter().flatten() {
            for (month, name) in (1..).zip(months) {
                let name = normalized(name);
                // In Finnish, dates use the partitive case: "5. tammikuuta".
                if name.ends_with("kuu") {
                    words.insert(format!("{name}ta"), Word::Month(month));
                }
                words.insert(name, Word::Month(month));
            }
        }
    }
    for name in LANGUAGES.iter().flat_map(|names| names.days.concat()) {
        let word = match words.get(&normalized(name)) {
            Some(Word::Month(month) | Word::Either(month)) => Word::Either(*month),
            _ => Word::Weekday,
        };
        words.insert(normalized(name), word);
    }
    words
});

/// A name as it is looked up: in lower case and without extras.
///
/// The extras are the point of an abbreviation, and the `de` or `d’` that Catalan puts before a name.
fn normalized(name: &str) -> String {
    let name = name.trim().trim_end_matches('.');
    let start = name.rfind([' ', '\'', '\u{2019}']);
    let name = match start.and_then(|at| name.get(at..)) {
        Some(last) => last.trim_start_matches([' ', '\'', '\u{2019}']),
        None => name,
    };
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_belongs_to_two_months() {
        let mut months: HashMap<String, BTreeSet<usize>> = HashMap::new();
        for names in LANGUAGES {
            for list in names.months.into_iter().flatten() {
                assert_eq!(list.len(), 12);
                for (month, name) in list.iter().enumerate() {
                    assert_ne!(normalized(name), "", "{name:?}");
                    months.entry(normalized(name)).or_default().insert(month);
                }
            }
        }
        let two: Vec<_> = months
            .iter()
            .filter(|(_, months)| months.len() > 1)
            .collect();
        assert!(two.is_empty(), "{two:?}");
    }

    #[test]
    fn every_form_of_a_name_is_recognized() {
        for (word, expected) in [
            ("januar", Word::Month(1)),
            ("jänner", Word::Month(1)),
            ("февраль", Word::Month(2)),
            ("февраля", Word::Month(2)),
            ("abril", Word::Month(4)),
            ("μαΐου", Word::Month(5)),
            ("juin", Word::Month(6)),
            ("juil", Word::Month(7)),
            ("ağustos", Word::Month(8)),
            ("września", Word::Month(9)),
            ("mar", Word::Either(3)),
            ("donnerstag", Word::Weekday),
            ("vendredi", Word::Weekday),
        ] {
            assert_eq!(lookup(word), Some(expected), "{word}");
        }
        assert_eq!(lookup("heute"), None);
    }
}
