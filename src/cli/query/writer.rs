//! What the formats of a result share.

use haul::Error;
use haul::query::QueryRows;

/// Writes rows, and what it held back at the end.
pub(super) trait Writer: QueryRows {
    /// # Errors
    /// When standard output cannot be written.
    fn finish(&mut self) -> haul::Result<()>;
}

/// # Errors
/// When standard output could not be written.
pub(super) fn written(result: std::io::Result<()>) -> haul::Result<()> {
    result.map_err(|source| Error::output("standard output", source))
}

/// Bytes as text.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number as JSON has it; infinite ones have no form there.
pub(super) fn number(value: f64) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}
