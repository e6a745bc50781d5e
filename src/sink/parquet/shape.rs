//! The columns of a table in Parquet: its schema, and the path of each value to a leaf.
//!
//! A leaf is a column without nested columns: in Parquet only leaves contain values, and the nesting around them is
//! expressed by two numbers next to each value (the levels of Dremel; Parquet's `Nested Encoding`). Invariant: the
//! leaves here are those of the schema, in its order. Every column is optional, and so is every element of a list,
//! because readers agree best on optional values.

use std::fmt;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

use crate::visit::fields::{Column, Kind};

/// A table's columns.
#[derive(Debug)]
pub(super) struct Shape {
    /// The columns as a Parquet schema.
    pub(super) schema: TypePtr,
    /// The paths to the leaves, column by column.
    pub(super) nodes: Vec<Node>,
    /// The columns themselves.
    pub(super) columns: Vec<Column>,
    /// The type of each leaf, and its depth in lists.
    pub(super) leaves: Vec<Leaf>,
}

/// A node of the schema.
///
/// All are optional, so each adds one to the definition level if present.
#[derive(Debug)]
pub(super) enum Node {
    /// A value in the leaf with this index.
    Leaf(usize),
    /// Columns; the range is that of the leaves below.
    Group(Vec<Node>, std::ops::Range<usize>),
    /// A list, with this repetition level.
    List(Box<Node>, i16, std::ops::Range<usize>),
}

/// A column without nested columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    /// The type of its values.
    pub(super) leaf_type: LeafType,
    /// The repetition level of a value in the innermost list.
    pub(super) repetition: i16,
}

/// The type of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafType {
    /// `BOOLEAN`.
    Flags,
    /// `INT64`.
    Integers,
    /// `INT64` with milliseconds since 1970, in UTC.
    Moments,
    /// `DOUBLE`.
    Numbers,
    /// `BYTE_ARRAY` with UTF-8.
    Texts,
    /// `BYTE_ARRAY` with JSON.
    Json,
}

impl LeafType {
    fn of(column: &Column) -> Self {
        match column.kind {
            Kind::Bool => Self::Flags,
            Kind::Integer => Self::Integers,
            Kind::Timestamp => Self::Moments,
            Kind::Number => Self::Numbers,
            // A page's date may have no time of day, and a time may have no offset: no single Parquet type covers
            // all of them, and a cast to one would claim more than the page did.
            Kind::Text | Kind::Url | Kind::Date => Self::Texts,
            // An item here is a nested table without columns, which Parquet does not support.
            Kind::Json | Kind::Item => Self::Json,
        }
    }
}

impl Shape {
    /// The shape of a table.
    ///
    /// # Errors
    /// If the columns are not a valid Parquet schema.
    pub(super) fn of(name: &str, columns: Vec<Column>) -> Result<Self, ParquetError> {
        let mut leaves = Vec::new();
        let (types, nodes) = schema_of(&columns, 0, &mut leaves)?;
        let schema = Type::group_type_builder(name).with_fields(types).build()?;
        Ok(Self {
            schema: Arc::new(schema),
            nodes,
            columns,
            leaves,
        })
    }
}

type SchemaAndNodes = (Vec<TypePtr>, Vec<Node>);

/// The schema and the paths of columns at this depth of lists.
fn schema_of(
    columns: &[Column],
    lists: i16,
    leaves: &mut Vec<Leaf>,
) -> Result<SchemaAndNodes, ParquetError> {
    let mut both = SchemaAndNodes::default();
    for column in columns {
        let (schema, node) = match column.list {
            true => list(column, lists, leaves)?,
            false => plain(&column.name, column, lists, leaves)?,
        };
        both.0.push(Arc::new(schema));
        both.1.push(node);
    }
    Ok(both)
}

/// The three levels of a list that the format requires.
///
/// They are `optional group NAME (LIST) { repeated group list { optional element } }`.
fn list(column: &Column, lists: i16, leaves: &mut Vec<Leaf>) -> Result<(Type, Node), ParquetError> {
    let first = leaves.len();
    let level = lists + 1;
    let (element, node) = plain("element", column, level, leaves)?;
    let repeated = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    let schema = Type::group_type_builder(&column.name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::List))
        .with_converted_type(ConvertedType::LIST)
        .with_fields(vec![Arc::new(repeated)])
        .build()?;
    let node = Node::List(Box::new(node), level, first..leaves.len());
    Ok((schema, node))
}

fn plain(
    name: &str,
    column: &Column,
    lists: i16,
    leaves: &mut Vec<Leaf>,
) -> Result<(Type, Node), ParquetError> {
    let first = leaves.len();
    if column.kind == Kind::Item && !column.columns.is_empty() {
        let (types, nodes) = schema_of(&column.columns, lists, leaves)?;
        let schema = Type::group_type_builder(name)
            .with_repetition(Repetition::OPTIONAL)
            .with_fields(types)
            .build()?;
        return Ok((schema, Node::Group(nodes, first..leaves.len())));
    }
    let leaf_type = LeafType::of(column);
    let (physical, logical, converted) = match leaf_type {
        LeafType::Flags => (Physical::BOOLEAN, None, ConvertedType::NONE),
        LeafType::Integers => (Physical::INT64, None, ConvertedType::NONE),
        LeafType::Moments => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
            ConvertedType::TIMESTAMP_MILLIS,
        ),
        LeafType::Numbers => (Physical::DOUBLE, None, ConvertedType::NONE),
        LeafType::Texts => (
            Physical::BYTE_ARRAY,
            Some(LogicalType::String),
            ConvertedType::UTF8,
        ),
        LeafType::Json => (
            Physical::BYTE_ARRAY,
            Some(LogicalType::Json),
            ConvertedType::JSON,
        ),
    };
    leaves.push(Leaf {
        leaf_type,
        repetition: lists,
    });
    let schema = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .with_converted_type(converted)
        .build()?;
    Ok((schema, Node::Leaf(first)))
}

/// The columns as text, independent of the version of the Parquet library.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(&self.columns, f)
    }
}

fn describe(columns: &[Column], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, column) in columns.iter().enumerate() {
        let before = if index == 0 { "" } else { ", " };
        write!(f, "{before}{} ", column.name)?;
        if column.columns.is_empty() {
            f.write_str(column.kind.as_str())?;
        } else {
            f.write_str("{")?;
            describe(&column.columns, f)?;
            f.write_str("}")?;
        }
        if column.list {
            f.write_str("[]")?;
        }
    }
    Ok(())
}
