//! What Parquet guarantees beyond the contract of every sink.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::Format;
use super::super::samples::{self, Case, numbered, things};
use super::suite::{self, numbers, rows};
use super::*;
use crate::recorded::Layout;
use crate::visit::fields::{Column, Extraction, Fields, Item, Kind, Miss, Table};

fn settings(path: &Path, append: bool) -> Case {
    let format = Format::Parquet(RecordSettings::default());
    Case::new(path, append, format, vec![things()])
}

/// A sink with seven rows per part.
fn few_rows(settings: &Case, start: Start<'_>) -> Result<Parquet> {
    suite::with_part_rows(settings, start, 7)
}

fn reason(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

fn refused(settings: &Case, start: Start<'_>) -> String {
    reason(&settings.open(start).err().unwrap())
}

fn write(sink: &mut Parquet, numbers: std::ops::Range<usize>) {
    numbers.for_each(|number| sink.write(&numbered(number)).unwrap());
}

/// A file in the folder of files that are not parts.
fn aside(dataset: &Path, name: &str) -> std::path::PathBuf {
    Layout::Beside.aside(dataset).join(name)
}

/// The names of the entries of a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
    let mut names: Vec<_> = entries.map(|entry| name(entry).unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_mark_stays_valid_however_many_parts_were_closed_after_it() {
    let cases = (0..16).flat_map(|marked| [0, 2, 25].map(|after| (marked, after)));
    for (marked, after) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.parquet");
        let settings = settings(&path, false);
        let mut sink = few_rows(&settings, Start::Over).unwrap();
        write(&mut sink, 0..marked);
        let mark = sink.checkpoint().unwrap();
        write(&mut sink, marked..marked + after);
        // This mark is not saved.
        sink.checkpoint().unwrap();
        std::mem::forget(sink);
        if marked % 2 == 0 {
            // The job is killed once more, right after it resumed.
            std::mem::forget(few_rows(&settings, Start::At(&mark)).unwrap());
        }
        let mut sink = few_rows(&settings, Start::At(&mark)).unwrap();
        assert_eq!(sink.checkpoint().unwrap(), mark);
        write(&mut sink, marked..30);
        Box::new(sink).finish().unwrap();
        assert_eq!(
            numbers(&path),
            (0..30).collect::<Vec<_>>(),
            "{marked} {after}"
        );
    }
}

#[test]
fn a_part_is_closed_a_minute_after_its_first_row_and_not_at_each_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let mut sink = suite::bounded(&settings(&path, false), Start::Over, BOUNDS).unwrap();
    assert!(!sink.is_due(Instant::now() + Duration::from_secs(3600)));
    write(&mut sink, 0..5);
    let since = sink.since.unwrap();
    assert!(!sink.is_due(since + Duration::from_secs(59)));
    assert!(sink.is_due(since + Duration::from_secs(60)));
    for _ in 0..3 {
        sink.checkpoint().unwrap();
        assert_eq!(names(&path).len(), 0);
    }
    sink.since = Instant::now().checked_sub(Duration::from_secs(60));
    write(&mut sink, 5..6);
    sink.checkpoint().unwrap();
    assert_eq!(names(&path), ["part-00001.parquet"]);
    assert_eq!(
        fs::read_to_string(aside(&path, "journal")).unwrap(),
        "haul rows 1 1 1 0\n"
    );
}

#[test]
fn a_part_is_closed_when_waiting_rows_take_too_much_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let bounds = Bounds {
        bytes: 20_000,
        ..BOUNDS
    };
    let mut sink = suite::bounded(&settings(&path, false), Start::Fresh, bounds).unwrap();
    for number in 0..1000 {
        sink.write(&numbered(number)).unwrap();
        assert!(sink.rows.iter().map(|rows| rows.bytes).sum::<usize>() < 20_000);
    }
    assert!(names(&path).len() > 10);
    Box::new(sink).finish().unwrap();
    assert_eq!(numbers(&path), (0..1000).collect::<Vec<_>>());
    let all = [
        ".out.parquet",
        "out.misses.parquet",
        "out.parquet",
        "out.thing.parquet",
    ];
    assert_eq!(names(folder.path()), all);
    assert_eq!(names(&folder.path().join(".out.parquet")), ["haul.json"]);
    // A reader that is pointed at the folder finds only pages.
    assert!(names(&path).iter().all(|name| name.starts_with("part-")));
}

