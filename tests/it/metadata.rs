//! The metadata that haul reads from pages, compared with what extruct reads.
//!
//! Both get the decoded text. Matters of form are normalized on both sides: white space in texts, the spelling of
//! URLs, an expanded `@graph`. The remaining differences are explained in [`DIFFERENCES`], page by page.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use encoding_rs::{Encoding, UTF_8};
use haul::PageUrl;
use haul::extract::{ExtractSettings, Extracted, Extractor, Metadata, Page, PageFormat};
use serde_json::{Value, json};

use crate::tools;

const EXTRUCT: &str = include_str!("metadata/extruct.py");
/// The URL that the pages are read with.
const HOME: &str = "https://site.example/dir/page";
const SYNTAXES: [&str; 3] = ["json_ld", "microdata", "open_graph"];

/// The pages and syntaxes for which extruct reads something else, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "job-posting-in-comment-markers",
        "json_ld",
        "extruct removes comments of one line, not markers on lines of their own",
    ),
    (
        "json-ld-broken",
        "json_ld",
        "extruct drops the whole page if one block is not JSON; haul keeps the others, and reports the block",
    ),
    (
        "json-ld-in-plain-cdata",
        "json_ld",
        "extruct knows the CDATA marker only after //",
    ),
    (
        "json-ld-semicolon-and-escape",
        "json_ld",
        "extruct repairs comments and commas, not semicolons and JavaScript escapes",
    ),
    (
        "json-ld-type-with-charset",
        "json_ld",
        "extruct compares the whole attribute; types are the same in any case and with parameters (RFC 6838 4.2)",
    ),
    (
        "microdata-item-without-properties",
        "microdata",
        "extruct takes the text of an item without properties as its value; the standard does not (HTML 5.4.1)",
    ),
    (
        "microdata-itemref-in-a-circle",
        "microdata",
        "extruct writes null for an item that would contain itself; haul leaves it out and reports it",
    ),
    (
        "microdata-itemref-used-twice",
        "microdata",
        "extruct gives an item only to the first element that refers to it, and null to the others",
    ),
    (
        "microdata-text-with-scripts",
        "microdata",
        "the value of a time without a datetime is its text (HTML 5.2.4 and 4.5.14); extruct has none",
    ),
    (
        "microdata-urls",
        "microdata",
        "extruct resolves against the URL it is given, not against the page's base element",
    ),
    (
        "open-graph-in-name-and-body",
        "open_graph",
        "extruct reads property, in lower case, of meta elements in the head, even if empty; pages also use name, and the body",
    ),
    (
        "open-graph-of-own-prefixes",
        "open_graph",
        "extruct accepts each prefix that the page declares but not fb; haul has a list of prefixes",
    ),
    (
        "windows-1252",
        "microdata",
        "the query of a link is sent in the page's encoding (WHATWG URL 4.4); extruct keeps the characters",
    ),
];

/// A page of the fixtures, decoded.
struct Sample {
    name: String,
    text: String,
    encoding: &'static Encoding,
}

fn samples(folder: &Path) -> Vec<Sample> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "html") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).into_owned();
        let label = head.split_once("charset=").map_or("", |(_, label)| label);
        let label = label
            .trim_start_matches('"')
            .split(['"', ' ', '>', ';'])
            .next();
        let encoding = Encoding::for_label(label.unwrap_or_default().as_bytes()).unwrap_or(UTF_8);
        Sample {
            name: path
                .strip_prefix(folder)
                .unwrap()
                .with_extension("")
                .display()
                .to_string(),
            text: encoding.decode(&bytes).0.into_owned(),
            encoding,
        }
    };
    paths.into_iter().map(read).collect()
}

fn committed() -> Vec<Sample> {
    samples(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metadata/pages"))
}

fn extractor() -> Extractor {
    let settings = ExtractSettings {
        metadata: true,
        ..ExtractSettings::default()
    };
    Extractor::compile(&settings).unwrap()
}

fn extract(extractor: &Extractor, sample: &Sample, source: PageFormat) -> Extracted {
    extractor.extract(&Page {
        url: &PageUrl::parse(HOME).unwrap(),
        text: &sample.text,
        source,
        encoding: sample.encoding,
        recipes: &[],
    })
}

fn read(extractor: &Extractor, sample: &Sample) -> Metadata {
    let extracted = extract(extractor, sample, PageFormat::Html);
    extracted.metadata.unwrap()
}

/// What extruct reads from the pages, and the seconds it took including startup.
///
/// Returns `None` if extruct is not installed.
fn extruct(samples: &[Sample]) -> Option<(Vec<Value>, f64)> {
    let python = tools::python("metadata")?;
    let started = Instant::now();
    let mut program = Command::new(python)
        .args(["-c", EXTRUCT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null()) // it complains about pages
        .spawn()
        .unwrap();
    let mut pages = program.stdin.take().unwrap();
    let lines: Vec<String> = samples
        .iter()
        .map(|sample| format!("{}\n", json!({ "url": HOME, "text": sample.text })))
        .collect();
    let writer = thread::spawn(move || {
        for line in lines {
            pages.write_all(line.as_bytes()).unwrap();
        }
    });
    let output = program.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), samples.len());
    Some((lines, started.elapsed().as_secs_f64()))
}

