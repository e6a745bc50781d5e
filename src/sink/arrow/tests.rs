//! Tests of Arrow: the values, batches, and what a kill leaves.

use std::fs::{self, OpenOptions};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_ipc::reader::StreamReader;
use arrow_schema::DataType;
use serde_json::{Map, Value};

use super::super::samples::{self, Case, format};
use super::super::{Start, tail};
use super::suite::{batches, numbers};

fn case(path: &Path, append: bool) -> Case {
    Case::new(path, append, format("arrow", true), vec![samples::things()])
}

/// The value at a place of a column, as JSON.
fn json(array: &dyn Array, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(at).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(at).into(),
        DataType::Timestamp(..) => {
            let moments = array.as_primitive::<TimestampMillisecondType>();
            moments.value(at).into()
        }
        DataType::Utf8 => array.as_string::<i32>().value(at).into(),
        DataType::Struct(_) => object(array.as_struct(), at).into(),
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(at);
            (0..values.len()).map(|at| json(&values, at)).collect()
        }
        other => panic!("no column has the type {other}"),
    }
}

fn object(row: &StructArray, at: usize) -> Map<String, Value> {
    let names = row.fields().iter().map(|field| field.name().clone());
    let values = row.columns().iter().map(|column| json(column, at));
    names.zip(values).collect()
}

fn rows(batches: &[RecordBatch]) -> Vec<Map<String, Value>> {
    let of = |batch: &RecordBatch| {
        let row = StructArray::from(batch.clone());
        (0..batch.num_rows())
            .map(|at| object(&row, at))
            .collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

#[test]
fn a_row_has_the_same_values_as_the_json_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.arrow");
    let mut sink = Case::new(&path, false, format("arrow", true), Vec::new())
        .open(Start::Fresh)
        .unwrap();
    let visits = samples::every();
    visits.iter().for_each(|visit| sink.write(visit).unwrap());
    sink.finish().unwrap();
    let rows = rows(&batches(&path));
    assert_eq!(rows.len(), visits.len());
    for (row, visit) in rows.into_iter().zip(&visits) {
        let mut record = samples::typed(visit);
        for (name, value) in row {
            let expected = record.remove(&name).unwrap_or_default();
            let value = match &value {
                // Lists and objects without columns of their own are JSON in a text.
                Value::String(text) if !expected.is_string() => serde_json::from_str(text).unwrap(),
                value => value.clone(),
            };
            assert_eq!(value, expected, "{name}");
        }
        assert!(record.is_empty(), "not there: {record:?}");
    }
}

#[test]
fn items_are_nested_in_their_records_with_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.arrow");
    let mut sink = case(&path, false).open(Start::Fresh).unwrap();
    (0..3).for_each(|number| sink.write(&samples::numbered(number)).unwrap());
    sink.write(&samples::page(404)).unwrap();
    sink.finish().unwrap();
    let items: Vec<Value> = rows(&batches(&path))
        .into_iter()
        .map(|row| row["items"].clone())
        .collect();
    let thing = |number: u64, counts: &[u64]| {
        serde_json::json!({
            "name": format!("{number:05}"), "counts": counts, "parts": [{"of": number}],
        })
    };
    assert_eq!(items[0]["thing"], serde_json::json!([]));
    assert_eq!(items[1]["thing"], serde_json::json!([thing(1, &[0])]));
    let two = thing(2, &[0, 1]);
    assert_eq!(items[2]["thing"], serde_json::json!([two, two]));
    // The recipe was not tried on this page.
    assert_eq!(items[3]["thing"], Value::Null);
}

#[test]
fn a_file_is_a_stream_with_a_footer_that_names_each_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.arrow");
    let mut sink = case(&path, false).open(Start::Over).unwrap();
    for number in 0..5 {
        sink.write(&samples::numbered(number)).unwrap();
        sink.checkpoint().unwrap();
    }
    sink.finish().unwrap();
    let by_footer = batches(&path);
    assert_eq!(by_footer.len(), 5);
    let bytes = fs::read(&path).unwrap();
    let stream = StreamReader::try_new(&bytes[8..], None).unwrap();
    let by_stream: Vec<_> = stream.map(Result::unwrap).collect();
    assert_eq!(by_stream, by_footer);
}

#[test]
fn a_file_without_records_has_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.arrow");
    case(&path, false)
        .open(Start::Fresh)
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(numbers(&path), [] as [usize; 0]);
    let mut sink = case(&path, true).open(Start::Fresh).unwrap();
    sink.write(&samples::numbered(4)).unwrap();
    sink.finish().unwrap();
    assert_eq!(numbers(&path), [4]);
}

#[test]
fn what_is_appended_comes_after_the_last_whole_batch_of_a_torn_file() {
    for cut in [1_u64, 6, 40, 700] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.arrow");
        let mut sink = case(&path, false).open(Start::Over).unwrap();
        sink.write(&samples::numbered(0)).unwrap();
        let mark = sink.checkpoint().unwrap();
        sink.write(&samples::numbered(1)).unwrap();
        sink.checkpoint().unwrap();
        std::mem::forget(sink);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(fs::metadata(&path).unwrap().len() - cut)
            .unwrap();
        let again = case(&path, true);
        let notice = tail::repair_end(&again.settings, &again.plan.tables).unwrap();
        assert!(notice.unwrap().contains("the last record was torn"));
        assert_eq!(fs::metadata(&path).unwrap().len(), mark.length().unwrap());
        let mut sink = again.open(Start::Fresh).unwrap();
        sink.write(&samples::numbered(2)).unwrap();
        sink.finish().unwrap();
        assert_eq!(numbers(&path), [0, 2], "{cut}");
    }
}

#[test]
fn nothing_is_appended_to_a_file_of_other_columns_or_of_another_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.arrow");
    case(&path, false)
        .open(Start::Fresh)
        .unwrap()
        .finish()
        .unwrap();
    let before = fs::read(&path).unwrap();
    let other = Case::new(&path, true, format("arrow", false), Vec::new());
    let error = other.open(Start::Fresh).err().unwrap();
    assert!(
        reason(&error).contains("its columns are not those"),
        "{error}"
    );
    assert!(fs::read(&path).unwrap() == before, "it was changed");
    fs::write(&path, "{\"row\": 1}\n").unwrap();
    let again = case(&path, true);
    let error = tail::repair_end(&again.settings, &again.plan.tables).unwrap_err();
    assert!(reason(&error).contains("is not an Arrow file"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"{\"row\": 1}\n");
}

fn reason(error: &crate::error::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}