#[test]
fn a_run_without_a_job_has_no_journal_and_a_new_run_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    for last in [30, 5] {
        let mut sink = few_rows(&settings(&path, false), Start::Fresh).unwrap();
        write(&mut sink, 0..last);
        assert!(!aside(&path, "journal").exists());
        fs::write(path.join(".part-00009.parquet.open"), "torn").unwrap();
        fs::write(path.join("mine.txt"), "").unwrap();
        Box::new(sink).finish().unwrap();
        fs::remove_file(path.join("mine.txt")).unwrap();
    }
    let sink = few_rows(&settings(&path, true), Start::Fresh).unwrap();
    Box::new(sink).finish().unwrap();
    assert_eq!(numbers(&path), [0, 1, 2, 3, 4]);
}

#[test]
fn a_table_without_rows_has_an_empty_part_with_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let sink = few_rows(&settings(&path, false), Start::Fresh).unwrap();
    Box::new(sink).finish().unwrap();
    for table in ["pages", "thing", "misses"] {
        let table = Layout::Beside.table(&path, table);
        assert_eq!(names(&table), ["part-00001.parquet"]);
        assert_eq!(rows(&table).len(), 0);
    }
}

#[test]
fn files_that_are_not_ours_are_refused_and_stay_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    for start in [Start::Fresh, Start::Over] {
        for append in [false, true] {
            let settings = settings(&path, append);
            fs::write(&path, "mine").unwrap();
            assert!(refused(&settings, start).contains("it is a file"));
            assert!(!settings.settings.is_rewindable());
            assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
            fs::remove_file(&path).unwrap();
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("part-00001.parquet"), "mine").unwrap();
            assert!(refused(&settings, start).contains("it is a folder of something else"));
            fs::write(path.join("_haul.json"), "{\"haul\":7,\"tables\":{}}").unwrap();
            assert!(refused(&settings, start).contains("another version"));
            assert!(!settings.settings.is_rewindable());
            assert!(path.join("part-00001.parquet").exists());
            fs::remove_dir_all(&path).unwrap();
            assert!(settings.settings.is_rewindable());
            let thing = folder.path().join("out.thing.parquet");
            fs::write(&thing, "mine").unwrap();
            assert!(
                refused(&settings, start).contains("out.thing.parquet: something else is there")
            );
            assert_eq!(fs::read_to_string(&thing).unwrap(), "mine");
            fs::remove_file(&thing).unwrap();
        }
    }
    let mut stdout = settings(&path, false);
    stdout.settings.destination = Destination::Stdout;
    assert!(refused(&stdout, Start::Fresh).contains("needs a folder"));
}

#[test]
fn rows_of_other_columns_are_not_added_to_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let mut sink = few_rows(&settings(&path, false), Start::Over).unwrap();
    write(&mut sink, 0..10);
    let mark = Box::new(sink).finish().unwrap().unwrap();
    let mut other = settings(&path, true);
    other.plan.tables[0].columns[0].kind = Kind::Integer;
    let error = refused(&other, Start::Fresh);
    assert!(
        error.contains("out.thing.parquet: its columns are (page integer, url url, item integer, name text, counts integer[], parts {of integer}[])"),
        "{error}"
    );
    assert!(refused(&other, Start::At(&mark)).contains("name integer"));
    other.plan.tables[0].columns[0].kind = Kind::Text;
    other.plan.tables[0].columns[0].required = true;
    assert!(other.open(Start::Fresh).is_ok());
}

