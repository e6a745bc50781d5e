//! `deflate`: zlib, RFC 1950, as RFC 9110 8.4.1.2 defines it, and the bare deflate of RFC 1951 that some servers send instead.
//!
//! Which of the two it is, is read off the first two bytes: a zlib header is a multiple of 31 and names method 8.
//! A bare stream can only look like that by opening with a stored block of odd padding, which no encoder writes.

use flate2::{Decompress, FlushDecompress, Status};

use super::stage::{Fault, Step};

/// A deflate stream being undone.
pub(super) struct Deflate {
    inflate: Decompress,
    place: Place,
    trailing: u64,
}

#[derive(Clone, Copy)]
enum Place {
    Start,
    /// One byte came, alone.
    Second(u8),
    Body,
    Garbage,
}

impl Deflate {
    pub(super) fn new(inflate: Decompress) -> Self {
        Self {
            inflate,
            place: Place::Start,
            trailing: 0,
        }
    }

    pub(super) fn into_inflate(self) -> Decompress {
        self.inflate
    }

    /// Whether the stream may end here.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.place, Place::Garbage)
    }

    /// Bytes after the end of the stream.
    pub(super) fn trailing(&self) -> u64 {
        self.trailing
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        match (self.place, input) {
            (Place::Start, &[first, second, ..]) => {
                self.open([first, second]);
                self.body(input, output)
            }
            (Place::Start, &[first]) => {
                self.place = Place::Second(first);
                Ok(Step { read: 1, wrote: 0 })
            }
            (Place::Second(first), &[second, ..]) => {
                self.open([first, second]);
                // One byte of a header or of a block: it can neither give output nor end the stream.
                self.body(&[first], output)?;
                self.body(input, output)
            }
            (Place::Body, _) => self.body(input, output),
            (Place::Garbage, _) => {
                self.trailing += input.len() as u64;
                Ok(Step {
                    read: input.len(),
                    wrote: 0,
                })
            }
            (Place::Start | Place::Second(_), &[]) => Ok(Step { read: 0, wrote: 0 }),
        }
    }

    fn open(&mut self, header: [u8; 2]) {
        let method_is_deflate = header[0] & 0x0f == 8 && header[0] >> 4 <= 7;
        let zlib = method_is_deflate && u16::from_be_bytes(header).is_multiple_of(31);
        self.inflate.reset(zlib);
        self.place = Place::Body;
    }

    fn body(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let (read, wrote) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, output, FlushDecompress::None)
            .map_err(Fault::corrupt)?;
        if status == Status::StreamEnd {
            self.place = Place::Garbage;
        }
        Ok(Step {
            read: (self.inflate.total_in() - read) as usize,
            wrote: (self.inflate.total_out() - wrote) as usize,
        })
    }
}
