//! Standard input, which can be read once.

use haul::seeds::SeedSource;
use haul::{Config, Error};

/// The number of lists that are read from standard input.
pub(super) fn lists_on_stdin(config: &Config) -> usize {
    let sources = config.seeds.sources.iter();
    sources
        .filter(|source| **source == SeedSource::Stdin)
        .count()
}

/// The error if two flags read standard input, which can only be read once.
pub(super) fn stdin_twice() -> Error {
    Error::Setting("two flags read standard input; only one can".into())
}