#[test]
fn a_dataset_that_does_not_match_its_mark_is_refused_and_nothing_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let settings = settings(&path, false);
    let mut sink = few_rows(&settings, Start::Over).unwrap();
    write(&mut sink, 0..18);
    let mark = sink.checkpoint().unwrap();
    std::mem::forget(sink);
    let pages = names(&path);
    assert_eq!(pages, ["part-00001.parquet", "part-00002.parquet"]);

    let journal = aside(&path, "journal");
    let whole = fs::read(&journal).unwrap();
    fs::write(&journal, &whole[..whole.len() - 1]).unwrap();
    let error = refused(&settings, Start::At(&mark));
    assert!(
        error.contains("journal: it has 8 rows, and the job left 9 in it: somebody changed it"),
        "{error}"
    );
    fs::remove_file(&journal).unwrap();
    let error = refused(&settings, Start::At(&mark));
    assert!(
        error.contains("journal: it no longer has the 4 rows of pages"),
        "{error}"
    );
    fs::write(&journal, &whole).unwrap();

    let part = path.join("part-00002.parquet");
    let bytes = fs::read(&part).unwrap();
    fs::write(&part, &bytes[1..]).unwrap();
    let error = refused(&settings, Start::At(&mark));
    assert!(
        error.contains("somebody changed them; put them back"),
        "{error}"
    );
    fs::remove_file(&part).unwrap();
    let error = refused(&settings, Start::At(&mark));
    assert!(error.contains("part-00002.parquet: it is gone"), "{error}");
    fs::write(&part, &bytes).unwrap();
    for wrong in [json!({"page": 1, "tables": {}}), json!({"bytes": 7})] {
        assert!(refused(&settings, Start::At(&Mark(wrong))).contains("mark of it is damaged"));
    }
    assert_eq!(fs::read(&journal).unwrap(), whole);

    let away = folder.path().join("away");
    fs::rename(&path, &away).unwrap();
    assert!(refused(&settings, Start::At(&mark)).contains("it is gone"));
    fs::create_dir(&path).unwrap();
    assert!(refused(&settings, Start::At(&mark)).contains("part-00001.parquet: it is gone"));
    fs::remove_dir(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    let mut sink = few_rows(&settings, Start::At(&mark)).unwrap();
    write(&mut sink, 18..20);
    Box::new(sink).finish().unwrap();
    assert_eq!(numbers(&path), (0..20).collect::<Vec<_>>());
}

#[test]
fn nothing_is_appended_after_rows_that_a_killed_job_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let mut sink = few_rows(&settings(&path, false), Start::Over).unwrap();
    write(&mut sink, 0..4);
    let mark = sink.checkpoint().unwrap();
    std::mem::forget(sink);
    let error = refused(&settings(&path, true), Start::Fresh);
    assert!(
        error.contains("a job that was killed left 7 rows"),
        "{error}"
    );
    let mut sink = few_rows(&settings(&path, false), Start::At(&mark)).unwrap();
    write(&mut sink, 4..6);
    Box::new(sink).finish().unwrap();
    let mut sink = few_rows(&settings(&path, true), Start::Fresh).unwrap();
    write(&mut sink, 6..9);
    Box::new(sink).finish().unwrap();
    assert_eq!(numbers(&path), (0..9).collect::<Vec<_>>());
}

#[test]
fn a_row_of_pages_has_the_same_values_as_the_json_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let format = samples::format("parquet", true);
    let settings = Case::new(&path, false, format, Vec::new());
    let mut sink = settings.open(Start::Fresh).unwrap();
    let visits = samples::every();
    visits.iter().for_each(|visit| sink.write(visit).unwrap());
    sink.finish().unwrap();
    assert_eq!(names(folder.path()), [".out.parquet", "out.parquet"]);
    let tables = suite::tables(&settings).unwrap();
    let (shape, part) = (&tables.shapes[0], path.join("part-00001.parquet"));
    let read = part::read(&part, shape, visits.len()).unwrap();
    let table = Table {
        name: "pages".to_owned(),
        columns: shape.columns.clone(),
    };
    for (number, (values, visit)) in read.into_iter().zip(&visits).enumerate() {
        let row = Item {
            table: 0,
            whole: true,
            values,
        };
        let mut row = serde_json::to_value(row.json(&table)).unwrap();
        let row = row.as_object_mut().unwrap();
        assert_eq!(row.remove("page").unwrap(), number + 1);
        let mut record = samples::typed(visit);
        for (name, value) in row {
            let expected = record.remove(name).unwrap_or_default();
            assert_eq!(*value, expected, "{name}");
        }
        assert!(record.is_empty(), "not there: {record:?}");
    }
}

