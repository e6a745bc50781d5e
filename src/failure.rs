//! Why a job has no page: data, with a stable class that scripts may rely on.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why there is no page. [`class`](FetchError::class) is stable, the message is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
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
    #[error("redirect to the private address {address} refused")]
    Private {
        /// The address.
        address: IpAddr,
    },
    /// A redirect to a name that is private by its own saying, behind a proxy that would resolve it.
    #[error("redirect to the private name {name} refused")]
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
    /// A setting kept it from being asked: a dry run.
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
    /// The archive that the run reads does not have the page.
    #[error("not in the archive")]
    NotStored,
}

/// Which check of a certificate failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    pub const CLASSES: [(&'static str, &'static str); 31] = [
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
        ("too-large", "the body is larger than allowed"),
        ("protocol", "what came is not HTTP"),
        ("head", "the head of the answer is too large"),
        ("redirects", "more redirects than allowed"),
        ("redirect", "a redirect to another scheme or to no URL"),
        ("private", "a redirect to a private address or name"),
        ("host-down", "the host kept failing and was given up"),
        ("duplicate", "the same request as an earlier line"),
        ("robots", "not asked: the host's robots.txt forbids it"),
        (
            "robots-unreachable",
            "not asked: the host's robots.txt could not be had",
        ),
        ("skipped", "not asked: a dry run"),
        ("proxy", "the proxy refused or failed"),
        ("spool", "the body could not be kept on disk"),
        ("decode", "the body could not be decoded, or not to its end"),
        ("cancelled", "the run was interrupted"),
        ("lost", "the engine lost it"),
        (
            "not-stored",
            "the archive that is crawled does not have the page",
        ),
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
            FetchError::NotStored => "not-stored",
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
