//! A job and what became of it.
//!
//! A visit carries its own job, so an answer can never be paired with the wrong URL. A refused
//! connection is `Err` *inside* a visit: data, with a stable class that scripts may rely on.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::custom::Custom;
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

/// Why there is no page. [`class`](FetchError::class) is stable, the message is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FetchError {
    /// The line of the list is no URL that can be fetched.
    #[error("{problem}")]
    Malformed {
        /// What the line said, at most 200 characters of it.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The name has no address.
    #[error("cannot resolve the name: {0}")]
    Dns(String),
    /// Nobody listens there, or the way is closed.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection was cut before an answer began.
    #[error("connection closed before an answer")]
    Closed,
    /// The connection was cut in the middle of an answer.
    #[error("connection cut after {received} bytes of the body")]
    Cut {
        /// Body bytes that had come.
        received: u64,
    },
    /// The server closed the connection, or refused the stream, without having processed the request: it may be sent
    /// again whatever its method (RFC 9113 8.7, RFC 9112 9.3.1), and counts as no try.
    #[error("not processed by the server: {0}")]
    Unprocessed(String),
    /// This machine ran short of something: open files, local ports, memory. Says nothing about the host, and counts as
    /// no try.
    #[error("this machine ran short: {0}")]
    Shortage(String),
    /// The TLS handshake failed.
    #[error("TLS: {reason}: {detail}")]
    Tls {
        /// Which check failed.
        reason: TlsReason,
        /// What the TLS library said.
        detail: String,
    },
    /// A deadline passed.
    #[error("timed out {phase} after {}", crate::size::spelled(*.after))]
    Timeout {
        /// What was being waited for.
        phase: Phase,
        /// How long.
        after: Duration,
    },
    /// The body came slower than the least rate.
    #[error("timed out: slower than {limit} bytes/s for {}", crate::size::spelled(*.during))]
    TooSlow {
        /// The least rate, in bytes a second.
        limit: u64,
        /// Over how long it was measured.
        during: Duration,
    },
    /// The body is larger than allowed.
    #[error("body is larger than {limit}")]
    TooLarge {
        /// The limit in bytes.
        limit: crate::size::ByteSize,
    },
    /// What came is not HTTP.
    #[error("not an HTTP answer: {0}")]
    Protocol(String),
    /// The head of the answer is larger or has more fields than allowed.
    #[error("the head of the answer is too large")]
    HeadTooLarge,
    /// More redirects than allowed.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// The limit.
        limit: u16,
    },
    /// A redirect to somewhere that is not fetched: another scheme, or no URL.
    #[error("redirect to {target}: {problem}")]
    BadRedirect {
        /// The `Location`, at most 200 characters of it.
        target: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A redirect from a public address to a private one.
    #[error("redirect to the private address {address} refused; --allow-private allows it")]
    Private {
        /// The address.
        address: IpAddr,
    },
    /// A redirect to a name that is private by its own saying, behind a proxy that would resolve it.
    #[error("redirect to the private name {name} refused; --allow-private allows it")]
    PrivateName {
        /// The name.
        name: String,
    },
    /// The host kept failing, through pauses that grew longer, until it was given up.
    #[error(
        "host given up: {failures} failures in a row in {}, the last one: {last}",
        crate::size::spelled(*.during)
    )]
    HostDown {
        /// How many; requests that were in flight together count as one.
        failures: u32,
        /// The class of the last one, or its HTTP status.
        last: String,
        /// From the first pause to the last failure.
        during: Duration,
    },
    /// The same request as an earlier line's; that line has the record of it.
    #[error("same as line {of}")]
    Duplicate {
        /// The earlier row.
        of: u64,
    },
    /// The host's robots.txt forbids it.
    #[error("forbidden by robots.txt: {rule}")]
    Robots {
        /// The line that forbids it, or why nothing is allowed.
        rule: String,
    },
    /// The host's robots.txt could not be had, which forbids the whole host (RFC 9309 2.3.1.4).
    #[error("not asked: the host's robots.txt could not be had: {problem}")]
    RobotsUnreachable {
        /// What was wrong with it.
        problem: String,
    },
    /// A setting kept it from being asked, as `--dry-run` does, or the program's own hook did.
    #[error("not asked: {0}")]
    Skipped(String),
    /// The proxy refused or failed.
    #[error("proxy: {0}")]
    Proxy(String),
    /// A temporary file for a large body could not be written.
    #[error("cannot keep the body: {0}")]
    Spool(String),
    /// The body could not be decoded.
    #[error("cannot decode the body: {0}")]
    Decode(String),
    /// The run was aborted while this was in flight.
    #[error("the run was interrupted")]
    Cancelled,
    /// The engine lost it: a panic, or a child process that died.
    #[error("lost by the engine: {0}")]
    Lost(String),
}

/// Which check of a certificate failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TlsReason {
    /// Its time is over, or has not come.
    Expired,
    /// It is for another name.
    WrongName,
    /// Nobody known signed it; a self-signed certificate is one of these.
    UnknownIssuer,
    /// Anything else.
    Other,
}

