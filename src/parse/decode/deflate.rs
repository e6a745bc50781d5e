//! The `deflate` decoder: zlib (RFC 1950), as RFC 9110 8.4.1.2 defines it, or bare deflate (RFC 1951).
//!
//! Some servers send bare deflate instead. The first two bytes tell which one it is: a zlib header is a multiple of 31
//! and has method 8. A bare stream can only look like that if it starts with a stored block with odd padding, which no
//! encoder writes.

use flate2::{Decompress, FlushDecompress, Status};

use super::step::{Fault, Step};

/// A deflate stream being decoded.
pub(super) struct Deflate {
    inflate: Decompress,
    state: DeflateState,
    trailing: u64,
}

/// Where in the stream the next byte belongs.
#[derive(Clone, Copy)]
enum DeflateState {
    Start,
    /// After the first byte, which arrived alone.
    Second(u8),
    Body,
    Garbage,
}

impl Deflate {
    pub(super) fn new(inflate: Decompress) -> Self {
        Self {
            inflate,
            state: DeflateState::Start,
            trailing: 0,
        }
    }

    pub(super) fn into_inflate(self) -> Decompress {
        self.inflate
    }

    /// Whether the stream may end here.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.state, DeflateState::Garbage)
    }

    /// The number of bytes after the end of the stream.
    pub(super) fn trailing(&self) -> u64 {
        self.trailing
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        match (self.state, input) {
            (DeflateState::Start, &[first, second, ..]) => {
                self.read_header([first, second]);
                self.inflate(input, output)
            }
            (DeflateState::Start, &[first]) => {
                self.state = DeflateState::Second(first);
                Ok(Step { read: 1, wrote: 0 })
            }
            (DeflateState::Second(first), &[second, ..]) => {
                self.read_header([first, second]);
                // One byte of a header or of a block can neither produce output nor end the stream.
                self.inflate(&[first], output)?;
                self.inflate(input, output)
            }
            (DeflateState::Body, _) => self.inflate(input, output),
            (DeflateState::Garbage, _) => {
                self.trailing += input.len() as u64;
                Ok(Step {
                    read: input.len(),
                    wrote: 0,
                })
            }
            (DeflateState::Start | DeflateState::Second(_), &[]) => Ok(Step { read: 0, wrote: 0 }),
        }
    }

    fn read_header(&mut self, header: [u8; 2]) {
        let method_is_deflate = header[0] & 0x0f == 8 && header[0] >> 4 <= 7;
        let zlib = method_is_deflate && u16::from_be_bytes(header).is_multiple_of(31);
        self.inflate.reset(zlib);
        self.state = DeflateState::Body;
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let (read, wrote) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, output, FlushDecompress::None)
            .map_err(Fault::corrupt)?;
        if status == Status::StreamEnd {
            self.state = DeflateState::Garbage;
        }
        Ok(Step {
            read: (self.inflate.total_in() - read) as usize,
            wrote: (self.inflate.total_out() - wrote) as usize,
        })
    }
}
