//! The brotli decoder (RFC 7932).
//!
//! The large-window extension is not part of the RFC and would let sixteen bytes request a gigabyte. It is off, so the
//! window is at most 16 MiB, whatever the stream says.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::step::{Fault, Step};

/// The most input bytes per call: the decoder counts them in 32 bits.
const INPUT_A_CALL: usize = 1 << 30;

/// A brotli stream being decoded.
pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    ended: bool,
    trailing: u64,
}

impl Brotli {
    pub(super) fn new() -> Self {
        let [u8s, u32s, codes] = [StandardAlloc::default(); 3];
        Self {
            state: Box::new(BrotliState::new_strict(u8s, u32s, codes)),
            ended: false,
            trailing: 0,
        }
    }

    /// Whether the stream may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.ended
    }

    /// The number of bytes after the end of the stream.
    pub(super) fn trailing(&self) -> u64 {
        self.trailing
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if self.ended {
            self.trailing += input.len() as u64;
            return Ok(Step {
                read: input.len(),
                wrote: 0,
            });
        }
        let (mut left, mut read) = (input.len().min(INPUT_A_CALL), 0);
        let (mut room, mut wrote) = (output.len(), 0);
        let mut total = 0;
        match BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut room,
            &mut wrote,
            output,
            &mut total,
            &mut self.state,
        ) {
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => {
                let code = format!("{:?}", self.state.error_code);
                let code = code.strip_prefix("BROTLI_DECODER_ERROR_").unwrap_or(&code);
                return Err(Fault::corrupt(code.to_ascii_lowercase().replace('_', " ")));
            }
        }
        Ok(Step { read, wrote })
    }
}
