//! The table `pages`, with one row per record in order; and `misses`, what the pages lacked.

use http::HeaderName;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Connection, Statement, ToSql};

use super::super::Record;
use super::super::field::Field;
use super::super::value::Value;
use super::name::{Names, quoted};
use super::relation;
use crate::visit::Visit;
use crate::visit::fields::Kind;

/// The statement that inserts a miss.
pub(super) const MISS: &str =
    "INSERT INTO misses(page_id, recipe, item, field, why) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Indexes that are created at the end.
///
/// Maintaining them row by row would cost more than it is worth.
pub(super) const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS pages_by_url ON pages(url);
CREATE INDEX IF NOT EXISTS pages_by_error ON pages(error) WHERE error IS NOT NULL;
";

const MISSES: &str = "
CREATE TABLE IF NOT EXISTS misses(
    page_id INTEGER NOT NULL REFERENCES pages(page_id) ON DELETE CASCADE,
    recipe TEXT, item INTEGER, field TEXT, why TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS misses_by_page ON misses(page_id);
";

/// The table of pages.
pub(super) struct Pages {
    /// Whether it includes the text of pages.
    pub(super) body: bool,
    /// The header fields that are columns, and the names of those columns.
    headers: Vec<HeaderName>,
    header_columns: Vec<String>,
    fields: Vec<Field>,
    insert: String,
    text: Vec<u8>,
}

impl Pages {
    pub(super) fn new(body: bool, headers: &[HeaderName]) -> Self {
        let fields: Vec<_> = Field::ALL
            .into_iter()
            .filter(|field| is_column(*field, body))
            .collect();
        let mut used = Names::avoiding(&[]);
        let header_columns: Vec<_> = headers
            .iter()
            .map(|name| used.take(&format!("headers_{name}")))
            .collect();
        let names = fields.iter().map(|field| quoted(field.name()));
        let names: Vec<_> = names
            .chain(header_columns.iter().map(|name| quoted(name)))
            .collect();
        let placeholders: Vec<_> = (2..names.len() + 2)
            .map(|parameter| format!("?{parameter}"))
            .collect();
        Self {
            body,
            headers: headers.to_vec(),
            header_columns,
            insert: format!(
                "INSERT INTO pages(page_id, {}) VALUES (?1, {})",
                names.join(", "),
                placeholders.join(", ")
            ),
            fields,
            text: Vec::new(),
        }
    }

    /// Creates the tables unless they exist.
    pub(super) fn create(&self, database: &Connection) -> rusqlite::Result<()> {
        let fields = self.fields.iter();
        let fields =
            fields.map(|field| (field.name().to_owned(), relation::sql_type(field.kind())));
        let headers = self.header_columns.iter();
        let headers = headers.map(|name| (name.clone(), relation::sql_type(Kind::Text)));
        let columns: Vec<_> = fields.chain(headers).collect();
        relation::create_or_extend(database, "pages", "page_id INTEGER PRIMARY KEY", &columns)?;
        database.execute_batch(MISSES)
    }

    /// Inserts a record.
    pub(super) fn insert(
        &mut self,
        database: &Connection,
        page: i64,
        visit: &Visit,
    ) -> rusqlite::Result<()> {
        let record = Record::of(visit, self.body).with_headers(visit, &self.headers);
        let mut insert = database.prepare_cached(&self.insert)?;
        insert.raw_bind_parameter(1, page)?;
        for (parameter, field) in (2..).zip(&self.fields) {
            let value = field.of(&record).unwrap_or(Value::Null);
            bind(&mut insert, parameter, value, &mut self.text)?;
        }
        for number in 0..self.headers.len() {
            let value = record.headers.and_then(|headers| headers.value(number));
            insert.raw_bind_parameter(2 + self.fields.len() + number, value)?;
        }
        insert.raw_execute().map(drop)
    }
}

/// Whether a field is one column: items have their own tables, headers a column each.
fn is_column(field: Field, body: bool) -> bool {
    match field {
        Field::Fields | Field::Items | Field::Misses | Field::Headers => false,
        Field::Body => body,
        _ => true,
    }
}

fn bind(
    insert: &mut Statement<'_>,
    parameter: usize,
    value: Value<'_>,
    text: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    match value {
        Value::Null => insert.raw_bind_parameter(parameter, Owned::Null),
        Value::Text(text) | Value::Json(text) => insert.raw_bind_parameter(parameter, text),
        Value::Number(number) => {
            insert.raw_bind_parameter(parameter, i64::try_from(number).unwrap_or(i64::MAX))
        }
        Value::Flag(flag) => insert.raw_bind_parameter(parameter, flag),
        Value::Milliseconds(duration) => {
            insert.raw_bind_parameter(parameter, duration.as_micros() as f64 / 1000.0)
        }
        Value::Digest(_)
        | Value::Moment(_)
        | Value::Headers(_)
        | Value::Address(_)
        | Value::Hops(_)
        | Value::Attempts(_)
        | Value::Columns(_) => {
            text.clear();
            value.cell(text);
            insert.raw_bind_parameter(parameter, Text(text))
        }
    }
}

/// Bytes that are UTF-8.
struct Text<'t>(&'t [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}
