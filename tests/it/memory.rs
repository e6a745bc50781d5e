//! The memory budget for decoded pages: however small, every page gets a complete record.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use haul::origin::{Origin, Reply, Site};

use crate::cli::run;
use crate::folder::Folder;
use crate::written;

/// The number of pages of the site.
const PAGES: usize = 8;
/// The number of words on each page.
const WORDS: usize = 20_000;

/// A site with large pages, compressed and uncompressed.
fn site() -> Origin {
    let mut site = Site::builder();
    for page in 0..PAGES {
        let text = format!("<title>{page}</title>{}", "<b>word</b> ".repeat(WORDS));
        let reply = Reply::new(200).header("Content-Type", "text/html");
        let reply = match page % 2 {
            0 => {
                let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
                packed.write_all(text.as_bytes()).unwrap();
                let packed = packed.finish().unwrap();
                reply.header("Content-Encoding", "gzip").body(packed)
            }
            _ => reply.body(text),
        };
        site = site.route(&format!("/{page}"), reply);
    }
    site.start().unwrap()
}

#[test]
fn a_budget_smaller_than_a_page_delays_pages_and_drops_none_on_any_engine() {
    let (origin, folder) = (site(), Folder::new());
    let list: String = (0..PAGES)
        .map(|page| origin.url(&format!("/{page}")) + "\n")
        .collect();
    fs::write(folder.path().join("urls.txt"), list).unwrap();
    for engine in [
        "sequential",
        "threads:6",
        "blocking:6",
        "async:12",
        "processes:2x6",
    ] {
        let words = [
            "fetch",
            "urls.txt",
            "-q",
            "--no-config",
            "--engine",
            engine,
            "--max-memory",
            "1M",
            "--body",
            "-s",
            "title=title",
            "-o",
            "out.jsonl",
        ];
        let (code, _, stderr) = run(folder.path(), &words);
        assert_eq!(code, Some(0), "{engine}: {stderr}");
        let records = written::jsonl(&folder.path().join("out.jsonl"));
        assert_eq!(records.len(), PAGES, "{engine}");
        for record in records {
            let page = record["row"].as_u64().unwrap() - 1;
            assert_eq!(record["fields"]["title"], page.to_string(), "{engine}");
            let words = record["body"].as_str().unwrap().matches("word").count();
            assert_eq!(words, WORDS, "{engine}");
        }
    }
}

#[test]
fn a_budget_of_zero_is_rejected_with_a_suggestion() {
    let folder = Folder::new();
    let words = ["fetch", "--max-memory", "0", "http://127.0.0.1:1/"];
    let (code, _, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("--max-memory: with 0 no page"), "{stderr}");
}
