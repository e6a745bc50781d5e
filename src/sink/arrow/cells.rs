//! The values of a column, collected until they become an array.
//!
//! The types are those of Parquet: the same kinds, all of them optional, items as structs and lists as lists.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};

use crate::visit::fields::{Column, Kind, Value};

/// The time zone of moments.
const UTC: &str = "UTC";
/// The name of the elements of a list, as Parquet and other writers have it.
const ELEMENT: &str = "item";

/// The values of a column.
#[derive(Debug)]
pub(super) struct Cells {
    column: Column,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Flags(BooleanBuilder),
    Integers(Int64Builder),
    Moments(TimestampMillisecondBuilder),
    Numbers(Float64Builder),
    Texts(StringBuilder),
    Json(StringBuilder),
    Items {
        fields: Fields,
        cells: Vec<Cells>,
        present: NullBufferBuilder,
    },
    Lists {
        element: FieldRef,
        cells: Box<Cells>,
        ends: Vec<i32>,
        present: NullBufferBuilder,
    },
}

/// A text that is too long for an array.
#[derive(Debug)]
pub(super) struct TooLong;

/// The field of a column.
pub(super) fn field(column: &Column) -> Field {
    Field::new(&column.name, data_type(column), true)
}

fn data_type(column: &Column) -> DataType {
    match column.list {
        true => DataType::List(element(column)),
        false => element_type(column),
    }
}

fn element(column: &Column) -> FieldRef {
    Arc::new(Field::new(ELEMENT, element_type(column), true))
}

fn element_type(column: &Column) -> DataType {
    match column.kind {
        Kind::Bool => DataType::Boolean,
        Kind::Integer => DataType::Int64,
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
        Kind::Number => DataType::Float64,
        Kind::Item if !column.columns.is_empty() => {
            DataType::Struct(column.columns.iter().map(field).collect())
        }
        // As in Parquet: a page's date may have no time of day, and JSON has no type of its own.
        Kind::Text | Kind::Url | Kind::Date | Kind::Json | Kind::Item => DataType::Utf8,
    }
}

impl Cells {
    /// The cells of a column, without any value.
    pub(super) fn of(column: &Column) -> Self {
        let values = match column.list {
            true => Values::Lists {
                element: element(column),
                cells: Box::new(Self::of(&Column {
                    list: false,
                    ..column.clone()
                })),
                ends: vec![0],
                present: NullBufferBuilder::new(0),
            },
            false => Values::of(column),
        };
        let column = column.clone();
        Self { column, values }
    }

    /// Adds a value; returns roughly how many bytes it takes.
    ///
    /// # Errors
    /// When the texts of the column would be longer than an array can be, 2 GiB. The value is then missing.
    pub(super) fn push(&mut self, value: &Value) -> Result<usize, TooLong> {
        match (&mut self.values, value) {
            (Values::Flags(flags), value) => {
                flags.append_option(match value {
                    Value::Bool(flag) => Some(*flag),
                    _ => None,
                });
                Ok(1)
            }
            (Values::Integers(integers), value) => {
                integers.append_option(integer(value));
                Ok(8)
            }
            (Values::Moments(moments), value) => {
                moments.append_option(integer(value));
                Ok(8)
            }
            (Values::Numbers(numbers), value) => {
                numbers.append_option(match value {
                    Value::Number(number) => Some(*number),
                    _ => None,
                });
                Ok(8)
            }
            (Values::Texts(texts), Value::Text(text)) => add(texts, text),
            (Values::Json(texts), value) if !matches!(value, Value::Missing) => {
                let json = serde_json::to_string(&value.json(&self.column));
                add(texts, &json.unwrap_or_default())
            }
            (Values::Texts(texts) | Values::Json(texts), _) => {
                texts.append_null();
                Ok(4)
            }
            (Values::Items { cells, present, .. }, Value::Item(values)) => {
                present.append_non_null();
                let value = |at| values.get(at).unwrap_or(&Value::Missing);
                push_each(cells.iter_mut().enumerate(), |at| value(at))
            }
            (Values::Items { cells, present, .. }, _) => {
                present.append_null();
                push_each(cells.iter_mut().enumerate(), |_| &Value::Missing)
            }
            (
                Values::Lists {
                    cells,
                    ends,
                    present,
                    ..
                },
                Value::List(values),
            ) => {
                present.append_non_null();
                let mut bytes = Ok(4);
                for value in values {
                    bytes = bytes.and_then(|sum: usize| Ok(sum + cells.push(value)?));
                }
                let count = i32::try_from(values.len()).map_err(|_| TooLong)?;
                let last = ends.last().copied().unwrap_or_default();
                ends.push(last.checked_add(count).ok_or(TooLong)?);
                bytes
            }
            (Values::Lists { ends, present, .. }, _) => {
                present.append_null();
                ends.push(ends.last().copied().unwrap_or_default());
                Ok(4)
            }
        }
    }

    /// The values so far as an array; none are left.
    pub(super) fn take(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Flags(flags) => Arc::new(flags.finish()),
            Values::Integers(integers) => Arc::new(integers.finish()),
            Values::Moments(moments) => Arc::new(moments.finish()),
            Values::Numbers(numbers) => Arc::new(numbers.finish()),
            Values::Texts(texts) | Values::Json(texts) => Arc::new(texts.finish()),
            Values::Items {
                fields,
                cells,
                present,
            } => {
                let arrays = cells.iter_mut().map(Self::take).collect();
                Arc::new(StructArray::new(fields.clone(), arrays, present.finish()))
            }
            Values::Lists {
                element,
                cells,
                ends,
                present,
            } => {
                let offsets = OffsetBuffer::new(std::mem::replace(ends, vec![0]).into());
                let values = cells.take();
                Arc::new(ListArray::new(
                    element.clone(),
                    offsets,
                    values,
                    present.finish(),
                ))
            }
        }
    }
}

impl Values {
    fn of(column: &Column) -> Self {
        match column.kind {
            Kind::Bool => Self::Flags(BooleanBuilder::new()),
            Kind::Integer => Self::Integers(Int64Builder::new()),
            Kind::Timestamp => Self::Moments(TimestampMillisecondBuilder::new().with_timezone(UTC)),
            Kind::Number => Self::Numbers(Float64Builder::new()),
            Kind::Item if !column.columns.is_empty() => Self::Items {
                fields: column.columns.iter().map(field).collect(),
                cells: column.columns.iter().map(Cells::of).collect(),
                present: NullBufferBuilder::new(0),
            },
            Kind::Text | Kind::Url | Kind::Date => Self::Texts(StringBuilder::new()),
            Kind::Json | Kind::Item => Self::Json(StringBuilder::new()),
        }
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(integer) => Some(*integer),
        _ => None,
    }
}

/// Adds a text, unless all of them would be too long.
fn add(texts: &mut StringBuilder, text: &str) -> Result<usize, TooLong> {
    let length = texts.values_slice().len() + text.len();
    if i32::try_from(length).is_err() {
        texts.append_null();
        return Err(TooLong);
    }
    texts.append_value(text);
    Ok(text.len() + 4)
}

/// Adds a value to each of several columns, so that all stay equally long whatever happens.
fn push_each<'c, 'v>(
    cells: impl Iterator<Item = (usize, &'c mut Cells)>,
    value: impl Fn(usize) -> &'v Value,
) -> Result<usize, TooLong> {
    let mut bytes = Ok(0);
    for (at, cells) in cells {
        let pushed = cells.push(value(at));
        bytes = bytes.and_then(|sum| Ok(sum + pushed?));
    }
    bytes
}
