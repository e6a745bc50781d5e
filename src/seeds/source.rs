//! Opening an input: a file or standard input, decompressed by what its first bytes say.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::entry::Maker;
use super::{Enough, Feeder, ListFormat, Source, json, table, text};
use crate::error::{Error, Result};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;
/// The largest window of a zstd list, as a power of two: `zstd --long` goes to 27.
const ZSTD_WINDOW: u32 = 27;

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
            Source::Stdin => None,
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

/// # Errors
/// When there is no such file, or it cannot be read.
pub(super) fn check(path: &Path) -> Result<()> {
    let told = |source| Error::Input {
        name: path.display().to_string(),
        source,
    };
    let file = File::open(path).map_err(told)?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(told(io::ErrorKind::IsADirectory.into()));
    }
    Ok(())
}

/// Reads one input to its end.
///
/// # Errors
/// When it cannot be read: the rest of the run is not wanted then.
pub(super) fn read(
    source: &Source,
    maker: &mut Maker,
    feeder: &mut Feeder<'_>,
) -> Result<Result<(), Enough>> {
    let (name, path) = match source {
        Source::File(path) => (path.display().to_string(), Some(path.as_path())),
        _ => ("standard input".to_owned(), None),
    };
    let told = |source| Error::Input {
        name: name.clone(),
        source,
    };
    let raw: Box<dyn Read> = match path {
        Some(path) => Box::new(File::open(path).map_err(told)?),
        None => Box::new(io::stdin()),
    };
    let counted = Counted {
        inner: raw,
        read: feeder.progress.read.clone(),
    };
    let mut lines = decompressed(counted).map_err(told)?;
    skip_mark(&mut lines).map_err(told)?;
    let format = match feeder.settings.format {
        ListFormat::BySuffix => path.map_or(ListFormat::Text, by_suffix),
        format => format,
    };
    match format {
        ListFormat::BySuffix | ListFormat::Text => {
            text::read(&mut lines, maker, feeder).map_err(told)
        }
        ListFormat::Jsonl => json::read(&mut lines, maker, feeder).map_err(told),
        ListFormat::Csv => table::read(&name, lines, b',', maker, feeder),
        ListFormat::Tsv => table::read(&name, lines, b'\t', maker, feeder),
    }
}

/// `list.csv.gz` is read as CSV.
fn by_suffix(path: &Path) -> ListFormat {
    let suffix = |path: &Path| {
        path.extension()
            .and_then(|suffix| suffix.to_str())
            .map(str::to_ascii_lowercase)
    };
    let inner = match suffix(path).as_deref() {
        Some("gz" | "zst" | "zstd") => path.file_stem().and_then(|stem| suffix(Path::new(stem))),
        other => other.map(str::to_owned),
    };
    match inner.as_deref() {
        Some("csv") => ListFormat::Csv,
        Some("tsv" | "tab") => ListFormat::Tsv,
        Some("jsonl" | "ndjson" | "json") => ListFormat::Jsonl,
        _ => ListFormat::Text,
    }
}

fn decompressed(raw: Counted) -> io::Result<Box<dyn BufRead>> {
    let mut raw = BufReader::with_capacity(BUFFER, raw);
    let head = raw.fill_buf()?;
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(
            BUFFER,
            MultiGzDecoder::new(raw),
        )));
    }
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder = zstd::Decoder::with_buffer(raw)?;
        decoder.window_log_max(ZSTD_WINDOW)?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER, decoder)));
    }
    Ok(Box::new(raw))
}

/// A byte order mark is no part of the first URL.
fn skip_mark(lines: &mut dyn BufRead) -> io::Result<()> {
    if lines.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        lines.consume(3);
    }
    Ok(())
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
