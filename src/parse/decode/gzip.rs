//! The gzip decoder: the framing around deflate (RFC 1952), for any number of members.
//!
//! The framing is read here and not by the deflate library, so that one inflater serves every member and every coding,
//! and so that garbage after a complete member can be distinguished from another member. Garbage after a complete
//! stream is common on the web (padding, a stray newline); it is counted and is not an error. Invariant: no part of a
//! header is stored, so names and comments of any length cost no memory.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::step::{Fault, Step};

const SIGNATURE: [u8; 3] = [0x1f, 0x8b, 8];
const FIXED_HEADER: u8 = 10;

const HAS_HEADER_CHECKSUM: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// A gzip stream being decoded.
pub(super) struct Gzip {
    inflate: Decompress,
    checksum: Crc,
    state: GzipState,
    /// The flags of this member's header whose parts are still to be read.
    flags: u8,
    members: u32,
    trailing: u64,
}

/// Where in a member the next byte belongs.
#[derive(Clone, Copy)]
enum GzipState {
    Fixed { have: u8 },
    ExtraLength { have: u8, length: u16 },
    Skip { left: u16 },
    Text,
    Body,
    Tail { have: u8, bytes: [u8; 8] },
    Garbage,
}

impl Gzip {
    pub(super) fn new(mut inflate: Decompress) -> Self {
        inflate.reset(false);
        Self {
            inflate,
            checksum: Crc::new(),
            state: GzipState::Fixed { have: 0 },
            flags: 0,
            members: 0,
            trailing: 0,
        }
    }

    pub(super) fn into_inflate(self) -> Decompress {
        self.inflate
    }

    /// Whether the stream may end here.
    pub(super) fn is_complete(&self) -> bool {
        match self.state {
            GzipState::Garbage => true,
            // The start of an incomplete signature is garbage too.
            GzipState::Fixed { have } => self.members > 0 && usize::from(have) < SIGNATURE.len(),
            _ => false,
        }
    }

    /// The number of bytes after the last member that do not start another one.
    pub(super) fn trailing(&self) -> u64 {
        match self.state {
            GzipState::Fixed { have } if self.is_complete() => self.trailing + u64::from(have),
            _ => self.trailing,
        }
    }

    pub(super) fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        limit: u32,
    ) -> Result<Step, Fault> {
        let mut read = 0;
        while let Some(&byte) = input.get(read) {
            match self.state {
                GzipState::Body => {
                    let step = self.inflate_body(&input[read..], output)?;
                    read += step.read;
                    if step.wrote > 0 || matches!(self.state, GzipState::Body) {
                        return Ok(Step {
                            read,
                            wrote: step.wrote,
                        });
                    }
                }
                GzipState::Garbage => {
                    self.trailing += (input.len() - read) as u64;
                    read = input.len();
                }
                _ => {
                    self.read_frame_byte(byte, limit)?;
                    read += 1;
                }
            }
        }
        if input.is_empty() && matches!(self.state, GzipState::Body) {
            return self.inflate_body(input, output);
        }
        Ok(Step { read, wrote: 0 })
    }

    fn inflate_body(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let (read, wrote) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, output, FlushDecompress::None)
            .map_err(Fault::corrupt)?;
        let read = (self.inflate.total_in() - read) as usize;
        let wrote = (self.inflate.total_out() - wrote) as usize;
        self.checksum.update(&output[..wrote]);
        if status == Status::StreamEnd {
            self.state = GzipState::Tail {
                have: 0,
                bytes: [0; 8],
            };
        }
        Ok(Step { read, wrote })
    }

    /// Reads one byte of a header or trailer.
    fn read_frame_byte(&mut self, byte: u8, limit: u32) -> Result<(), Fault> {
        self.state = match self.state {
            GzipState::Fixed { have } => self.read_fixed(have, byte, limit)?,
            GzipState::ExtraLength { have: 0, .. } => GzipState::ExtraLength {
                have: 1,
                length: u16::from(byte),
            },
            GzipState::ExtraLength { length, .. } => match length | u16::from(byte) << 8 {
                0 => self.next_part(),
                left => GzipState::Skip { left },
            },
            GzipState::Skip { left: 1 } => self.next_part(),
            GzipState::Skip { left } => GzipState::Skip { left: left - 1 },
            GzipState::Text if byte == 0 => self.next_part(),
            GzipState::Tail { have: 7, mut bytes } => {
                bytes[7] = byte;
                self.end_member(bytes)?
            }
            GzipState::Tail { have, mut bytes } => {
                bytes[usize::from(have)] = byte;
                GzipState::Tail {
                    have: have + 1,
                    bytes,
                }
            }
            state @ (GzipState::Text | GzipState::Body | GzipState::Garbage) => state,
        };
        Ok(())
    }

    fn read_fixed(&mut self, have: u8, byte: u8, limit: u32) -> Result<GzipState, Fault> {
        if let Some(&expected) = SIGNATURE.get(usize::from(have)) {
            if byte != expected {
                if self.members == 0 {
                    return Err(Fault::corrupt("does not start with a gzip header"));
                }
                self.trailing += u64::from(have) + 1;
                return Ok(GzipState::Garbage);
            }
        } else if usize::from(have) == SIGNATURE.len() {
            if byte & RESERVED != 0 {
                return Err(Fault::corrupt("reserved flags are set in a gzip header"));
            }
            if self.members == limit {
                return Err(Fault::Members);
            }
            self.members += 1;
            self.flags = byte;
        }
        Ok(if have + 1 == FIXED_HEADER {
            self.next_part()
        } else {
            GzipState::Fixed { have: have + 1 }
        })
    }

    /// Moves on to the next part that the header's flags announce, or to the body.
    ///
    /// In the order of RFC 1952 2.3.
    fn next_part(&mut self) -> GzipState {
        let mut take = |flag: u8| {
            let has = self.flags & flag != 0;
            self.flags &= !flag;
            has
        };
        if take(HAS_EXTRA) {
            GzipState::ExtraLength { have: 0, length: 0 }
        } else if take(HAS_NAME) || take(HAS_COMMENT) {
            GzipState::Text
        } else if take(HAS_HEADER_CHECKSUM) {
            // Not checked: it protects fields that nobody reads, and the body has its own checksum.
            GzipState::Skip { left: 2 }
        } else {
            GzipState::Body
        }
    }

    fn end_member(
        &mut self,
        [c0, c1, c2, c3, s0, s1, s2, s3]: [u8; 8],
    ) -> Result<GzipState, Fault> {
        if u32::from_le_bytes([c0, c1, c2, c3]) != self.checksum.sum() {
            return Err(Fault::corrupt("checksum does not match"));
        }
        // ISIZE is the length modulo 2^32 (RFC 1952 2.3.1). It is only compared at the end, never trusted before.
        if u32::from_le_bytes([s0, s1, s2, s3]) != self.checksum.amount() {
            return Err(Fault::corrupt("length does not match"));
        }
        self.inflate.reset(false);
        self.checksum.reset();
        Ok(GzipState::Fixed { have: 0 })
    }
}
