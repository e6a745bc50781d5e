//! The tables that a run writes, and the rows that a visit adds to them.
//!
//! `pages` has a row for each record; each table of extracted items has a row for each item, starting with the
//! number of its page, the page's URL and the item's number; `misses` lists the values that were missed. Invariant:
//! page numbers are unique in a dataset, and increase in the order of the records.

use std::collections::HashSet;

use super::super::RecordSettings;
use super::super::typed::{RecordColumns, text};
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::visit::Visit;
use crate::visit::fields::{Column, Fields, Kind, Table, Value};

/// The longest name of a folder that is derived from a table's name, in characters.
const NAME: usize = 60;

/// The tables of a run: pages, then those of items in their order, then misses.
pub(super) struct Tables {
    /// The names of the tables and of their folders.
    pub(super) names: Vec<String>,
    /// The columns of the tables.
    pub(super) shapes: Vec<Shape>,
    /// The fields of a record that are columns of the pages.
    record: RecordColumns,
    /// The tables of extracted items.
    read: Vec<Table>,
}

impl Tables {
    /// The tables for these settings.
    ///
    /// # Errors
    /// If the columns are not a valid Parquet schema.
    pub(super) fn of(settings: &RecordSettings, read: &[Table]) -> Result<Self> {
        let (record, mut pages) = RecordColumns::of(settings);
        pages.insert(0, Column::new("page", Kind::Integer));
        let mut tables = vec![("pages".to_owned(), pages)];
        for table in read {
            let front = [
                ("page", Kind::Integer),
                ("url", Kind::Url),
                ("item", Kind::Integer),
            ];
            let mut columns: Vec<_> = front
                .map(|(name, kind)| Column::new(unused_name(name, &table.columns), kind))
                .into();
            columns.extend(table.columns.iter().cloned());
            tables.push((table.name.clone(), columns));
        }
        if !read.is_empty() {
            let columns = [
                ("page", Kind::Integer),
                ("url", Kind::Url),
                ("recipe", Kind::Text),
                ("item", Kind::Integer),
                ("field", Kind::Text),
                ("why", Kind::Text),
            ];
            let columns = columns.map(|(name, kind)| Column::new(name, kind));
            tables.push(("misses".to_owned(), columns.into()));
        }
        let mut used = HashSet::from(["misses".to_owned()]);
        let (mut names, mut shapes) = (Vec::new(), Vec::new());
        let last = tables.len() - 1;
        for (index, (name, columns)) in tables.into_iter().enumerate() {
            let is_misses = index > 0 && index == last;
            let name = if is_misses {
                name
            } else {
                folder_name(&name, &mut used)
            };
            let shape = Shape::of(&name, columns);
            shapes.push(shape.map_err(|source| Error::setup("a Parquet schema", source))?);
            names.push(name);
        }
        Ok(Self {
            names,
            shapes,
            record,
            read: read.to_vec(),
        })
    }

    /// What a page has to be read for.
    pub(super) const fn wants(&self) -> Wants {
        self.record.wants()
    }

    /// Calls `take` with the rows of a visit, each with the index of its table.
    ///
    /// # Errors
    /// The first error of `take`.
    pub(super) fn rows(
        &self,
        visit: &Visit,
        page: i64,
        mut take: impl FnMut(usize, &[Value]) -> Result<()>,
    ) -> Result<()> {
        let record = self.record.record(visit);
        let mut row = vec![Value::Integer(page)];
        row.extend(self.record.values(&record));
        take(0, &row)?;
        match visit.parsed.fields.as_deref() {
            Some(extraction) => self.read(&extraction.fields, page, record.url, take),
            None => Ok(()),
        }
    }

    fn read(
        &self,
        fields: &Fields,
        page: i64,
        url: &str,
        mut take: impl FnMut(usize, &[Value]) -> Result<()>,
    ) -> Result<()> {
        let front = || [Value::Integer(page), Value::Text(url.to_owned())];
        let mut counts = vec![0; self.read.len()];
        let mut row = Vec::new();
        for item in &fields.items {
            let index = usize::from(item.table);
            let Some(count) = counts.get_mut(index) else {
                continue;
            };
            row.clear();
            row.extend(front());
            row.push(Value::Integer(*count));
            row.extend_from_slice(&item.values);
            *count += 1;
            take(1 + index, &row)?;
        }
        let misses = 1 + self.read.len();
        if misses >= self.shapes.len() {
            return Ok(());
        }
        for miss in &fields.misses {
            let table = self.read.get(usize::from(miss.table));
            row.clear();
            row.extend(front());
            row.push(text(table.map(|table| table.name.clone())));
            row.push(Value::Integer(miss.item.into()));
            row.push(Value::Text(miss.column.clone()));
            row.push(Value::Text(miss.why.clone()));
            take(misses, &row)?;
        }
        if let Some(why) = &fields.refused {
            row.clear();
            row.extend(front());
            row.extend([Value::Missing, Value::Missing, Value::Missing]);
            row.push(Value::Text(why.clone()));
            take(misses, &row)?;
        }
        Ok(())
    }
}

/// A name that none of the columns has, ignoring case: to some readers, `URL` is `url`.
fn unused_name(name: &str, columns: &[Column]) -> String {
    let mut name = name.to_owned();
    while columns
        .iter()
        .any(|column| column.name.eq_ignore_ascii_case(&name))
    {
        name.insert(0, '_');
    }
    name
}

/// A name for a table's folder, unique even on case-insensitive file systems.
fn folder_name(name: &str, used: &mut HashSet<String>) -> String {
    let is_plain = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut name: String = name.chars().filter(is_plain).take(NAME).collect();
    while name.is_empty() || !used.insert(name.to_lowercase()) {
        name.push('_');
    }
    name
}
