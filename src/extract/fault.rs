//! A problem in an expression.

/// A problem in an expression, and its byte offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: String,
}
