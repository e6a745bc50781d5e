//! Undoing content codings: gzip, deflate, brotli and zstd, one over the other where a server says so.
//!
//! A body is hostile: it may be cut, damaged, or a few bytes that unfold into terabytes. So nothing that a body claims
//! about its own size is believed; output grows as it comes, and what comes is judged against [`DecodeLimits`] at every
//! step. Invariant: no decoded body is ever larger than `decoded`, and memory is never more than that plus a constant
//! (windows and one buffer; while the output grows, its smaller predecessor lives beside it).
//!
//! [`decode`] is for bodies in memory, nearly all of them; [`Decoder`] does the same over a reader, for spooled ones.
//! Both are one machine (`stage`), plain and without I/O of their own. Standards: RFC 9110 8.4, 1950, 1951, 1952, 7932,
//! 8878, 9659.

mod brotli;
mod coding;
mod deflate;
mod error;
mod gzip;
mod stage;
mod stream;
#[cfg(test)]
mod tests;
mod zstd;

use std::cell::Cell;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use coding::{Coding, Codings, codings};
pub use error::DecodeError;
pub use stream::Decoder;

use stage::{Chain, Spares};

/// Output decoded at a time; a page that fits is copied once, to its exact size.
const OUTPUT_AT_ONCE: usize = 64 << 10;

/// Bounds on one body's decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodeLimits {
    /// Most decoded bytes; every coding of a chain keeps to it. 32 MiB by default.
    pub decoded: u64,
    /// Most decoded bytes for each encoded byte, judged beyond 1 MiB decoded. 200 by default.
    pub ratio: u32,
    /// Most codings over each other; never more than four. 2 by default.
    pub codings: usize,
    /// Most gzip members or zstd frames in a body, skippable frames included. 1024 by default.
    pub members: u32,
}

impl DecodeLimits {
    /// The most bytes that a body of this length may decode to.
    pub(crate) fn most(&self, encoded: u64) -> u64 {
        let by_ratio = encoded.saturating_mul(u64::from(self.ratio));
        by_ratio.max(stage::RATIO_CHECKED_FROM).min(self.decoded)
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            decoded: 32 << 20,
            ratio: 200,
            codings: 2,
            members: 1024,
        }
    }
}

/// A decoded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The decoded bytes.
    pub bytes: Bytes,
    /// Bytes of garbage ignored after complete streams.
    pub trailing: u64,
    /// Whether the encoded bytes ended early: only [`decode_prefix`] lets that pass.
    pub cut: bool,
}

/// Decodes a whole body. Without codings it is the same `Bytes`, not copied.
///
/// # Errors
/// Any [`DecodeError`] but `Read`: the body is cut, damaged, or beyond the limits.
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

/// Decodes what there is of a body that a limit has cut on the wire: where the encoded bytes end early, the answer is
/// what they gave, with `cut` set.
///
/// # Errors
/// As [`decode`], without `Truncated`.
pub fn decode_prefix(
    body: Bytes,
    codings: Codings,
    limits: &DecodeLimits,
) -> Result<Decoded, DecodeError> {
    decode_as_far(body, codings, limits).map(|(decoded, _)| decoded)
}

/// The decoded body and, where the encoded one ended early, the error that says so.
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
    // On an error the bench goes with the body: a decoder that met hostile bytes is not worth the doubt.
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

/// Appends, doubling what is allocated, never beyond the limit.
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

/// What a thread keeps from body to body, so that a small page costs no zeroing and no window.
struct Buffers {
    output: Box<[u8]>,
    spares: Spares,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            output: vec![0; OUTPUT_AT_ONCE].into(),
            spares: Spares::default(),
        }
    }
}

thread_local! {
    static BUFFERS: Cell<Option<Buffers>> = const { Cell::new(None) };
}
