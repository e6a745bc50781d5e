//! Lists as people have them: every format, every line ending, bad lines, and many lines.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use haul::frontier::Run;
use haul::origin::{Response, Site};
use haul::seeds::{ListFormat, SeedSettings, SeedSource};
use haul::{Config, Error};

use crate::folder::Folder;
use crate::run::{Report, ms, on, on_every_engine, outcome, run};

/// A list in a file.
pub(crate) struct List {
    pub(crate) path: PathBuf,
    _folder: Folder,
}

pub(crate) fn list(name: &str, content: impl AsRef<[u8]>) -> List {
    let folder = Folder::new();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    List {
        path,
        _folder: folder,
    }
}

impl List {
    pub(crate) fn dry(&self) -> Config {
        let seeds = SeedSettings::of(vec![SeedSource::File(self.path.clone())]);
        let mut config = on("sequential", Config::new(seeds));
        config.frontier.run = Run::Dry;
        config
    }

    pub(crate) fn read(&self) -> Report {
        run(self.dry())
    }
}

/// The row, class and URL of each record, as one line.
pub(crate) fn summaries(report: &Report) -> Vec<String> {
    let line = |record: &crate::run::Record| {
        format!(
            "{} {} {}",
            record.row,
            record.class.unwrap_or_default(),
            record.first_url
        )
    };
    report.records.iter().map(line).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const TEXT: &str = "\u{feff}http://a.example/1\r\n\r\n# a comment\r\n  b.example/2  \r\nftp://c.example/3\r\nhttp://a.example/1#again\r\nhttp://d.example/4";
const TOLD: [&str; 5] = [
    "1 skipped http://a.example/1",
    "4 skipped http://b.example/2",
    "5 malformed http://line.invalid/",
    "6 duplicate http://a.example/1",
    "7 skipped http://d.example/4",
];

#[test]
fn a_text_is_read_whatever_its_line_endings_byte_order_mark_and_comments() {
    assert_eq!(summaries(&list("urls.txt", TEXT).read()), TOLD);
    assert_eq!(
        summaries(&list("urls", TEXT.replace('\r', "")).read()),
        TOLD
    );
}

#[test]
fn a_compressed_list_is_recognized_by_its_content_and_not_by_its_name() {
    let zstd = zstd::encode_all(TEXT.as_bytes(), 3).unwrap();
    let two = [gzip(&TEXT.as_bytes()[..30]), gzip(&TEXT.as_bytes()[30..])].concat();
    for packed in [gzip(TEXT.as_bytes()), zstd, two] {
        assert_eq!(summaries(&list("urls.txt", packed).read()), TOLD);
    }
    let csv = gzip(b"name,url\nx,http://a.example/\n");
    assert_eq!(
        list("list.csv.gz", csv).read().only().columns,
        ["name=\"x\""]
    );
}

#[test]
fn a_truncated_list_ends_the_run_with_an_error_that_names_it() {
    let mut packed = gzip(TEXT.repeat(1000).as_bytes());
    packed.truncate(packed.len() / 2);
    let broken = list("urls.gz", packed);
    let error = outcome(broken.dry()).unwrap_err();
    assert!(
        matches!(&error, Error::Input { name, .. } if name.ends_with("urls.gz")),
        "{error:?}"
    );
    let mut absent = broken.dry();
    absent.seeds = SeedSettings::of(vec![SeedSource::File("/not/there.txt".into())]);
    assert!(matches!(outcome(absent).unwrap_err(), Error::Input { .. }));
}

#[test]
fn the_other_columns_of_a_table_are_in_its_records() {
    let comma = "name,url,note\r\nann,http://a.example/,\"two\nlines, and a comma\"\r\nbob,,no\r\ncid,b.example/x\r\n\u{e9},ftp://x/,y";
    let tabs = "name\turl\tnote\r\nann\thttp://a.example/\t\"two\r\n\r\nbob\t\tno\r\ncid\tb.example/x\r\n\u{e9}\tftp://x/\ty";
    for (name, text, note) in [
        ("list.csv", comma, "note=\"two\\nlines, and a comma\""),
        ("list.tsv", tabs, "note=\"\\\"two\""),
    ] {
        let report = list(name, text).read();
        assert_eq!(
            summaries(&report),
            [
                "2 skipped http://a.example/",
                "4 malformed http://line.invalid/",
                "5 skipped http://b.example/x",
                "6 malformed http://line.invalid/",
            ],
            "{name}"
        );
        assert_eq!(report.row(2).columns, ["name=\"ann\"", note]);
        assert_eq!(report.row(4).columns, ["name=\"bob\"", "note=\"no\""]);
    }
}

#[test]
fn the_row_number_in_a_table_is_the_line_number_whatever_comes_between() {
    let rows = |text: &str| -> Vec<u64> {
        let report = list("list.csv", text).read();
        report.records.iter().map(|record| record.row).collect()
    };
    let text =
        "url,note\n\na.example/1,x\nb.example/2,\"y\n\ny\"\n\n\nc.example/3,\"z\"\nd.example/4";
    assert_eq!(rows(text), [3, 4, 9, 10]);
    assert_eq!(rows(&text.replace('\n', "\r\n")), [3, 4, 9, 10]);
    assert_eq!(rows(&format!("{text}\n")), [3, 4, 9, 10]);
    assert_eq!(rows(&format!("\u{feff}{text}\r\n\r\n")), [3, 4, 9, 10]);
}

#[test]
fn the_column_of_the_url_is_found_by_name_and_by_number() {
    let table = list(
        "list.csv",
        "link,home\nhttp://a.example/,http://b.example/\n",
    );
    for (column, url) in [
        (None, "a"),
        (Some("home"), "b"),
        (Some("HOME"), "b"),
        (Some("2"), "b"),
    ] {
        let mut config = table.dry();
        config.seeds.url_column = column.map(str::to_owned);
        assert_eq!(
            run(config).only().first_url,
            format!("http://{url}.example/")
        );
    }
    let mut config = table.dry();
    config.seeds.url_column = Some("page".into());
    let error = outcome(config).unwrap_err().to_string();
    assert!(error.contains("link, home"), "{error}");
}

#[test]
fn a_line_of_json_defines_its_request_and_its_other_keys_are_columns() {
    on_every_engine(|engine| {
        let origin = Site::builder()
            .fallback(Response::page("well"))
            .start()
            .unwrap();
        let url = origin.url("/x");
        let text = format!(
            "{{\"url\":\"{url}?1\",\"method\":\"put\",\"headers\":{{\"X-A\":\"1\"}},\"body\":{{\"k\":1}},\"id\":42}}\n\n\
             {{\"url\":\"{url}?2\"}}\n{{\"url\":\"{url}?2\",\"method\":\"HEAD\"}}\nnonsense\n[1]\n"
        );
        let list = list("list.jsonl", text);
        let mut config = list.dry();
        config.frontier.run = Run::Real;
        let report = run(on(engine, config));
        assert_eq!(
            report.ends(),
            ["200", "200", "200", "malformed", "malformed"]
        );
        assert_eq!(report.row(1).columns, ["id=42"]);
        assert!(
            report.row(5).message.contains("JSON"),
            "{:?}",
            report.row(5)
        );
        let put = &origin.log().hits("/x?1")[0];
        assert_eq!((put.method.as_str(), put.header("x-a")), ("PUT", Some("1")));
        assert_eq!(put.header("content-type"), Some("application/json"));
        assert_eq!(put.body, "{\"k\":1}");
        let mut methods: Vec<_> = origin
            .log()
            .hits("/x?2")
            .into_iter()
            .map(|hit| hit.method)
            .collect();
        methods.sort();
        assert_eq!(
            methods,
            ["GET", "HEAD"],
            "another method is another request"
        );
    });
}

#[test]
fn lines_that_are_not_text_or_far_too_long_are_reported_and_skipped() {
    let mut bytes = b"http://a.example/1\nhttp://b.example/\xff\xfe\n".to_vec();
    bytes.extend(b"http://c.example/");
    bytes.resize(bytes.len() + (3 << 20), b'x');
    bytes.extend(b"\n\0\0\0\nhttp://d.example/4\n");
    let report = list("urls.txt", bytes).read();
    assert_eq!(
        summaries(&report),
        [
            "1 skipped http://a.example/1",
            "2 malformed http://line.invalid/",
            "3 malformed http://line.invalid/",
            "4 malformed http://line.invalid/",
            "5 skipped http://d.example/4",
        ]
    );
    assert!(
        report
            .records
            .iter()
            .all(|record| record.inside.0.len() < 4000)
    );
    let table = list(
        "list.csv",
        b"url\nhttp://a.example/\n\xff\xfe\nhttp://b.example/\n",
    );
    let classes: Vec<_> = table
        .read()
        .records
        .iter()
        .map(|record| (record.row, record.class))
        .collect();
    assert_eq!(
        classes,
        [
            (2, Some("skipped")),
            (3, Some("malformed")),
            (4, Some("skipped"))
        ]
    );
}

#[test]
fn rows_and_limits_select_what_is_fetched_and_rows_keep_their_numbers() {
    let text: String = (1..=100).fold(String::new(), |mut text, page| {
        let _ = writeln!(text, "http://a.example/{page}");
        text
    });
    let list = list("urls.txt", text);
    let rows = |change: &dyn Fn(&mut SeedSettings)| {
        let mut config = list.dry();
        change(&mut config.seeds);
        run(config)
            .records
            .iter()
            .map(|record| record.row)
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&|seeds| seeds.limit = Some(3)), [1, 2, 3]);
    assert_eq!(
        rows(&|seeds| seeds.rows = Some("3,7-9,99-".parse().unwrap())),
        [3, 7, 8, 9, 99, 100]
    );
    let both = |seeds: &mut SeedSettings| {
        seeds.rows = Some("50-".parse().unwrap());
        seeds.limit = Some(2);
    };
    assert_eq!(rows(&both), [50, 51]);
    assert_eq!(rows(&|seeds| seeds.limit = Some(0)), [0; 0]);
    // Row numbers continue from one input to the next.
    let twice = |seeds: &mut SeedSettings| {
        seeds
            .sources
            .push(SeedSource::Urls(vec!["b.example".into()]));
        seeds.rows = Some("100-".parse().unwrap());
    };
    assert_eq!(rows(&twice), [100, 101]);
}

