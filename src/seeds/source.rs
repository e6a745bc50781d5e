//! Opening an input: a file or standard input, decompressed by what its first bytes say.
//!
//! Invariant: an input that can be read once (a pipe, a device) is opened once, when its turn comes.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::encoding::{self, Peeked};
use super::entry::Maker;
use super::foreign::Refusal;
use super::lines::{BeforeWait, Lines};
use super::{Enough, Feeder, ListFormat, Source, json, table, text};
use crate::error::{Error, Result};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;
/// The largest window of a zstd list, as a power of two: `zstd --long` goes to 27.
const ZSTD_WINDOW: u32 = 27;
/// The longest line of text or of a table: no URL is as long. Of a longer line the rest is passed over.
pub(super) const LONGEST: usize = 1 << 20;

/// The lines of an input.
pub(super) type Input = Lines<Box<dyn Read>>;

/// How far the reading has come, in bytes.
pub(super) struct Progress {
    read: Arc<AtomicU64>,
    /// The size of all inputs, where it is known.
    size: Option<u64>,
}

impl Progress {
    pub(super) fn new(sources: &[Source]) -> Self {
        let size = |source: &Source| match source {
            Source::Urls(urls) => Some(urls.iter().map(|url| url.len() as u64).sum()),
            Source::File(path) => path
                .metadata()
                .ok()
                .filter(std::fs::Metadata::is_file)
                .map(|metadata| metadata.len()),
            // What is read again is bounded, and the count of it is known.
            Source::Failures(_) | Source::Stdin => None,
        };
        Self {
            read: Arc::default(),
            size: sources.iter().map(size).sum(),
        }
    }

    pub(super) fn add(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Entries in all, if the rest is like what was read.
    pub(super) fn estimate(&self, entries: u64) -> Option<u64> {
        let read = self.read.load(Ordering::Relaxed);
        let size = self.size.filter(|_| read > 0)?;
        Some(entries.max((entries as f64 * size as f64 / read as f64) as u64))
    }
}

/// Looks at a file before the run begins, so that an output is not emptied for a list that cannot be read. What can be
/// read once is left alone.
///
/// # Errors
/// When there is no such file, it cannot be read, or is not a list.
pub(super) fn check(path: &Path, format: ListFormat, column: Option<&str>) -> Result<()> {
    let name = path.display().to_string();
    let unreadable = |source| unreadable(&name, source);
    let found = fs::metadata(path).map_err(unreadable)?;
    if found.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    if !found.is_file() {
        return Ok(());
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut lines = opened(&name, Box::new(file))?;
    match format_of(format, Some(path), &mut lines, &mut ()).map_err(unreadable)? {
        ListFormat::Csv => table::check(&name, &mut lines, table::Kind::Csv, column),
        ListFormat::Tsv => table::check(&name, &mut lines, table::Kind::Tsv, column),
        ListFormat::Jsonl => json::check(&name, &mut lines),
        ListFormat::BySuffix | ListFormat::Text => Ok(()),
    }
}

/// Reads one input to its end.
///
/// # Errors
/// When it cannot be read, or is not a list: the rest of the run is not wanted then.
pub(super) fn read(
    source: &Source,
    maker: &mut Maker,
    feeder: &mut Feeder<'_>,
) -> Result<Result<(), Enough>> {
    let (name, path) = match source {
        Source::File(path) => (path.display().to_string(), Some(path.as_path())),
        _ => ("standard input".to_owned(), None),
    };
    let unreadable = |source| unreadable(&name, source);
    let raw: Box<dyn Read> = match path {
        Some(path) => Box::new(File::open(path).map_err(unreadable)?),
        None => Box::new(io::stdin()),
    };
    let counted = Counted {
        inner: raw,
        read: feeder.progress.read.clone(),
    };
    let mut lines = opened(&name, Box::new(counted))?;
    let format = format_of(feeder.settings.format, path, &mut lines, feeder);
    match format.map_err(unreadable)? {
        ListFormat::BySuffix | ListFormat::Text => {
            text::read(&mut lines, maker, feeder).map_err(unreadable)
        }
        ListFormat::Jsonl => {
            json::check(&name, &mut lines)?;
            json::read(&mut lines, maker, feeder).map_err(unreadable)
        }
        ListFormat::Csv => table::read(&name, lines, table::Kind::Csv, maker, feeder),
        ListFormat::Tsv => table::read(&name, lines, table::Kind::Tsv, maker, feeder),
    }
}

pub(super) fn unreadable(name: &str, source: io::Error) -> Error {
    Error::Input {
        name: name.to_owned(),
        source,
    }
}

/// The lines of an input, unpacked and as UTF-8.
pub(super) fn opened(name: &str, raw: Box<dyn Read>) -> Result<Input> {
    let refused = |refusal| match refusal {
        Refusal::Archive => Error::ArchiveAsList {
            name: name.to_owned(),
        },
        Refusal::NoList(problem) => Error::Table {
            name: name.to_owned(),
            problem: problem.to_owned(),
        },
    };
    let unreadable = |source| unreadable(name, source);
    let plain = decompressed(raw).map_err(unreadable)?;
    let text = encoding::utf8(plain).map_err(refused)?;
    Ok(Lines::new(text, LONGEST))
}

/// The format that a list is read in: the one that was asked for, or by the suffix, or by the first line.
fn format_of(
    asked: ListFormat,
    path: Option<&Path>,
    lines: &mut Input,
    wait: &mut impl BeforeWait,
) -> io::Result<ListFormat> {
    if asked != ListFormat::BySuffix {
        return Ok(asked);
    }
    if let Some(known) = path.and_then(by_suffix) {
        return Ok(known);
    }
    let sample = lines.sample(1, wait)?;
    Ok(match sample.trim_ascii_start().first() {
        // No URL begins so.
        Some(b'{') => ListFormat::Jsonl,
        _ if table::has_url_header(sample) => ListFormat::Csv,
        _ => ListFormat::Text,
    })
}

/// `list.csv.gz` is read as CSV. `None`: the suffix says nothing.
fn by_suffix(path: &Path) -> Option<ListFormat> {
    let suffix = |path: &Path| {
        path.extension()
            .and_then(|suffix| suffix.to_str())
            .map(str::to_ascii_lowercase)
    };
    let inner = match suffix(path).as_deref() {
        Some("gz" | "zst" | "zstd") => path.file_stem().and_then(|stem| suffix(Path::new(stem))),
        other => other.map(str::to_owned),
    };
    match inner.as_deref()? {
        "csv" => Some(ListFormat::Csv),
        "tsv" | "tab" => Some(ListFormat::Tsv),
        "jsonl" | "ndjson" | "json" => Some(ListFormat::Jsonl),
        "txt" | "text" | "list" | "urls" => Some(ListFormat::Text),
        _ => None,
    }
}

fn decompressed(raw: Box<dyn Read>) -> io::Result<Peeked> {
    let raw = Peeked::new(raw)?;
    let buffered = |raw| BufReader::with_capacity(BUFFER, raw);
    if raw.head().starts_with(&[0x1f, 0x8b]) {
        return Peeked::new(Box::new(MultiGzDecoder::new(buffered(raw))));
    }
    if raw.head().starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder = zstd::Decoder::with_buffer(buffered(raw))?;
        decoder.window_log_max(ZSTD_WINDOW)?;
        return Peeked::new(Box::new(decoder));
    }
    Ok(raw)
}

/// Counts what is read, before decompression: that is what the size of a file says.
struct Counted {
    inner: Box<dyn Read>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