/// What haul reads, in normalized form.
fn ours(metadata: &Metadata) -> BTreeMap<&'static str, Value> {
    let objects = metadata.json_ld.iter();
    let objects = objects
        .map(|object| serde_json::from_str(object.as_str()).unwrap())
        .collect();
    let items = serde_json::to_value(&metadata.microdata).unwrap();
    let properties = json!(metadata.open_graph.properties);
    BTreeMap::from([
        ("json_ld", Value::Array(objects)),
        ("microdata", plain(items)),
        ("open_graph", plain(properties)),
    ])
}

/// What extruct reads, in normalized form.
fn theirs(value: &Value) -> BTreeMap<&'static str, Value> {
    let form = |syntax: &'static str| {
        let value = value[syntax].clone();
        let alike = match (&value, syntax) {
            (Value::Array(objects), "json_ld") => {
                Value::Array(objects.iter().flat_map(graph_objects).collect())
            }
            (Value::Array(_), "microdata") => plain(value.clone()),
            (Value::Array(objects), "open_graph") => {
                let objects = objects.first().map(|first| first["properties"].clone());
                plain(objects.unwrap_or(json!([])))
            }
            _ => value.clone(),
        };
        (syntax, alike)
    };
    SYNTAXES.into_iter().map(form).collect()
}

/// The objects of a `@graph`, each with its context.
fn graph_objects(object: &Value) -> Vec<Value> {
    let Some(Value::Array(graph)) = object.get("@graph") else {
        return vec![object.clone()];
    };
    let names = object.as_object().unwrap().keys();
    if names
        .filter(|name| !matches!(name.as_str(), "@context" | "@graph"))
        .count()
        > 0
    {
        return vec![object.clone()];
    }
    let with_context = |node: &Value| {
        let mut node = node.as_object().unwrap().clone();
        if let Some(context) = object.get("@context") {
            node.entry("@context").or_insert(context.clone());
        }
        Value::Object(node)
    };
    graph.iter().map(with_context).collect()
}

/// Normalizes texts to have no extra white space, and URLs to one spelling.
fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let text: String = text.split_whitespace().collect();
            let is_url = text.starts_with("http://") || text.starts_with("https://");
            let url = url::Url::parse(&text).ok().filter(|_| is_url);
            Value::String(url.map_or(text, String::from))
        }
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(object) => object
            .into_iter()
            .map(|(name, value)| (name, plain(value)))
            .collect(),
        other => other,
    }
}

/// Page, syntax, what haul reads and what extruct reads, for each difference.
fn differences(
    samples: &[Sample],
    extracted: &[Value],
) -> Vec<(String, &'static str, Value, Value)> {
    let extractor = extractor();
    let mut differences = Vec::new();
    for (sample, extracted) in samples.iter().zip(extracted) {
        let (mut ours, mut theirs) = (ours(&read(&extractor, sample)), theirs(extracted));
        for syntax in SYNTAXES {
            let (ours, theirs) = (ours.remove(syntax).unwrap(), theirs.remove(syntax).unwrap());
            if ours != theirs {
                differences.push((sample.name.clone(), syntax, ours, theirs));
            }
        }
    }
    differences
}

#[test]
fn extruct_reads_the_same_except_for_explained_differences() {
    let samples = committed();
    let Some((extracted, _)) = extruct(&samples) else {
        return;
    };
    let differences = differences(&samples, &extracted);
    for (page, syntax, ours, theirs) in &differences {
        let known = DIFFERENCES
            .iter()
            .any(|(name, of, _)| name == page && of == syntax);
        assert!(known, "{page}: {syntax}:\nours   {ours}\ntheirs {theirs}");
    }
    for (page, syntax, why) in DIFFERENCES {
        let still = differences
            .iter()
            .any(|(name, of, _, _)| name == page && of == syntax);
        assert!(still, "{page}: {syntax}: no longer differs: {why}");
    }
}

