//! Property tests: Parquet's own reader finds any values of any columns again.

use proptest::prelude::*;

use super::part;
use super::rows::Rows;
use super::shape::Shape;
use crate::visit::fields::{Column, Kind, Value};

fn columns(depth: u32) -> BoxedStrategy<Vec<Column>> {
    let plain = prop::sample::select(
        &[
            Kind::Text,
            Kind::Bool,
            Kind::Integer,
            Kind::Number,
            Kind::Date,
            Kind::Url,
            Kind::Json,
        ][..],
    );
    let plain = (plain, any::<bool>()).prop_map(|(kind, list)| (kind, list, Vec::new()));
    let one = match depth {
        0 => plain.boxed(),
        _ => prop_oneof![
            2 => plain,
            1 => (any::<bool>(), columns(depth - 1)).prop_map(|(list, columns)| (Kind::Item, list, columns)),
        ]
        .boxed(),
    };
    let named = |(index, (kind, list, columns))| Column {
        list,
        columns,
        ..Column::new(format!("c{index}"), kind)
    };
    prop::collection::vec(one, 1..4)
        .prop_map(move |columns| columns.into_iter().enumerate().map(named).collect())
        .boxed()
}

/// A value of a column, with missing ones even inside lists, where pages yield none.
fn value(column: &Column, list: bool) -> BoxedStrategy<Value> {
    let present = if list {
        let element = value(column, false);
        prop::collection::vec(element, 0..4)
            .prop_map(Value::List)
            .boxed()
    } else {
        match column.kind {
            Kind::Text | Kind::Date | Kind::Url => any::<String>().prop_map(Value::Text).boxed(),
            Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
            Kind::Integer | Kind::Timestamp => any::<i64>().prop_map(Value::Integer).boxed(),
            Kind::Number => any::<f64>().prop_map(Value::Number).boxed(),
            Kind::Json => any::<Vec<String>>()
                .prop_map(|texts| Value::Json(serde_json::to_string(&texts).unwrap()))
                .boxed(),
            Kind::Item => row(&column.columns).prop_map(Value::Item).boxed(),
        }
    };
    prop_oneof![1 => Just(Value::Missing), 3 => present].boxed()
}

fn row(columns: &[Column]) -> BoxedStrategy<Vec<Value>> {
    let values: Vec<_> = columns
        .iter()
        .map(|column| value(column, column.list))
        .collect();
    values.boxed()
}

fn table() -> impl Strategy<Value = (Vec<Column>, Vec<Vec<Value>>)> {
    columns(3).prop_flat_map(|columns| {
        let rows = prop::collection::vec(row(&columns), 0..12);
        (Just(columns), rows)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nested_values_are_read_back_unchanged((columns, rows) in table()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.parquet");
        let shape = Shape::of("table", columns).unwrap();
        let mut waiting = Rows::of(&shape);
        rows.iter().for_each(|row| waiting.push(&shape, row));
        part::write(&path, &shape, waiting).unwrap();
        let read = part::read(&path, &shape, rows.len()).unwrap();
        prop_assert_eq!(read, rows);
    }
}

#[test]
fn a_value_not_of_its_columns_kind_is_missing_and_no_row_is_lost() {
    let stars = Column::new("stars", Kind::Integer);
    let shape = Shape::of(
        "table",
        vec![
            Column::new("number", Kind::Integer),
            Column::list_of("texts", Kind::Text),
            Column::list_of("reviews", Kind::Item).with_columns(vec![stars]),
            Column::new("any", Kind::Json),
            Column::new("empty", Kind::Item),
        ],
    )
    .unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let json = |text: &str| Value::Json(text.to_owned());
    let given = [
        vec![
            text("7"),
            text("a"),
            Value::Item(Vec::new()),
            text("a \"b\""),
        ],
        vec![
            Value::Integer(7),
            Value::List(vec![Value::Integer(1), text("b")]),
            Value::List(vec![
                text("x"),
                Value::Item(vec![text("y")]),
                Value::Item(vec![]),
            ]),
            Value::Number(1.5),
            Value::Item(vec![]),
        ],
        Vec::new(),
    ];
    let mut rows = Rows::of(&shape);
    given.iter().for_each(|row| rows.push(&shape, row));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.parquet");
    part::write(&path, &shape, rows).unwrap();
    let read = part::read(&path, &shape, 3).unwrap();
    let nothing = || Value::Item(vec![Value::Missing]);
    let mut expected = vec![vec![Value::Missing; 5]; 3];
    expected[0][3] = json("\"a \\\"b\\\"\"");
    expected[1] = vec![
        Value::Integer(7),
        Value::List(vec![Value::Missing, text("b")]),
        Value::List(vec![Value::Missing, nothing(), nothing()]),
        json("1.5"),
        json("{}"),
    ];
    assert_eq!(read, expected);
}
