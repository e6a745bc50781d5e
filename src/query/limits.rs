//! What bounds a query, and how it ended.

use std::time::Duration;

use crate::run::stop::Stop;

/// What bounds a query.
#[derive(Debug, Clone)]
pub struct QueryLimits {
    /// The longest time that SQLite may work on it. Waiting for whoever takes the rows does not count.
    pub time: Duration,
    /// Ends it early.
    pub stop: Stop,
}

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryEnd {
    /// With its last row.
    Complete,
    /// At the time limit, so rows are missing.
    TimeUp,
    /// It was stopped, so rows are missing.
    Stopped,
}
