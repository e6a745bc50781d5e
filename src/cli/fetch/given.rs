//! The value of a flag that stands on the command line or, as `@FILE`, in a file.
//!
//! Invariant: a file is read once, when the run is planned. A command line is parsed more than once, and a pipe such as
//! `@<(command)` has its text once only, so a value parser reads no file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use haul::Error;

/// A value, or the file that it stands in.
#[derive(Debug, Clone)]
pub(super) enum Given<T> {
    /// The value.
    Here(T),
    /// Its file; `-` is standard input.
    In(PathBuf),
}

/// Reads a flag's value; of `@FILE` the name.
///
/// # Errors
/// When the value is not on the command line's own one that the flag takes.
pub(super) fn given<T: FromStr>(text: &str) -> Result<Given<T>, T::Err> {
    match text.strip_prefix('@') {
        Some(path) => Ok(Given::In(path.into())),
        None => text.parse().map(Given::Here),
    }
}

impl<T: FromStr<Err = String> + Clone> Given<T> {
    /// The value. To be called once.
    ///
    /// # Errors
    /// When the file cannot be read, or does not hold such a value.
    pub(super) fn value(&self, flag: &str) -> haul::Result<T> {
        match self {
            Given::Here(value) => Ok(value.clone()),
            Given::In(path) => text(flag, path)?.parse().map_err(|problem| {
                Error::Setting(format!("{flag} @{}: {problem}", path.display()))
            }),
        }
    }

    pub(super) fn reads_stdin(&self) -> bool {
        matches!(self, Given::In(path) if is_stdin(path))
    }
}

/// Whether a name stands for standard input, whose text can be had once.
pub(super) fn is_stdin(path: &Path) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]
        .iter()
        .any(|name| path.as_os_str() == *name)
}

/// The text of a file that a flag names, `-` for standard input.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub(super) fn text(flag: &str, path: &Path) -> haul::Result<String> {
    String::from_utf8(bytes(flag, path)?)
        .map_err(|_| Error::Setting(format!("{flag}: {} is not UTF-8", path.display())))
}

/// The bytes of a file that a flag names, `-` for standard input.
///
/// # Errors
/// When it cannot be read.
pub(super) fn bytes(flag: &str, path: &Path) -> haul::Result<Vec<u8>> {
    let read = match is_stdin(path) {
        true => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        }
        false => std::fs::read(path),
    };
    read.map_err(|error| Error::Setting(format!("{flag}: cannot read {}: {error}", path.display())))
}
