//! The record: one visit as it is written, field by field.
//!
//! Every format is a rendering of this one struct, so a field is the same everywhere. Times are milliseconds with
//! three decimals; sizes are bytes; unknown values are `null`.

use std::time::{Duration, SystemTime};

use http::{HeaderName, Method};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::kept::Kept;
use crate::job::{Attempt, Hop, Role};
use crate::page::failure::FetchError;
use crate::text::moment;
use crate::url::PageUrl;
use crate::visit::Visit;

/// The JSON Schema (2020-12) of a record in JSON: every field with its type, unit and meaning.
pub const SCHEMA: &str = include_str!("record.schema.json");

/// One visit as it is written.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// The line of the input, counted from 1 over all inputs; `None` for URLs found on pages.
    pub row: Option<u64>,
    /// The requested URL: the input line in WHATWG form, or its text if it is not a URL.
    pub url: &'a str,
    /// The URL of the final response.
    pub final_url: Option<&'a str>,
    /// The redirects that were followed, oldest first.
    #[serde(serialize_with = "hops")]
    pub redirects: &'a [Hop],
    /// The HTTP status.
    pub status: Option<u16>,
    /// `1.0`, `1.1` or `2`.
    pub http_version: Option<&'static str>,
    /// The media type, in lower case, without parameters.
    pub content_type: Option<&'a str>,
    /// The character encoding, by its WHATWG name.
    pub charset: Option<&'a str>,
    /// Body bytes over the wire.
    pub wire_bytes: Option<u64>,
    /// Body bytes after decoding.
    pub decoded_bytes: Option<u64>,
    /// SHA-256 of the decoded body.
    #[serde(serialize_with = "hex")]
    pub sha256: Option<&'a [u8; 32]>,
    /// The title of an HTML page.
    pub title: Option<&'a str>,
    /// When the last attempt was sent.
    #[serde(serialize_with = "timestamp")]
    pub sent: Option<SystemTime>,
    /// Milliseconds from being ready to being sent.
    #[serde(serialize_with = "milliseconds")]
    pub queued_ms: Option<Duration>,
    /// Milliseconds of the name lookup.
    #[serde(serialize_with = "milliseconds")]
    pub resolve_ms: Option<Duration>,
    /// Milliseconds of connecting.
    #[serde(serialize_with = "milliseconds")]
    pub connect_ms: Option<Duration>,
    /// Milliseconds of the TLS handshake.
    #[serde(serialize_with = "milliseconds")]
    pub tls_ms: Option<Duration>,
    /// Milliseconds from being sent to the end of the response's head.
    #[serde(serialize_with = "milliseconds")]
    pub first_byte_ms: Option<Duration>,
    /// Milliseconds from the end of the head to the last byte.
    #[serde(serialize_with = "milliseconds")]
    pub body_ms: Option<Duration>,
    /// Milliseconds from being sent to the last byte.
    #[serde(serialize_with = "milliseconds")]
    pub total_ms: Option<Duration>,
    /// Milliseconds of decoding and parsing.
    #[serde(serialize_with = "milliseconds")]
    pub parse_ms: Option<Duration>,
    /// The attempts before the last one.
    #[serde(serialize_with = "attempts")]
    pub attempts: &'a [Attempt],
    /// The pass that wrote the record; 0 for the first record of a URL.
    ///
    /// Later passes repeat the failures of a job, or pages of a crawl from which more is needed.
    pub pass: u32,
    /// The address that the response came from.
    pub remote: Option<std::net::SocketAddr>,
    /// The class of the failure.
    pub error: Option<&'static str>,
    /// The message of the failure.
    pub error_message: Option<String>,
    /// The row whose record this request duplicates.
    pub duplicate_of: Option<u64>,
    /// The file that the body was saved to.
    pub file: Option<&'a str>,
    /// Why the body could not be decoded.
    pub fault: Option<&'a str>,
    /// The method, if the input line gave one or the URL is external to the crawl.
    pub method: Option<&'a str>,
    /// The `Location` of a redirect that was not followed.
    pub location: Option<&'a str>,
    /// The number of links from the seed to this page.
    pub depth: u16,
    /// The page that this URL was first found on.
    pub found_on: Option<&'a str>,
    /// The number of links found on this page.
    pub links: Option<u64>,
    /// Whether the page asks not to be indexed.
    pub noindex: Option<bool>,
    /// Whether the URL is external to the crawl: it was only checked for existence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<bool>,
    /// The requested header fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Kept<'a>>,
    /// Whether the server said that the page did not change since the earlier run, and sent no body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<bool>,
    /// What changed since the earlier run: `no`, `shell` (bytes, but hardly the text) or `content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<&'static str>,
    /// Whether an earlier response was used without asking, because it was still fresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<bool>,
    /// The checksums that the body was found to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<&'a str>,
    /// What was ignored in order to read the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'a str>,
    /// The other columns of the input line.
    #[serde(serialize_with = "columns", skip_serializing_if = "<[_]>::is_empty")]
    pub columns: &'a [(std::sync::Arc<str>, serde_json::Value)],
    /// The values of `--select`, as a JSON object.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub fields: Option<&'a str>,
    /// The items of recipes, as a JSON object of lists.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub items: Option<&'a str>,
    /// The misses in either, as a JSON list.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub misses: Option<&'a str>,
    /// The metadata of the page, as a JSON object.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a str>,
    /// The text of the page's article.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub article: Option<&'a str>,
    /// The page or its article as Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<&'a str>,
    /// The decoded text, with `--body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// Makes the record of a visit. `body` says whether it includes the text.
    pub fn of(visit: &'a Visit, body: bool) -> Self {
        let job = &visit.job;
        let page = visit.outcome.as_ref().ok();
        // Nothing took any time, if nothing was sent.
        let exchanged = page.filter(|_| !visit.parsed.cached);
        let error = visit.outcome.as_ref().err();
        let parsed = &visit.parsed;
        let url = match error {
            Some(FetchError::Malformed { text, .. }) => text,
            _ => job.first_url().as_str(),
        };
        let duplicate_of = match error {
            Some(FetchError::Duplicate { of }) => Some(*of),
            _ => None,
        };
        let sent = match page {
            Some(page) => page.timing.sent,
            None => job.sent,
        };
        let reported = error.filter(|_| duplicate_of.is_none());
        let extraction = parsed.fields.as_deref();
        let compared = parsed.compared.as_deref();
        Self {
            row: job.row,
            url,
            final_url: page.map(|_| job.url.as_str()),
            redirects: &job.hops,
            status: page.map(|page| page.status),
            http_version: exchanged.map(|page| page.version.as_str()),
            content_type: parsed.media_type.as_deref(),
            charset: parsed.charset.as_deref(),
            wire_bytes: page.map(|page| page.wire_bytes),
            decoded_bytes: parsed.decoded_bytes,
            sha256: parsed.digest.as_ref(),
            title: parsed.title.as_deref(),
            sent: sent.filter(moment::is_written),
            queued_ms: exchanged.map(|page| page.timing.queued),
            resolve_ms: exchanged.and_then(|page| page.timing.resolve),
            connect_ms: exchanged.and_then(|page| page.timing.connect),
            tls_ms: exchanged.and_then(|page| page.timing.tls),
            first_byte_ms: exchanged.map(|page| page.timing.first_byte),
            body_ms: exchanged.map(|page| page.timing.total.saturating_sub(page.timing.first_byte)),
            total_ms: exchanged.map(|page| page.timing.total),
            parse_ms: parsed.took,
            attempts: &job.attempts,
            pass: job.pass,
            remote: page.and_then(|page| page.remote),
            error: visit.failure().or_else(|| reported.map(FetchError::class)),
            error_message: reported.map(ToString::to_string),
            duplicate_of,
            file: parsed.saved.as_deref().and_then(std::path::Path::to_str),
            fault: parsed.fault.as_deref(),
            method: match job.probed_with() {
                Some(Method::HEAD) => Some("HEAD"),
                Some(_) => Some("GET"),
                None => job.method().map(Method::as_str),
            },
            location: page.and_then(crate::page::Page::location),
            depth: job.depth,
            found_on: job.found_on.as_deref(),
            links: parsed.found.as_ref().map(|found| found.len() as u64),
            noindex: parsed.found.as_ref().map(|found| found.noindex),
            external: (job.role == Role::External).then_some(true),
            headers: None,
            unchanged: compared
                .filter(|compared| compared.is_unchanged)
                .map(|_| true),
            changed: compared.map(|compared| compared.change.as_str()),
            cached: parsed.cached.then_some(true),
            checked: parsed.checked.as_deref(),
            note: parsed.note.as_deref(),
            columns: job
                .request
                .as_deref()
                .map_or(&[], |request| &request.columns),
            fields: extraction.and_then(|extraction| extraction.selected.as_deref()),
            items: extraction.and_then(|extraction| extraction.items.as_deref()),
            misses: extraction.and_then(|extraction| extraction.missed.as_deref()),
            metadata: extraction.and_then(|extraction| extraction.metadata.as_deref()),
            article: extraction.and_then(|extraction| extraction.article.as_deref()),
            markdown: extraction.and_then(|extraction| extraction.markdown.as_deref()),
            body: parsed.text.as_deref().filter(|_| body),
        }
    }
}

