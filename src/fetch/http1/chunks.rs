//! The chunked transfer coding (RFC 9112 7.1), parsed strictly.
//!
//! A line that ends in only LF is rejected: response smuggling relies on line ends that one parser accepts and another
//! does not. Invariant: extensions and trailers are skipped, and both are limited.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::page::failure::FetchError;

/// The most bytes of extensions in a body, and likewise of trailers.
const MOST_EXTRA: u32 = 16 << 10;

/// The state of reading a chunked body.
#[derive(Debug, Default)]
pub(in crate::fetch) struct Chunks {
    state: State,
    /// The number of bytes of the chunk still to be read.
    left: u64,
    extensions: u32,
    trailers: u32,
}

/// The part of the coding that comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
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
        self.state == State::Over
    }

    /// Takes the data out of the bytes that arrived; what is left of them comes after the end of the body.
    ///
    /// # Errors
    /// `Protocol`, if it is not a chunked body.
    pub(super) fn take(&mut self, input: &mut Bytes) -> Result<Bytes, FetchError> {
        let mut used = 0;
        // A single chunk, or a part of one, is not copied; several small chunks are joined.
        let mut first: Option<Range<usize>> = None;
        let mut all = BytesMut::new();
        while used < input.len() && !self.is_over() {
            if self.state != State::Data {
                self.step(input[used])?;
                used += 1;
                continue;
            }
            let most = usize::try_from(self.left).unwrap_or(usize::MAX);
            let data = used..used + most.min(input.len() - used);
            used = data.end;
            self.left -= data.len() as u64;
            if self.left == 0 {
                self.state = State::DataEnd;
            }
            match &first {
                None => first = Some(data),
                Some(before) if all.is_empty() => {
                    all.reserve(input.len());
                    all.extend_from_slice(&input[before.clone()]);
                    all.extend_from_slice(&input[data]);
                }
                Some(_) => all.extend_from_slice(&input[data]),
            }
        }
        let input = input.split_to(used);
        Ok(match first {
            Some(only) if all.is_empty() => input.slice(only),
            _ => all.freeze(),
        })
    }

    /// Reads one byte of the framing around the data.
    fn step(&mut self, byte: u8) -> Result<(), FetchError> {
        self.state = match (self.state, byte) {
            (State::Start | State::Size, digit) if digit.is_ascii_hexdigit() => {
                let digit = char::from(digit).to_digit(16).unwrap_or_default();
                self.left = self
                    .left
                    .checked_mul(16)
                    .and_then(|left| left.checked_add(digit.into()))
                    .ok_or_else(|| wrong("a chunk is too large"))?;
                State::Size
            }
            (State::Size | State::Space, b' ' | b'\t') => State::Space,
            (State::Size | State::Space, b';') => State::Extension,
            (State::Size | State::Space | State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, b'\n') => {
                return Err(wrong("the line of a chunk's size ends in LF"));
            }
            (State::Extension, _) => {
                self.extensions += 1;
                bounded(self.extensions, "the extensions of its chunks are too long")?;
                State::Extension
            }
            (State::SizeEnd, b'\n') if self.left == 0 => State::Last,
            (State::SizeEnd, b'\n') => State::Data,
            (State::DataEnd, b'\r') => State::DataEndLf,
            (State::DataEndLf, b'\n') => State::Start,
            (State::Last, b'\r') => State::LastLf,
            (State::LastLf, b'\n') => State::Over,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerLf, b'\n') => State::Last,
            (State::Last | State::Trailer, _) => {
                self.trailers += 1;
                bounded(self.trailers, "its trailers are too long")?;
                State::Trailer
            }
            (State::Start | State::Size | State::Space, _) => {
                return Err(wrong("invalid chunk size"));
            }
            _ => return Err(wrong("invalid end of a chunk")),
        };
        Ok(())
    }
}

fn bounded(count: u32, words: &str) -> Result<(), FetchError> {
    match count > MOST_EXTRA {
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
        let (mut chunks, mut data, mut left) = (Chunks::default(), Vec::new(), text.len());
        for piece in text.as_bytes().chunks(at_once) {
            let mut piece = Bytes::copy_from_slice(piece);
            let arrived = piece.len();
            data.extend_from_slice(&chunks.take(&mut piece)?);
            left -= arrived - piece.len();
            if chunks.is_over() {
                break;
            }
        }
        let data = String::from_utf8(data).unwrap();
        Ok((data, left, chunks.is_over()))
    }

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        let text = "3\r\nabc\r\n00A ;x=\"y\"\r\n0123456789\r\n1\r\nd\r\n0\r\nTrailer: 1\r\nX: 2\r\n\r\nnext";
        for at_once in [1, 2, 3, 5, 7, 1000] {
            let (data, left, over) = read(text, at_once).unwrap();
            assert_eq!((data.as_str(), left, over), ("abc0123456789d", 4, true));
        }
    }

    #[test]
    fn a_body_that_has_not_ended_is_not_over() {
        for part in ["", "3", "3\r\nab", "3\r\nabc\r\n", "0\r\n", "0\r\nX: 1\r\n"] {
            assert!(!read(part, 1000).unwrap().2, "{part:?}");
        }
    }

    #[test]
    fn invalid_chunks_are_refused() {
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
