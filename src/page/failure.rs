//! Why a fetch failed: data, with a stable class that scripts can rely on.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::checksum::Claim;

/// Why a fetch failed. Its [`class`](FetchError::class) is stable; the message is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FetchError {
    /// The line of the list is not a URL that can be fetched.
    #[error("{problem}")]
    Malformed {
        /// The text of the line, at most 200 characters.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The host name cannot be resolved.
    #[error("cannot resolve the name: {0}")]
    Dns(String),
    /// The connection was refused, or the host cannot be reached.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection was closed before a response.
    #[error("connection closed before a response")]
    Closed,
    /// The connection was closed in the middle of a body.
    #[error("connection cut after {received} bytes of the body")]
    Cut {
        /// Bytes of the body that were received.
        received: u64,
    },
    /// The server closed the connection or refused the stream without processing the request.
    ///
    /// The request may be sent again whatever its method (RFC 9113 8.7, RFC 9112 9.3.1), and does not count as a try.
    #[error("not processed by the server: {0}")]
    Unprocessed(String),
    /// This machine ran out of open files, local ports or memory.
    ///
    /// That says nothing about the host, and does not count as a try.
    #[error("this machine ran short: {0}")]
    Shortage(String),
    /// The TLS handshake failed.
    #[error("TLS: {reason}{}", if detail.is_empty() { String::new() } else { format!(": {detail}") })]
    Tls {
        /// What went wrong.
        reason: TlsReason,
        /// More about it; may be empty.
        detail: String,
    },
    /// A time limit was reached.
    #[error("timed out {phase} after {}", crate::text::size::spelled(*.after))]
    Timeout {
        /// What haul was waiting for.
        phase: Phase,
        /// How long.
        after: Duration,
    },
    /// The body arrived more slowly than the minimum rate.
    #[error("timed out: slower than {limit} bytes/s for {}", crate::text::size::spelled(*.during))]
    TooSlow {
        /// The minimum rate, in bytes per second.
        limit: u64,
        /// The period over which it was measured.
        during: Duration,
    },
    /// The body is larger than allowed.
    #[error("body is larger than {limit}")]
    TooLarge {
        /// The limit in bytes.
        limit: crate::text::size::ByteSize,
    },
    /// The response is not HTTP.
    #[error("not an HTTP response: {0}")]
    Protocol(String),
    /// The response headers are larger or more than allowed.
    #[error("the response headers are too large")]
    HeadTooLarge,
    /// More redirects than allowed.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// The limit.
        limit: u16,
    },
    /// A redirect to another scheme, or to something that is not a URL.
    #[error("redirect to {target}: {problem}")]
    BadRedirect {
        /// The `Location`, at most 200 characters.
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
    /// A redirect to a name that is private by definition, behind a proxy that would resolve it.
    #[error("redirect to the private name {name} refused")]
    PrivateName {
        /// The name.
        name: String,
    },
    /// The host kept failing, through longer and longer pauses, until haul gave up on it.
    #[error(
        "host given up: {failures} failures in a row in {}, the last one: {last}",
        crate::text::size::spelled(*.during)
    )]
    HostDown {
        /// Failures in a row; requests that were in flight together count as one.
        failures: u32,
        /// The class of the last one, or its HTTP status.
        last: String,
        /// The time from the first pause to the last failure.
        during: Duration,
    },
    /// The same request as an earlier line, which has the record.
    #[error("same as line {of}")]
    Duplicate {
        /// The earlier row.
        of: u64,
    },
    /// The host's robots.txt forbids it.
    #[error("forbidden by robots.txt: {rule}")]
    Robots {
        /// The rule that forbids it, or why nothing is allowed.
        rule: String,
    },
    /// The host's robots.txt could not be fetched, which forbids the whole host (RFC 9309 2.3.1.4).
    #[error("not fetched: the host's robots.txt could not be fetched: {problem}")]
    RobotsUnreachable {
        /// What went wrong.
        problem: String,
    },
    /// A dry run, or the hook of a program, prevented the request.
    #[error("not fetched: {0}")]
    Skipped(String),
    /// The proxy refused or failed.
    #[error("proxy: {0}")]
    Proxy(String),
    /// A temporary file for a large body could not be written.
    #[error("cannot write the body to disk: {0}")]
    Spool(String),
    /// The body could not be decoded.
    #[error("cannot decode the body: {0}")]
    Decode(String),
    /// The run was aborted while this was in flight.
    #[error("the run was interrupted")]
    Cancelled,
    /// The engine lost the request: a panic, or a child process that died.
    #[error("lost by the engine: {0}")]
    Lost(String),
    /// The archive does not contain the page.
    #[error("not in the archive")]
    NotStored,
    /// The body does not have the checksum that it should have.
    #[error("checksum mismatch: {claim} is {expected}, {}", actual(.found.as_deref()))]
    Checksum {
        /// Who says which checksum it should have.
        claim: Claim,
        /// The checksum that it should have, in hexadecimal.
        expected: String,
        /// The checksum that it has, in hexadecimal; `None` if there was no body to check.
        found: Option<String>,
    },
}