impl<'a> Record<'a> {
    /// Adds the header fields with these names.
    #[must_use]
    pub fn with_headers(mut self, visit: &'a Visit, names: &'a [HeaderName]) -> Self {
        let of = visit.outcome.as_ref().ok().map(|page| &page.headers);
        self.headers = (!names.is_empty()).then_some(Kept { names, of });
        self
    }
}

#[derive(Serialize)]
struct HopRecord<'a> {
    url: &'a PageUrl,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<bool>,
    #[serde(serialize_with = "timestamp")]
    sent: Option<SystemTime>,
    #[serde(serialize_with = "milliseconds")]
    ms: Option<Duration>,
    #[serde(serialize_with = "seconds")]
    retry_after_s: Option<Duration>,
}

#[derive(Serialize)]
struct AttemptRecord<'a> {
    status: Option<u16>,
    error: Option<&'a str>,
    error_message: Option<String>,
    #[serde(serialize_with = "timestamp")]
    sent: Option<SystemTime>,
    #[serde(serialize_with = "millis")]
    ms: Duration,
    #[serde(serialize_with = "seconds")]
    retry_after_s: Option<Duration>,
}

/// Redirects that serialize as a list.
pub(super) struct Hops<'a>(pub(super) &'a [Hop]);

/// Attempts that serialize as a list.
pub(super) struct Attempts<'a>(pub(super) &'a [Attempt]);

