//! The progress of a comparison, for showing it to the user.

/// What a comparison is doing, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage<'a> {
    /// An engine runs its first URLs, to warm up and to measure how fast it is.
    WarmUp {
        /// The engine's name; `the server` while the server's latency is measured.
        engine: &'a str,
    },
    /// An engine runs a round.
    Round {
        /// The engine's name.
        engine: &'a str,
        /// The number of rounds that are done.
        done: usize,
        /// The number of all rounds.
        of: usize,
    },
    /// An engine fetches changing pages once more, untimed, so that their texts can be compared.
    Texts {
        /// The engine's name.
        engine: &'a str,
    },
    /// An engine runs at one point of the sweep.
    Sweep {
        /// The engine's name.
        engine: &'a str,
        /// The position on the axis.
        at: f64,
    },
    /// An engine runs at one cell of the map.
    Map {
        /// The engine's name.
        engine: &'a str,
        /// The number of cells that are done.
        done: usize,
        /// The number of cells, as far as is known.
        of: usize,
    },
}
