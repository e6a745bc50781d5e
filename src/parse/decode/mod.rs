//! Decodes content codings: gzip, deflate, brotli and zstd, stacked if a server says so.
//!
//! A body is hostile: it may be truncated, damaged, or a few bytes that decompress to terabytes. So no size that a
//! body claims is believed: output grows as it arrives, and is checked against [`DecodeLimits`] at every step.
//! Invariant: no decoded body is ever larger than `decoded`, and memory is never more than that plus a constant
//! (windows and one buffer; while the output grows, also its previous allocation).
//!
//! [`decode`] is for bodies in memory, which nearly all are; [`Decoder`] does the same over a reader, for spooled
//! bodies. Both use the same state machine (`stage`), which does no I/O of its own. Standards: RFC 9110 8.4, 1950,
//! 1951, 1952, 7932, 8878, 9659.

mod brotli;
mod coding;
mod codings;
mod deflate;
mod error;
mod gzip;
mod limits;
mod stage;
mod step;
mod stream;
#[cfg(test)]
mod tests;
mod zstd;

use std::cell::Cell;

use bytes::Bytes;

pub use coding::Coding;
pub use codings::{Codings, codings};
pub use error::DecodeError;
pub use limits::DecodeLimits;
pub use stream::Decoder;

use stage::{Chain, Spares};

/// Size of the output buffer; a page that fits into it is copied once, at its exact size.
const OUTPUT_AT_ONCE: usize = 64 << 10;

/// A decoded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The decoded bytes.
    pub bytes: Bytes,
    /// Bytes of garbage ignored after complete streams.
    pub trailing: u64,
    /// Whether the encoded bytes ended early; only [`decode_prefix`] allows that.
    pub cut: bool,
}

/// Decodes a whole body.
///
/// Without codings it returns the same `Bytes`, not a copy.
///
/// # Errors
/// Any [`DecodeError`] except `Read`: the body is truncated, damaged, or exceeds the limits.
///
/// ```
/// # use haul::parse::decode::{codings, decode, DecodeLimits};
/// let body = bytes::Bytes::from_static(b"as it is");
/// let decoded = decode(body, codings("identity")?, &DecodeLimits::default())?;
/// assert_eq!(decoded.bytes, "as it is");
/// # Ok::<(), haul::parse::decode::DecodeError>(())
/// ```
pub fn decode(
    body: Bytes,
    codings: Codings,
    limits: &DecodeLimits,
) -> Result<Decoded, DecodeError> {
    match decode_as_far(body, codings, limits)? {
        (decoded, None) => Ok(decoded),
        (_, Some(truncated)) => Err(truncated),
    }
}

/// Decodes a body that was cut on the wire by a limit, as far as possible.
///
/// If the encoded bytes end early, returns what they decoded to, with `cut` set.
///
/// # Errors
/// Like [`decode`], except `Truncated`.
pub fn decode_prefix(
    body: Bytes,
    codings: Codings,
    limits: &DecodeLimits,
) -> Result<Decoded, DecodeError> {
    decode_as_far(body, codings, limits).map(|(decoded, _)| decoded)
}

/// The decoded body and, if the encoded one ended early, the error for that.
fn decode_as_far(
    body: Bytes,
    codings: Codings,
    limits: &DecodeLimits,
) -> Result<(Decoded, Option<DecodeError>), DecodeError> {
    if codings.is_empty() || body.is_empty() {
        if body.len() as u64 > limits.decoded {
            return Err(DecodeError::TooLarge {
                limit: limits.decoded,
            });
        }
        return Ok((
            Decoded {
                bytes: body,
                trailing: 0,
                cut: false,
            },
            None,
        ));
    }
    let mut buffers = BUFFERS.take().unwrap_or_default();
    let mut chain = Chain::new(codings, *limits, &mut buffers.spares)?;
    // On an error, the working memory is dropped: a decoder that has seen hostile bytes is not worth reusing.
    let (bytes, truncated) = collect(&mut chain, &body, limits, &mut buffers.output)?;
    let decoded = Decoded {
        bytes,
        trailing: chain.trailing(),
        cut: truncated.is_some(),
    };
    chain.retire(&mut buffers.spares);
    BUFFERS.set(Some(buffers));
    Ok((decoded, truncated))
}

fn collect(
    chain: &mut Chain,
    mut body: &[u8],
    limits: &DecodeLimits,
    output: &mut [u8],
) -> Result<(Bytes, Option<DecodeError>), DecodeError> {
    let mut all = Vec::new();
    let mut filled = 0;
    let truncated = loop {
        if filled == output.len() {
            append(&mut all, output, limits);
            filled = 0;
        }
        match chain.pull(&mut body, &mut output[filled..]) {
            Ok(0) => break None,
            Ok(written) => filled += written,
            Err(error @ DecodeError::Truncated { .. }) => break Some(error),
            Err(error) => return Err(error),
        }
    };
    let bytes = if all.is_empty() {
        Bytes::copy_from_slice(&output[..filled])
    } else {
        append(&mut all, &output[..filled], limits);
        all.shrink_to_fit();
        Bytes::from(all)
    };
    Ok((bytes, truncated))
}

/// Appends, doubling the allocation as needed, but never beyond the limit.
fn append(all: &mut Vec<u8>, more: &[u8], limits: &DecodeLimits) {
    let needed = all.len() + more.len();
    if needed > all.capacity() {
        let limit = usize::try_from(limits.decoded).unwrap_or(usize::MAX);
        let capacity = all
            .capacity()
            .saturating_mul(2)
            .max(2 * OUTPUT_AT_ONCE)
            .min(limit)
            .max(needed);
        all.reserve_exact(capacity - all.len());
    }
    all.extend_from_slice(more);
}

/// The working memory that a thread keeps between bodies.
///
/// A small page then needs no zeroing and no new window.
struct DecodeBuffers {
    output: Box<[u8]>,
    spares: Spares,
}

impl Default for DecodeBuffers {
    fn default() -> Self {
        Self {
            output: vec![0; OUTPUT_AT_ONCE].into(),
            spares: Spares::default(),
        }
    }
}

thread_local! {
    static BUFFERS: Cell<Option<DecodeBuffers>> = const { Cell::new(None) };
}
