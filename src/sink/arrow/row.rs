//! The columns of a record in Arrow, and its row.
//!
//! There is one table: what was extracted from a page is nested in its record, as in JSON. `fields` is a struct, `items`
//! a struct with a list for each recipe, `misses` a list. Invariant: a row has as many values as there are columns.

use super::super::RecordSettings;
use super::super::typed::{RecordColumns, text};
use crate::parse::Wants;
use crate::visit::Visit;
use crate::visit::fields::{Column, Fields, Kind, SELECTED, Table, Value};

/// How visits become rows.
pub(super) struct Row {
    record: RecordColumns,
    /// The tables of extracted items.
    read: Vec<Table>,
}

impl Row {
    /// How visits become rows with these settings, and the columns of the rows.
    pub(super) fn of(settings: &RecordSettings, read: &[Table]) -> (Self, Vec<Column>) {
        let (record, mut columns) = RecordColumns::of(settings);
        let is_selected = |table: &&Table| table.name == SELECTED;
        if let Some(selected) = read.iter().find(is_selected) {
            let fields = Column::new("fields", Kind::Item);
            columns.push(fields.with_columns(selected.columns.clone()));
        }
        let recipes: Vec<_> = read
            .iter()
            .filter(|table| !is_selected(table))
            .map(|table| {
                Column::list_of(&table.name, Kind::Item).with_columns(table.columns.clone())
            })
            .collect();
        if !recipes.is_empty() {
            columns.push(Column::new("items", Kind::Item).with_columns(recipes));
        }
        if !read.is_empty() {
            let nested = [
                ("recipe", Kind::Text),
                ("item", Kind::Integer),
                ("field", Kind::Text),
                ("why", Kind::Text),
            ];
            let nested = nested.map(|(name, kind)| Column::new(name, kind));
            columns.push(Column::list_of("misses", Kind::Item).with_columns(nested.into()));
        }
        let read = read.to_vec();
        (Self { record, read }, columns)
    }

    /// What a page has to be read for.
    pub(super) const fn wants(&self) -> Wants {
        self.record.wants()
    }

    /// The row of a visit.
    pub(super) fn values(&self, visit: &Visit) -> Vec<Value> {
        let record = self.record.record(visit);
        let mut row: Vec<Value> = self.record.values(&record).collect();
        let extraction = visit.parsed.fields.as_deref();
        self.read(extraction.map(|extraction| &extraction.fields), &mut row);
        row
    }

    fn read(&self, fields: Option<&Fields>, row: &mut Vec<Value>) {
        let items_of = |number: usize| {
            let items = fields.filter(|fields| {
                let applied = fields.tables.iter();
                applied
                    .into_iter()
                    .any(|table| usize::from(*table) == number)
            })?;
            let items = items.items.iter();
            Some(items.filter(move |item| usize::from(item.table) == number))
        };
        let mut recipes = Vec::new();
        for (number, table) in self.read.iter().enumerate() {
            let items = items_of(number).map(|items| items.map(|item| item.values.clone()));
            if table.name == SELECTED {
                let selected = items.and_then(|mut items| items.next());
                row.push(selected.map_or(Value::Missing, Value::Item));
            } else {
                let list = |items| Value::List(Iterator::map(items, Value::Item).collect());
                recipes.push(items.map_or(Value::Missing, list));
            }
        }
        if !recipes.is_empty() {
            row.push(Value::Item(recipes));
        }
        if !self.read.is_empty() {
            row.push(fields.map_or(Value::Missing, |fields| self.misses(fields)));
        }
    }

    fn misses(&self, fields: &Fields) -> Value {
        let miss = |recipe, item, field, why: &String| {
            Value::Item(vec![recipe, item, field, Value::Text(why.clone())])
        };
        let mut misses: Vec<_> = fields
            .misses
            .iter()
            .map(|missed| {
                let table = self.read.get(usize::from(missed.table));
                miss(
                    text(table.map(|table| table.name.clone())),
                    Value::Integer(missed.item.into()),
                    Value::Text(missed.column.clone()),
                    &missed.why,
                )
            })
            .collect();
        if let Some(why) = &fields.refused {
            misses.push(miss(Value::Missing, Value::Missing, Value::Missing, why));
        }
        Value::List(misses)
    }
}
