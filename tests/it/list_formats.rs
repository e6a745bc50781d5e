//! Lists as other programs write them: no stray quote, separator or encoding loses a row.
//!
//! A file that is not a list is rejected.

use std::fs;

use haul::Error;
use haul::origin::{Response, Site};
use haul::seeds::SeedSettings;
use proptest::prelude::*;

use crate::cli::run as haul;
use crate::folder::Folder;
use crate::lists::{List, list, summaries};
use crate::run::{outcome, run};

/// The row, class and URL of each record of a list with this name and content.
fn rows(name: &str, content: impl AsRef<[u8]>) -> Vec<String> {
    summaries(&list(name, content).read())
}

fn refused(list: &List) -> String {
    match outcome(list.dry()).unwrap_err() {
        Error::Table { problem, .. } | Error::UrlColumn { problem, .. } => problem,
        other => panic!("{other:?}"),
    }
}

const THREE: [&str; 3] = [
    "2 skipped http://a.example/1",
    "3 skipped http://a.example/2",
    "4 skipped http://a.example/3",
];

#[test]
fn a_stray_quote_loses_no_row_of_a_table() {
    let text =
        "url,note\nhttp://a.example/1,\"5 inch\nhttp://a.example/2,x\nhttp://a.example/3,y\n";
    assert_eq!(rows("list.csv", text), THREE);
    assert_eq!(rows("list.csv", text.replace('\n', "\r\n")), THREE);
    assert_eq!(rows("list.csv", text.replace('\n', "\r")), THREE);
    assert_eq!(rows("list.csv", text.replace(',', ";")), THREE);
    assert_eq!(rows("list.tsv", text.replace(',', "\t")), THREE);
    let report = list("list.csv", text).read();
    assert_eq!(report.row(2).columns, ["note=\"\\\"5 inch\""]);
    let two = text.replace("2,x", "2,\"6 inch\"\"");
    assert_eq!(rows("list.csv", two), THREE);
    let middle = text
        .replace("\"5 inch", "5\" pipe")
        .replace(",y", ",\"7\" pipe");
    assert_eq!(rows("list.csv", middle), THREE);
}

#[test]
fn quotes_mean_nothing_in_a_table_with_tabs() {
    let text = "note\turl\tsize\n\"5 inch\thttp://a.example/1\t6 inch\"\n\"two\thttp://a.example/2\tx\n\
        three\"\thttp://a.example/3\ty\n\"4\"\thttp://a.example/4\tz\n";
    let report = list("list.tsv", text).read();
    assert_eq!(
        summaries(&report),
        [
            "2 skipped http://a.example/1",
            "3 skipped http://a.example/2",
            "4 skipped http://a.example/3",
            "5 skipped http://a.example/4",
        ]
    );
    assert_eq!(
        report.row(2).columns,
        ["note=\"\\\"5 inch\"", "size=\"6 inch\\\"\""]
    );
    assert_eq!(report.row(5).columns[0], "note=\"\\\"4\\\"\"");
}

#[test]
fn a_row_between_two_stray_quotes_is_reported_and_not_fetched() {
    let text = "url,note\nhttp://a.example/1,\"5 inch\nhttp://a.example/2,x\nhttp://a.example/3,6 inch\"\nhttp://a.example/4,\n";
    let report = list("list.csv", text).read();
    assert_eq!(
        summaries(&report),
        [
            "2 skipped http://a.example/1",
            "3 malformed http://line.invalid/",
            "4 malformed http://line.invalid/",
            "5 skipped http://a.example/4",
        ]
    );
    assert!(
        report.row(3).message.contains("line 2"),
        "{}",
        report.row(3).message
    );
}

#[test]
fn a_list_with_one_quote_too_many_is_read_in_constant_memory() {
    let mut text = String::from("url,note\nhttp://a.example/0,\"5 inch\n");
    for page in 1..100_000 {
        text.push_str(&format!(
            "http://a.example/{page},a note of some length to fill the line\n"
        ));
    }
    let outcome = outcome(list("list.csv", text).dry()).unwrap();
    assert_eq!(
        (outcome.tally.visited, outcome.tally.skipped),
        (100_000, 100_000)
    );
}

