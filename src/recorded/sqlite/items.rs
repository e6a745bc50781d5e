//! The items of a page in SQLite, as the JSON that other formats have: an object of lists by recipe.

use std::collections::HashSet;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value};

/// The table of the selected fields, which are one object per page.
const SELECTED: &str = "fields";

/// The tables of items, each with those of its lists.
#[derive(Debug, Default)]
pub(super) struct Tables(Vec<Relation>);

/// A table of items, or of the values of a list.
#[derive(Debug)]
struct Relation {
    name: String,
    /// The columns with values, and whether they are true or false.
    columns: Vec<(String, bool)>,
    /// The lists of an item, each with the name of its field.
    lists: Vec<(String, Relation)>,
    query: String,
}

impl Tables {
    /// Finds the tables of a database.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn of(database: &Connection) -> rusqlite::Result<Self> {
        let mut names = database.prepare(
            "SELECT name FROM sqlite_schema AS tables WHERE type = 'table' AND EXISTS \
             (SELECT 1 FROM pragma_table_info(tables.name) WHERE name = 'item_id') ORDER BY rowid",
        )?;
        let names = names.query_map([], |row| row.get::<_, String>(0))?;
        let mut known = HashSet::new();
        let relations = names.map(|name| Relation::of(database, name?, &mut known));
        relations.collect::<rusqlite::Result<_>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The selected fields and the items of a page.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn of_page(
        &self,
        database: &Connection,
        page: i64,
    ) -> rusqlite::Result<(Option<Value>, Option<Value>)> {
        let (mut fields, mut items) = (None, Map::new());
        for relation in &self.0 {
            let rows = relation.rows(database, page)?;
            if relation.name == SELECTED {
                fields = rows.into_iter().next();
            } else if !rows.is_empty() {
                items.insert(relation.name.clone(), rows.into());
            }
        }
        Ok((fields, (!items.is_empty()).then(|| items.into())))
    }
}

impl Relation {
    /// Reads the columns of a table, and those of its lists; a table that is `known` already is not read again.
    fn of(
        database: &Connection,
        name: String,
        known: &mut HashSet<String>,
    ) -> rusqlite::Result<Self> {
        let mut info = database.prepare("SELECT name, type FROM pragma_table_info(?1)")?;
        let columns = info.query_map([&name], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)? == "BOOLEAN",
            ))
        })?;
        let mut columns = columns.collect::<rusqlite::Result<Vec<_>>>()?;
        // The first three: its number, its parent, and its place there.
        let own: Vec<_> = columns.drain(..columns.len().min(3)).collect();
        let mut children = database.prepare(
            "SELECT tables.name FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys \
             WHERE tables.type = 'table' AND keys.\"table\" = ?1 COLLATE NOCASE ORDER BY tables.rowid",
        )?;
        let children = children.query_map([&name], |row| row.get::<_, String>(0))?;
        let mut lists = Vec::new();
        for child in children {
            let child = child?;
            let field = child.strip_prefix(&format!("{name}_")).unwrap_or(&child);
            if known.insert(child.clone()) {
                lists.push((field.to_owned(), Self::of(database, child, known)?));
            }
        }
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let own_name = |index: usize| {
            own.get(index)
                .map_or("rowid".into(), |(name, _)| quoted(name))
        };
        let values = columns
            .iter()
            .map(|(name, _)| format!(", {}", quoted(name)));
        let query = format!(
            "SELECT {}{} FROM {} WHERE {} = ?1 ORDER BY {}",
            own_name(0),
            values.collect::<String>(),
            quoted(&name),
            own_name(1),
            own_name(2)
        );
        Ok(Self {
            name,
            columns,
            lists,
            query,
        })
    }

    /// The rows of a parent, in order.
    fn rows(&self, database: &Connection, parent: i64) -> rusqlite::Result<Vec<Value>> {
        let mut statement = database.prepare_cached(&self.query)?;
        let mut found = statement.query([parent])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push(self.row(database, row)?);
        }
        Ok(rows)
    }

    fn row(&self, database: &Connection, row: &Row<'_>) -> rusqlite::Result<Value> {
        // The values of a plain list are in a column of that name.
        if let ([(name, is_flag)], true) = (&self.columns[..], self.lists.is_empty())
            && name == "value"
        {
            return value(row, 1, *is_flag);
        }
        let mut object = Map::new();
        for (index, (name, is_flag)) in (1..).zip(&self.columns) {
            object.insert(name.clone(), value(row, index, *is_flag)?);
        }
        for (field, list) in &self.lists {
            object.insert(field.clone(), list.rows(database, row.get(0)?)?.into());
        }
        Ok(object.into())
    }
}

fn value(row: &Row<'_>, index: usize, is_flag: bool) -> rusqlite::Result<Value> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) if is_flag => (number != 0).into(),
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(_) => Value::Null,
    })
}
