//! Chance: a few 503s in a hundred responses say nothing about what a host can handle.
//!
//! Some servers fail now and then, whatever is requested. A window that is cut for each such failure ends at one
//! request per second or less, and asking less does not help. So a 503 without `Retry-After` counts only if it is
//! one of several among the last responses.

/// The number of responses that are remembered.
const LOOKED_AT: u32 = 100;
/// Refusals among them that are not chance: a failure rate of 5 % seldom gives this many.
const MANY: u32 = 13;

/// Which of the last responses were refusals.
#[derive(Debug, Default)]
pub(super) struct Chance(u128);

impl Chance {
    /// Notes a response, the newest in the lowest bit.
    pub(super) fn note(&mut self, is_refusal: bool) {
        self.0 = ((self.0 << 1) | u128::from(is_refusal)) & ((1 << LOOKED_AT) - 1);
    }

    /// Whether the refusals among the last responses may be chance.
    pub(super) fn explains(&self) -> bool {
        self.0.count_ones() < MANY
    }
}