#[test]
fn an_empty_list_is_not_an_error() {
    for text in ["", "\n\n# nothing\n", "\u{feff}"] {
        let outcome = outcome(list("urls.txt", text).dry()).unwrap();
        assert_eq!((outcome.tally.visited, outcome.tally.total), (0, Some(0)));
    }
    let empty = list("list.tsv", "url\n");
    let mut table = empty.dry();
    table.seeds.format = ListFormat::Tsv;
    assert_eq!(outcome(table).unwrap().tally.visited, 0);
}

#[test]
fn a_long_list_is_counted_correctly() {
    let mut text = String::new();
    for line in 0..200_000 {
        // Every tenth line repeats the one before; every hundredth is not a URL.
        let _ = match line {
            line if line % 100 == 99 => writeln!(text, "nothing to fetch"),
            line if line % 10 == 5 => writeln!(text, "http://h{}.example/{}", line % 50, line - 1),
            line => writeln!(text, "http://h{}.example/{line}", (line + 1) % 50),
        };
    }
    let outcome = outcome(list("urls.txt", text).dry()).unwrap();
    let tally = &outcome.tally;
    assert_eq!(
        (tally.visited, tally.rows, tally.last_row),
        (200_000, 200_000, 200_000)
    );
    assert_eq!((tally.duplicates, tally.skipped), (20_000, 178_000));
    assert_eq!(tally.failures["malformed"].count, 2000);
    assert!(
        tally.failures["malformed"].example.starts_with("line 100:"),
        "{:?}",
        tally.failures
    );
    assert!(tally.elapsed > ms(0) && outcome.missing.is_empty());
}
