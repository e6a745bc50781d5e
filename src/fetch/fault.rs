//! From the errors of two HTTP clients to one [`FetchError`].
//!
//! The same fault has the same class whichever engine met it; `tests/it/faults.rs` holds every engine to it.
//! Both clients hide the interesting part at the end of a chain of sources, so that is where it is looked for.

use std::error::Error as StdError;
use std::io;

use super::dns::DnsError;
use super::settings::Deadlines;
use crate::visit::{FetchError, Phase, TlsReason};

/// How far a fetch had come when it failed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    /// The head of the answer was not complete.
    Head,
    /// So many bytes of the body had come.
    Body(u64),
}

/// Reads an error of reqwest.
pub(crate) fn from_reqwest(
    error: &reqwest::Error,
    stage: Stage,
    deadlines: &Deadlines,
) -> FetchError {
    if let Some(found) = known(error, stage, deadlines) {
        return found;
    }
    if error.is_timeout() {
        let phase = if error.is_connect() {
            Phase::Connect
        } else {
            Phase::Total
        };
        return FetchError::Timeout {
            phase,
            after: deadlines.connect,
        };
    }
    let words = innermost(error);
    if words.starts_with("tunnel error") {
        return FetchError::Proxy(words);
    }
    if error.is_connect() {
        return FetchError::Connect(words);
    }
    protocol(words)
}

/// Reads an error of ureq.
pub(crate) fn from_ureq(error: &ureq::Error, stage: Stage, deadlines: &Deadlines) -> FetchError {
    use ureq::Timeout;
    match error {
        ureq::Error::Timeout(at) => {
            let (phase, after) = match at {
                Timeout::Resolve => (Phase::Resolve, deadlines.connect),
                Timeout::Connect => (Phase::Connect, deadlines.connect),
                Timeout::RecvResponse
                | Timeout::Await100
                | Timeout::SendRequest
                | Timeout::SendBody => (Phase::FirstByte, deadlines.first_byte),
                Timeout::Global => (Phase::Total, deadlines.total),
                _ => match stage {
                    Stage::Head => (Phase::FirstByte, deadlines.first_byte),
                    Stage::Body(_) => (Phase::Body, deadlines.between_chunks),
                },
            };
            FetchError::Timeout { phase, after }
        }
        ureq::Error::LargeResponseHeader(..) => FetchError::HeadTooLarge,
        ureq::Error::HostNotFound => FetchError::Dns("the name has no address".into()),
        ureq::Error::ConnectionFailed => FetchError::Connect("connection refused".into()),
        ureq::Error::ConnectProxyFailed(words) => FetchError::Proxy(words.clone()),
        ureq::Error::InvalidProxyUrl => FetchError::Proxy("not a proxy URL".into()),
        ureq::Error::Protocol(cause) => {
            let words = cause.to_string();
            match stage {
                _ if words.contains("too many headers") || words.contains("TooManyHeaders") => {
                    FetchError::HeadTooLarge
                }
                Stage::Body(received) => FetchError::Cut { received },
                Stage::Head => protocol(words),
            }
        }
        // These keep their cause to themselves, and not as a source.
        ureq::Error::Io(cause) => {
            known(cause, stage, deadlines).unwrap_or_else(|| protocol(words(cause)))
        }
        ureq::Error::Rustls(cause) => from_tls(cause),
        ureq::Error::Tls(words) => FetchError::Tls {
            reason: TlsReason::Other,
            detail: (*words).to_owned(),
        },
        ureq::Error::Other(cause) => {
            let cause: &(dyn StdError + 'static) = &**cause;
            known(cause, stage, deadlines).unwrap_or_else(|| protocol(innermost(cause)))
        }
        other => protocol(other.to_string()),
    }
}

/// Where a proxy asks for us, it is the proxy that could not be reached or found.
pub(crate) fn by_proxy(error: FetchError) -> FetchError {
    match error {
        FetchError::Connect(_) | FetchError::Dns(_) => FetchError::Proxy(error.to_string()),
        other => other,
    }
}

/// What both clients have in common: system, TLS, HTTP and name errors somewhere along the chain.
fn known(
    error: &(dyn StdError + 'static),
    stage: Stage,
    deadlines: &Deadlines,
) -> Option<FetchError> {
    let mut link = Some(error);
    while let Some(cause) = link {
        if let Some(found) = cause.downcast_ref::<DnsError>() {
            return Some(from_dns(found));
        }
        if let Some(found) = cause.downcast_ref::<rustls::Error>() {
            return Some(from_tls(found));
        }
        if let Some(found) = cause.downcast_ref::<hyper::Error>()
            && let Some(found) = from_hyper(found, stage)
        {
            return Some(found);
        }
        if let Some(found) = cause.downcast_ref::<h2::Error>()
            && !found.is_io()
        {
            // The other side's reset is its way to cut; what our side objects to is no HTTP/2.
            let cut = found.is_remote() && (found.is_reset() || found.is_go_away());
            return Some(match stage {
                _ if cut => closed(stage),
                Stage::Body(received) => FetchError::Cut { received },
                Stage::Head => protocol(found.to_string()),
            });
        }
        // An io error may be a wrapping around one of the above: look inside it first.
        if let Some(found) = cause.downcast_ref::<io::Error>() {
            if let Some(inner) = found.get_ref() {
                let inner: &(dyn StdError + 'static) = inner;
                return known(inner, stage, deadlines).or_else(|| from_io(found, stage, deadlines));
            }
            return from_io(found, stage, deadlines);
        }
        link = cause.source();
    }
    None
}

/// What a resolver answered.
pub(crate) fn from_dns(error: &DnsError) -> FetchError {
    match error {
        DnsError::Refused(words) => FetchError::Dns(words.to_string()),
        DnsError::Late(after) => FetchError::Timeout {
            phase: Phase::Resolve,
            after: *after,
        },
        DnsError::Private(address) => FetchError::Private { address: *address },
    }
}

fn from_tls(error: &rustls::Error) -> FetchError {
    use rustls::CertificateError as Certificate;
    let reason = match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            Certificate::Expired | Certificate::ExpiredContext { .. } => TlsReason::Expired,
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => TlsReason::Expired,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                TlsReason::WrongName
            }
            Certificate::UnknownIssuer => TlsReason::UnknownIssuer,
            // A self-signed certificate that is no authority fails this way against a root store.
            Certificate::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                TlsReason::UnknownIssuer
            }
            _ => TlsReason::Other,
        },
        _ => TlsReason::Other,
    };
    FetchError::Tls {
        reason,
        detail: error.to_string(),
    }
}

