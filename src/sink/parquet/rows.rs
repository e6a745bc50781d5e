//! Rows that are waiting to be written, split into the leaves of their shape.
//!
//! Invariant: each leaf has at least one entry for each row: a value with its levels, or only the levels if the
//! value is missing, in which case the definition level says how much of the nesting is present. A value that is
//! not of its column's kind counts as missing. Recursion is as deep as the columns are nested, whatever the values
//! are.

use bytes::Bytes;
use parquet::data_type::ByteArray;

use super::shape::{LeafType, Node, Shape};
use crate::visit::fields::{Column, Value};

/// Rows that are waiting to be written.
#[derive(Debug)]
pub(super) struct Rows {
    /// The content of the leaves, in the order of the shape.
    pub(super) cells: Vec<Cells>,
    /// The number of rows.
    pub(super) count: usize,
    /// Roughly the memory they take, in bytes.
    pub(super) bytes: usize,
}

/// The content of one leaf.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) values: Values,
    pub(super) definitions: Vec<i16>,
    pub(super) repetitions: Vec<i16>,
}

/// The values that are present.
#[derive(Debug)]
pub(super) enum Values {
    Flags(Vec<bool>),
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Texts(Texts),
}

/// Texts, stored one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    /// An empty set of rows of this shape.
    pub(super) fn of(shape: &Shape) -> Self {
        let cells = shape.leaves.iter().map(|leaf| Cells {
            values: match leaf.leaf_type {
                LeafType::Flags => Values::Flags(Vec::new()),
                LeafType::Integers | LeafType::Moments => Values::Integers(Vec::new()),
                LeafType::Numbers => Values::Numbers(Vec::new()),
                LeafType::Texts | LeafType::Json => Values::Texts(Texts::default()),
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

    /// Adds a row, with one value per column; values beyond the end are missing.
    pub(super) fn push(&mut self, shape: &Shape, row: &[Value]) {
        let mut shredder = Shredder { shape, rows: self };
        shredder.columns(&shape.nodes, &shape.columns, row, 0, 0);
        self.count += 1;
    }
}

/// The splitting of a row into leaves (Dremel's "shredding").
struct Shredder<'r> {
    shape: &'r Shape,
    rows: &'r mut Rows,
}

impl Shredder<'_> {
    fn columns(
        &mut self,
        nodes: &[Node],
        columns: &[Column],
        row: &[Value],
        repetition: i16,
        definition: i16,
    ) {
        for (index, (node, column)) in nodes.iter().zip(columns).enumerate() {
            let value = row.get(index).unwrap_or(&Value::Missing);
            self.value(node, column, value, repetition, definition);
        }
    }

    /// `repetition` is the level of the list that this value continues.
    ///
    /// `definition` is how much of the nesting around it is present.
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
                for (index, value) in values.iter().enumerate() {
                    let repetition = if index == 0 { repetition } else { *level };
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
        let is_json = self.shape.leaves[leaf].leaf_type == LeafType::Json;
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
    /// Ends the text that was added last; returns how many bytes it takes.
    fn end(&mut self) -> usize {
        let start = self.ends.last().copied().unwrap_or(0);
        self.ends.push(self.bytes.len());
        self.bytes.len() - start + size_of::<usize>()
    }

    /// The texts in the form that Parquet takes, without copying them.
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
