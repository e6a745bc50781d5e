//! Compression of records with gzip or zstd, selected by the suffix of their file.
//!
//! Everything between two marks is one or more members (RFC 1952 2.2) or frames (RFC 8878 3.1), so that a file can be
//! cut back to a mark and appended to; every reader reads several of them as one stream. Invariant: at a mark no
//! member is open. Only complete members are returned: a run that is killed without a job leaves a file that every
//! reader accepts, and loses what came in its last two seconds.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::stream::write::Encoder;

/// The compression level of zstd: its own default.
const LEVEL: i32 = 3;

/// A compression format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
}

/// How long a member may stay open: this much is lost if a run without a job is killed.
const MEMBER_AGE: Duration = Duration::from_secs(2);
/// Compressed bytes after which a member ends in any case: they stay in memory until then.
const MEMBER_SIZE: usize = 1 << 20;

/// A compressor that writes members.
pub(super) struct Packer {
    packing: Packing,
    member: Option<Member>,
    /// When the open member was started.
    started: Instant,
    /// The compressed bytes of the open member.
    packed: Vec<u8>,
}

enum Member {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(Encoder<'static, Vec<u8>>),
}

impl Packing {
    /// Returns the compression that the suffix of a file selects.
    pub(super) fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Decompresses one member and passes its bytes to `take`, leaving the reader after it.
    ///
    /// # Errors
    /// When it is damaged; `UnexpectedEof` if it has no end. Everything before the damage was passed to `take`.
    pub(super) fn unpack(
        self,
        reader: &mut impl BufRead,
        take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::Gzip => each_chunk(flate2::bufread::GzDecoder::new(reader), take),
            Self::Zstd => each_chunk(zstd::Decoder::with_buffer(reader)?.single_frame(), take),
        }
    }

    /// Returns a reader that decompresses a whole file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn reader(self, path: &Path) -> io::Result<Box<dyn Read>> {
        let file = std::fs::File::open(path)?;
        Ok(match self {
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(file)),
            Self::Zstd => Box::new(zstd::Decoder::new(file)?),
        })
    }
}

fn each_chunk(
    mut reader: impl Read,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(()),
            count => take(&buffer[..count])?,
        }
    }
}

impl Packer {
    pub(super) fn new(packing: Packing) -> Self {
        Self {
            packing,
            member: None,
            started: Instant::now(),
            packed: Vec::new(),
        }
    }

    /// Whether the open member is old enough to end.
    pub(super) fn is_due(&self) -> bool {
        self.member.is_some() && self.started.elapsed() >= MEMBER_AGE
    }

    /// Compresses bytes, and returns the members that are complete by now.
    ///
    /// # Errors
    /// When the compressor fails.
    pub(super) fn pack(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let member = match &mut self.member {
            Some(member) => member,
            None if bytes.is_empty() => return Ok(Vec::new()),
            none => {
                self.started = Instant::now();
                none.insert(Member::begin(self.packing)?)
            }
        };
        let packed = match member {
            Member::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                encoder.get_mut()
            }
            Member::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                encoder.get_mut()
            }
        };
        self.packed.append(packed);
        match self.packed.len() >= MEMBER_SIZE || self.is_due() {
            true => self.end(),
            false => Ok(Vec::new()),
        }
    }

    /// Ends the open member, and returns all of its bytes.
    ///
    /// # Errors
    /// As [`pack`](Self::pack).
    pub(super) fn end(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = match self.member.take() {
            None => return Ok(Vec::new()),
            Some(Member::Gzip(encoder)) => encoder.finish()?,
            Some(Member::Zstd(encoder)) => encoder.finish()?,
        };
        let mut whole = std::mem::take(&mut self.packed);
        whole.append(&mut rest);
        Ok(whole)
    }
}

impl Member {
    fn begin(packing: Packing) -> io::Result<Self> {
        Ok(match packing {
            Packing::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::default())),
            Packing::Zstd => {
                let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    #[test]
    fn members_are_read_as_one_stream() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            let mut packer = Packer::new(packing);
            let mut file = packer.end().unwrap();
            assert!(file.is_empty(), "no member without content");
            for text in ["one\n", "two\n", "three\n"] {
                file.extend(packer.pack(text.as_bytes()).unwrap());
                file.extend(packer.pack(b"and\n").unwrap());
                file.extend(packer.end().unwrap());
            }
            let mut text = String::new();
            match packing {
                Packing::Gzip => MultiGzDecoder::new(&file[..]).read_to_string(&mut text),
                Packing::Zstd => zstd::Decoder::new(&file[..])
                    .unwrap()
                    .read_to_string(&mut text),
            }
            .unwrap();
            assert_eq!(text, "one\nand\ntwo\nand\nthree\nand\n");
        }
    }
}