#[test]
fn names_of_recipes_and_fields_do_not_clash_with_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let mut settings = settings(&path, false);
    settings.plan.tables[0].name = "Pages".to_owned();
    let url = Column {
        name: "URL".to_owned(),
        ..settings.plan.tables[0].columns[0].clone()
    };
    settings.plan.tables[0].columns = vec![url];
    let mut visit = numbered(0);
    let item = Item {
        table: 0,
        whole: true,
        values: vec![Value::Text("theirs".to_owned())],
    };
    let miss = |column: &str| Miss {
        table: 0,
        item: 0,
        column: column.to_owned(),
        why: "nothing was found".to_owned(),
    };
    visit.parsed.fields = Some(Box::new(Extraction {
        fields: Fields {
            tables: vec![0],
            // The second item belongs to no table.
            items: vec![item.clone(), Item { table: 7, ..item }],
            misses: vec![miss("URL")],
            refused: Some("too deep".to_owned()),
            ..Fields::default()
        },
        ..Extraction::default()
    }));
    let mut sink = settings.open(Start::Fresh).unwrap();
    sink.write(&visit).unwrap();
    sink.finish().unwrap();
    let rows_of = |table: &str| {
        rows(&Layout::Beside.table(&path, table))
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        rows_of("Pages_"),
        ["{page: 1, _url: \"http://h.example/00000\", item: 0, URL: \"theirs\"}"]
    );
    assert_eq!(
        rows_of("misses"),
        [
            "{page: 1, url: \"http://h.example/00000\", recipe: \"Pages\", item: 0, field: \"URL\", why: \"nothing was found\"}",
            "{page: 1, url: \"http://h.example/00000\", recipe: null, item: null, field: null, why: \"too deep\"}"
        ]
    );
}

/// Moves the files of a dataset to where an earlier version had them.
fn into_old_layout(path: &Path) {
    let draft = path.with_file_name("draft");
    fs::create_dir(&draft).unwrap();
    for name in ["thing", "misses"] {
        fs::rename(Layout::Beside.table(path, name), draft.join(name)).unwrap();
    }
    let note = fs::read_to_string(aside(path, "haul.json")).unwrap();
    fs::write(
        draft.join("_haul.json"),
        note.replace("\"haul\": 2", "\"haul\": 1"),
    )
    .unwrap();
    if let Ok(journal) = fs::read(aside(path, "journal")) {
        fs::write(draft.join("journal"), journal).unwrap();
    }
    fs::rename(path, draft.join("pages")).unwrap();
    fs::remove_dir_all(Layout::Beside.aside(path)).unwrap();
    fs::rename(draft, path).unwrap();
}

#[test]
fn a_dataset_of_an_earlier_version_is_resumed_as_it_is_and_recreated_in_the_new_layout() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    let mut sink = few_rows(&settings(&path, false), Start::Over).unwrap();
    write(&mut sink, 0..18);
    let mark = sink.checkpoint().unwrap();
    std::mem::forget(sink);
    into_old_layout(&path);
    let mut sink = few_rows(&settings(&path, false), Start::At(&mark)).unwrap();
    write(&mut sink, 18..20);
    Box::new(sink).finish().unwrap();
    let mut sink = few_rows(&settings(&path, true), Start::Fresh).unwrap();
    write(&mut sink, 20..22);
    Box::new(sink).finish().unwrap();
    assert_eq!(names(folder.path()), ["out.parquet"]);
    let pages: Vec<_> = rows(&path.join("pages"))
        .iter()
        .map(|row| row.to_string())
        .collect();
    assert_eq!(pages.len(), 22);
    let mut sink = few_rows(&settings(&path, false), Start::Fresh).unwrap();
    write(&mut sink, 0..5);
    Box::new(sink).finish().unwrap();
    assert_eq!(numbers(&path), [0, 1, 2, 3, 4]);
    assert!(names(&path).iter().all(|name| name.starts_with("part-")));
}
