//! Rows of tables with types: lists in Parquet and Arrow.
//!
//! A row is what a line of JSON Lines is: the column `url`, optionally `method`, `headers` and `body`; the values of the
//! other columns keep their types. Rows count from 1, over all files of a folder.

use std::io::{self, Read};
use std::path::Path;

use serde_json::{Map, Value};

use super::entry::JobBuilder;
use super::feeder::{Enough, Feeder};
use super::json;
use crate::error::{Error, Result};
use crate::input::arrow::{self, Batches};
use crate::input::{parquet, unreadable};

/// A row, or why there are no more.
type Row = io::Result<Map<String, Value>>;

/// A table.
pub(super) struct Table {
    name: String,
    /// The column with the URLs.
    column: String,
    rows: Box<dyn Iterator<Item = Row>>,
}

impl Table {
    /// A table in Arrow: a file or a stream.
    ///
    /// # Errors
    /// If it cannot be read, has no column with URLs, or one whose values records cannot have.
    pub(super) fn arrow(name: &str, raw: Box<dyn Read>, column: Option<&str>) -> Result<Self> {
        let batches = Batches::open(raw).map_err(|source| unreadable(name, source))?;
        let schema = batches.schema();
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let column = chosen(name, column, &columns, arrow::unknown(&schema))?;
        let rows = batches.flat_map(|batch| {
            let (rows, failure) = match batch {
                Ok(batch) => (Some(arrow::rows(batch)), None),
                Err(error) => (None, Some(error)),
            };
            rows.into_iter().flatten().map(Ok).chain(failure.map(Err))
        });
        Ok(Self {
            name: name.to_owned(),
            column,
            rows: Box::new(rows),
        })
    }

    /// A table in Parquet: a file, or a folder of them.
    ///
    /// # Errors
    /// As [`arrow`](Self::arrow).
    pub(super) fn parquet(path: &Path, column: Option<&str>) -> Result<Self> {
        let name = path.display().to_string();
        let failed = |source| unreadable(&name, source);
        let files = parquet::files(path).map_err(failed)?;
        let mut first = None;
        // Each is looked at before the run begins.
        for file in &files {
            let rows = parquet::Rows::open(file).map_err(failed)?;
            let of = chosen(
                &file.display().to_string(),
                column,
                &rows.columns,
                rows.unknown,
            )?;
            first.get_or_insert(of);
        }
        let rows = files.into_iter().flat_map(|file| {
            let (rows, failure) = match parquet::Rows::open(&file) {
                Ok(rows) => (Some(rows), None),
                Err(error) => (None, Some(error)),
            };
            rows.into_iter().flatten().chain(failure.map(Err))
        });
        Ok(Self {
            column: first.unwrap_or_default(),
            rows: Box::new(rows),
            name,
        })
    }

    /// Reads the table to its end.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn read(
        self,
        maker: &mut JobBuilder,
        feeder: &mut Feeder<'_>,
    ) -> Result<Result<(), Enough>> {
        for (number, row) in (1..).zip(self.rows) {
            let row = row.map_err(|source| unreadable(&self.name, source))?;
            let fed = match feeder.wants(number) {
                Ok(true) => {
                    let shown = String::new;
                    feeder.feed(json::entry_of(maker, feeder.row, row, shown, &self.column))
                }
                Ok(false) => Ok(()),
                Err(enough) => Err(enough),
            };
            if fed.is_err() {
                return Ok(fed);
            }
        }
        Ok(Ok(()))
    }
}

/// The column with the URLs, by the name or the number from 1 that the user gave, or `url`.
fn chosen(
    name: &str,
    wanted: Option<&str>,
    columns: &[String],
    unknown: Option<String>,
) -> Result<String> {
    let refused = |problem| {
        let name = name.to_owned();
        Err(Error::Table { name, problem })
    };
    let wanted = wanted.unwrap_or("url");
    let by_number = || columns.get(wanted.parse::<usize>().ok()?.checked_sub(1)?);
    let by_name = columns.iter().find(|column| *column == wanted);
    let Some(column) = by_name.or_else(by_number) else {
        let columns = columns.join(", ");
        return refused(format!("no column {wanted:?}: its columns are {columns}"));
    };
    match unknown {
        Some(unknown) => refused(format!(
            "records cannot carry its column {unknown}: leave it out, or make it a text"
        )),
        None => Ok(column.clone()),
    }
}
