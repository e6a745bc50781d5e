//! A reader of Arrow files for the contract suite, independent of the writer.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::FileReader;

/// A new file, and one that is appended to.
pub(crate) const MEMBERS: [bool; 2] = [false, true];

/// The batches of a file.
pub(crate) fn batches(path: &Path) -> Vec<RecordBatch> {
    let reader = FileReader::try_new(File::open(path).unwrap(), None).unwrap();
    reader.map(Result::unwrap).collect()
}

/// The rows of the records in a file, checking the items of each.
pub(crate) fn numbers(path: &Path) -> Vec<usize> {
    let mut numbers = Vec::new();
    for batch in batches(path) {
        let rows = batch.column_by_name("row").unwrap();
        let rows = rows.as_primitive::<Int64Type>();
        let items = batch.column_by_name("items").unwrap().as_struct();
        let things = items.column_by_name("thing").unwrap().as_list::<i32>();
        for at in 0..batch.num_rows() {
            let number = rows.value(at) as usize;
            assert_eq!(things.value(at).len(), number % 3, "{number}");
            numbers.push(number);
        }
    }
    numbers
}