#[test]
#[ignore = "measures; wants a folder of pages in HAUL_METADATA_PAGES"]
fn extruct_and_haul_on_a_folder_of_pages() {
    let samples = samples(Path::new(&std::env::var("HAUL_METADATA_PAGES").unwrap()));
    let Some((extracted, seconds)) = extruct(&samples) else {
        return;
    };
    let differences = differences(&samples, &extracted);
    for syntax in SYNTAXES {
        let read = extracted.iter().filter(|extracted| {
            extracted[syntax]
                .as_array()
                .is_some_and(|differences| !differences.is_empty())
        });
        let other = differences
            .iter()
            .filter(|(_, of, _, _)| *of == syntax)
            .count();
        println!(
            "{syntax}: of {} pages, {} have it for extruct, {other} differ",
            samples.len(),
            read.count()
        );
    }
    for (page, syntax, ours, theirs) in &differences {
        println!("{page}: {syntax}:\n  ours   {ours}\n  theirs {theirs}");
    }
    println!("extruct took {seconds:.2} s with its start");
    let title = "title=title".parse().unwrap();
    let both = ExtractSettings {
        metadata: true,
        fields: vec![title],
        ..ExtractSettings::default()
    };
    let without = ExtractSettings {
        metadata: false,
        ..both.clone()
    };
    for (name, settings) in [("a title", without), ("a title and metadata", both)] {
        let extractor = Extractor::compile(&settings).unwrap();
        let mut fastest = f64::INFINITY;
        for _ in 0..5 {
            let started = Instant::now();
            for sample in &samples {
                extract(&extractor, sample, PageFormat::Html);
            }
            fastest = fastest.min(started.elapsed().as_secs_f64());
        }
        println!("{name}: {:.0} pages/s", samples.len() as f64 / fastest);
    }
    for sample in &samples {
        for fault in read(&extractor(), sample).faults {
            println!("{}: {fault}", sample.name);
        }
    }
}

#[test]
fn metadata_is_one_object_next_to_the_fields() {
    let settings = ExtractSettings {
        fields: vec!["h=h1".parse().unwrap()],
        metadata: true,
        ..ExtractSettings::default()
    };
    let extractor = Extractor::compile(&settings).unwrap();
    let samples = committed();
    let page = samples.iter().find(|sample| sample.name == "news-article");
    let extracted = extract(&extractor, page.unwrap(), PageFormat::Html);
    let heading = &extracted.fields.items[0].values[0];
    assert_eq!(
        heading,
        &haul::extract::Value::Text("Storm closes the harbour".to_owned())
    );
    let mut metadata = json!(extracted.metadata.unwrap());
    let whole = metadata["json_ld"].take();
    assert_eq!(whole[0]["@type"], "NewsArticle");
    assert_eq!(
        metadata,
        json!({
            "title": "Storm closes the harbour | The Example Herald",
            "description": "Ferries stay in port until Friday.",
            "language": "en",
            "published": "2026-11-18T06:12:00+01:00",
            "modified": "2026-11-18T09:40:31+01:00",
            "authors": ["Jo Writer", "Kim Editor"],
            "open_graph": {
                "title": "Storm closes the harbour",
                "type": "article",
                "site_name": "The Example Herald",
                "description": "Ferries stay in port until Friday.",
                "updated_time": "2026-11-19T08:00:00+00:00",
                "article:published_time": "2026-11-18T06:12:00+01:00",
                "article:modified_time": "2026-11-18T09:40:31+01:00",
                "article:section": "Weather",
                "article:tag": ["storm", "ferry"],
                "article:author": "https://herald.example/people/jo"
            },
            "twitter": { "card": "summary", "site": "@herald", "creator": ["@jo", "@kim"] },
            "json_ld": null,
            "feeds": [
                { "url": "https://site.example/feed.xml", "title": "The Example Herald", "type": "application/rss+xml" },
                { "url": "https://site.example/weather/atom", "title": "Weather", "type": "application/atom+xml" },
                { "url": "https://herald.example/feed.json", "type": "application/feed+json" }
            ],
            "icons": [{ "url": "https://site.example/favicon.ico", "rel": "icon" }]
        })
    );
}

#[test]
fn only_html_has_metadata_and_a_rejected_page_has_a_reason() {
    let sample = |text: String| Sample {
        name: String::new(),
        text,
        encoding: UTF_8,
    };
    let json = sample("{\"title\":1}".to_owned());
    assert_eq!(
        extract(&extractor(), &json, PageFormat::Json).metadata,
        None
    );
    let deep = sample("<div>".repeat(100_000));
    assert_eq!(
        json!(read(&extractor(), &deep)),
        json!({ "faults": ["the page has elements more than 512 deep in each other"] })
    );
    let none = ExtractSettings::default();
    assert!(none.is_empty());
    let metadata = ExtractSettings {
        metadata: true,
        ..none
    };
    assert!(!metadata.is_empty());
}
