//! One response of an archive.

use crate::page::Page;
use crate::url::PageUrl;

/// A stored response.
#[derive(Debug)]
pub struct Stored {
    /// The URL that was requested.
    pub url: PageUrl,
    /// The request method, if it is known and is not `GET`.
    pub method: Option<http::Method>,
    /// The response.
    ///
    /// It was fetched at its [`Timing::sent`](crate::page::Timing::sent); a large body is in a file that is deleted with it.
    pub page: Page,
    /// Whether the archive lacks part of it.
    ///
    /// That is part of its body or, for a redirect on the way, everything except its target.
    pub truncated: bool,
}
