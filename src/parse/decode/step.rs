//! One step of a decoder: what it moved, or why it failed.

use std::error::Error;

/// The bytes read and written by one step.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) wrote: usize,
}

/// Why a coding cannot be decoded, without the context that [`DecodeError`](super::DecodeError) has.
pub(super) enum Fault {
    Corrupt(Box<dyn Error + Send + Sync>),
    Members,
}

impl Fault {
    pub(super) fn corrupt(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Corrupt(source.into())
    }
}
