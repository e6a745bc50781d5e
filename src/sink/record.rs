//! The record: one visit as it is written, field by field.
//!
//! Every format is a rendering of this one struct, so a field is the same everywhere. Times are milliseconds with
//! three decimals; sizes are bytes; what is not known is `null`.

use std::time::{Duration, SystemTime};

use http::{HeaderName, Method};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::kept::Kept;
use crate::failure::FetchError;
use crate::job::{Attempt, Hop, Role};
use crate::moment;
use crate::url::PageUrl;
use crate::visit::Visit;

/// The JSON Schema (2020-12) of a record in JSON: every field with its type, unit and meaning.
pub const SCHEMA: &str = include_str!("record.schema.json");

/// One visit as it is written.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// The line of the input, counted from 1 over all inputs in their order; none for what a page led to.
    pub row: Option<u64>,
    /// The URL as it was asked for: the line in WHATWG form, or its text where it is no URL.
    pub url: &'a str,
    /// The URL that answered last.
    pub final_url: Option<&'a str>,
    /// The redirects on the way, oldest first.
    #[serde(serialize_with = "hops")]
    pub redirects: &'a [Hop],
    /// The HTTP status.
    pub status: Option<u16>,
    /// `1.0`, `1.1` or `2`.
    pub http_version: Option<&'static str>,
    /// The media type, lower-cased, without parameters.
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
    /// When the last try was sent.
    #[serde(serialize_with = "written")]
    pub sent: Option<SystemTime>,
    /// Milliseconds from being ready to being sent.
    #[serde(serialize_with = "milliseconds")]
    pub queued_ms: Option<Duration>,
    /// Milliseconds of looking up the name.
    #[serde(serialize_with = "milliseconds")]
    pub resolve_ms: Option<Duration>,
    /// Milliseconds of making the connection.
    #[serde(serialize_with = "milliseconds")]
    pub connect_ms: Option<Duration>,
    /// Milliseconds of the TLS handshake.
    #[serde(serialize_with = "milliseconds")]
    pub tls_ms: Option<Duration>,
    /// Milliseconds from being sent to the end of the answer's head.
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
    /// Tries before the last.
    #[serde(serialize_with = "attempts")]
    pub attempts: &'a [Attempt],
    /// Which pass wrote it: over the failures of a job, or over pages of a crawl of which more was wanted; 0 for the first record
    /// of a URL.
    pub pass: u32,
    /// The address that answered.
    pub remote: Option<std::net::SocketAddr>,
    /// The class of the failure.
    pub error: Option<&'static str>,
    /// The failure in words.
    pub error_message: Option<String>,
    /// The row that has the record of this request.
    pub duplicate_of: Option<u64>,
    /// The file that the body was saved to.
    pub file: Option<&'a str>,
    /// Why the body could not be decoded.
    pub fault: Option<&'a str>,
    /// The method, where the line named one, and of what leaves the crawl.
    pub method: Option<&'a str>,
    /// The `Location` of a redirect that was not followed.
    pub location: Option<&'a str>,
    /// Links from the seed to here.
    pub depth: u16,
    /// The page that first led here.
    pub found_on: Option<&'a str>,
    /// How many links were found here.
    pub links: Option<u64>,
    /// Whether the page asks not to be kept in an index.
    pub noindex: Option<bool>,
    /// Whether its link leaves the crawl: it was asked whether it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<bool>,
    /// The header fields that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Kept<'a>>,
    /// What was passed over to read the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'a str>,
    /// The other columns of the line.
    #[serde(serialize_with = "columns", skip_serializing_if = "<[_]>::is_empty")]
    pub columns: &'a [(std::sync::Arc<str>, serde_json::Value)],
    /// The values of `--select`, as a JSON object.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub fields: Option<&'a str>,
    /// The items of recipes, as a JSON object of lists.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub items: Option<&'a str>,
    /// What was missed of either, as a JSON list.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub misses: Option<&'a str>,
    /// What the page says of itself, as a JSON object.
    #[serde(serialize_with = "raw", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a str>,
    /// The text of its article.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub article: Option<&'a str>,
    /// It, or its article, as Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<&'a str>,
    /// The decoded text, with `--body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// The record of a visit. `body` says whether it holds the text.
    pub fn of(visit: &'a Visit, body: bool) -> Self {
        let job = &visit.job;
        let page = visit.outcome.as_ref().ok();
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
        let told = error.filter(|_| duplicate_of.is_none());
        let extraction = parsed.fields.as_deref();
        Self {
            row: job.row,
            url,
            final_url: page.map(|_| job.url.as_str()),
            redirects: &job.hops,
            status: page.map(|page| page.status),
            http_version: page.map(|page| page.version.as_str()),
            content_type: parsed.media_type.as_deref(),
            charset: parsed.charset.as_deref(),
            wire_bytes: page.map(|page| page.wire_bytes),
            decoded_bytes: parsed.decoded_bytes,
            sha256: parsed.digest.as_ref(),
            title: parsed.title.as_deref(),
            sent: sent.filter(moment::is_written),
            queued_ms: page.map(|page| page.timing.queued),
            resolve_ms: page.and_then(|page| page.timing.resolve),
            connect_ms: page.and_then(|page| page.timing.connect),
            tls_ms: page.and_then(|page| page.timing.tls),
            first_byte_ms: page.map(|page| page.timing.first_byte),
            body_ms: page.map(|page| page.timing.total.saturating_sub(page.timing.first_byte)),
            total_ms: page.map(|page| page.timing.total),
            parse_ms: parsed.took,
            attempts: &job.attempts,
            pass: job.pass,
            remote: page.and_then(|page| page.remote),
            error: visit.failure().or_else(|| told.map(FetchError::class)),
            error_message: told.map(ToString::to_string),
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
            note: parsed.note.as_deref(),
            columns: job
                .request
                .as_deref()
                .map_or(&[], |request| &request.columns),
            fields: extraction.and_then(|found| found.selected.as_deref()),
            items: extraction.and_then(|found| found.items.as_deref()),
            misses: extraction.and_then(|found| found.missed.as_deref()),
            metadata: extraction.and_then(|found| found.metadata.as_deref()),
            article: extraction.and_then(|found| found.article.as_deref()),
            markdown: extraction.and_then(|found| found.markdown.as_deref()),
            body: parsed.text.as_deref().filter(|_| body),
        }
    }
}

impl<'a> Record<'a> {
    /// The same record, with the header fields of these names.
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
}

#[derive(Serialize)]
struct AttemptRecord<'a> {
    status: Option<u16>,
    error: Option<&'a str>,
    error_message: Option<String>,
    #[serde(serialize_with = "millis")]
    ms: Duration,
}

/// Redirects, as a list.
pub(super) struct Hops<'a>(pub(super) &'a [Hop]);

/// Tries, as a list.
pub(super) struct Attempts<'a>(pub(super) &'a [Attempt]);

/// Carried columns, as an object.
pub(super) struct Columns<'a>(pub(super) &'a [(std::sync::Arc<str>, serde_json::Value)]);

impl Serialize for Hops<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for hop in self.0 {
            list.serialize_element(&HopRecord {
                url: &hop.url,
                status: hop.status,
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
                ms: attempt.took,
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

fn written<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
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

/// Text that is JSON already.
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

/// A digest in hexadecimal, written into `buffer`.
pub(super) fn hex_text<'b>(digest: &[u8; 32], buffer: &'b mut [u8; 64]) -> &'b str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (index, byte) in digest.iter().enumerate() {
        buffer[index * 2] = DIGITS[usize::from(byte >> 4)];
        buffer[index * 2 + 1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(buffer).unwrap_or_default()
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
