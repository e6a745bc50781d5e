//! The items of pages in Parquet, as the JSON that other formats have.
//!
//! Each table of items is read next to that of the pages: both are in the order of the pages' numbers.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::layout::Layout;
use super::part::{PAGES, parts_in, rows};
use crate::error::Result;
use crate::recorded::error::{damaged, unreadable};

/// The table of the selected fields, which are one object per page.
const SELECTED: &str = "fields";
/// The table of what could not be extracted.
const MISSES: &str = "misses";
/// Columns of every table in front of those of its items: the page, its URL, and the number of the item.
const FRONT: usize = 3;

/// The tables of items.
#[derive(Default)]
pub(super) struct Items(Vec<Table>);

/// A table of items that is being read.
struct Table {
    name: String,
    parts: VecDeque<PathBuf>,
    part: PathBuf,
    open: Option<RowIter<'static>>,
    /// The rows read from this part.
    read: u64,
    /// The next item, and its page.
    next: Option<(i64, Value)>,
}

/// The note next to a dataset, as far as it is read here.
#[derive(Deserialize)]
struct Note {
    tables: BTreeMap<String, String>,
}

impl Items {
    /// Opens the tables of items of a dataset; none without its note.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(super) fn open(dataset: &Path) -> Result<Self> {
        for layout in [Layout::Beside, Layout::Within] {
            let note = layout.note(dataset);
            let text = match fs::read(&note) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(unreadable(&note, source)),
            };
            let note: Note = serde_json::from_slice(&text)
                .map_err(|error| unreadable(&note, io::Error::other(error)))?;
            let names = note.tables.into_keys();
            let names = names.filter(|name| ![PAGES, MISSES].contains(&name.as_str()));
            let tables = names.map(|name| Table::open(&layout.table(dataset, &name), name));
            return tables.collect::<Result<_>>().map(Self);
        }
        Ok(Self::default())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The selected fields and the items of a page. Pages are asked for in their order.
    ///
    /// # Errors
    /// If a part is damaged.
    pub(super) fn of_page(&mut self, page: i64) -> Result<(Option<Value>, Option<Value>)> {
        let (mut fields, mut items) = (None, Map::new());
        for table in &mut self.0 {
            let rows = table.of_page(page)?;
            if table.name == SELECTED {
                fields = rows.into_iter().next();
            } else if !rows.is_empty() {
                items.insert(table.name.clone(), rows.into());
            }
        }
        Ok((fields, (!items.is_empty()).then(|| items.into())))
    }
}

impl Table {
    fn open(folder: &Path, name: String) -> Result<Self> {
        let parts = match parts_in(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            parts => parts.map_err(|source| unreadable(folder, source))?,
        };
        let mut table = Self {
            name,
            parts: parts.into(),
            part: PathBuf::new(),
            open: None,
            read: 0,
            next: None,
        };
        table.next = table.read()?;
        Ok(table)
    }

    fn of_page(&mut self, wanted: i64) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        while let Some((page, item)) = self.next.take_if(|(page, _)| *page <= wanted) {
            items.extend((page == wanted).then_some(item));
            self.next = self.read()?;
        }
        Ok(items)
    }

    fn read(&mut self) -> Result<Option<(i64, Value)>> {
        loop {
            if let Some(rows) = &mut self.open {
                if let Some(row) = rows.next() {
                    let row = row.map_err(|error| damaged(&self.part, "row", self.read, &error))?;
                    self.read += 1;
                    return Ok(Some(item(&row)));
                }
                self.open = None;
            }
            let Some(part) = self.parts.pop_front() else {
                return Ok(None);
            };
            self.open = Some(rows(&part, None)?);
            (self.part, self.read) = (part, 0);
        }
    }
}

/// The item in a row, and its page.
fn item(row: &Row) -> (i64, Value) {
    let mut columns = row.get_column_iter();
    let page = match columns.next() {
        Some((_, Field::Long(page))) => *page,
        _ => i64::MIN, // the page of no record
    };
    let values = columns.skip(FRONT - 1);
    let values = values.map(|(name, field)| (name.clone(), value(field)));
    (page, Value::Object(values.collect()))
}

fn value(field: &Field) -> Value {
    match field {
        Field::Bool(flag) => (*flag).into(),
        Field::Int(number) => (*number).into(),
        Field::Long(number) | Field::TimestampMillis(number) => (*number).into(),
        Field::Float(number) => (*number).into(),
        Field::Double(number) => (*number).into(),
        Field::Str(text) => text.as_str().into(),
        Field::Group(row) => {
            let columns = row.get_column_iter();
            let values = columns.map(|(name, field)| (name.clone(), value(field)));
            Value::Object(values.collect())
        }
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        _ => Value::Null,
    }
}
