//! The variant of a table.

/// The variant of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::seeds) enum TableKind {
    /// RFC 4180, with any delimiter.
    Csv,
    /// Tabs without quotes (IANA text/tab-separated-values).
    Tsv,
}
