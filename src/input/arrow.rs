//! Tables in Arrow's IPC formats, batch by batch, with their values as JSON.
//!
//! A file is read as the stream that it is inside, so its footer is not needed and a pipe will do. Invariant: a value is
//! the same in JSON as in the table, or its column is refused by name and type before the first row is read.

use std::io::{self, BufReader, Cursor, Read};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_ipc::reader::StreamReader;
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef, TimeUnit};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

/// What a file begins with.
const MAGIC: &[u8] = b"ARROW1\0\0";
/// The number of bytes read at a time.
const BUFFER: usize = 256 << 10;

/// The batches of a file or a stream.
pub(crate) struct Batches(StreamReader<Box<dyn Read>>);

impl Batches {
    /// Opens a file or a stream.
    ///
    /// # Errors
    /// When it cannot be read, or is neither.
    pub(crate) fn open(raw: impl Read + 'static) -> io::Result<Self> {
        let mut raw = BufReader::with_capacity(BUFFER, raw);
        let mut head = [0; MAGIC.len()];
        raw.read_exact(&mut head)?;
        let stream: Box<dyn Read> = match head == *MAGIC {
            true => Box::new(raw),
            false => Box::new(Cursor::new(head).chain(raw)),
        };
        StreamReader::try_new(stream, None)
            .map(Self)
            .map_err(failed)
    }

    /// The columns.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}

impl Iterator for Batches {
    type Item = io::Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|batch| batch.map_err(failed))
    }
}

/// The rows of a batch as JSON objects.
pub(crate) fn rows(batch: RecordBatch) -> impl Iterator<Item = Map<String, Value>> {
    let rows = StructArray::from(batch);
    (0..rows.len()).map(move |at| object(&rows, at))
}

/// The first column, or column in a column, whose values JSON cannot have, with its type.
pub(crate) fn unknown(schema: &Schema) -> Option<String> {
    let mut fields = schema.fields().iter();
    let unknown = fields.find(|field| !is_known(field.data_type()))?;
    Some(format!(
        "{:?} of type {}",
        unknown.name(),
        unknown.data_type()
    ))
}

fn is_known(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().all(|field| is_known(field.data_type())),
        DataType::List(element) | DataType::LargeList(element) => is_known(element.data_type()),
        DataType::Dictionary(_, values) => matches!(**values, DataType::Utf8 | DataType::LargeUtf8),
        plain => {
            plain.is_integer()
                || matches!(plain, DataType::Null | DataType::Boolean | DataType::Date32)
                || matches!(plain, DataType::Float32 | DataType::Float64)
                || matches!(
                    plain,
                    DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
                )
                || matches!(plain, DataType::Timestamp(..))
        }
    }
}

fn object(rows: &StructArray, at: usize) -> Map<String, Value> {
    let names = rows.fields().iter().map(|field| field.name().clone());
    let values = rows.columns().iter().map(|column| value(column, at));
    names.zip(values).collect()
}

/// The value at a place, as JSON: moments and dates are text (RFC 3339), numbers that JSON does not have are null.
fn value(array: &dyn Array, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(at).into(),
        DataType::Int8 => number::<Int8Type>(array, at).into(),
        DataType::Int16 => number::<Int16Type>(array, at).into(),
        DataType::Int32 => number::<Int32Type>(array, at).into(),
        DataType::Int64 => number::<Int64Type>(array, at).into(),
        DataType::UInt8 => number::<UInt8Type>(array, at).into(),
        DataType::UInt16 => number::<UInt16Type>(array, at).into(),
        DataType::UInt32 => number::<UInt32Type>(array, at).into(),
        DataType::UInt64 => number::<UInt64Type>(array, at).into(),
        DataType::Float32 => number::<Float32Type>(array, at).into(),
        DataType::Float64 => number::<Float64Type>(array, at).into(),
        DataType::Utf8 => array.as_string::<i32>().value(at).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(at).into(),
        DataType::Utf8View => array.as_string_view().value(at).into(),
        DataType::Date32 => {
            let days = i64::from(number::<Date32Type>(array, at));
            let date = jiff::SignedDuration::from_hours(days.saturating_mul(24));
            let date = Date::constant(1970, 1, 1).checked_add(date);
            date.map_or(Value::Null, |date| date.to_string().into())
        }
        DataType::Timestamp(unit, _) => {
            let moment = match unit {
                TimeUnit::Second => {
                    Timestamp::from_second(number::<TimestampSecondType>(array, at))
                }
                TimeUnit::Millisecond => {
                    Timestamp::from_millisecond(number::<TimestampMillisecondType>(array, at))
                }
                TimeUnit::Microsecond => {
                    Timestamp::from_microsecond(number::<TimestampMicrosecondType>(array, at))
                }
                TimeUnit::Nanosecond => {
                    let nanoseconds = number::<TimestampNanosecondType>(array, at);
                    Timestamp::from_nanosecond(nanoseconds.into())
                }
            };
            moment.map_or(Value::Null, |moment| moment.to_string().into())
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let keys = dictionary.normalized_keys();
            value(dictionary.values(), keys[at])
        }
        DataType::Struct(_) => object(array.as_struct(), at).into(),
        DataType::List(_) => list(&array.as_list::<i32>().value(at)),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(at)),
        _ => Value::Null,
    }
}

fn list(values: &dyn Array) -> Value {
    (0..values.len()).map(|at| value(values, at)).collect()
}

fn number<T: ArrowPrimitiveType>(array: &dyn Array, at: usize) -> T::Native {
    array.as_primitive::<T>().value(at)
}

fn failed(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, source) => source,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}
