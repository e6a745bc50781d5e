//! Opens an input, a file or standard input, and finds out its format.
//!
//! Invariant: an input that can only be read once (a pipe, a device) is opened only once, when it is its turn.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::entry::JobBuilder;
use super::feeder::{Enough, Feeder};
use super::rows::Table;
use super::settings::{ListFormat, SeedSource};
use super::{json, table, text};
use crate::error::Result;
use crate::input::lines::BeforeWait;
use crate::input::{self, Input, Kind, open_lines, unreadable};

/// Checks a file before the run begins.
///
/// This way, no output is truncated for a list that cannot be read. Files that can only be read once are not
/// touched.
///
/// # Errors
/// If the file does not exist, cannot be read, or is not a list.
pub(super) fn check(path: &Path, format: ListFormat, column: Option<&str>) -> Result<()> {
    let name = path.display().to_string();
    let unreadable = |source| unreadable(&name, source);
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Table::parquet(path, column).map(drop);
    }
    if !metadata.is_file() {
        return Ok(());
    }
    let file = File::open(path).map_err(unreadable)?;
    let text: Box<dyn Read> = match format {
        ListFormat::BySuffix => match input::kind(Box::new(file)).map_err(unreadable)? {
            Kind::Text(text) => text,
            Kind::Arrow(raw) => return Table::arrow(&name, raw, column).map(drop),
            Kind::Parquet => return Table::parquet(path, column).map(drop),
        },
        _ => Box::new(file),
    };
    let mut lines = open_lines(&name, text)?;
    match detect_format(format, Some(path), &mut lines, &mut ()).map_err(unreadable)? {
        ListFormat::Csv => table::check(&name, &mut lines, table::TableKind::Csv, column),
        ListFormat::Tsv => table::check(&name, &mut lines, table::TableKind::Tsv, column),
        ListFormat::Jsonl => json::check(&name, &mut lines),
        ListFormat::BySuffix | ListFormat::Text => Ok(()),
    }
}

/// Reads one input to its end.
///
/// # Errors
/// If it cannot be read, or is not a list: then the run stops.
pub(super) fn read(
    source: &SeedSource,
    maker: &mut JobBuilder,
    feeder: &mut Feeder<'_>,
) -> Result<Result<(), Enough>> {
    let (name, path) = match source {
        SeedSource::File(path) => (path.display().to_string(), Some(path.as_path())),
        _ => ("standard input".to_owned(), None),
    };
    let unreadable = |source| unreadable(&name, source);
    let column = feeder.settings.url_column.clone();
    if let Some(folder) = path.filter(|path| path.is_dir()) {
        return Table::parquet(folder, column.as_deref())?.read(maker, feeder);
    }
    let raw: Box<dyn Read> = match path {
        Some(path) => Box::new(File::open(path).map_err(unreadable)?),
        None => Box::new(io::stdin()),
    };
    let counted = Counted {
        inner: raw,
        read: feeder.progress.read.clone(),
    };
    let text: Box<dyn Read> = match feeder.settings.format {
        ListFormat::BySuffix => match input::kind(Box::new(counted)).map_err(unreadable)? {
            Kind::Text(text) => text,
            Kind::Arrow(raw) => {
                return Table::arrow(&name, raw, column.as_deref())?.read(maker, feeder);
            }
            Kind::Parquet => {
                let path = path.unwrap_or(Path::new("standard input"));
                return Table::parquet(path, column.as_deref())?.read(maker, feeder);
            }
        },
        _ => Box::new(counted),
    };
    let mut lines = open_lines(&name, text)?;
    let format = detect_format(feeder.settings.format, path, &mut lines, feeder);
    match format.map_err(unreadable)? {
        ListFormat::BySuffix | ListFormat::Text => {
            text::read(&mut lines, maker, feeder).map_err(unreadable)
        }
        ListFormat::Jsonl => {
            json::check(&name, &mut lines)?;
            json::read(&mut lines, maker, feeder).map_err(unreadable)
        }
        ListFormat::Csv => table::read(&name, lines, table::TableKind::Csv, maker, feeder),
        ListFormat::Tsv => table::read(&name, lines, table::TableKind::Tsv, maker, feeder),
    }
}

/// The format to read a list in: the requested one, or by the suffix, or by the first line.
fn detect_format(
    requested: ListFormat,
    path: Option<&Path>,
    lines: &mut Input,
    wait: &mut impl BeforeWait,
) -> io::Result<ListFormat> {
    if requested != ListFormat::BySuffix {
        return Ok(requested);
    }
    if let Some(known) = path.and_then(by_suffix) {
        return Ok(known);
    }
    let sample = lines.sample(1, wait)?;
    Ok(match sample.trim_ascii_start().first() {
        // No URL starts like this.
        Some(b'{') => ListFormat::Jsonl,
        _ if table::has_url_header(sample) => ListFormat::Csv,
        _ => ListFormat::Text,
    })
}

/// The format by the suffix: `list.csv.gz` is CSV. `None` if the suffix is not known.
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

/// Counts bytes before decompression, because the size of a file refers to those.
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