#[test]
fn a_text_may_end_its_lines_with_cr_alone() {
    let text = "http://a.example/1\rhttp://a.example/2\r\r# note\rhttp://a.example/3";
    let expected = [
        "1 skipped http://a.example/1",
        "2 skipped http://a.example/2",
        "5 skipped http://a.example/3",
    ];
    assert_eq!(rows("urls.txt", text), expected);
    assert_eq!(
        rows(
            "list.jsonl",
            "{\"url\":\"http://a.example/1\"}\r{\"url\":\"http://a.example/2\"}\r\r\r{\"url\":\"http://a.example/3\"}\r"
        ),
        expected
    );
}

#[test]
fn a_table_without_a_header_loses_no_row_and_its_columns_have_numbers() {
    let report = list(
        "list.csv",
        "1,http://a.example/1,x\n2,http://a.example/2,y\n",
    )
    .read();
    assert_eq!(
        summaries(&report),
        [
            "1 skipped http://a.example/1",
            "2 skipped http://a.example/2"
        ]
    );
    assert_eq!(report.row(2).columns, ["1=\"2\"", "3=\"y\""]);
    let more = list("list.csv", "url,note\nhttp://a.example/1,x,beyond\n").read();
    assert_eq!(more.only().columns, ["note=\"x\"", "3=\"beyond\""]);
    let twice = list("list.csv", "url,note,note\nhttp://a.example/1,x,y\n").read();
    assert_eq!(twice.only().columns, ["note=\"x\"", "note.1=\"y\""]);
}

#[test]
fn tables_of_excel_and_powershell_are_read() {
    let text = "sep=;\r\nname;url\r\nÉ;http://a.example/1\r\n";
    let utf16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let ansi = text
        .replace('É', "?")
        .into_bytes()
        .iter()
        .map(|b| if *b == b'?' { 0xc9 } else { *b })
        .collect::<Vec<_>>();
    for bytes in [utf16, ansi, [b"\xef\xbb\xbf", text.as_bytes()].concat()] {
        let report = list("list.csv", bytes).read();
        assert_eq!(summaries(&report), ["3 skipped http://a.example/1"]);
        assert_eq!(report.only().columns, ["name=\"É\""]);
    }
    let urls: Vec<u8> = "\u{feff}http://a.example/1\r\nhttp://a.example/2\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(rows("urls.txt", urls).len(), 2);
}

#[test]
fn the_column_of_urls_is_found_or_the_error_lists_all_columns_and_the_flag() {
    let records = rows(
        "list.csv",
        "id,name,website\n1,Ann,http://a.example/1\n2,Bob,http://a.example/2\n",
    );
    assert_eq!(
        records,
        [
            "2 skipped http://a.example/1",
            "3 skipped http://a.example/2"
        ]
    );
    let problem = refused(&list("list.csv", "id,name,city\n1,Ann,Rome\n"));
    assert!(
        problem.contains("the columns are id, name, city"),
        "{problem}"
    );
}

