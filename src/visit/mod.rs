//! A finished job, with its outcome.
//!
//! A visit contains its own job, so a response can never be paired with the wrong URL. A refused connection is data:
//! an `Err` *inside* a visit.

pub(crate) mod broken;
mod carried;
pub(crate) mod checked;
pub(crate) mod compared;
pub(crate) mod custom;
pub(crate) mod fields;
pub(crate) mod found;
pub(crate) mod skip;
pub(crate) mod statuses;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::job::Job;
use crate::page::Page;
use crate::page::body::Body;
use crate::page::failure::FetchError;
use crate::page::memory::Held;
use crate::page::snapshot::Snapshot;
use crate::robots::Rules;
use crate::visit::compared::Compared;
use crate::visit::custom::Custom;
use crate::visit::fields::Extraction;
use crate::visit::found::FoundLinks;

/// A finished job, with its outcome.
#[derive(Debug)]
#[non_exhaustive]
pub struct Visit {
    /// The job.
    pub job: Box<Job>,
    /// The response, or why there is none.
    pub outcome: Result<Page, FetchError>,
    /// What the parse half read out of the response.
    pub parsed: Parsed,
}

/// What the parse half read out of a page, without further requests.
#[derive(Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parsed {
    /// The media type without parameters, lower-cased: `text/html`.
    pub media_type: Option<String>,
    /// The character encoding of a text, by its WHATWG name: `windows-1252`.
    pub charset: Option<String>,
    /// Bytes after decoding; `None` if the body did not have to be decoded.
    pub decoded_bytes: Option<u64>,
    /// SHA-256 of the decoded bytes, if a sink needs it.
    pub digest: Option<[u8; 32]>,
    /// The title of an HTML page, white space folded, at most 1 KiB.
    pub title: Option<String>,
    /// The decoded text, if a sink needs it.
    pub text: Option<String>,
    /// The decoded bytes, if a sink needs them and they differ from the body as received.
    pub content: Option<Body>,
    /// The file that the body was saved to, relative to the folder that the user named.
    pub saved: Option<PathBuf>,
    /// Whether the user does not count this status as a failure.
    pub accepted: bool,
    /// Why the body could not be decoded. The page still has a record, but counts as a failure.
    pub fault: Option<String>,
    /// Whether the encoded body was cut short: another attempt may get all of it.
    pub ends_early: bool,
    /// Which checksums the body was found to have: some of `sha256`, `repr-digest` and `content-digest`.
    pub checked: Option<String>,
    /// What was ignored in order to read the page: not an error, but worth knowing.
    pub note: Option<String>,
    /// The links of the page, if links are followed.
    pub found: Option<Box<FoundLinks>>,
    /// The simhash of its text, if similar pages are skipped.
    pub simhash: Option<u64>,
    /// The rules of a robots.txt.
    pub rules: Option<Box<Rules>>,
    /// The extracted typed fields.
    pub fields: Option<Box<Extraction>>,
    /// What the program's own [extractor](crate::Runner::extractor) returned.
    #[serde(skip)]
    pub custom: Custom,
    /// How the page compares with what an earlier run had, if the run compares with one that had it.
    pub compared: Option<Box<Compared>>,
    /// Whether an earlier response is used without asking, because it is still fresh.
    pub cached: bool,
    /// Whether there should be something of an earlier run in place of the body, and it cannot be read.
    pub(crate) lacks_earlier: bool,
    /// What a later run needs to know about the page, if the run is kept in a job.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    /// The result of the [`Work`](crate::parse::Work) on the page.
    pub work: Option<u64>,
    /// How long decoding and parsing took; `None` if there was no page.
    pub took: Option<Duration>,
    /// The share of the run's memory that this has taken.
    #[serde(skip)]
    pub held: Held,
}

impl Parsed {
    /// Bytes of decoded content that stay in memory with the visit.
    pub(crate) fn carried(&self) -> u64 {
        let text = self.text.as_ref().map_or(0, String::len) as u64;
        let content = match &self.content {
            Some(Body::Memory(bytes)) => bytes.len() as u64,
            _ => 0,
        };
        let fields = self.fields.as_ref().map_or(0, |fields| fields.size());
        let found = self.found.as_ref().map_or(0, |found| found.size());
        let snapshot = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.size());
        text + content + fields + found + snapshot
    }
}

impl Visit {
    /// A visit of a job that was never sent.
    pub fn unsent(job: impl Into<Box<Job>>, error: FetchError) -> Self {
        Self {
            job: job.into(),
            outcome: Err(error),
            parsed: Parsed::default(),
        }
    }

    /// The class of the failure: of the error, of a status of 400 or above that was not accepted, or `decode` if the
    /// body could not be decoded. `None` for successes, duplicates and skipped URLs.
    pub fn failure(&self) -> Option<&'static str> {
        match &self.outcome {
            Ok(_) if self.parsed.accepted => self.parsed.fault.as_ref().map(|_| "decode"),
            Ok(page) if page.status >= 500 => Some("http-5xx"),
            Ok(page) if page.status >= 400 => Some("http-4xx"),
            Ok(_) => self.parsed.fault.as_ref().map(|_| "decode"),
            Err(error) if error.is_skip() => None,
            Err(error) => Some(error.class()),
        }
    }

    /// Whether it gets a record: every line of the list does, and everything else that was requested except
    /// robots.txt and sitemaps. A page that already has a record and was only read again gets another one if it
    /// failed, as its links are missing then.
    pub fn has_record(&self) -> bool {
        let forbidden = matches!(self.outcome, Err(FetchError::Robots { .. }));
        let has_one = self.job.is_reread && self.failure().is_none();
        self.job.role.has_record()
            && !has_one
            && (self.job.row.is_some() || !self.job.hops.is_empty() || !forbidden)
    }

    /// Whether there is a page: a response with a status below 300.
    pub(crate) fn has_page(&self) -> bool {
        matches!(&self.outcome, Ok(page) if page.status < 300)
    }

    /// The problem with a sitemap, if any.
    pub(crate) fn sitemap_problem(&self) -> Option<String> {
        match &self.outcome {
            Err(error) => Some(error.to_string()),
            Ok(page) if page.status >= 300 => Some(format!("HTTP {}", page.status)),
            Ok(_) => match (&self.parsed.fault, &self.parsed.found) {
                (Some(fault), _) => Some(fault.clone()),
                (None, Some(found)) if !found.is_empty() => None,
                (None, _) => Some("it lists no pages".to_owned()),
            },
        }
    }

    /// The problem with a robots.txt, if any, and its consequence.
    pub(crate) fn robots_problem(&self) -> Option<String> {
        match &self.outcome {
            Err(error) => Some(format!("{error}; no page of the host is fetched")),
            Ok(page) if page.status == 429 || page.status >= 500 => {
                let status = page.status;
                Some(format!("HTTP {status}; no page of the host is fetched"))
            }
            Ok(_) => {
                let fault = self.parsed.fault.as_ref()?;
                Some(format!("{fault}; only the rules before that apply"))
            }
        }
    }

    /// The memory of its body and of what was read out of it, in bytes.
    pub(crate) fn in_memory(&self) -> u64 {
        let hops = self.job.hops.iter().filter_map(|hop| hop.answer.as_deref());
        let hops: u64 = hops.map(Page::in_memory).sum();
        let own = self.outcome.as_ref().map_or(0, Page::in_memory);
        own + hops + self.parsed.carried()
    }

    /// The bytes of the page as received, if they are in memory.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.outcome.as_ref().ok()?.body {
            Body::Memory(bytes) => Some(bytes),
            Body::Spooled(_) | Body::Dropped(_) => None,
        }
    }
}
