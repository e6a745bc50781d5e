//! The zstd decoder (RFC 8878): a sequence of frames, skippable ones included.
//!
//! As a content coding, the window is at most 8 MiB (RFC 9659); a frame that asks for more is refused before
//! allocation. Bytes after a complete frame that do not start another one are counted, as for gzip; they are not an
//! error.

use std::io;

use ::zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::step::{Fault, Step};

/// Base-2 logarithm of the largest window (RFC 9659 2).
const WINDOW_LOG_MAX: u32 = 23;

/// Magic number of a frame (RFC 8878 3.1.1).
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Magic number of a skippable frame (RFC 8878 3.1.2), with any low nibble.
const SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// A zstd stream being decoded.
pub(super) struct Zstd {
    decoder: Decoder<'static>,
    state: ZstdState,
    frames: u32,
    trailing: u64,
}

/// Where in the stream the next byte belongs.
#[derive(Clone, Copy)]
enum ZstdState {
    /// Before a frame, with `have` bytes of a possible magic number.
    Magic {
        have: usize,
        bytes: [u8; 4],
    },
    Frame,
    Garbage,
}

impl Zstd {
    /// A new decoder with the window limit of RFC 9659.
    pub(super) fn decoder() -> io::Result<Decoder<'static>> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(decoder)
    }

    pub(super) fn new(mut decoder: Decoder<'static>) -> io::Result<Self> {
        decoder.reinit()?;
        Ok(Self {
            decoder,
            state: ZstdState::Magic {
                have: 0,
                bytes: [0; 4],
            },
            frames: 0,
            trailing: 0,
        })
    }

    pub(super) fn into_decoder(self) -> Decoder<'static> {
        self.decoder
    }

    /// Whether the stream may end here.
    pub(super) fn is_complete(&self) -> bool {
        match self.state {
            ZstdState::Garbage => true,
            ZstdState::Magic { .. } => self.frames > 0,
            ZstdState::Frame => false,
        }
    }

    /// The number of bytes after the last frame that do not start another one.
    pub(super) fn trailing(&self) -> u64 {
        match self.state {
            ZstdState::Magic { have, .. } if self.is_complete() => self.trailing + have as u64,
            _ => self.trailing,
        }
    }

    pub(super) fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        limit: u32,
    ) -> Result<Step, Fault> {
        match self.state {
            // With the complete magic number in `input`, the decoder may decode a small frame in one go.
            ZstdState::Magic { have: 0, .. } if input.len() >= 4 => {
                self.start_frame([input[0], input[1], input[2], input[3]], limit)?;
                match self.state {
                    ZstdState::Frame => self.decode_frame(input, output),
                    _ => Ok(Step {
                        read: self.discard(input),
                        wrote: 0,
                    }),
                }
            }
            ZstdState::Magic {
                mut have,
                mut bytes,
            } => {
                let read = input.len().min(4 - have);
                bytes[have..have + read].copy_from_slice(&input[..read]);
                have += read;
                self.state = ZstdState::Magic { have, bytes };
                if have == 4 {
                    self.start_frame(bytes, limit)?;
                    match self.state {
                        // Four bytes of a header can neither produce output nor end a frame.
                        ZstdState::Frame => drop(self.decode_frame(&bytes, output)?),
                        _ => self.trailing += 4,
                    }
                }
                Ok(Step { read, wrote: 0 })
            }
            ZstdState::Frame => self.decode_frame(input, output),
            ZstdState::Garbage => Ok(Step {
                read: self.discard(input),
                wrote: 0,
            }),
        }
    }

    fn discard(&mut self, input: &[u8]) -> usize {
        self.trailing += input.len() as u64;
        input.len()
    }

    fn start_frame(&mut self, magic: [u8; 4], limit: u32) -> Result<(), Fault> {
        let skippable = [magic[0] & 0xf0, magic[1], magic[2], magic[3]] == SKIPPABLE;
        self.state = if skippable || magic == FRAME {
            if self.frames == limit {
                return Err(Fault::Members);
            }
            self.frames += 1;
            ZstdState::Frame
        } else if self.frames > 0 {
            ZstdState::Garbage
        } else {
            return Err(Fault::corrupt("does not start with a zstd frame"));
        };
        Ok(())
    }

    fn decode_frame(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(output);
        let hint = self
            .decoder
            .run(&mut source, &mut target)
            .map_err(Fault::corrupt)?;
        if hint == 0 {
            self.state = ZstdState::Magic {
                have: 0,
                bytes: [0; 4],
            };
        }
        Ok(Step {
            read: source.pos(),
            wrote: target.pos(),
        })
    }
}
