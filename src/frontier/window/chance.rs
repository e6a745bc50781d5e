//! Chance: a few 503 in a hundred say nothing about how much a host bears.
//!
//! Some servers fail now and then, whatever is asked. A window that is cut for each such failure ends at one request
//! a second or less, and asking less does not help. So a 503 that names no wait counts only where it is one of
//! several among the last answers.

/// Answers that are looked back at.
const LOOKED_AT: u32 = 100;
/// Refusals among them from which on they are no chance: where one in twenty is refused, so many are seldom seen.
const MANY: u32 = 13;

/// Which of the last answers were refusals.
#[derive(Debug, Default)]
pub(super) struct Chance(u128);

impl Chance {
    /// Notes an answer, the newest in the lowest bit.
    pub(super) fn note(&mut self, is_refusal: bool) {
        self.0 = ((self.0 << 1) | u128::from(is_refusal)) & ((1 << LOOKED_AT) - 1);
    }

    /// Whether the refusals among the last answers may be chance.
    pub(super) fn explains(&self) -> bool {
        self.0.count_ones() < MANY
    }
}