#[test]
fn a_file_that_is_not_a_list_is_rejected_in_one_sentence_before_an_output_is_emptied() {
    let folder = Folder::new();
    let here = folder.path();
    fs::write(here.join("out.jsonl"), "kept\n").unwrap();
    for (name, bytes, words) in [
        ("list.xlsx", &b"PK\x03\x04\x14\0\x06\0"[..], "CSV"),
        ("list.csv", b"PK\x03\x04\x14\0\x06\0", "CSV"),
        ("list.pdf", b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        ("list.txt", b"SQLite format 3\0\x10\0", "haul retry"),
        ("list.bz2", b"BZh91AY&SY", "bzcat"),
        ("list.json", b"[\n{\"url\":\"http://a.example/\"}]", "jq"),
        ("list.warc", b"WARC/1.1\r\n", "haul fetch --from FILE"),
        ("table.csv", b"id,name\n1,Ann\n", "--url-column NAME"),
        ("noise", &[1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0], "binary"),
    ] {
        fs::write(here.join(name), bytes).unwrap();
        let (code, _, error) = haul(here, &["fetch", name, "-o", "out.jsonl"]);
        assert_eq!(code, Some(2), "{name}: {error}");
        assert!(error.contains(name) && error.contains(words), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert_eq!(fs::read(here.join("out.jsonl")).unwrap(), b"kept\n");
    }
}

#[test]
fn a_text_list_has_separators_and_comments_and_the_rest_is_malformed() {
    let text = "http://a.example/1\tthe first\nhttp://a.example/2 # note\nhttp://a.example/3 http://a.example/4\n\
        \u{a0}http://a.example/5\u{a0}\n<http://a.example/6>,\nhttp://a.example/7#part\nhttp://a.example/8 and more\n\
        http://a.example/\u{a0}9\n# caf\u{e9}\n";
    let report = list("urls.txt", text).read();
    assert_eq!(
        summaries(&report),
        [
            "1 skipped http://a.example/1",
            "2 skipped http://a.example/2",
            "3 skipped http://a.example/3",
            "3 skipped http://a.example/4",
            "4 skipped http://a.example/5",
            "5 skipped http://a.example/6",
            "6 skipped http://a.example/7",
            "7 malformed http://line.invalid/",
            "8 malformed http://line.invalid/",
        ]
    );
    assert_eq!(report.row(1).columns, ["note=\"the first\""]);
    assert!(
        report.row(7).message.contains("%20"),
        "{}",
        report.row(7).message
    );
    let latin = b"http://a.example/1 # caf\xe9\nhttp://a.example/caf\xe9\n";
    assert_eq!(
        rows("urls.txt", latin),
        [
            "1 skipped http://a.example/1",
            "2 malformed http://line.invalid/"
        ]
    );
}

#[test]
fn an_argument_or_a_cell_with_two_urls_is_malformed_and_not_one_wrong_url() {
    let glued = "http://a.example/1\nhttp://a.example/2";
    let mut config = list("x", "").dry();
    config.seeds = SeedSettings::urls([glued, "http://a.example/x y"]);
    assert_eq!(
        summaries(&run(config)),
        [
            "1 malformed http://line.invalid/",
            "2 skipped http://a.example/x%20y"
        ]
    );
    let table = format!("url,note\n\"{glued}\",x\n");
    assert_eq!(
        rows("list.csv", table),
        ["2 malformed http://line.invalid/"]
    );
    let line = format!("{}\n", serde_json::json!({ "url": glued }));
    assert_eq!(
        rows("list.jsonl", line),
        ["1 malformed http://line.invalid/"]
    );
}

#[test]
fn a_line_of_json_that_others_write_loses_neither_its_row_nor_its_columns() {
    let text = "\u{feff}{\"url\":\"http://a.example/1\",\"a\":\"\\ud800\"}\r\n\r\n{\"url\":\"http://a.example/2\",\"a\":1e400}\r\n\
        {\"url\":\"x\",\"url\":\"http://a.example/3\",\"a\":NaN}\n\u{feff}{\"url\":\"http://a.example/4\",\"a\":123456789012345678901234}\n";
    let report = list("list.jsonl", text).read();
    assert_eq!(
        summaries(&report),
        [
            "1 skipped http://a.example/1",
            "3 skipped http://a.example/2",
            "4 skipped http://a.example/3",
            "5 skipped http://a.example/4",
        ]
    );
    let columns: Vec<_> = report
        .records
        .iter()
        .map(|record| record.columns.concat())
        .collect();
    assert_eq!(
        columns,
        [
            "a=\"\u{fffd}\"",
            "a=\"1e400\"",
            "a=\"NaN\"",
            "a=\"123456789012345678901234\""
        ]
    );
    let latin = b"{\"url\":\"http://a.example/1\",\"a\":\"caf\xe9\"}\n{\"url\":\"http://a.example/caf\xe9\"}\n";
    let report = list("list.jsonl", latin).read();
    assert_eq!(report.row(1).columns, ["a=\"café\""]);
    assert_eq!(report.row(2).class, Some("malformed"));
}

#[test]
fn an_output_of_haul_is_a_list_and_its_bodies_are_never_sent() {
    let site = Site::builder()
        .fallback(Response::page("secret text of the page"))
        .start()
        .unwrap();
    let folder = Folder::new();
    let here = folder.path();
    fs::write(
        here.join("list.csv"),
        format!("url,shop\n{},tools\n", site.url("/x")),
    )
    .unwrap();
    for output in ["out.jsonl", "out.csv"] {
        let (code, _, error) = haul(here, &["fetch", "list.csv", "--body", "-o", output]);
        assert_eq!(code, Some(0), "{error}");
        let (code, text, error) = haul(here, &["fetch", "-q", "-i", output, "-f", "jsonl"]);
        assert_eq!(code, Some(0), "{error}");
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            record["columns"],
            serde_json::json!({ "shop": "tools" }),
            "{output}"
        );
    }
    assert!(
        site.log()
            .hits("/x")
            .iter()
            .all(|hit| hit.body.is_empty() && hit.method == "GET")
    );
    let posted = "{\"row\":1,\"url\":\"http://a.example/\",\"method\":\"POST\",\"final_url\":null,\"redirects\":[],\"attempts\":[],\
        \"error_message\":null,\"duplicate_of\":null}\n";
    let report = list("out.jsonl", posted).read();
    assert!(
        report.only().message.contains("POST"),
        "{}",
        report.only().message
    );
}

#[test]
fn a_list_without_a_known_suffix_is_recognized_by_its_first_line() {
    let folder = Folder::new();
    for (text, row) in [
        ("{\"url\":\"http://a.example/\",\"id\":1}\n", 1),
        ("id,url\n1,http://a.example/\n", 2),
        ("http://a.example/\n", 1),
    ] {
        fs::write(folder.path().join("list"), text).unwrap();
        let (code, out, error) = haul(
            folder.path(),
            &["fetch", "list", "--dry-run", "-q", "-f", "jsonl"],
        );
        let record: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
        assert_eq!(
            (&record["url"], &record["row"]),
            (&"http://a.example/".into(), &row.into()),
            "{code:?} {error}"
        );
    }
}

/// A cell as in spreadsheets: words, delimiters, quotes and line breaks.
fn cell() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        proptest::sample::select(vec![
            "a", "5 inch", ",", ";", "\"", "\n", "\r\n", "é", " ", "x\"y", "#",
        ]),
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_has_as_many_records_as_rows(
        notes in proptest::collection::vec((cell(), cell()), 1..40),
        delimiter in proptest::sample::select(vec![b',', b';', b'\t']),
    ) {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(["url", "one", "two"]).unwrap();
        for (page, (one, two)) in notes.iter().enumerate() {
            writer.write_record([&format!("http://a.example/{page}"), one, two]).unwrap();
        }
        let report = list("list.csv", writer.into_inner().unwrap()).read();
        prop_assert_eq!(report.records.len(), notes.len());
        for (record, (one, two)) in report.records.iter().zip(&notes) {
            let json = |text: &String| serde_json::Value::from(text.as_str()).to_string();
            prop_assert_eq!(&record.columns, &[format!("one={}", json(one)), format!("two={}", json(two))]);
        }
    }

    #[test]
    fn unescaped_quotes_lose_no_line(
        notes in proptest::collection::vec("[a-z0-9 ]{0,4}\"?[a-z]{1,4}", 1..40),
        ending in proptest::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let mut text = format!("url,note{ending}");
        for (page, note) in notes.iter().enumerate() {
            text.push_str(&format!("http://a.example/{page},{note}{ending}"));
        }
        let report = list("list.csv", text).read();
        prop_assert_eq!(report.records.len(), notes.len());
        prop_assert!(report.records.iter().all(|record| record.class == Some("skipped")));
    }
}
