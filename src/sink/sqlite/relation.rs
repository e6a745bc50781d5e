//! A table of items, and the child tables of their lists.
//!
//! A value is a column; the values of a nested item are columns too, under both names joined; a list is a child
//! table, with the parent and the position of each row. Invariant: a row's children are deleted with it.

use rusqlite::types::Value as Owned;
use rusqlite::{Connection, Statement};

use super::name::{Names, quoted};
use crate::recorded::JSON_COLUMN;
use crate::visit::fields::{Column, Kind, Table, Value};

/// The value used for the fields of a missing item.
static MISSING: Value = Value::Missing;

/// A table of items or of children.
pub(super) struct Relation {
    /// The name of the table in the file.
    pub(super) name: String,
    /// The columns with the values, each with its type.
    pub(super) columns: Vec<(String, &'static str)>,
    /// The tables of the lists, each with the name of its field.
    pub(super) lists: Vec<(String, Relation)>,
    /// The columns of the items in the table.
    shape: Vec<Column>,
    parent: Parent,
    insert: String,
}

/// The parent of a row.
#[derive(Clone)]
enum Parent {
    Page,
    Row { table: String, key: &'static str },
}

impl Relation {
    /// The relation of a table of items.
    pub(super) fn of(table: &Table, names: &mut Names) -> Self {
        let name = names.take(&table.name);
        Self::new(name, Parent::Page, table.columns.clone(), names)
    }

    fn new(name: String, parent: Parent, shape: Vec<Column>, names: &mut Names) -> Self {
        let mut used = Names::avoiding(&[parent.key(), parent.column(), parent.place()]);
        let (mut columns, mut lists) = (Vec::new(), Vec::new());
        each(&shape, &[], "", &mut |path, column, _| {
            if column.list {
                lists.push((path.to_owned(), column.clone()));
            } else {
                columns.push((used.take(path), sql_type(column.kind)));
            }
        });
        let lists = lists
            .into_iter()
            .map(|(path, column)| {
                let child = names.take(&format!("{name}_{path}"));
                let shape = match column.kind {
                    Kind::Item => column.columns,
                    _ => vec![Column {
                        name: "value".to_owned(),
                        list: false,
                        ..column
                    }],
                };
                let parent = Parent::Row {
                    table: name.clone(),
                    key: parent.key(),
                };
                (path, Self::new(child, parent, shape, names))
            })
            .collect();
        let mut into = vec![parent.column().to_owned(), parent.place().to_owned()];
        into.extend(columns.iter().map(|(name, _)| quoted(name)));
        let placeholders: Vec<_> = (1..=into.len())
            .map(|parameter| format!("?{parameter}"))
            .collect();
        Self {
            insert: format!(
                "INSERT INTO {}({}) VALUES ({})",
                quoted(&name),
                into.join(", "),
                placeholders.join(", ")
            ),
            name,
            columns,
            lists,
            shape,
            parent,
        }
    }

    /// Creates the table and those of its lists, or adds missing columns to existing tables.
    pub(super) fn create(&self, database: &Connection) -> rusqlite::Result<()> {
        let (parent, key) = match &self.parent {
            Parent::Page => ("pages".to_owned(), "page_id"),
            Parent::Row { table, key } => (quoted(table), *key),
        };
        let first = format!(
            "{} INTEGER PRIMARY KEY, {} INTEGER NOT NULL REFERENCES {parent}({key}) ON DELETE CASCADE, {} INTEGER NOT NULL",
            self.parent.key(),
            self.parent.column(),
            self.parent.place()
        );
        create_or_extend(database, &self.name, &first, &self.columns)?;
        database.execute_batch(&format!(
            "CREATE INDEX IF NOT EXISTS {} ON {}({})",
            quoted(&format!("{}_by_{}", self.name, self.parent.column())),
            quoted(&self.name),
            self.parent.column()
        ))?;
        self.lists
            .iter()
            .try_for_each(|(_, list)| list.create(database))
    }

