//! The tables that a query may name.

use rusqlite::Connection;

use super::database::Database;
use crate::error::Result;

/// A table or view that a query may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryTable {
    /// Its name, as a query has to spell it.
    pub name: String,
    /// The names of its columns.
    pub columns: Vec<String>,
}

/// The tables and views of a database, as `schema.name` if they need that.
///
/// # Errors
/// When they cannot be read.
pub(super) fn of(
    database: &Database,
    schema: &str,
    shown_as: Option<&str>,
) -> Result<Vec<QueryTable>> {
    let read = || -> rusqlite::Result<Vec<QueryTable>> {
        let names = names(&database.connection, schema)?;
        let tables = names.into_iter().map(|name| {
            Ok(QueryTable {
                columns: columns(&database.connection, schema, &name)?,
                name: match shown_as {
                    Some(schema) => format!("{schema}.{}", quoted(&name)),
                    None => quoted(&name),
                },
            })
        });
        tables.collect()
    };
    read().map_err(|error| database.broken(&error))
}

/// The tables and views that people read, tables first, in the order in which they were made.
fn names(database: &Connection, schema: &str) -> rusqlite::Result<Vec<String>> {
    let which = match schema {
        "temp" => "sqlite_temp_schema".to_owned(),
        schema => format!("{schema}.sqlite_schema"),
    };
    let query = format!(
        "SELECT name FROM {which} WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY type, rowid"
    );
    let mut statement = database.prepare(&query)?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

fn columns(database: &Connection, schema: &str, name: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = database.prepare("SELECT name FROM pragma_table_info(?1, ?2)")?;
    let columns = statement.query_map([name, schema], |row| row.get(0))?;
    columns.collect()
}

/// A name as SQL has to spell it.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = !name.is_empty()
        && !name.starts_with(|letter: char| letter.is_ascii_digit())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    match is_plain {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}