/// Columns of the input that serialize as an object.
pub(super) struct Columns<'a>(pub(super) &'a [(std::sync::Arc<str>, serde_json::Value)]);

impl Serialize for Hops<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for hop in self.0 {
            list.serialize_element(&HopRecord {
                url: &hop.url,
                status: hop.status,
                internal: hop.is_internal.then_some(true),
                sent: hop.sent.filter(moment::is_written),
                ms: hop.took,
                retry_after_s: hop.asked_wait,
            })?;
        }
        list.end()
    }
}

impl Serialize for Attempts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for attempt in self.0 {
            let error = attempt.error.as_ref();
            list.serialize_element(&AttemptRecord {
                status: attempt.status,
                error: error.map(FetchError::class),
                error_message: error.map(ToString::to_string),
                sent: attempt.sent.filter(moment::is_written),
                ms: attempt.took,
                retry_after_s: attempt.asked_wait,
            })?;
        }
        list.end()
    }
}

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(&**name, value)?;
        }
        map.end()
    }
}

fn timestamp<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&moment::to_millisecond(*time)),
        None => serializer.serialize_none(),
    }
}

fn hops<S: Serializer>(hops: &[Hop], serializer: S) -> Result<S::Ok, S::Error> {
    Hops(hops).serialize(serializer)
}

fn attempts<S: Serializer>(attempts: &[Attempt], serializer: S) -> Result<S::Ok, S::Error> {
    Attempts(attempts).serialize(serializer)
}

fn columns<S: Serializer>(
    columns: &[(std::sync::Arc<str>, serde_json::Value)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Columns(columns).serialize(serializer)
}

/// Serializes text that is already JSON.
fn raw<S: Serializer>(json: &Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    match json.and_then(|json| serde_json::from_str::<&serde_json::value::RawValue>(json).ok()) {
        Some(raw) => raw.serialize(serializer),
        None => serializer.serialize_none(),
    }
}

fn hex<S: Serializer>(digest: &Option<&[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
    match digest {
        Some(digest) => serializer.serialize_str(hex_text(digest, &mut [0; 64])),
        None => serializer.serialize_none(),
    }
}

/// Writes a digest into `buffer` in hexadecimal.
pub(super) fn hex_text<'b>(digest: &[u8; 32], buffer: &'b mut [u8; 64]) -> &'b str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (index, byte) in digest.iter().enumerate() {
        buffer[index * 2] = DIGITS[usize::from(byte >> 4)];
        buffer[index * 2 + 1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(buffer).unwrap_or_default()
}

/// Whole seconds, as `Retry-After` has them; a part of a second counts as one.
fn seconds<S: Serializer>(wait: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match wait {
        Some(wait) => serializer.serialize_u64(wait.as_millis().div_ceil(1000) as u64),
        None => serializer.serialize_none(),
    }
}

fn milliseconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => millis(duration, serializer),
        None => serializer.serialize_none(),
    }
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_micros() as f64 / 1000.0)
}
