//! Tables in Parquet, row by row, with their values as JSON.
//!
//! Invariant: a value is the same in JSON as in the table, or its column is refused by name and type before the first row is
//! read.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde_json::{Map, Value};

/// The rows of a file.
pub(crate) struct Rows {
    rows: RowIter<'static>,
    /// The names of the columns.
    pub(crate) columns: Vec<String>,
    /// The first column whose values JSON cannot have, with its type.
    pub(crate) unknown: Option<String>,
}

/// The files of a table: the one of that name, or those in the folder, in the order of their names.
///
/// Files whose names begin with a dot or an underscore are notes of the program that wrote the others.
///
/// # Errors
/// When the folder cannot be read, or has no such file.
pub(crate) fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        let is_note = name.starts_with(b".") || name.starts_with(b"_");
        if !is_note && file.extension().is_some_and(|end| end == "parquet") {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(files),
    }
}

impl Rows {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no Parquet file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let reader = SerializedFileReader::new(File::open(path)?).map_err(failed)?;
        let fields = reader.metadata().file_metadata().schema().get_fields();
        let unknown = fields.iter().find(|field| !is_known(field));
        Ok(Self {
            columns: fields.iter().map(|field| field.name().to_owned()).collect(),
            unknown: unknown.map(|field| format!("{:?} of type {}", field.name(), type_of(field))),
            rows: reader.into_iter(),
        })
    }
}

impl Iterator for Rows {
    type Item = io::Result<Map<String, Value>>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        Some(row.map(|row| object(&row)).map_err(failed))
    }
}

fn is_known(field: &Type) -> bool {
    let info = field.get_basic_info();
    let converted = info.converted_type();
    if field.is_group() {
        let is_map = matches!(converted, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE);
        return !is_map && field.get_fields().iter().all(|field| is_known(field));
    }
    let is_nanoseconds = matches!(
        info.logical_type_ref(),
        Some(LogicalType::Timestamp(time) | LogicalType::Time(time)) if time.unit == TimeUnit::NANOS
    );
    match field.get_physical_type() {
        Physical::BOOLEAN | Physical::INT96 | Physical::FLOAT | Physical::DOUBLE => true,
        Physical::INT32 | Physical::INT64 => {
            let is_time = matches!(
                converted,
                ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS
            );
            !is_nanoseconds && !is_time && converted != ConvertedType::DECIMAL
        }
        Physical::BYTE_ARRAY => matches!(
            converted,
            ConvertedType::UTF8 | ConvertedType::JSON | ConvertedType::ENUM
        ),
        Physical::FIXED_LEN_BYTE_ARRAY => false,
    }
}

fn type_of(field: &Type) -> String {
    let converted = field.get_basic_info().converted_type();
    match (field.is_group(), converted) {
        (true, ConvertedType::NONE) => "struct".to_owned(),
        (true, converted) => converted.to_string(),
        (false, ConvertedType::NONE) => field.get_physical_type().to_string(),
        (false, converted) => converted.to_string(),
    }
}

fn object(row: &Row) -> Map<String, Value> {
    row.get_column_iter()
        .map(|(name, field)| (name.clone(), value(field)))
        .collect()
}

/// A value as JSON: moments and dates are text (RFC 3339), numbers that JSON does not have are null.
fn value(field: &Field) -> Value {
    match field {
        Field::Bool(flag) => (*flag).into(),
        Field::Byte(number) => (*number).into(),
        Field::Short(number) => (*number).into(),
        Field::Int(number) => (*number).into(),
        Field::Long(number) => (*number).into(),
        Field::UByte(number) => (*number).into(),
        Field::UShort(number) => (*number).into(),
        Field::UInt(number) => (*number).into(),
        Field::ULong(number) => (*number).into(),
        Field::Float(number) => (*number).into(),
        Field::Double(number) => (*number).into(),
        Field::Str(text) => text.as_str().into(),
        Field::Date(days) => {
            let days = jiff::SignedDuration::from_hours(i64::from(*days).saturating_mul(24));
            let date = Date::constant(1970, 1, 1).checked_add(days);
            date.map_or(Value::Null, |date| date.to_string().into())
        }
        Field::TimestampMillis(moment) => moment_text(Timestamp::from_millisecond(*moment)),
        Field::TimestampMicros(moment) => moment_text(Timestamp::from_microsecond(*moment)),
        Field::Group(row) => object(row).into(),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        // Columns of the other types are refused.
        _ => Value::Null,
    }
}

fn moment_text(moment: Result<Timestamp, jiff::Error>) -> Value {
    moment.map_or(Value::Null, |moment| moment.to_string().into())
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
