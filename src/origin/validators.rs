//! The validators of a response: `ETag` and `Last-Modified` (RFC 9110 8.8), right ones and wrong ones.
//!
//! A client that asks again relies on what the server says about its pages, and servers say wrong things. Invariant:
//! only the kinds that are documented as wrong break a rule of the standard.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::text::moment::is_written;

/// Far enough to be in the future for as long as this program is used.
const CENTURY: Duration = Duration::from_secs(36_525 * 86_400);

/// Looks like a date at first glance; no parser may accept it.
const NO_DATE: &str = "Mon, 32 Jan 2025 25:61:00 GMT";

/// Which validators a server sends, and how it lies about them.
///
/// In a `serve.toml`, the names are in kebab case, as in `weak-etag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validators {
    /// A strong `ETag`, which changes with every byte.
    Etag,
    /// A weak `ETag`, which changes with the content, but not with a nonce.
    WeakEtag,
    /// `Last-Modified`.
    LastModified,
    /// A strong `ETag` and `Last-Modified`.
    Both,
    /// None, so every response is a whole one.
    None,
    /// Wrong: whatever the client has is confirmed with a 304, although the page may have changed.
    #[serde(rename = "always-304")]
    Always304,
    /// Wrong: an `ETag` that changes with each response, although the page does not.
    ChangingEtag,
    /// Wrong: an `ETag` without quotes.
    UnquotedEtag,
    /// Wrong: a 304 has another `ETag` than the 200 that it confirms.
    #[serde(rename = "other-etag-in-304")]
    OtherEtagIn304,
    /// Wrong: a `Last-Modified` a century after the true one.
    FutureDate,
    /// Wrong: a `Last-Modified` that is not a date.
    MalformedDate,
}

impl Validators {
    /// The `ETag`, from what identifies this version; `nonce` is what tells apart its responses, if they differ.
    pub(crate) fn etag(self, version: &str, nonce: Option<u64>) -> Option<String> {
        match (self, nonce) {
            (Self::None | Self::LastModified | Self::FutureDate | Self::MalformedDate, _) => None,
            (Self::WeakEtag, _) => Some(format!("W/\"{version}\"")),
            (Self::UnquotedEtag, None) => Some(version.to_owned()),
            (Self::UnquotedEtag, Some(nonce)) => Some(format!("{version}-{nonce:x}")),
            (_, None) => Some(format!("\"{version}\"")),
            (_, Some(nonce)) => Some(format!("\"{version}-{nonce:x}\"")),
        }
    }

    /// The time that this server compares with a client's; `None` for one that no header can have.
    pub(crate) fn modified(self, modified: Option<SystemTime>) -> Option<SystemTime> {
        let modified = match self {
            Self::LastModified | Self::Both => modified,
            Self::FutureDate => modified?.checked_add(CENTURY),
            _ => None,
        };
        modified.filter(is_written)
    }

    /// The value of `Last-Modified`.
    pub(crate) fn last_modified(self, modified: Option<SystemTime>) -> Option<Cow<'static, str>> {
        if self == Self::MalformedDate {
            return Some(NO_DATE.into());
        }
        Some(httpdate::fmt_http_date(self.modified(modified)?).into())
    }
}
