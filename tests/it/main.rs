//! The integration tests: one binary, so that they link once.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod cli;
mod readme;
