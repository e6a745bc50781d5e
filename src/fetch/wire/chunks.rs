//! The chunked transfer coding (RFC 9112 7.1), parsed as strictly as by the other client.
//!
//! A line that ends in only LF is rejected: response smuggling relies on line ends that one parser accepts and another
//! does not. Invariant: extensions and trailers are skipped, and both are limited.

use bytes::{Bytes, BytesMut};

use crate::failure::FetchError;

/// The most bytes of extensions in a body, and likewise of trailers.
const ASIDE: u32 = 16 << 10;

/// The state of reading a chunked body.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: At,
    /// The number of bytes of the chunk still to be read.
    left: u64,
    extensions: u32,
    trailers: u32,
}

/// The part of the coding that comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Start,
    Size,
    Space,
    Extension,
    SizeEnd,
    Data,
    DataEnd,
    DataEndLf,
    Last,
    LastLf,
    Trailer,
    TrailerLf,
    Over,
}

impl Chunks {
    /// Whether the last chunk was read, trailers included.
    pub(super) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// Reads bytes; returns how many of them were used, and the data in them.
    ///
    /// # Errors
    /// `Protocol`, if it is not a chunked body.
    pub(super) fn read(&mut self, came: &[u8]) -> Result<(usize, Bytes), FetchError> {
        let mut used = 0;
        // A single chunk, or a part of one, is copied once; several small chunks are joined.
        let mut first: Option<&[u8]> = None;
        let mut all = BytesMut::new();
        while used < came.len() && !self.is_over() {
            if self.at != At::Data {
                self.step(came[used])?;
                used += 1;
                continue;
            }
            let most = usize::try_from(self.left).unwrap_or(usize::MAX);
            let data = &came[used..][..most.min(came.len() - used)];
            used += data.len();
            self.left -= data.len() as u64;
            if self.left == 0 {
                self.at = At::DataEnd;
            }
            match first {
                None => first = Some(data),
                Some(before) if all.is_empty() => {
                    all.reserve(came.len());
                    all.extend_from_slice(before);
                    all.extend_from_slice(data);
                }
                Some(_) => all.extend_from_slice(data),
            }
        }
        let data = match first {
            Some(only) if all.is_empty() => Bytes::copy_from_slice(only),
            _ => all.freeze(),
        };
        Ok((used, data))
    }

    /// Reads one byte of the framing around the data.
    fn step(&mut self, byte: u8) -> Result<(), FetchError> {
        self.at = match (self.at, byte) {
            (At::Start | At::Size, digit) if digit.is_ascii_hexdigit() => {
                let digit = char::from(digit).to_digit(16).unwrap_or_default();
                self.left = self
                    .left
                    .checked_mul(16)
                    .and_then(|left| left.checked_add(digit.into()))
                    .ok_or_else(|| wrong("a chunk is too large"))?;
                At::Size
            }
            (At::Size | At::Space, b' ' | b'\t') => At::Space,
            (At::Size | At::Space, b';') => At::Extension,
            (At::Size | At::Space | At::Extension, b'\r') => At::SizeEnd,
            (At::Extension, b'\n') => return Err(wrong("the line of a chunk's size ends in LF")),
            (At::Extension, _) => {
                self.extensions += 1;
                bounded(self.extensions, "the extensions of its chunks are too long")?;
                At::Extension
            }
            (At::SizeEnd, b'\n') if self.left == 0 => At::Last,
            (At::SizeEnd, b'\n') => At::Data,
            (At::DataEnd, b'\r') => At::DataEndLf,
            (At::DataEndLf, b'\n') => At::Start,
            (At::Last, b'\r') => At::LastLf,
            (At::LastLf, b'\n') => At::Over,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerLf, b'\n') => At::Last,
            (At::Last | At::Trailer, _) => {
                self.trailers += 1;
                bounded(self.trailers, "its trailers are too long")?;
                At::Trailer
            }
            (At::Start | At::Size | At::Space, _) => return Err(wrong("invalid chunk size")),
            _ => return Err(wrong("invalid end of a chunk")),
        };
        Ok(())
    }
}

fn bounded(count: u32, words: &str) -> Result<(), FetchError> {
    match count > ASIDE {
        true => Err(wrong(words)),
        false => Ok(()),
    }
}

fn wrong(words: &str) -> FetchError {
    FetchError::Protocol(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads in pieces of `at_once` bytes.
    ///
    /// Returns the data, the number of bytes left over, and whether the body ended.
    fn read(text: &str, at_once: usize) -> Result<(String, usize, bool), FetchError> {
        let (mut chunks, mut data, mut read) = (Chunks::default(), Vec::new(), 0);
        while read < text.len() && !chunks.is_over() {
            let end = text.len().min(read + at_once);
            let (used, piece) = chunks.read(&text.as_bytes()[read..end])?;
            data.extend_from_slice(&piece);
            read += used;
        }
        let data = String::from_utf8(data).unwrap();
        Ok((data, text.len() - read, chunks.is_over()))
    }

    #[test]
    fn chunks_are_put_together_however_they_come() {
        let text = "3\r\nabc\r\n00A ;x=\"y\"\r\n0123456789\r\n1\r\nd\r\n0\r\nTrailer: 1\r\nX: 2\r\n\r\nnext";
        for at_once in [1, 2, 3, 5, 7, 1000] {
            let (data, left, over) = read(text, at_once).unwrap();
            assert_eq!((data.as_str(), left, over), ("abc0123456789d", 4, true));
        }
    }

    #[test]
    fn a_body_that_is_not_over_says_so() {
        for part in ["", "3", "3\r\nab", "3\r\nabc\r\n", "0\r\n", "0\r\nX: 1\r\n"] {
            assert!(!read(part, 1000).unwrap().2, "{part:?}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for wrong in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "3\nabc\n0\n\n",
            "3\r\nabcd",
            "3\r\nabc\n",
            "3;x\nabc",
            "0\r\nX\r\r",
            "FFFFFFFFFFFFFFFFF\r\n",
        ] {
            for at_once in [1, 1000] {
                assert!(read(wrong, at_once).is_err(), "{wrong:?}");
            }
        }
        let long = "x".repeat(20_000);
        assert!(read(&format!("3;{long}"), 1000).is_err());
        assert!(read(&format!("0\r\n{long}"), 1000).is_err());
    }
}
