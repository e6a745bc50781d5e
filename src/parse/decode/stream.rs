//! The streaming decoder, for bodies that are not in memory.

use std::io::{self, BufReader, Read};

use super::stage::{Chain, Spares};
use super::{Codings, DecodeError, DecodeLimits};

/// Encoded bytes read at a time.
const READ_AT_ONCE: usize = 32 << 10;

/// A reader of the decoded body over a reader of the encoded one.
///
/// Memory is constant: the decoders' windows (32 KiB for gzip, at most 8 MiB for zstd and 16 MiB for brotli) and two
/// small buffers. Everything decoded before an error has been returned by then.
///
/// Errors are [`io::Error`]s with the [`DecodeError`] inside (`get_ref`, `downcast`); those of the underlying reader
/// pass through unchanged. After an error of its own, the reader keeps failing.
pub struct Decoder<R> {
    source: BufReader<R>,
    chain: Chain,
    failed: bool,
}

impl<R: Read> Decoder<R> {
    /// Reads `source` and decodes `codings`.
    ///
    /// # Errors
    /// [`DecodeError::TooManyCodings`] if the limits allow fewer; [`DecodeError::Read`] if there is no memory for a
    /// decoder.
    pub fn new(source: R, codings: Codings, limits: DecodeLimits) -> Result<Self, DecodeError> {
        let chain = Chain::new(codings, limits, &mut Spares::default())?;
        Ok(Self {
            source: BufReader::with_capacity(READ_AT_ONCE, source),
            chain,
            failed: false,
        })
    }

    /// The number of bytes ignored after complete streams; final once `read` has returned 0.
    #[must_use]
    pub fn trailing(&self) -> u64 {
        self.chain.trailing()
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if output.is_empty() {
            return Ok(0);
        }
        if self.failed {
            return Err(io::Error::other("the body could not be decoded"));
        }
        self.chain.pull(&mut self.source, output).map_err(|error| {
            self.failed = !matches!(error, DecodeError::Read(_));
            error.into()
        })
    }
}
