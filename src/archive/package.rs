//! The WARC files inside a WACZ package.
//!
//! A package is a ZIP file with uncompressed entries below `archive/` (WACZ 1.1.1). This module implements only as
//! much of ZIP as that takes (APPNOTE 6.3.10). A package whose run was killed has no directory; then its first
//! entry is assumed to extend to the end of the file. All positions and lengths that a package states are checked
//! against the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How far from the end of the file the directory's end record may start.
///
/// The comment after it has up to 64 KiB.
const TAIL: u64 = (64 << 10) + 22 + 20 + 56;
/// The largest directory that is read, in bytes.
const DIRECTORY: u64 = 16 << 20;

/// A range of a file that is a WARC file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Part {
    pub(super) fn whole(path: PathBuf) -> Self {
        Self {
            path,
            start: 0,
            length: u64::MAX,
        }
    }
}

/// The WARC files in a package; `None` if the file is not a package.
///
/// # Errors
/// If it is damaged, or if a WARC file in it is compressed by ZIP.
pub(super) fn parts(path: &Path) -> io::Result<Option<Vec<Part>>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut start = [0; 4];
    if file.read(&mut start)? < 4 || start != *b"PK\x03\x04" {
        return Ok(None);
    }
    let directory = match directory(&mut file, length)? {
        Some(directory) => directory,
        None => {
            let start = content_offset(&mut file, 0)?;
            let length = length.saturating_sub(start);
            let path = path.to_owned();
            return Ok(Some(vec![Part {
                path,
                start,
                length,
            }]));
        }
    };
    let mut rest = &directory[..];
    let mut parts = Vec::new();
    while rest.starts_with(b"PK\x01\x02") {
        let entry = ZipEntry::read(rest).ok_or_else(damaged)?;
        rest = &rest[entry.size..];
        let name = entry.name.to_ascii_lowercase();
        let is_warc = name.ends_with(b".warc") || name.ends_with(b".warc.gz");
        if !name.starts_with(b"archive/") || !is_warc {
            continue;
        }
        if entry.is_compressed {
            return Err(io::Error::other(
                "a WARC file that is compressed inside its package",
            ));
        }
        parts.push(Part {
            path: path.to_owned(),
            start: content_offset(&mut file, entry.offset)?,
            length: entry.length,
        });
    }
    Ok(Some(parts))
}

/// An entry of a ZIP directory (4.3.12).
struct ZipEntry<'d> {
    name: &'d [u8],
    offset: u64,
    length: u64,
    is_compressed: bool,
    /// The length of the directory entry itself.
    size: usize,
}

impl<'d> ZipEntry<'d> {
    fn read(bytes: &'d [u8]) -> Option<Self> {
        let lengths = [28, 30, 32].map(|at| u16_at(bytes, at).map(usize::from));
        let [Some(name), Some(extra), Some(comment)] = lengths else {
            return None;
        };
        let mut length = u64::from(u32_at(bytes, 24)?);
        let mut offset = u64::from(u32_at(bytes, 42)?);
        let packed = u32_at(bytes, 20)?;
        let mut extras = bytes.get(46 + name..46 + name + extra)?;
        while let (Some(kind), Some(size)) = (u16_at(extras, 0), u16_at(extras, 2)) {
            let field = extras.get(4..4 + usize::from(size))?;
            if kind == 1 {
                // It only contains the values that do not fit above, in this order.
                let mut numbers = field
                    .chunks_exact(8)
                    .filter_map(|number| number.try_into().ok());
                let mut next = || numbers.next().map(u64::from_le_bytes);
                if length == u64::from(u32::MAX) {
                    length = next()?;
                }
                if packed == u32::MAX {
                    next()?;
                }
                if offset == u64::from(u32::MAX) {
                    offset = next()?;
                }
            }
            extras = &extras[4 + usize::from(size)..];
        }
        Some(Self {
            name: bytes.get(46..46 + name)?,
            offset,
            length,
            is_compressed: u16_at(bytes, 10)? != 0,
            size: 46 + name + extra + comment,
        })
        .filter(|entry| entry.size <= bytes.len())
    }
}

/// The directory of a ZIP file; `None` if it has none.
fn directory(file: &mut File, length: u64) -> io::Result<Option<Vec<u8>>> {
    let from = length.saturating_sub(TAIL);
    let tail = read_at(file, from, length - from)?;
    let Some(end) = memchr::memmem::rfind(&tail, b"PK\x05\x06") else {
        return Ok(None);
    };
    let (mut size, mut offset) = match (u32_at(&tail, end + 12), u32_at(&tail, end + 16)) {
        (Some(size), Some(offset)) => (u64::from(size), u64::from(offset)),
        _ => return Ok(None),
    };
    if offset == u64::from(u32::MAX) || size == u64::from(u32::MAX) {
        let Some(wide) = memchr::memmem::rfind(&tail[..end], b"PK\x06\x06") else {
            return Ok(None);
        };
        let number = |at: usize| {
            let bytes = tail.get(wide + at..wide + at + 8)?;
            Some(u64::from_le_bytes(bytes.try_into().ok()?))
        };
        (size, offset) = number(40).zip(number(48)).ok_or_else(damaged)?;
    }
    if size > DIRECTORY || offset.checked_add(size).is_none_or(|end| end > length) {
        return Err(damaged());
    }
    read_at(file, offset, size).map(Some)
}

/// The offset of an entry's content, given that of its header (4.3.7).
fn content_offset(file: &mut File, offset: u64) -> io::Result<u64> {
    let header = read_at(file, offset, 30)?;
    let lengths = u16_at(&header, 26).zip(u16_at(&header, 28));
    let (name, extra) = lengths
        .filter(|_| header.starts_with(b"PK\x03\x04"))
        .ok_or_else(damaged)?;
    Ok(offset + 30 + u64::from(name) + u64::from(extra))
}

fn read_at(file: &mut File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn damaged() -> io::Error {
    io::Error::other("the directory of the package is damaged")
}
