//! Rows that wait to be written, taken apart into the leaves of their shape.
//!
//! Invariant: each leaf has an entry for each row, at least: a value with its levels, or the levels alone where it is
//! missing, of which the definition level tells how far down something was there. A value that is not of its column's
//! kind is missing. Recursion is as deep as the columns are nested, whatever the values are.

use bytes::Bytes;
use parquet::data_type::ByteArray;

use super::shape::{Holds, Node, Shape};
use crate::fields::{Column, Value};

/// Rows that wait.
#[derive(Debug)]
pub(super) struct Rows {
    /// What the leaves hold, in the order of the shape.
    pub(super) cells: Vec<Cells>,
    /// How many rows these are.
    pub(super) count: usize,
    /// About how much memory they take, in bytes.
    pub(super) bytes: usize,
}

/// What one leaf holds.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) values: Values,
    pub(super) definitions: Vec<i16>,
    pub(super) repetitions: Vec<i16>,
}

/// The values that are there.
#[derive(Debug)]
pub(super) enum Values {
    Flags(Vec<bool>),
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Texts(Texts),
}

/// Texts, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    /// No rows of this shape.
    pub(super) fn of(shape: &Shape) -> Self {
        let cells = shape.leaves.iter().map(|leaf| Cells {
            values: match leaf.holds {
                Holds::Flags => Values::Flags(Vec::new()),
                Holds::Integers | Holds::Moments => Values::Integers(Vec::new()),
                Holds::Numbers => Values::Numbers(Vec::new()),
                Holds::Texts | Holds::Json => Values::Texts(Texts::default()),
            },
            definitions: Vec::new(),
            repetitions: Vec::new(),
        });
        Self {
            cells: cells.collect(),
            count: 0,
            bytes: 0,
        }
    }

    /// Adds a row: a value a column of the shape; those that are not told are missing.
    pub(super) fn push(&mut self, shape: &Shape, row: &[Value]) {
        let mut taking = Taking { shape, rows: self };
        taking.columns(&shape.nodes, &shape.columns, row, 0, 0);
        self.count += 1;
    }
}

/// A row that is taken apart.
struct Taking<'r> {
    shape: &'r Shape,
    rows: &'r mut Rows,
}

impl Taking<'_> {
    fn columns(
        &mut self,
        nodes: &[Node],
        columns: &[Column],
        row: &[Value],
        repetition: i16,
        definition: i16,
    ) {
        for (place, (node, column)) in nodes.iter().zip(columns).enumerate() {
            let value = row.get(place).unwrap_or(&Value::Missing);
            self.value(node, column, value, repetition, definition);
        }
    }

    /// `repetition` is the level of the list that this goes on with; `definition` how much of what is around is there.
    fn value(
        &mut self,
        node: &Node,
        column: &Column,
        value: &Value,
        repetition: i16,
        definition: i16,
    ) {
        match (node, value) {
            (Node::Leaf(leaf), value) => self.leaf(*leaf, column, value, repetition, definition),
            (Node::Group(nodes, _), Value::Item(values)) => {
                self.columns(nodes, &column.columns, values, repetition, definition + 1);
            }
            (Node::List(_, _, leaves), Value::List(values)) if values.is_empty() => {
                self.missing(leaves.clone(), repetition, definition + 1);
            }
            (Node::List(element, level, _), Value::List(values)) => {
                for (place, value) in values.iter().enumerate() {
                    let repetition = if place == 0 { repetition } else { *level };
                    self.value(element, column, value, repetition, definition + 2);
                }
            }
            (Node::Group(_, leaves) | Node::List(_, _, leaves), _) => {
                self.missing(leaves.clone(), repetition, definition);
            }
        }
    }

    fn missing(&mut self, leaves: std::ops::Range<usize>, repetition: i16, definition: i16) {
        for cells in &mut self.rows.cells[leaves] {
            cells.repetitions.push(repetition);
            cells.definitions.push(definition);
            self.rows.bytes += 4;
        }
    }

    fn leaf(
        &mut self,
        leaf: usize,
        column: &Column,
        value: &Value,
        repetition: i16,
        definition: i16,
    ) {
        let cells = &mut self.rows.cells[leaf];
        let is_json = self.shape.leaves[leaf].holds == Holds::Json;
        let bytes = match (&mut cells.values, value) {
            (_, Value::Missing) => None,
            (Values::Flags(flags), Value::Bool(flag)) => {
                flags.push(*flag);
                Some(1)
            }
            (Values::Integers(integers), Value::Integer(integer)) => {
                integers.push(*integer);
                Some(8)
            }
            (Values::Numbers(numbers), Value::Number(number)) => {
                numbers.push(*number);
                Some(8)
            }
            (Values::Texts(texts), value) if is_json => {
                serde_json::to_writer(&mut texts.bytes, &value.json(column)).ok();
                Some(texts.end())
            }
            (Values::Texts(texts), Value::Text(text)) => {
                texts.bytes.extend_from_slice(text.as_bytes());
                Some(texts.end())
            }
            _ => None,
        };
        cells.repetitions.push(repetition);
        cells
            .definitions
            .push(definition + i16::from(bytes.is_some()));
        self.rows.bytes += 4 + bytes.unwrap_or(0);
    }
}

impl Texts {
    /// What was added last is one text; answers how many bytes that takes.
    fn end(&mut self) -> usize {
        let start = self.ends.last().copied().unwrap_or(0);
        self.ends.push(self.bytes.len());
        self.bytes.len() - start + size_of::<usize>()
    }

    /// The texts as Parquet takes them, without a copy.
    pub(super) fn into_arrays(self) -> Vec<ByteArray> {
        let bytes = Bytes::from(self.bytes);
        let mut start = 0;
        let array = |end| {
            let array = ByteArray::from(bytes.slice(start..end));
            start = end;
            array
        };
        self.ends.into_iter().map(array).collect()
    }
}
