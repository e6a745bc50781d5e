//! One value of a result.

use rusqlite::types::ValueRef;

/// One value of a result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// A column declared as a truth value.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text; bytes that are no UTF-8 are passed on as [`Bytes`](Self::Bytes).
    Text(&'a str),
    /// JSON, of a column declared as such.
    Json(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// What the declaration of a column says about its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Bool,
    Json,
}

impl Kind {
    /// The kind of a column with this type; an expression has none.
    pub(super) fn of(declared: Option<&str>) -> Self {
        match declared {
            Some("BOOLEAN") => Kind::Bool,
            Some(declared) if declared == crate::recorded::JSON_COLUMN => Kind::Json,
            _ => Kind::Plain,
        }
    }

    pub(super) fn cell(self, value: ValueRef<'_>) -> Cell<'_> {
        match (value, self) {
            (ValueRef::Null, _) => Cell::Null,
            (ValueRef::Integer(value @ (0 | 1)), Kind::Bool) => Cell::Bool(value == 1),
            (ValueRef::Integer(value), _) => Cell::Integer(value),
            (ValueRef::Real(value), _) => Cell::Number(value),
            (ValueRef::Text(bytes), kind) => match std::str::from_utf8(bytes) {
                Ok(text) if kind == Kind::Json => Cell::Json(text),
                Ok(text) => Cell::Text(text),
                Err(_) => Cell::Bytes(bytes),
            },
            (ValueRef::Blob(bytes), _) => Cell::Bytes(bytes),
        }
    }
}
