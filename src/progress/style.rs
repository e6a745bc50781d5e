//! How progress is shown.

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A coloured bar.
    Bar,
    /// A bar without colour.
    PlainBar,
    /// A line every few seconds.
    Lines,
    /// A JSON object every second.
    Json,
    /// No progress.
    None,
}
