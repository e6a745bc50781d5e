//! Link extraction in MB/s beside html5ever's tokenizer: `cargo bench --bench links [FOLDER]`, one core, warm, best of several rounds.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use haul::parse::links::{LinkSettings, links};
use haul::parse::scan::utf8;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer};

/// As much as this is read, in bytes: more than any cache, little enough to be quick.
const SAMPLE: usize = 64 << 20;

/// Counts `a href`, as little as a sink can do.
#[derive(Default)]
struct Count(std::cell::Cell<usize>);

impl TokenSink for Count {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token {
            let links = tag
                .attrs
                .iter()
                .filter(|a| matches!(&*a.name.local, "href" | "src"));
            self.0.set(self.0.get() + links.count());
        }
        TokenSinkResult::Continue
    }
}

fn pages(root: &Path) -> Vec<Vec<u8>> {
    let mut folders = vec![PathBuf::from(root)];
    let mut pages = Vec::new();
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "html") && bytes < SAMPLE {
                let page = std::fs::read(path).unwrap_or_default();
                bytes += page.len();
                pages.push(page);
            }
        }
    }
    pages
}

fn measure(what: &str, pages: &[Vec<u8>], mut work: impl FnMut(&[u8]) -> usize) {
    let bytes: usize = pages.iter().map(Vec::len).sum();
    let mut best = f64::MAX;
    let mut found = 0;
    for _ in 0..7 {
        let start = Instant::now();
        found = pages.iter().map(|page| work(page)).sum();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let speed = bytes as f64 / best / 1e6;
    let each = best * 1e6 / pages.len() as f64;
    println!("{what:32} {speed:8.0} MB/s {each:8.1} us/page {found:9} found");
}

fn main() {
    let root = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .unwrap_or_else(|| "/usr/share/doc".to_owned());
    let pages = pages(Path::new(&root));
    let bytes: usize = pages.iter().map(Vec::len).sum();
    println!(
        "{} pages, {} bytes, {} a page",
        pages.len(),
        bytes,
        bytes / pages.len().max(1)
    );
    let guess = LinkSettings {
        guess: true,
        ..LinkSettings::ALL
    };
    let assets = LinkSettings {
        styles: false,
        ..LinkSettings::ALL
    };
    for (what, settings) in [
        ("pages", LinkSettings::PAGES),
        ("pages and assets", assets),
        ("all, styles too", LinkSettings::ALL),
        ("all and guesses", guess),
        ("title", LinkSettings::TITLE),
    ] {
        measure(what, &pages, |page| {
            links(page, &settings, &utf8).links.len()
        });
    }
    measure("memchr for '<' alone", &pages, |page| {
        memchr::memchr_iter(b'<', page).fold(0, |count, at| count + usize::from(at > 0))
    });
    measure("html5ever's tokenizer", &pages, |page| {
        let tokenizer = Tokenizer::new(Count::default(), Default::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from_slice(&String::from_utf8_lossy(page)));
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.0.get()
    });
}
