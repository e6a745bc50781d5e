//! Names of tables and columns, made from those of recipes and fields.
//!
//! SQLite folds case, and a name with a hyphen or a dot has to be quoted by whoever asks: both become `_`. Invariant: no two
//! names from one [`Names`] are the same to SQLite; which of two gets a number behind it depends on their order alone.

use std::collections::HashSet;

/// Tables and views that are always there.
const TABLES: [&str; 7] = [
    "pages",
    "misses",
    "summary",
    "hosts",
    "field_rates",
    "latest",
    "superseded",
];

/// Names that are taken.
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Of the tables of a file.
    pub(super) fn of_tables() -> Self {
        Self::beside(&TABLES)
    }

    /// Of columns, beside those that are there anyway.
    pub(super) fn beside(taken: &[&str]) -> Self {
        Self(taken.iter().map(|name| (*name).to_owned()).collect())
    }

    /// A name that nothing else has.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let plain = wanted.replace(['-', '.'], "_");
        // SQLite keeps these for itself.
        let plain = match plain.to_ascii_lowercase().starts_with("sqlite_") {
            true => format!("recipe_{plain}"),
            false => plain,
        };
        let mut name = plain.clone();
        let mut number = 2_u32;
        while !self.0.insert(name.to_ascii_lowercase()) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        name
    }
}

/// A name as SQL writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_the_same_to_sqlite() {
        let mut names = Names::beside(&["item_id"]);
        let made: Vec<_> = ["a-b", "a.b", "A_B", "item_id", "Sqlite_x", "a_b_2"]
            .iter()
            .map(|name| names.take(name))
            .collect();
        let expected = [
            "a_b",
            "a_b_2",
            "A_B_3",
            "item_id_2",
            "recipe_Sqlite_x",
            "a_b_2_2",
        ];
        assert_eq!(made, expected);
    }

    #[test]
    fn quotes_in_names_and_texts_are_doubled() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
    }
}
