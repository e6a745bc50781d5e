//! The value of a flag, given on the command line or, with `@FILE`, in a file.
//!
//! Invariant: a file is read once, when the run is planned. A command line is parsed more than once, but a pipe such
//! as `@<(command)` can only be read once, so value parsers do not read files.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use haul::Error;

/// A value, or the file that contains it.
#[derive(Debug, Clone)]
pub(super) enum ValueOrFile<T> {
    /// The value.
    Inline(T),
    /// The file that contains it; `-` is standard input.
    File(PathBuf),
}

/// Parses the value of a flag; of `@FILE` only the name is taken.
///
/// # Errors
/// When a value on the command line is not valid for the flag.
pub(super) fn value_or_file<T: FromStr>(text: &str) -> Result<ValueOrFile<T>, T::Err> {
    match text.strip_prefix('@') {
        Some(path) => Ok(ValueOrFile::File(path.into())),
        None => text.parse().map(ValueOrFile::Inline),
    }
}

impl<T: FromStr<Err = String> + Clone> ValueOrFile<T> {
    /// Returns the value, and reads its file. Call it only once.
    ///
    /// # Errors
    /// When the file cannot be read, or does not contain a valid value.
    pub(super) fn value(&self, flag: &str) -> haul::Result<T> {
        match self {
            ValueOrFile::Inline(value) => Ok(value.clone()),
            ValueOrFile::File(path) => text(flag, path)?.parse().map_err(|problem| {
                Error::Setting(format!("{flag} @{}: {problem}", path.display()))
            }),
        }
    }

    pub(super) fn reads_stdin(&self) -> bool {
        matches!(self, ValueOrFile::File(path) if is_stdin(path))
    }
}

/// Whether a name stands for standard input, which can only be read once.
pub(super) fn is_stdin(path: &Path) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]
        .iter()
        .any(|name| path.as_os_str() == *name)
}

/// Reads the text of a file that a flag names; `-` is standard input.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub(super) fn text(flag: &str, path: &Path) -> haul::Result<String> {
    String::from_utf8(bytes(flag, path)?)
        .map_err(|_| Error::Setting(format!("{flag}: {} is not UTF-8", path.display())))
}

/// Reads the bytes of a file that a flag names; `-` is standard input.
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
