//! Inputs: files and pipes of text, decompressed, as UTF-8, and split into lines or the records of a table; and tables
//! with types.
//!
//! The first bytes decide how an input is read; nothing is loaded as a whole. Edge: what the lines mean is the
//! caller's business.

#[cfg(feature = "parquet")]
pub(crate) mod arrow;
pub(crate) mod encoding;
mod foreign;
pub(crate) mod framing;
pub(crate) mod lines;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};
use encoding::Peeked;
use foreign::Refusal;
use lines::Lines;

/// The number of bytes read at a time.
const BUFFER: usize = 256 << 10;
/// The largest window of a zstd list, as a power of two: `zstd --long` goes to 27.
const ZSTD_WINDOW: u32 = 27;
/// The longest line of text or of a table: no URL is that long.
///
/// The rest of a longer line is skipped.
pub(crate) const LONGEST: usize = 1 << 20;

/// The lines of an input.
pub(crate) type Input = Lines<Box<dyn Read>>;

/// What an input is, by its first bytes.
pub(crate) enum Kind {
    /// Text, or something else that is not read as a table.
    Text(Box<dyn Read>),
    /// A file or a stream of Arrow.
    Arrow(Box<dyn Read>),
    /// A file of Parquet, which can only be read at random.
    Parquet,
}

/// Looks at the first bytes of an input.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn kind(raw: Box<dyn Read>) -> io::Result<Kind> {
    let raw = Peeked::new(raw)?;
    Ok(match raw.head() {
        head if foreign::is_arrow(head) => Kind::Arrow(Box::new(raw)),
        head if head.starts_with(b"PAR1") => Kind::Parquet,
        _ => Kind::Text(Box::new(raw)),
    })
}

/// The lines of an input, decompressed and as UTF-8.
pub(crate) fn open_lines(name: &str, raw: Box<dyn Read>) -> Result<Input> {
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
    let plain = decompress(raw).map_err(unreadable)?;
    let text = encoding::utf8(plain).map_err(refused)?;
    Ok(Lines::new(text, LONGEST))
}

fn decompress(raw: Box<dyn Read>) -> io::Result<Peeked> {
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

pub(crate) fn unreadable(name: &str, source: io::Error) -> Error {
    Error::Input {
        name: name.to_owned(),
        source,
    }
}
