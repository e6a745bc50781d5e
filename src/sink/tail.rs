//! Repairs the end of a file before it is appended to.
//!
//! A killed run or a full disk leaves half a record at the end of a file; the next record would be glued to it, and
//! both would be lost. So before anything is appended the end is checked: a last line that only lacks its newline gets
//! one, and half a record is cut off. Invariant: only what comes after the last whole record is cut off, and the user
//! is notified. Edge: a file that is damaged elsewhere is refused, not repaired.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use super::packing::{Packer, Packing};
use super::torn::{CHUNK, End, PositionedReader, torn_member};
use super::wacz::is_wacz;
use super::{Destination, Format, SinkSettings, arrow, csv, warc};
use crate::error::{Error, Result};
use crate::text::size::ByteSize;
use crate::visit::fields::Table;

/// The longest last line, in bytes; a longer one is treated as half a record.
const MAX_LINE: usize = 64 << 20;

/// How records are delimited in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// One line each, of which nothing more is known.
    Lines,
    /// One JSON object per line.
    Json,
    /// RFC 4180, with this number of columns.
    Csv(usize),
}

/// Repairs the end of a sink's file if it is appended to.
///
/// Returns the notice for the user, if any.
///
/// # Errors
/// When it cannot be read or written, or is damaged elsewhere than at its end.
pub(super) fn repair_end(settings: &SinkSettings, tables: &[Table]) -> Result<Option<String>> {
    let ending = match &settings.format {
        Format::Text(_) | Format::Template(_) => Ending::Lines(Framing::Lines),
        Format::Jsonl(_) => Ending::Lines(Framing::Json),
        Format::Csv(records) => Ending::Lines(Framing::Csv(csv::columns(records, tables).len())),
        Format::Edges => Ending::Lines(Framing::Csv(4)),
        Format::Warc(archive) => Ending::Archive(archive.rotate),
        Format::Arrow(_) => Ending::Batches,
        Format::Dot | Format::Sqlite(_) | Format::Parquet(_) => return Ok(None),
    };
    repair_file(&settings.destination, ending)
}

/// Repairs the end of the list of saved files, as [`repair_end`] does.
///
/// # Errors
/// As [`repair_end`].
pub(super) fn repair_index_end(list: &Destination) -> Result<Option<String>> {
    repair_file(list, Ending::Lines(Framing::Json))
}

/// What a file should end with.
enum Ending {
    /// A complete line.
    Lines(Framing),
    /// A complete batch of Arrow, without a footer after it.
    Batches,
    /// A complete record of an archive, whose files are rotated at this size.
    Archive(ByteSize),
}

fn repair_file(destination: &Destination, ending: Ending) -> Result<Option<String>> {
    let Destination::File { path, append: true } = destination else {
        return Ok(None);
    };
    // A pipe or a device has no end, nor does a missing or empty file.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
        return Ok(None);
    }
    let packing = Packing::of_path(path);
    let repaired = match (ending, packing) {
        (Ending::Lines(framing), None) => repair_plain(path, framing),
        (Ending::Lines(framing), Some(packing)) => repair_packed(path, packing, framing),
        (Ending::Batches, _) => arrow::repair_end(path).map(End::of_torn),
        (Ending::Archive(_), _) if is_wacz(path) => Ok(End::Whole),
        (Ending::Archive(rotate), _) => warc::repair_end(path, rotate),
    };
    let path = path.display();
    Ok(
        match repaired.map_err(|source| Error::output(path.to_string(), source))? {
            End::Whole => None,
            End::Unended => Some(format!(
                "{path}: the last line had no newline, so one was added"
            )),
            End::Torn(bytes) => Some(format!(
                "{path}: the last record was torn; {} of it were cut off before writing on",
                ByteSize(bytes)
            )),
        },
    )
}

