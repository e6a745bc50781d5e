//! The typed columns of a record, for formats whose columns have types.
//!
//! One table of columns for all of them: a field has the same name and type in each.

use std::borrow::Cow;
use std::time::UNIX_EPOCH;

use http::HeaderName;

use super::field::Field;
use super::value;
use super::{Record, RecordSettings};
use crate::parse::Wants;
use crate::visit::Visit;
use crate::visit::fields::{Column, Kind, Value};

/// The fields of a record that are columns: all but those that are tables of their own.
pub(super) struct RecordColumns {
    fields: Vec<Field>,
    /// The response headers that records include.
    headers: Vec<HeaderName>,
    /// Whether records include their text.
    body: bool,
}

impl RecordColumns {
    /// The columns for these settings, and what they are.
    pub(super) fn of(settings: &RecordSettings) -> (Self, Vec<Column>) {
        let kinds = Field::ALL.iter().filter_map(|field| {
            let is_wanted = match field {
                Field::Body => settings.body,
                Field::Headers => !settings.headers.is_empty(),
                _ => true,
            };
            kind(*field)
                .filter(|_| is_wanted)
                .map(|kind| (*field, kind))
        });
        let (fields, columns) = kinds
            .map(|(field, kind)| match field {
                Field::Headers => (field, headers(settings)),
                field => (field, Column::new(field.name(), kind)),
            })
            .unzip();
        let columns_of_record = Self {
            fields,
            headers: settings.headers.clone(),
            body: settings.body,
        };
        (columns_of_record, columns)
    }

    /// What a page has to be read for.
    pub(super) const fn wants(&self) -> Wants {
        super::wants::wants_of_records(self.body)
    }

    /// The record of a visit.
    pub(super) fn record<'v>(&'v self, visit: &'v Visit) -> Record<'v> {
        Record::of(visit, self.body).with_headers(visit, &self.headers)
    }

    /// The values of a record, one for each column.
    pub(super) fn values(&self, record: &Record<'_>) -> impl Iterator<Item = Value> {
        self.fields.iter().map(|field| cell(*field, record))
    }
}

/// The kind of a record's field as a column; `None` if it is a table of its own.
fn kind(field: Field) -> Option<Kind> {
    let is_table = matches!(field, Field::Fields | Field::Items | Field::Misses);
    (!is_table).then(|| field.kind())
}

/// The value of a field for its column.
fn cell(field: Field, record: &Record<'_>) -> Value {
    let Some(value) = field.of(record) else {
        return Value::Missing;
    };
    let written = |value: value::Value<'_>| {
        let mut text = Vec::new();
        value.cell(&mut text);
        String::from_utf8(text).unwrap_or_default()
    };
    match value {
        value::Value::Null => Value::Missing,
        value::Value::Text(text) => Value::Text(text.to_owned()),
        value::Value::Number(number) => {
            i64::try_from(number).map_or(Value::Missing, Value::Integer)
        }
        value::Value::Flag(flag) => Value::Bool(flag),
        value::Value::Milliseconds(time) => Value::Number(time.as_micros() as f64 / 1000.0),
        value::Value::Moment(time) => {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).map_or(Value::Missing, Value::Integer)
        }
        value::Value::Headers(headers) => {
            let value = |number| headers.value(number).map(Cow::into_owned);
            let values = (0..headers.names.len()).map(|number| text(value(number)));
            Value::Item(values.collect())
        }
        value::Value::Digest(_) | value::Value::Address(_) => Value::Text(written(value)),
        value::Value::Json(_)
        | value::Value::Hops(_)
        | value::Value::Attempts(_)
        | value::Value::Columns(_) => Value::Json(written(value)),
    }
}

/// The column of header fields: one nested column for each.
fn headers(settings: &RecordSettings) -> Column {
    let names = settings.headers.iter();
    let columns = names.map(|name| Column::new(name.as_str(), Kind::Text));
    Column::new(Field::Headers.name(), Kind::Item).with_columns(columns.collect())
}

/// A text as a value.
pub(super) fn text(text: Option<String>) -> Value {
    text.map_or(Value::Missing, Value::Text)
}
