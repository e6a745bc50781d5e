use std::error::Error as _;
use std::fs;

use rusqlite::types::Value as Cell;

use super::super::samples::{self, Case, open, page};
use super::super::{FIELDS, Format, Record, SinkSettings};
use super::*;
use crate::visit::fields::{Column, Kind};

/// An output file in its own folder.
struct TestOutput {
    folder: tempfile::TempDir,
    case: Case,
}

impl TestOutput {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pages.sqlite");
        let format = Format::Sqlite(RecordSettings::default());
        let case = Case::new(&path, false, format, vec![samples::table()]);
        Self { folder, case }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pages.sqlite")
    }

    fn appending(&self, tables: Vec<Table>) -> Case {
        let format = self.case.settings.format.clone();
        Case::new(&self.path(), true, format, tables)
    }

    fn write(case: &Case, visits: &[Visit]) -> Mark {
        let mut sink = case.open(Start::Fresh).unwrap();
        visits.iter().for_each(|visit| sink.write(visit).unwrap());
        sink.finish().unwrap().unwrap()
    }

    /// The rows of a query, each as text.
    fn ask(&self, query: &str) -> Vec<String> {
        let database = Connection::open(self.path()).unwrap();
        let mut select = database.prepare(query).unwrap();
        let columns = select.column_count();
        let rows = select.query_map([], |row| {
            let cells = (0..columns).map(|column| {
                Ok(match row.get::<_, Cell>(column)? {
                    Cell::Null => "-".to_owned(),
                    Cell::Integer(number) => number.to_string(),
                    Cell::Real(number) => format!("{number:?}"),
                    Cell::Text(text) => text,
                    Cell::Blob(_) => panic!("no blobs are written"),
                })
            });
            Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

fn sold(number: usize) -> Visit {
    let mut visit = page(200);
    visit.parsed.fields = Some(Box::new(samples::product(number)));
    visit
}

/// An error with its cause, in one line.
fn reasons(error: &Error) -> String {
    let source = error.source().map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

#[test]
fn a_page_has_the_values_that_its_record_has() {
    let output = TestOutput::new();
    let case = output.case.holding(RecordSettings {
        body: true,
        headers: Vec::new(),
    });
    let visits = samples::every();
    TestOutput::write(&case, &visits);
    for (row, visit) in (1..).zip(&visits) {
        let record = serde_json::to_value(Record::of(visit, true)).unwrap();
        for name in FIELDS {
            if ["fields", "items", "misses", "headers"].contains(&name) {
                continue;
            }
            let cell = output.ask(&format!("SELECT {name} FROM pages WHERE page_id = {row}"));
            let told = match &record[name] {
                serde_json::Value::Null => "-".to_owned(),
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Bool(flag) => i32::from(*flag).to_string(),
                list if list.is_array() || list.is_object() => {
                    let cell: serde_json::Value = serde_json::from_str(&cell[0]).unwrap();
                    assert_eq!(cell, *list, "{name} of {row}");
                    continue;
                }
                number => number.to_string(),
            };
            assert_eq!(cell, [told], "{name} of {row}");
        }
    }
}

#[test]
fn lists_are_tables_of_children_and_nested_items_are_columns() {
    let output = TestOutput::new();
    TestOutput::write(&output.case, &[page(200), sold(7), sold(8)]);
    assert_eq!(
        output.ask("SELECT * FROM product"),
        [
            "1|2|0|7|-|1|{\"a\":[1]}|Ann \"A\" O'Hara|-",
            "2|3|0|8|-|1|{\"a\":[1]}|Ann \"A\" O'Hara|-",
        ]
    );
    assert_eq!(
        output.ask("SELECT * FROM product_tags"),
        ["1|1|0|7", "2|2|0|8"]
    );
    assert_eq!(
        output.ask("SELECT parent_id, place, stars FROM product_reviews"),
        ["1|0|5", "1|1|1", "2|0|5", "2|1|1"]
    );
    assert_eq!(
        output.ask(
            "SELECT number, stars, words.value FROM product JOIN product_reviews AS r ON r.parent_id = item_id
             JOIN product_reviews_words AS words ON words.parent_id = r.row_id WHERE number = 8"
        ),
        ["8|5|good", "8|5|fast"]
    );
    assert_eq!(
        output.ask("SELECT json_extract(data, '$.a[0]') FROM product"),
        ["1", "1"]
    );
    assert_eq!(
        output.ask("SELECT * FROM misses"),
        [
            "2|product|0|price|nothing matches",
            "3|product|0|price|nothing matches"
        ]
    );
}

#[test]
fn of_a_url_that_was_asked_again_the_newest_row_counts() {
    let output = TestOutput::new();
    let asked = |row, status, pass| {
        let mut visit = page(status);
        (visit.job.row, visit.job.pass) = (Some(row), pass);
        visit
    };
    let visits = [
        asked(1, 503, 0),
        asked(2, 503, 0),
        asked(3, 200, 0),
        asked(1, 503, 1),
        asked(2, 200, 1),
        asked(1, 200, 2),
    ];
    TestOutput::write(&output.case, &visits);
    assert_eq!(output.ask("SELECT outcome, pages FROM summary"), ["ok|3"]);
    assert_eq!(output.ask("SELECT pages, failed FROM hosts"), ["3|0"]);
    assert_eq!(
        output.ask("SELECT page_id, pass FROM superseded ORDER BY page_id"),
        ["1|0", "2|0", "4|1"]
    );
    assert_eq!(
        output.ask("SELECT row FROM latest ORDER BY row"),
        ["1", "2", "3"]
    );
}

#[test]
fn when_it_was_sent_is_read_by_date_functions_and_kept_headers_are_columns() {
    let output = TestOutput::new();
    let names = ["server", "x-not-there"].map(http::HeaderName::from_static);
    let case = output.case.holding(RecordSettings {
        body: false,
        headers: names.to_vec(),
    });
    TestOutput::write(
        &case,
        &[
            page(200),
            samples::failed(crate::page::failure::FetchError::Closed),
        ],
    );
    assert_eq!(
        output.ask(
            "SELECT strftime('%Y %H:%M:%f', sent), headers_server, headers_x_not_there FROM pages"
        ),
        ["2026 16:37:13.012|origin/1|-", "-|-|-"]
    );
}

#[test]
fn the_views_say_how_it_went() {
    let output = TestOutput::new();
    let mut elsewhere = page(404);
    elsewhere.job.url = crate::url::PageUrl::parse("http://other.example:81/x").unwrap();
    TestOutput::write(&output.case, &[sold(7), sold(8), page(200), elsewhere]);
    assert_eq!(
        output.ask("SELECT outcome, pages, bytes FROM summary"),
        ["ok|3|12600", "http-4xx|1|4200"]
    );
    assert_eq!(
        output.ask("SELECT host, pages, failed FROM hosts"),
        ["example.org|3|0", "other.example:81|1|1"]
    );
    assert_eq!(
        output.ask("SELECT * FROM field_rates WHERE field IN ('number', 'price', 'tags')"),
        [
            "product|number|2|2|1.0",
            "product|price|2|0|0.0",
            "product|tags|2|2|1.0"
        ]
    );
    let plan = output
        .ask("EXPLAIN QUERY PLAN SELECT * FROM pages WHERE url = 'x'")
        .join(" ");
    assert!(plan.contains("pages_by_url"), "{plan}");
}

#[test]
fn what_is_no_output_of_ours_is_left_alone() {
    let output = TestOutput::new();
    let path = output.path();
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch("CREATE TABLE mine(x); INSERT INTO mine VALUES (7)")
        .unwrap();
    drop(database);
    for case in [output.case.clone(), output.appending(Vec::new())] {
        let error = reasons(&case.open(Start::Over).err().unwrap());
        assert!(
            error.contains("is not a SQLite output of haul's"),
            "{error}"
        );
    }
    assert_eq!(output.ask("SELECT x FROM mine"), ["7"]);
    fs::write(&path, "a letter to my mother").unwrap();
    assert!(output.case.open(Start::Fresh).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "a letter to my mother");
}

#[test]
fn an_output_of_ours_begins_again_and_nothing_lies_beside_it_at_the_end() {
    let output = TestOutput::new();
    let mut killed = output.case.open(Start::Fresh).unwrap();
    (0..50).for_each(|number| killed.write(&sold(number)).unwrap());
    killed.flush().unwrap();
    drop(killed);
    TestOutput::write(&output.case, &[sold(7)]);
    assert_eq!(output.ask("SELECT number FROM product"), ["7"]);
    let names: Vec<_> = fs::read_dir(output.folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_reader_sees_what_was_flushed_while_the_run_goes_on() {
    let output = TestOutput::new();
    let mut sink = output.case.open(Start::Fresh).unwrap();
    sink.write(&sold(7)).unwrap();
    assert!(output.ask("SELECT number FROM product").is_empty());
    sink.flush().unwrap();
    assert_eq!(output.ask("SELECT number FROM product"), ["7"]);
}

#[test]
fn a_changed_recipe_adds_its_columns_to_what_is_there() {
    let output = TestOutput::new();
    TestOutput::write(&output.case, &[sold(7)]);
    let mut table = samples::table();
    // A name that is the same to SQLite as one of ours.
    table.columns.push(Column::new("Page_Id", Kind::Text));
    TestOutput::write(&output.appending(vec![table]), &[sold(8)]);
    assert_eq!(
        output.ask("SELECT page_id, number, Page_Id_2 FROM product"),
        ["1|7|-", "2|8|-"]
    );
}

#[test]
fn a_file_that_is_gone_replaced_or_shorter_than_its_mark_is_refused() {
    let output = TestOutput::new();
    let mark = TestOutput::write(&output.case, &[sold(7), sold(8)]);
    let refused = || reasons(&output.case.open(Start::At(&mark)).err().unwrap());
    let database = Connection::open(output.path()).unwrap();
    database
        .execute_batch("DELETE FROM pages WHERE page_id = 2")
        .unwrap();
    drop(database);
    assert!(
        refused().contains("it has 1 pages, and the job left 2 in it"),
        "{}",
        refused()
    );
    fs::write(output.path(), "something else").unwrap();
    assert!(refused().contains("not the file any more in which the job left 2 pages"));
    fs::remove_file(output.path()).unwrap();
    assert!(refused().contains("it is gone, and the job left 2 pages in it"));
    assert!(!output.path().exists());
}

#[test]
fn standard_output_is_no_database() {
    let settings = SinkSettings {
        format: Format::Sqlite(RecordSettings::default()),
        ..SinkSettings::default()
    };
    let error = open(&settings, Start::Fresh).err().unwrap().to_string();
    assert!(error.contains("out.sqlite"), "{error}");
}
