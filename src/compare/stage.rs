//! How far a comparison is, for whoever watches.

/// How far a comparison is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage<'a> {
    /// An engine runs its first URLs, to warm up and to see how fast it is.
    WarmUp {
        /// Its name; `the server` where it is the server's latency that is looked at.
        engine: &'a str,
    },
    /// An engine runs a round.
    Round {
        /// Its name.
        engine: &'a str,
        /// Rounds that are over.
        done: usize,
        /// Rounds in all.
        of: usize,
    },
    /// An engine asks once more for pages that change, untimed, so that their texts can be compared.
    Texts {
        /// Its name.
        engine: &'a str,
    },
    /// An engine runs at one point of the sweep.
    Sweep {
        /// Its name.
        engine: &'a str,
        /// The point.
        at: f64,
    },
    /// An engine runs at one cell of the map.
    Map {
        /// Its name.
        engine: &'a str,
        /// Cells that are over.
        done: usize,
        /// Cells, as far as is known.
        of: usize,
    },
}