fn repair_plain(path: &Path, framing: Framing) -> io::Result<End> {
    let mut scan = Scan::new(framing);
    let mut reader = BufReader::with_capacity(CHUNK, File::open(path)?);
    loop {
        let bytes = reader.fill_buf()?;
        let length = bytes.len();
        if length == 0 {
            break;
        }
        scan.feed(bytes);
        reader.consume(length);
    }
    let end = scan.end();
    match end {
        End::Whole => {}
        End::Unended => OpenOptions::new()
            .append(true)
            .open(path)?
            .write_all(b"\n")?,
        End::Torn(_) => OpenOptions::new()
            .write(true)
            .open(path)?
            .set_len(scan.whole)?,
    }
    Ok(end)
}

/// Repairs a compressed file: the readable part of its last member becomes a new member.
fn repair_packed(path: &Path, packing: Packing, framing: Framing) -> io::Result<End> {
    let mut scan = Scan::new(framing);
    // The start of each member in the file, and in the decompressed text.
    let mut members: Vec<(u64, u64)> = Vec::new();
    let torn = torn_member(path, packing, |start, bytes| {
        if members.last().is_none_or(|(last, _)| *last != start) {
            members.push((start, scan.at));
        }
        scan.feed(bytes);
    })?;
    let end = scan.end();
    if end == End::Whole && torn.is_none() {
        return Ok(end);
    }
    let text_end = if end == End::Unended {
        scan.at
    } else {
        scan.whole
    };
    let place = members.partition_point(|(_, at)| *at <= scan.whole);
    // A member of which nothing can be read is not listed.
    let (start, from) = match place.checked_sub(1) {
        Some(last) => members[last],
        None => (torn.unwrap_or_default(), 0),
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut repaired = tempfile::tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let mut packer = Packer::new(packing);
    let mut remaining = text_end - from;
    let mut reader = PositionedReader::open(path, start)?;
    while remaining > 0 {
        let unpacked = packing.unpack(&mut reader, |bytes| {
            let count = remaining.min(bytes.len() as u64) as usize;
            remaining -= count as u64;
            repaired.write_all(&packer.pack(&bytes[..count])?)
        });
        // Everything that was read before can be read again; an error after that is the torn part.
        if remaining > 0 {
            unpacked?;
        }
    }
    if end == End::Unended {
        repaired.write_all(&packer.pack(b"\n")?)?;
    }
    repaired.write_all(&packer.end()?)?;
    repaired.seek(SeekFrom::Start(0))?;
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    file.set_len(start)?;
    file.seek(SeekFrom::Start(start))?;
    let written = io::copy(&mut repaired, &mut file)?;
    file.sync_data()?;
    Ok(match end {
        End::Whole => End::Torn(length.saturating_sub(start + written)),
        end => end,
    })
}

/// A scan of the text of a file for the end of its last whole record.
struct Scan {
    framing: Framing,
    /// The number of bytes scanned.
    at: u64,
    /// End of the last whole record.
    whole: u64,
    /// Whether a quoted cell is open.
    quoted: bool,
    /// The bytes after the last whole record, up to the longest line.
    rest: Vec<u8>,
}

impl Scan {
    fn new(framing: Framing) -> Self {
        Self {
            framing,
            at: 0,
            whole: 0,
            quoted: false,
            rest: Vec::new(),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let mut end = None;
        if matches!(self.framing, Framing::Csv(_)) {
            for at in memchr::memchr2_iter(b'"', b'\n', bytes) {
                match bytes[at] {
                    b'"' => self.quoted = !self.quoted,
                    _ if !self.quoted => end = Some(at + 1),
                    _ => {}
                }
            }
        } else {
            end = memchr::memrchr(b'\n', bytes).map(|at| at + 1);
        }
        if let Some(end) = end {
            self.whole = self.at + end as u64;
            self.rest.clear();
        }
        let rest = &bytes[end.unwrap_or(0)..];
        let room = MAX_LINE.saturating_sub(self.rest.len());
        self.rest.extend_from_slice(&rest[..rest.len().min(room)]);
        self.at += bytes.len() as u64;
    }

    fn end(&self) -> End {
        let length = self.at - self.whole;
        let is_whole = match self.framing {
            _ if length == 0 => return End::Whole,
            _ if length > self.rest.len() as u64 => false,
            Framing::Lines => true,
            Framing::Json => {
                let value = serde_json::from_slice::<serde::de::IgnoredAny>(&self.rest);
                self.rest.starts_with(b"{") && value.is_ok()
            }
            // All cells are present, and the last one is known to be complete.
            Framing::Csv(columns) => {
                let has_ended = matches!(self.rest.last(), Some(b'"' | b','));
                !self.quoted && has_ended && csv::cells(&self.rest) == columns
            }
        };
        match is_whole {
            true => End::Unended,
            false => End::Torn(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Start, samples};
    use super::*;

    /// Writes a file in two runs, cut after the first; returns its records and the notice.
    fn cut_and_appended(name: &str, at: impl Fn(usize) -> usize) -> (Vec<String>, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let format = Format::of_path(&path).unwrap();
        let case = samples::Case::new(&path, true, format, Vec::new());
        let write = |rows: std::ops::Range<usize>| {
            let mut sink = case.open(Start::Fresh).unwrap();
            rows.for_each(|row| sink.write(&samples::numbered(row)).unwrap());
            sink.finish().unwrap();
        };
        write(0..20);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..at(bytes.len())]).unwrap();
        let notice = repair_end(&case.settings, &[]).unwrap();
        write(90..93);
        let text = samples::unpacked(&path);
        let rows = match case.settings.format {
            Format::Jsonl(_) => text
                .lines()
                .map(|line| {
                    serde_json::from_str::<serde_json::Value>(line).unwrap()["row"].to_string()
                })
                .collect(),
            Format::Csv(_) => ::csv::Reader::from_reader(text.as_bytes())
                .records()
                .map(|record| record.unwrap()[0].to_owned())
                .collect(),
            _ => text
                .lines()
                .map(|line| line.rsplit_once('/').unwrap().1.to_owned())
                .collect(),
        };
        (rows, notice)
    }

    #[test]
    fn a_record_appended_after_half_a_record_is_not_glued_to_it() {
        for name in [
            "a.jsonl",
            "a.csv",
            "a.jsonl.gz",
            "a.csv.gz",
            "a.jsonl.zst",
            "a.csv.zst",
        ] {
            for cut in [1, 2, 3, 17, 100, 300, 700, 1500] {
                let (rows, notice) = cut_and_appended(name, |length| length.saturating_sub(cut));
                let (before, after) = rows.split_at(rows.len() - 3);
                assert_eq!(after, ["90", "91", "92"], "{name} {cut}");
                let expected: Vec<_> = (0..before.len()).map(|row| row.to_string()).collect();
                assert_eq!(before, expected, "{name} {cut}");
                assert!(notice.is_some() || before.is_empty(), "{name} {cut}");
                let least = if name.matches('.').count() == 1 {
                    12
                } else {
                    0
                };
                assert!(before.len() >= least, "{name} {cut}: {}", before.len());
            }
            let (rows, notice) = cut_and_appended(name, |length| length);
            assert_eq!((rows.len(), notice), (23, None), "{name}");
            let (rows, _) = cut_and_appended(name, |_| 5);
            assert_eq!(rows, ["90", "91", "92"], "{name}");
        }
        // It is impossible to know whether a line of text is complete.
        let (rows, notice) = cut_and_appended("a.txt", |length| length - 1);
        assert_eq!((rows.len(), notice.is_some()), (23, true));
    }

    #[test]
    fn a_file_that_is_damaged_elsewhere_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl.gz");
        fs::write(&path, b"this is not a gzip file but somebody's letters").unwrap();
        let case = samples::Case::new(&path, true, samples::format("jsonl", false), Vec::new());
        assert!(repair_end(&case.settings, &[]).is_err());
        assert!(fs::read(&path).unwrap().ends_with(b"letters"));
    }
}
