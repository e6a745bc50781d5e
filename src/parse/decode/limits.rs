//! Limits on decoding one body.

use serde::{Deserialize, Serialize};

use super::error::DecodeError;

/// Decoded bytes below which the ratio is not checked: small pages that repeat one line are legitimate.
const RATIO_CHECKED_FROM: u64 = 1 << 20;

/// Limits on decoding one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodeLimits {
    /// The most decoded bytes, for each coding of a chain. 32 MiB by default.
    pub decoded: u64,
    /// The most decoded bytes per encoded byte, checked above 1 MiB decoded. 200 by default.
    pub ratio: u32,
    /// The most stacked codings; never more than four. 2 by default.
    pub codings: usize,
    /// The most gzip members or zstd frames in a body, skippable frames included. 1024 by default.
    pub members: u32,
}

impl DecodeLimits {
    /// The most bytes that a body of this encoded length may decode to.
    pub(crate) fn max_decoded(&self, encoded: u64) -> u64 {
        let by_ratio = encoded.saturating_mul(u64::from(self.ratio));
        by_ratio.max(RATIO_CHECKED_FROM).min(self.decoded)
    }

    /// Checks the output of one coding against the bytes of the whole body on the wire.
    pub(super) fn check(&self, decoded: u64, encoded: u64) -> Result<(), DecodeError> {
        if decoded > self.decoded {
            return Err(DecodeError::TooLarge {
                limit: self.decoded,
            });
        }
        if decoded > RATIO_CHECKED_FROM && decoded > encoded.saturating_mul(u64::from(self.ratio)) {
            return Err(DecodeError::Ratio {
                limit: self.ratio,
                encoded,
                decoded,
            });
        }
        Ok(())
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
