//! A saved document, and the places where others were saved.

use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;

/// A document that was saved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'d> {
    /// The URL it came from.
    pub(crate) url: &'d PageUrl,
    /// Its `Content-Type`.
    pub(crate) content_type: Option<&'d str>,
    /// Computes the fingerprints that [`Places`] looks up.
    pub(crate) fingerprints: Fingerprints,
    /// Whether it was rewritten before; if so, only absolute references are considered.
    pub(crate) again: bool,
}

/// Looks up where the URL with this fingerprint was saved; `None` if it was not.
pub(crate) type Places<'p> = &'p dyn Fn(u64) -> Option<LocalTarget>;

/// Where a page or asset was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalTarget {
    /// The reference to insert: percent-encoded, and relative to the document.
    pub(crate) path: String,
    /// The fragment from a redirect on the way, with its `#`, as it was written. It replaces the link's own fragment.
    pub(crate) fragment: Option<String>,
}