    /// Inserts a row and its children.
    pub(super) fn insert(
        &self,
        database: &Connection,
        parent: i64,
        place: i64,
        values: &[Value],
    ) -> rusqlite::Result<()> {
        let mut insert = database.prepare_cached(&self.insert)?;
        insert.raw_bind_parameter(1, parent)?;
        insert.raw_bind_parameter(2, place)?;
        let (mut parameter, mut bound, mut lists) = (3, Ok(()), Vec::new());
        each(&self.shape, values, "", &mut |_, column, value| {
            if column.list {
                lists.push(match value {
                    Value::List(values) => values.as_slice(),
                    _ => &[],
                });
            } else if bound.is_ok() {
                bound = bind(&mut insert, parameter, column, value);
                parameter += 1;
            }
        });
        bound?;
        insert.raw_execute()?;
        drop(insert);
        let row = database.last_insert_rowid();
        for ((_, list), values) in self.lists.iter().zip(lists) {
            for (place, value) in (0..).zip(values) {
                let row_of = match value {
                    Value::Item(values) => values.as_slice(),
                    value => std::slice::from_ref(value),
                };
                list.insert(database, row, place, row_of)?;
            }
        }
        Ok(())
    }
}

impl Parent {
    /// The column that numbers the rows.
    fn key(&self) -> &'static str {
        match self {
            Parent::Page => "item_id",
            Parent::Row { .. } => "row_id",
        }
    }

    /// The column that refers to the parent.
    fn column(&self) -> &'static str {
        match self {
            Parent::Page => "page_id",
            Parent::Row { .. } => "parent_id",
        }
    }

    /// The column with the position within the parent, from 0.
    fn place(&self) -> &'static str {
        match self {
            Parent::Page => "item",
            Parent::Row { .. } => "place",
        }
    }
}

/// Calls a function with each value of a row, by full name.
///
/// It descends into single nested items, but not into lists.
fn each<'v>(
    columns: &[Column],
    values: &'v [Value],
    within: &str,
    take: &mut dyn FnMut(&str, &Column, &'v Value),
) {
    for (index, column) in columns.iter().enumerate() {
        let whole;
        let name = match within {
            "" => &column.name,
            within => {
                whole = format!("{within}_{}", column.name);
                &whole
            }
        };
        let value = values.get(index).unwrap_or(&MISSING);
        match (column.list, column.kind, value) {
            (false, Kind::Item, Value::Item(values)) => each(&column.columns, values, name, take),
            (false, Kind::Item, _) => each(&column.columns, &[], name, take),
            _ => take(name, column, value),
        }
    }
}

/// The type of a value in an SQLite declaration.
pub(super) fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "INTEGER",
        Kind::Number => "REAL",
        Kind::Bool => "BOOLEAN",
        Kind::Json => JSON_COLUMN,
        Kind::Text | Kind::Timestamp | Kind::Date | Kind::Url | Kind::Item => "TEXT",
    }
}

fn bind(
    insert: &mut Statement<'_>,
    parameter: usize,
    column: &Column,
    value: &Value,
) -> rusqlite::Result<()> {
    match value {
        Value::Missing => insert.raw_bind_parameter(parameter, Owned::Null),
        // A JSON column contains only JSON, so that SQLite's own functions can read it.
        value if column.kind == Kind::Json => {
            let json = serde_json::to_string(&value.json(column));
            insert.raw_bind_parameter(parameter, json.unwrap_or_default())
        }
        Value::Bool(value) => insert.raw_bind_parameter(parameter, value),
        Value::Integer(value) => insert.raw_bind_parameter(parameter, value),
        Value::Number(value) => insert.raw_bind_parameter(parameter, value),
        Value::Text(text) | Value::Json(text) => insert.raw_bind_parameter(parameter, text),
        Value::List(_) | Value::Item(_) => {
            let json = serde_json::to_string(&value.json(column));
            insert.raw_bind_parameter(parameter, json.unwrap_or_default())
        }
    }
}

/// Creates a table, or adds missing columns to an existing one.
pub(super) fn create_or_extend(
    database: &Connection,
    table: &str,
    first: &str,
    columns: &[(String, &'static str)],
) -> rusqlite::Result<()> {
    let declaration = |(name, kind): &(String, &str)| format!("{} {kind}", quoted(name));
    let all: String = columns
        .iter()
        .map(|column| format!(", {}", declaration(column)))
        .collect();
    let table = quoted(table);
    database.execute_batch(&format!("CREATE TABLE IF NOT EXISTS {table}({first}{all})"))?;
    let mut info = database.prepare(&format!("PRAGMA table_info({table})"))?;
    let known = info
        .query_map([], |row| row.get::<_, String>("name"))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for column in columns {
        if !known
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&column.0))
        {
            database.execute_batch(&format!(
                "ALTER TABLE {table} ADD COLUMN {}",
                declaration(column)
            ))?;
        }
    }
    Ok(())
}
