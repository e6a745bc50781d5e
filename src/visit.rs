//! A job and what became of it.
//!
//! A visit carries its own job, so an answer can never be paired with the wrong URL. A refused
//! connection is `Err` *inside* a visit: data.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::custom::Custom;
use crate::failure::FetchError;
use crate::fields::Extraction;
use crate::found::Found;
use crate::job::Job;
use crate::memory::Held;
use crate::page::Page;
use crate::robots::Rules;

/// A job and what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Visit {
    /// What was asked for.
    pub job: Box<Job>,
    /// The answer, or why there is none.
    pub outcome: Result<Page, FetchError>,
    /// What the parse half read out of the answer.
    pub parsed: Parsed,
}

/// What the parse half read out of a page. Nothing here was asked of the network.
#[derive(Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parsed {
    /// The media type without parameters, lower-cased: `text/html`.
    pub media_type: Option<String>,
    /// The character encoding of a text, by its WHATWG name: `windows-1252`.
    pub charset: Option<String>,
    /// Bytes after decoding; `None` where nothing had to look.
    pub decoded_bytes: Option<u64>,
    /// SHA-256 of the decoded bytes, where a sink asked for it.
    pub digest: Option<[u8; 32]>,
    /// The title of an HTML page, white space folded, at most 1 KiB.
    pub title: Option<String>,
    /// The decoded text, where a sink asked for it.
    pub text: Option<String>,
    /// The decoded bytes, where a sink asked for them and they differ from the page's own body.
    pub content: Option<Body>,
    /// The file that the body was saved to, below the folder that the user named.
    pub saved: Option<PathBuf>,
    /// Whether the user said that this status is no failure.
    pub accepted: bool,
    /// Why the body could not be decoded. The page stands, and counts as a failure.
    pub fault: Option<String>,
    /// Whether the body ended before its coding did: the connection was cut, and another try may bring all of it.
    pub ends_early: bool,
    /// What was passed over to read the page: nothing is wrong with it, but it should be known.
    pub note: Option<String>,
    /// What the page leads to, where links are followed.
    pub found: Option<Box<Found>>,
    /// The simhash of its text, where similar pages are looked for.
    pub simhash: Option<u64>,
    /// What a robots.txt says.
    pub rules: Option<Box<Rules>>,
    /// The typed fields that were asked for.
    pub fields: Option<Box<Extraction>>,
    /// What the program's own [extractor](crate::Runner::extractor) returned.
    #[serde(skip)]
    pub custom: Custom,
    /// What came out of the [`Work`](crate::parse::Work) on the page.
    pub work: Option<u64>,
    /// How long decoding and parsing took; `None` where there was no page.
    pub took: Option<Duration>,
    /// The share of the run's memory that this takes.
    #[serde(skip)]
    pub held: Held,
}

impl Parsed {
    /// Bytes of decoded content that are carried on in memory.
    pub(crate) fn carried(&self) -> u64 {
        let text = self.text.as_ref().map_or(0, String::len) as u64;
        let content = match &self.content {
            Some(Body::Memory(bytes)) => bytes.len() as u64,
            _ => 0,
        };
        let fields = self.fields.as_ref().map_or(0, |fields| fields.size());
        let found = self.found.as_ref().map_or(0, |found| found.size());
        text + content + fields + found
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

    /// The class of the failure: of the error, of a status of 400 and above that was not accepted, or `decode` where the
    /// body could not be decoded. `None` for what went well, duplicates and what a setting skipped.
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

    /// Whether it has a record: all that the list names, and all else that was asked but robots.txt and sitemaps. What
    /// has one already and was only read again has another where it failed: then what it leads to is missing.
    pub fn has_record(&self) -> bool {
        let forbidden = matches!(self.outcome, Err(FetchError::Robots { .. }));
        let has_one = self.job.is_reread && self.failure().is_none();
        self.job.role.has_record()
            && !has_one
            && (self.job.row.is_some() || !self.job.hops.is_empty() || !forbidden)
    }

    /// Whether there is an answer that is no failure.
    pub(crate) fn has_page(&self) -> bool {
        matches!(&self.outcome, Ok(page) if page.status < 300)
    }

    /// What was wrong with a sitemap, where anything was.
    pub(crate) fn sitemap_problem(&self) -> Option<String> {
        match &self.outcome {
            Err(error) => Some(error.to_string()),
            Ok(page) if page.status >= 300 => Some(format!("HTTP {}", page.status)),
            Ok(_) => match (&self.parsed.fault, &self.parsed.found) {
                (Some(fault), _) => Some(fault.clone()),
                (None, Some(found)) if !found.is_empty() => None,
                (None, _) => Some("it names no page".to_owned()),
            },
        }
    }

    /// What kept a robots.txt from being read as it is, where anything did.
    pub(crate) fn robots_problem(&self) -> Option<String> {
        match &self.outcome {
            Err(error) => Some(format!("{error}; nothing of the host is asked")),
            Ok(page) if page.status == 429 || page.status >= 500 => {
                let status = page.status;
                Some(format!("HTTP {status}; nothing of the host is asked"))
            }
            Ok(_) => {
                let fault = self.parsed.fault.as_ref()?;
                Some(format!("{fault}; only the rules before that count"))
            }
        }
    }

    /// Bytes of its body, and of what was read out of it, that are in memory.
    pub(crate) fn in_memory(&self) -> u64 {
        let hops = self.job.hops.iter().filter_map(|hop| hop.answer.as_deref());
        let hops: u64 = hops.map(Page::in_memory).sum();
        let own = self.outcome.as_ref().map_or(0, Page::in_memory);
        own + hops + self.parsed.carried()
    }

    /// The bytes of the page as received, where they are in memory.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.outcome.as_ref().ok()?.body {
            Body::Memory(bytes) => Some(bytes),
            Body::Spooled(_) | Body::Dropped(_) => None,
        }
    }
}
