//! What the head of an answer says about its body: whether it completes a download, and whether it could be completed.
//!
//! A partial answer is believed only if it is the part that was asked for (RFC 9110 15.3.7). Knows the spool, not the wire.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{StatusCode, header};

use super::settings::SpoolSettings;
use super::spool::{Note, Partial, SpoolFile};
use crate::body::Body;
use crate::headers::Headers;
use crate::job::Job;
use crate::page::{HttpVersion, Page, Timing};
use crate::url::PageUrl;
use crate::visit::FetchError;

/// How an answer stands to the partial download that it was asked to complete, and to being resumed itself.
pub(super) struct Arrival {
    status: StatusCode,
    partial: Option<Arc<Partial>>,
    note: Option<Note>,
}

impl Arrival {
    /// The page, its body left where it is: nobody wants it.
    pub(super) fn without_body(
        &self,
        version: HttpVersion,
        headers: Headers,
        remote: Option<SocketAddr>,
        timing: Timing,
    ) -> Page {
        Page {
            status: self.status.as_u16(),
            version,
            headers,
            body: Body::Dropped(0),
            wire_bytes: 0,
            remote,
            timing,
        }
    }

    /// # Errors
    /// When a partial answer is not the part that was asked for.
    pub(super) fn new(
        job: &Job,
        status: StatusCode,
        headers: &Headers,
        partial: Option<Partial>,
    ) -> Result<Self, FetchError> {
        let Some(partial) = partial else {
            let note = (status == StatusCode::OK)
                .then(|| note(job, headers))
                .flatten();
            return Ok(Self {
                status,
                partial: None,
                note,
            });
        };
        match status {
            StatusCode::PARTIAL_CONTENT
                if starts_at(headers, partial.length, partial.note.total) =>
            {
                Ok(Self {
                    status: StatusCode::OK,
                    partial: Some(Arc::new(partial)),
                    note: None,
                })
            }
            // The server has another body, or no ranges: the next try starts over.
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.remove();
                Err(FetchError::Spool(
                    "the partial download no longer fits what the server has".into(),
                ))
            }
            _ => {
                let note = (status == StatusCode::OK)
                    .then(|| note(job, headers))
                    .flatten();
                Ok(Self {
                    status,
                    partial: None,
                    note,
                })
            }
        }
    }

    pub(super) fn resumes(&self) -> bool {
        self.partial.is_some()
    }

    /// A download that was completed is as good as a whole one.
    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(super) fn opener(
        &self,
    ) -> impl FnOnce(&SpoolSettings, &PageUrl) -> std::io::Result<SpoolFile> + Send + 'static {
        let (partial, note) = (self.partial.clone(), self.note.clone());
        move |settings, url| match partial {
            Some(partial) => SpoolFile::append(settings, &partial),
            None => SpoolFile::create(settings, url, note.as_ref()),
        }
    }
}

/// What a later try would need to know, where the server says enough: a length, a validator, no coding.
fn note(job: &Job, headers: &Headers) -> Option<Note> {
    if headers.0.contains_key(header::CONTENT_ENCODING)
        || headers.text(header::ACCEPT_RANGES) == Some("none")
    {
        return None;
    }
    let strong = headers
        .text(header::ETAG)
        .filter(|tag| !tag.starts_with("W/"));
    let validator = strong.or_else(|| headers.text(header::LAST_MODIFIED))?;
    Some(Note {
        url: job.url.to_string(),
        validator: validator.to_owned(),
        total: announced(headers)?,
    })
}

/// `Content-Range: bytes 500-999/1000` (RFC 9110 14.4).
fn starts_at(headers: &Headers, from: u64, total: u64) -> bool {
    let range = headers
        .text(header::CONTENT_RANGE)
        .and_then(|value| value.trim().strip_prefix("bytes "));
    let Some((range, whole)) = range.and_then(|range| range.split_once('/')) else {
        return false;
    };
    let start = range
        .split_once('-')
        .and_then(|(start, _)| start.parse().ok());
    start == Some(from) && (whole == "*" || whole.parse() == Ok(total))
}

/// The length that `Content-Length` announces.
pub(super) fn announced(headers: &Headers) -> Option<u64> {
    headers.text(header::CONTENT_LENGTH)?.trim().parse().ok()
}
