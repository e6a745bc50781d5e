//! Sample visits of every kind for the tests of the sinks, and a file to write them to.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Method};

use super::{Destination, Format, RecordSettings, Sink, SinkPlan, SinkSettings, Start};
use crate::error::Result;
use crate::job::{Attempt, Hop, Job, Request};
use crate::page::body::Body;
use crate::page::failure::{FetchError, Phase, TlsReason};
use crate::page::headers::Headers;
use crate::page::{HttpVersion, Page, Timing};
use crate::url::PageUrl;
use crate::visit::fields::{Column, Extraction, Fields, Item, Kind, Miss, Table, Value};
use crate::visit::{Parsed, Visit};

/// Returns a response from `https://example.org/a` with a status and a body of 4,200 bytes.
pub(super) fn page(status: u16) -> Visit {
    saved_from("https://example.org/a", status, "x".repeat(4200))
}

/// Returns a response from a URL, with its body in memory.
pub(super) fn saved_from(url: &str, status: u16, body: impl Into<Bytes>) -> Visit {
    let body: Bytes = body.into();
    let mut headers = Headers::default();
    let mut header = |name, value| headers.0.insert::<http::HeaderName>(name, value);
    header(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    header(http::header::SERVER, HeaderValue::from_static("origin/1"));
    Visit {
        job: Box::new(Job::seed(1, PageUrl::parse(url).unwrap())),
        outcome: Ok(Page {
            status,
            version: HttpVersion::Http11,
            headers,
            wire_bytes: body.len() as u64,
            remote: Some("192.0.2.7:443".parse().unwrap()),
            timing: Timing {
                sent: Some(UNIX_EPOCH + Duration::from_micros(1_795_279_033_012_345)),
                queued: Duration::from_micros(500),
                resolve: Some(Duration::from_micros(1_204)),
                connect: Some(Duration::from_micros(911)),
                tls: Some(Duration::from_micros(2_870)),
                first_byte: Duration::from_micros(8_100),
                total: Duration::from_micros(12_300),
            },
            segments: None,
            known: None,
            body: Body::Memory(body.clone()),
        }),
        parsed: Parsed {
            media_type: Some("text/html".into()),
            charset: Some("UTF-8".into()),
            decoded_bytes: Some(body.len() as u64),
            digest: Some([0xAB; 32]),
            title: Some("A \"title\", naïve".into()),
            took: Some(Duration::from_micros(350)),
            text: Some("line one\nline \"two\"\u{1b}".into()),
            ..Parsed::default()
        },
    }
}

/// Returns page `number`, with one link and `number % 3` things.
pub(super) fn numbered(number: usize) -> Visit {
    let body = format!("{number:05}");
    let mut visit = saved_from(&format!("http://h.example/{body}"), 200, body.clone());
    visit.job.row = Some(number as u64);
    let mut found = crate::visit::found::FoundLinks::default();
    found.push(crate::visit::found::FoundLink {
        url: &format!("http://to.example/{body}"),
        fingerprint: number as u64,
        kind: crate::visit::found::FoundKind::Page,
        is_part: false,
        nofollow: false,
        led: false,
        recipe: None,
    });
    visit.parsed.found = Some(Box::new(found));
    let integer = |value: usize| Value::Integer(value as i64);
    let item = |_| Item {
        table: 0,
        whole: true,
        values: vec![
            Value::Text(body.clone()),
            Value::List((0..number % 4).map(integer).collect()),
            Value::List(vec![Value::Item(vec![integer(number)])]),
        ],
    };
    let fields = Fields {
        tables: vec![0],
        items: (0..number % 3).map(item).collect(),
        ..Fields::default()
    };
    visit.parsed.fields = Some(Box::new(Extraction {
        fields,
        ..Extraction::default()
    }));
    visit
}

/// Returns the table of the things of [`numbered`].
pub(super) fn things() -> Table {
    let of = Column::new("of", Kind::Integer);
    Table {
        name: "thing".to_owned(),
        columns: vec![
            Column::new("name", Kind::Text),
            Column::list_of("counts", Kind::Integer),
            Column::list_of("parts", Kind::Item).with_columns(vec![of]),
        ],
    }
}

/// Returns a page reached by a redirect, in row 2.
pub(super) fn redirected() -> Visit {
    let mut visit = page(200);
    visit.job.row = Some(2);
    visit.job.url = PageUrl::parse("https://example.org/new").unwrap();
    let url = PageUrl::parse("http://example.org/old").unwrap();
    visit.job.hops.push(Hop {
        sent: Some(UNIX_EPOCH + Duration::from_millis(1_795_281_433_000)),
        took: Some(Duration::from_micros(9_200)),
        ..Hop::new(url, 301)
    });
    visit
}

/// Returns a visit that failed with this error.
pub(super) fn failed(error: FetchError) -> Visit {
    Visit::unsent(
        Job::seed(3, PageUrl::parse("http://example.org/x").unwrap()),
        error,
    )
}

/// Returns a table with columns of every shape.
pub(super) fn table() -> Table {
    let words = Column::list_of("words", Kind::Text);
    let review = vec![Column::new("stars", Kind::Integer), words];
    let seller = vec![
        Column::new("name", Kind::Text),
        Column::new("url", Kind::Url),
    ];
    Table {
        name: "product".to_owned(),
        columns: vec![
            Column::new("number", Kind::Integer),
            Column::new("price", Kind::Number),
            Column::new("new", Kind::Bool),
            Column::new("data", Kind::Json),
            Column::list_of("tags", Kind::Text),
            Column::new("seller", Kind::Item).with_columns(seller),
            Column::list_of("reviews", Kind::Item).with_columns(review),
        ],
    }
}

/// Returns an extraction for [`table`]: one item whose number is also its only tag.
pub(super) fn product(number: usize) -> Extraction {
    let text = |text: &str| Value::Text(text.to_owned());
    let review =
        |stars, words: Vec<Value>| Value::Item(vec![Value::Integer(stars), Value::List(words)]);
    let item = Item {
        table: 0,
        whole: true,
        values: vec![
            Value::Integer(number as i64),
            Value::Missing,
            Value::Bool(true),
            Value::Json("{\"a\":[1]}".to_owned()),
            Value::List(vec![text(&number.to_string())]),
            Value::Item(vec![text("Ann \"A\" O'Hara"), Value::Missing]),
            Value::List(vec![
                review(5, vec![text("good"), text("fast")]),
                review(1, Vec::new()),
            ]),
        ],
    };
    let miss = Miss {
        table: 0,
        item: 0,
        column: "price".to_owned(),
        why: "nothing matches".to_owned(),
    };
    let fields = Fields {
        tables: vec![0],
        items: vec![item],
        misses: vec![miss],
        ..Fields::default()
    };
    Extraction::of(fields, &[table()])
}

/// Returns a visit of every kind; a plain page comes first.
pub(super) fn every() -> Vec<Visit> {
    let mut columns = page(200);
    columns.job.request = Some(Arc::new(Request {
        method: Some(Method::POST),
        columns: vec![
            ("name".into(), "=1+1".into()),
            ("count".into(), 3.into()),
            ("none".into(), serde_json::Value::Null),
        ],
        ..Request::default()
    }));
    columns.parsed.fields = Some(Box::new(Extraction {
        selected: Some("{\"title\":\"A \\\"plane\\\"\",\"price\":null}".into()),
        items: Some("{\"product\":[{\"stars\":5}]}".into()),
        missed: Some("[{\"field\":\"price\",\"why\":\"nothing matches\"}]".into()),
        metadata: Some("{\"title\":\"A\"}".into()),
        article: Some("A plane\nto be sold.".into()),
        markdown: Some("# A plane\n".into()),
        ..Extraction::default()
    }));
    let mut tried = page(200);
    tried.job.attempts = vec![
        Attempt {
            status: Some(503),
            error: None,
            sent: Some(UNIX_EPOCH + Duration::from_millis(1_795_281_432_000)),
            took: Duration::from_micros(1_500),
            asked_wait: Some(Duration::from_secs(1)),
        },
        Attempt {
            status: None,
            error: Some(FetchError::Timeout {
                phase: Phase::FirstByte,
                after: Duration::from_secs(30),
            }),
            sent: None,
            took: Duration::from_secs(30),
            asked_wait: None,
        },
    ];
    let mut fault = page(200);
    fault.parsed = Parsed {
        media_type: Some("text/html".into()),
        fault: Some("gzip: corrupt deflate stream".into()),
        ..Parsed::default()
    };
    let mut moved = page(302);
    moved.outcome.as_mut().unwrap().headers.0.insert(
        http::header::LOCATION,
        HeaderValue::from_static("/elsewhere"),
    );
    let mut saved = page(200);
    saved.parsed.saved = Some(PathBuf::from("out/example.org/a.html"));
    let mut broken = redirected();
    broken.outcome = Err(FetchError::Closed);
    broken.parsed = Parsed::default();
    vec![
        page(200),
        redirected(),
        columns,
        tried,
        fault,
        moved,
        saved,
        broken,
        page(404),
        page(503),
        failed(FetchError::Duplicate { of: 1 }),
        failed(FetchError::Skipped("dry run".into())),
        failed(FetchError::Dns("no such host".into())),
        failed(FetchError::Tls {
            reason: TlsReason::Expired,
            detail: "certificate expired".into(),
        }),
        failed(FetchError::Malformed {
            text: "-not a URL, \"at all\"".into(),
            problem: "not a URL: relative URL without a base".into(),
        }),
    ]
}

/// The settings of a sink, and the plan of its run.
#[derive(Clone, Default)]
pub(super) struct Case {
    pub(super) settings: SinkSettings,
    pub(super) plan: SinkPlan,
}

impl Case {
    /// Returns a sink that writes to this file, in a run that extracts these tables.
    pub(super) fn new(path: &Path, append: bool, format: Format, tables: Vec<Table>) -> Self {
        let path = path.to_owned();
        Self {
            settings: SinkSettings {
                destination: Destination::File { path, append },
                format,
            },
            plan: SinkPlan {
                tables,
                ..SinkPlan::default()
            },
        }
    }

    /// Returns the same sink with other record settings.
    pub(super) fn holding(&self, records: RecordSettings) -> Self {
        let mut case = self.clone();
        *case.settings.format.records_mut().unwrap() = records;
        case
    }

    pub(super) fn open(&self, start: Start<'_>) -> Result<Box<dyn Sink>> {
        super::opener::open(&self.settings, &self.plan, start)
    }
}

/// Returns the format with this name; `body` makes its records include the text of pages.
pub(super) fn format(name: &str, body: bool) -> Format {
    let mut format: Format = name.parse().unwrap();
    if let Some(records) = format.records_mut() {
        records.body = body;
    }
    format
}

/// Opens a sink in a run that extracts nothing.
pub(super) fn open(settings: &SinkSettings, start: Start<'_>) -> Result<Box<dyn Sink>> {
    super::opener::open(settings, &SinkPlan::default(), start)
}

/// A file that a sink writes to.
pub(super) struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Written {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        Self {
            _folder: folder,
            path,
        }
    }

    /// Returns the output of a sink of this format for these visits.
    pub(super) fn all(name: &str, body: bool, visits: &[Visit]) -> String {
        let written = Self::new();
        written.write(&format(name, body), false, visits);
        written.text()
    }

    /// Returns the settings of a sink that writes to the file.
    pub(super) fn settings(&self, format: &Format, append: bool) -> SinkSettings {
        let path = self.path.clone();
        SinkSettings {
            destination: Destination::File { path, append },
            format: format.clone(),
        }
    }

    /// Appends visits to the file.
    pub(super) fn append(&self, name: &str, visits: &[Visit]) {
        self.write(&format(name, false), true, visits);
    }

    /// Opens a sink, writes the visits, and finishes it.
    pub(super) fn write(&self, format: &Format, append: bool, visits: &[Visit]) {
        let mut sink = open(&self.settings(format, append), Start::Fresh).unwrap();
        for visit in visits {
            sink.write(visit).unwrap();
        }
        sink.finish().unwrap();
    }

    pub(super) fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}

/// Returns the text of a file, decompressed according to its suffix.
pub(super) fn unpacked(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text),
        Some("zst") => zstd::Decoder::new(&bytes[..])
            .unwrap()
            .read_to_string(&mut text),
        _ => (&bytes[..]).read_to_string(&mut text),
    }
    .unwrap();
    text
}

/// Returns every file below a folder with its text, sorted by relative path.
pub(super) fn tree(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                files.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// The record of a visit as a row of typed columns has it: without what is a table of its own, and with its moment as
/// milliseconds since 1970.
#[cfg(feature = "parquet")]
pub(super) fn typed(visit: &Visit) -> serde_json::Map<String, serde_json::Value> {
    let record = serde_json::to_value(super::Record::of(visit, true)).unwrap();
    let serde_json::Value::Object(mut record) = record else {
        panic!("a record is an object")
    };
    for field in ["fields", "items", "misses"] {
        record.remove(field);
    }
    if let Some(sent) = record["sent"].as_str() {
        let sent = crate::text::moment::parse(sent).unwrap();
        let since = sent.duration_since(UNIX_EPOCH).unwrap();
        record.insert("sent".into(), (since.as_millis() as u64).into());
    }
    record
}