/// What was being waited for when a deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Phase {
    /// An address for the name.
    Resolve,
    /// TCP and TLS.
    Connect,
    /// The first byte of the answer.
    FirstByte,
    /// The next piece of the body.
    Body,
    /// The whole fetch.
    Total,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Phase::Resolve => "resolving the name",
            Phase::Connect => "connecting",
            Phase::FirstByte => "waiting for an answer",
            Phase::Body => "waiting for more of the body",
            Phase::Total => "in all",
        })
    }
}

impl std::fmt::Display for TlsReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TlsReason::Expired => "the certificate has expired or is not valid yet",
            TlsReason::WrongName => "the certificate is for another name",
            TlsReason::UnknownIssuer => "the certificate is signed by nobody known here",
            TlsReason::Other => "the handshake failed",
        })
    }
}

impl FetchError {
    /// Every class that [`class`](Self::class) can answer, with what it means; the README's table.
    pub const CLASSES: [(&'static str, &'static str); 30] = [
        ("malformed", "the line is not an http or https URL"),
        ("dns", "the name has no address"),
        ("connect", "nobody listens there, or the way is closed"),
        ("closed", "the connection was cut before an answer"),
        ("cut", "the connection was cut in the middle of the body"),
        (
            "unprocessed",
            "the server closed without processing the request",
        ),
        (
            "shortage",
            "this machine ran short of open files, ports or memory",
        ),
        (
            "tls-expired",
            "the certificate has expired or is not valid yet",
        ),
        ("tls-name", "the certificate is for another name"),
        (
            "tls-issuer",
            "the certificate is self-signed or signed by nobody known",
        ),
        ("tls", "the TLS handshake failed for another reason"),
        ("timeout", "a deadline passed, or the body came too slowly"),
        ("too-large", "the body is larger than --max-size"),
        ("protocol", "what came is not HTTP"),
        ("head", "the head of the answer is too large"),
        ("redirects", "more redirects than --max-redirs"),
        ("redirect", "a redirect to another scheme or to no URL"),
        ("private", "a redirect to a private address or name"),
        ("host-down", "the host kept failing and was given up"),
        ("duplicate", "the same request as an earlier line"),
        ("robots", "not asked: the host's robots.txt forbids it"),
        (
            "robots-unreachable",
            "not asked: the host's robots.txt could not be had",
        ),
        ("skipped", "not asked: --dry-run, or the hook of a program"),
        ("proxy", "the proxy refused or failed"),
        ("spool", "the body could not be kept on disk"),
        ("decode", "the body could not be decoded, or not to its end"),
        ("cancelled", "the run was interrupted"),
        ("lost", "the engine lost it"),
        (
            "http-4xx",
            "the server answered with a status from 400 to 499",
        ),
        (
            "http-5xx",
            "the server answered with a status of 500 or above",
        ),
    ];

    /// The stable name of this kind of failure, for records, `--retry-on` and scripts.
    pub const fn class(&self) -> &'static str {
        match self {
            FetchError::Malformed { .. } => "malformed",
            FetchError::Dns(_) => "dns",
            FetchError::Connect(_) => "connect",
            FetchError::Closed => "closed",
            FetchError::Cut { .. } => "cut",
            FetchError::Unprocessed(_) => "unprocessed",
            FetchError::Shortage(_) => "shortage",
            FetchError::Tls {
                reason: TlsReason::Expired,
                ..
            } => "tls-expired",
            FetchError::Tls {
                reason: TlsReason::WrongName,
                ..
            } => "tls-name",
            FetchError::Tls {
                reason: TlsReason::UnknownIssuer,
                ..
            } => "tls-issuer",
            FetchError::Tls { .. } => "tls",
            FetchError::Timeout { .. } | FetchError::TooSlow { .. } => "timeout",
            FetchError::TooLarge { .. } => "too-large",
            FetchError::Protocol(_) => "protocol",
            FetchError::HeadTooLarge => "head",
            FetchError::TooManyRedirects { .. } => "redirects",
            FetchError::BadRedirect { .. } => "redirect",
            FetchError::Private { .. } | FetchError::PrivateName { .. } => "private",
            FetchError::HostDown { .. } => "host-down",
            FetchError::Duplicate { .. } => "duplicate",
            FetchError::Robots { .. } => "robots",
            FetchError::RobotsUnreachable { .. } => "robots-unreachable",
            FetchError::Skipped(_) => "skipped",
            FetchError::Proxy(_) => "proxy",
            FetchError::Spool(_) => "spool",
            FetchError::Decode(_) => "decode",
            FetchError::Cancelled => "cancelled",
            FetchError::Lost(_) => "lost",
        }
    }
}

impl FetchError {
    /// Whether nothing went wrong: it was not meant to be asked.
    pub const fn is_skip(&self) -> bool {
        matches!(
            self,
            FetchError::Duplicate { .. } | FetchError::Skipped(_) | FetchError::Robots { .. }
        )
    }

    /// Whether the request was never processed: it goes again whatever its method, and costs no try.
    pub const fn is_unprocessed(&self) -> bool {
        matches!(self, FetchError::Unprocessed(_) | FetchError::Shortage(_))
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
