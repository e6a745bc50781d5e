//! How far a run got, and what it left out.

/// How far a run got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It came to its end: whatever it found is a page, or was not requested for a reason.
    Complete,
    /// It ended early, or has not ended yet: this many URLs wait.
    Unfinished(u64),
    /// Only a job knows.
    Unknown,
}

/// A URL that a run knew and did not request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unasked<'u> {
    /// The URL.
    pub url: &'u str,
    /// `waiting`, or the class of the reason.
    pub why: &'u str,
}