fn from_hyper(error: &hyper::Error, stage: Stage) -> Option<FetchError> {
    if error.is_parse_too_large() {
        return Some(FetchError::HeadTooLarge);
    }
    if error.is_incomplete_message() || error.is_closed() {
        return Some(closed(stage));
    }
    if error.is_parse() {
        return Some(match stage {
            Stage::Head => protocol(innermost(error)),
            Stage::Body(received) => FetchError::Cut { received },
        });
    }
    if error.is_canceled() && error.source().is_none() {
        return Some(closed(stage));
    }
    None
}

fn from_io(error: &io::Error, stage: Stage, deadlines: &Deadlines) -> Option<FetchError> {
    use io::ErrorKind as Kind;
    Some(match error.kind() {
        Kind::ConnectionRefused => FetchError::Connect("connection refused".into()),
        Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::AddrNotAvailable
        | Kind::NetworkDown => FetchError::Connect(words(error)),
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof
        | Kind::NotConnected => closed(stage),
        Kind::TimedOut => match stage {
            Stage::Head => FetchError::Timeout {
                phase: Phase::Connect,
                after: deadlines.connect,
            },
            Stage::Body(_) => FetchError::Timeout {
                phase: Phase::Body,
                after: deadlines.between_chunks,
            },
        },
        // The framing of a body is broken, as where a chunk has no size: that is no cut, and would be the same again.
        Kind::InvalidData | Kind::InvalidInput => protocol(words(error)),
        _ => return None,
    })
}

const fn closed(stage: Stage) -> FetchError {
    match stage {
        Stage::Head => FetchError::Closed,
        Stage::Body(received) => FetchError::Cut { received },
    }
}

fn protocol(words: String) -> FetchError {
    FetchError::Protocol(words)
}

/// A system error without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or(&text)
        .to_lowercase()
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    let text = last.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
