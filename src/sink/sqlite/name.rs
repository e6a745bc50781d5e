//! Names of tables and columns, derived from those of recipes and fields.
//!
//! SQLite ignores case, and names with a hyphen or a dot would have to be quoted in every query, so both become
//! `_`. Invariant: no two names from one [`Names`] are the same to SQLite; which of two names gets a number
//! appended depends only on their order.

use std::collections::HashSet;

/// Tables and views that always exist.
const TABLES: [&str; 7] = [
    "pages",
    "misses",
    "summary",
    "hosts",
    "field_rates",
    "latest",
    "superseded",
];

/// The names in use.
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Names for the tables of a file.
    pub(super) fn of_tables() -> Self {
        Self::avoiding(&TABLES)
    }

    /// Names for columns, avoiding these, which already exist.
    pub(super) fn avoiding(taken: &[&str]) -> Self {
        Self(taken.iter().map(|name| (*name).to_owned()).collect())
    }

    /// A name that nothing else has.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let plain = wanted.replace(['-', '.'], "_");
        // SQLite reserves names with this prefix.
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

/// A name in the syntax of SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in the syntax of SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_the_same_to_sqlite() {
        let mut names = Names::avoiding(&["item_id"]);
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
