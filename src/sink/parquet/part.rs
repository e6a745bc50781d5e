//! One file of a table: a Parquet file with a single row group.
//!
//! A file is written under a name that no reader takes for a part, and gets its final name once it is complete and
//! on disk. When a job resumes at an earlier point, rows are read back from it.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::record::{Field, Row};

use super::super::growing::sync_entry;
use super::rows::{Cells, Rows, Values};
use super::shape::{Leaf, Shape};
use crate::visit::fields::{Column, Value};

/// zstd's default level: higher levels cost more time than the bytes they save are worth.
const LEVEL: i32 = 3;
/// The suffix of an unfinished file, whose name also starts with a dot.
pub(super) const OPEN: &str = ".open";

/// Writes rows to a file, and waits until it is on disk; returns its length.
///
/// # Errors
/// The error of the system.
pub(super) fn write(path: &Path, shape: &Shape, rows: Rows) -> io::Result<u64> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Readers of a folder skip names that start with a dot; readers of `*.parquet` skip other suffixes.
    let open = path.with_file_name(format!(".{name}{OPEN}"));
    let mut file = File::create(&open)?;
    encode(&mut file, shape, rows).map_err(failed)?;
    file.sync_all()?;
    let length = file.metadata()?.len();
    fs::rename(&open, path)?;
    sync_entry(path)?;
    Ok(length)
}

fn encode(file: &mut File, shape: &Shape, rows: Rows) -> Result<(), ParquetError> {
    let settings = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_created_by(concat!("haul ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    let schema = Arc::clone(&shape.schema);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(settings))?;
    if rows.count == 0 {
        return writer.close().map(drop);
    }
    let mut group = writer.next_row_group()?;
    let mut leaves = rows.cells.into_iter().zip(&shape.leaves);
    while let Some(mut column) = group.next_column()? {
        if let Some((cells, leaf)) = leaves.next() {
            fill(&mut column, cells, *leaf)?;
        }
        column.close()?;
    }
    group.close()?;
    writer.close().map(drop)
}

fn fill(
    column: &mut SerializedColumnWriter<'_>,
    cells: Cells,
    leaf: Leaf,
) -> Result<(), ParquetError> {
    let definitions = Some(&cells.definitions[..]);
    let repetitions = (leaf.repetition > 0).then_some(&cells.repetitions[..]);
    match cells.values {
        Values::Flags(flags) => {
            let column = column.typed::<BoolType>();
            column.write_batch(&flags, definitions, repetitions)
        }
        Values::Integers(integers) => {
            let column = column.typed::<Int64Type>();
            column.write_batch(&integers, definitions, repetitions)
        }
        Values::Numbers(numbers) => {
            let column = column.typed::<DoubleType>();
            column.write_batch(&numbers, definitions, repetitions)
        }
        Values::Texts(texts) => {
            let column = column.typed::<ByteArrayType>();
            column.write_batch(&texts.into_arrays(), definitions, repetitions)
        }
    }
    .map(drop)
}

/// The first rows of a file.
///
/// # Errors
/// If it cannot be read, has fewer rows, or has other columns.
pub(super) fn read(path: &Path, shape: &Shape, count: usize) -> io::Result<Vec<Vec<Value>>> {
    let reader = SerializedFileReader::new(File::open(path)?).map_err(failed)?;
    let mut rows = Vec::with_capacity(count.min(1 << 16));
    for row in reader.get_row_iter(None).map_err(failed)?.take(count) {
        let values = values(row.map_err(failed)?, &shape.columns);
        rows.push(values.ok_or_else(|| io::Error::other("it has other columns"))?);
    }
    if rows.len() < count {
        let problem = format!("it has {} rows, but the job left {count}", rows.len());
        return Err(io::Error::other(problem));
    }
    Ok(rows)
}

/// The largest number in the first column of a file, from its statistics.
///
/// # Errors
/// If it cannot be read.
pub(super) fn max_page(path: &Path) -> io::Result<Option<i64>> {
    let reader = SerializedFileReader::new(File::open(path)?).map_err(failed)?;
    let groups = reader.metadata().row_groups().iter();
    let max_of = |statistics: &Statistics| match statistics {
        Statistics::Int64(of) => of.max_opt().copied(),
        _ => None,
    };
    let first = groups.filter_map(|group| group.columns().first()?.statistics().and_then(max_of));
    Ok(first.max())
}

fn values(row: Row, columns: &[Column]) -> Option<Vec<Value>> {
    let fields = row.into_columns();
    if fields.len() != columns.len() {
        return None;
    }
    let both = fields.into_iter().zip(columns);
    both.map(|((_, field), column)| value(field, column, column.list))
        .collect()
}

fn value(field: Field, column: &Column, list: bool) -> Option<Value> {
    use crate::visit::fields::Kind;
    let is_json = match column.kind {
        Kind::Json => true,
        Kind::Item => column.columns.is_empty(),
        _ => false,
    };
    Some(match field {
        Field::Null => Value::Missing,
        Field::ListInternal(elements) if list => {
            let elements = elements.elements().iter().cloned();
            let values = elements.map(|element| value(element, column, false));
            Value::List(values.collect::<Option<_>>()?)
        }
        _ if list => return None,
        Field::Bool(flag) => Value::Bool(flag),
        Field::Long(integer) | Field::TimestampMillis(integer) => Value::Integer(integer),
        Field::Double(number) => Value::Number(number),
        Field::Str(text) if is_json => Value::Json(text),
        Field::Str(text) => Value::Text(text),
        Field::Group(row) => Value::Item(values(row, &column.columns)?),
        _ => return None,
    })
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        other => io::Error::other(other),
    }
}