/// Why a TLS handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TlsReason {
    /// The certificate has expired, or is not valid yet.
    Expired,
    /// The certificate is for another name.
    WrongName,
    /// The issuer of the certificate is unknown, or the certificate is self-signed.
    UnknownIssuer,
    /// The server does not have a key that is pinned.
    Pin,
    /// The server speaks no version of TLS that is accepted.
    Version,
    /// The server wants a client certificate, and was shown none.
    ClientWanted,
    /// The server refuses the client certificate that it was shown.
    ClientRefused,
    /// Anything else.
    Other,
}

/// What haul was waiting for when a time limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Phase {
    /// The host's address.
    Resolve,
    /// TCP and TLS.
    Connect,
    /// The first byte of the response.
    FirstByte,
    /// The next piece of the body.
    Body,
    /// The whole request.
    Total,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Phase::Resolve => "resolving the name",
            Phase::Connect => "connecting",
            Phase::FirstByte => "waiting for a response",
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
            TlsReason::UnknownIssuer => "the certificate's issuer is unknown",
            TlsReason::Pin => "the key of the server is not pinned",
            TlsReason::Version => "the server speaks no version of TLS that is accepted",
            TlsReason::ClientWanted => "the server wants a client certificate",
            TlsReason::ClientRefused => "the server refuses the client certificate",
            TlsReason::Other => "the handshake failed",
        })
    }
}

/// The checksum that a body has, in words.
fn actual(checksum: Option<&str>) -> String {
    match checksum {
        Some(checksum) => format!("that of the body is {checksum}"),
        None => "but there was no body to check".to_owned(),
    }
}

impl FetchError {
    /// Every class that [`class`](Self::class) can return, with its meaning: the table in the book.
    pub const CLASSES: [(&'static str, &'static str); 35] = [
        ("malformed", "the line is not an http or https URL"),
        ("dns", "the host name cannot be resolved"),
        (
            "connect",
            "the connection was refused, or the host cannot be reached",
        ),
        ("closed", "the connection was closed before a response"),
        ("cut", "the connection was closed in the middle of the body"),
        (
            "unprocessed",
            "the server closed the connection without processing the request",
        ),
        (
            "shortage",
            "this machine ran out of open files, ports or memory",
        ),
        (
            "tls-expired",
            "the certificate has expired or is not valid yet",
        ),
        ("tls-name", "the certificate is for another name"),
        (
            "tls-issuer",
            "the certificate is self-signed, or its issuer is unknown",
        ),
        ("tls-pin", "the server does not have a key that is pinned"),
        (
            "tls-version",
            "the server speaks no version of TLS that is accepted",
        ),
        (
            "tls-client",
            "the server wants a client certificate, or refuses the one that it was shown",
        ),
        ("tls", "the TLS handshake failed for another reason"),
        (
            "timeout",
            "a time limit was reached, or the body arrived too slowly",
        ),
        ("too-large", "the body is larger than allowed"),
        ("protocol", "the response is not HTTP"),
        ("head", "the response headers are too large"),
        ("redirects", "more redirects than allowed"),
        ("redirect", "a redirect to another scheme or to no URL"),
        ("private", "a redirect to a private address or name"),
        ("host-down", "the host kept failing, and haul gave up on it"),
        ("duplicate", "the same request as an earlier line"),
        ("robots", "not fetched: robots.txt forbids it"),
        (
            "robots-unreachable",
            "not fetched: the host's robots.txt could not be fetched",
        ),
        (
            "skipped",
            "not fetched: a dry run, or skipped by the hook of a program",
        ),
        ("proxy", "the proxy refused or failed"),
        ("spool", "the body could not be written to disk"),
        (
            "decode",
            "the body could not be decoded, at least not completely",
        ),
        (
            "checksum",
            "the body does not have the checksum that it should have",
        ),
        ("cancelled", "the run was interrupted"),
        ("lost", "internal error: the engine lost the request"),
        ("not-stored", "the archive does not contain the page"),
        ("http-4xx", "the response has a status from 400 to 499"),
        ("http-5xx", "the response has a status of 500 or above"),
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
            FetchError::Tls {
                reason: TlsReason::Pin,
                ..
            } => "tls-pin",
            FetchError::Tls {
                reason: TlsReason::Version,
                ..
            } => "tls-version",
            FetchError::Tls {
                reason: TlsReason::ClientWanted | TlsReason::ClientRefused,
                ..
            } => "tls-client",
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
            FetchError::Checksum { .. } => "checksum",
        }
    }
}

impl FetchError {
    /// Whether nothing went wrong: the URL was deliberately not requested.
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
