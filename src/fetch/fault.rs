//! From the errors of three HTTP clients to one [`FetchError`].
//!
//! The same fault has the same class in every engine; `tests/it/faults.rs` checks that. The clients hide the
//! interesting part at the end of a chain of sources, so that is where this looks for it.

use std::error::Error as StdError;
use std::io;

use h2::Reason;
use http::Method;
use rustix::io::Errno;

use super::dns_error::DnsError;
use super::settings::Deadlines;
use super::tls::from_tls;
use crate::page::failure::{FetchError, Phase, TlsReason};

/// How far a fetch had got when it failed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    /// The head of the response was not complete.
    Head,
    /// This many bytes of the body had arrived.
    Body(u64),
}

/// A connection that failed, with its reason: a [`FetchError`] that passes through a client.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) FetchError);

/// Converts an error of hyper and of its pooled client.
pub(crate) fn from_client(
    error: &(dyn StdError + 'static),
    stage: Stage,
    deadlines: &Deadlines,
) -> FetchError {
    known(error, stage, deadlines).unwrap_or_else(|| protocol(innermost(error)))
}

/// Converts a failed connection. `unroutable`: there is no route to the address.
pub(crate) fn from_connect(
    error: &io::Error,
    unroutable: bool,
    deadlines: &Deadlines,
) -> FetchError {
    if error.kind() == io::ErrorKind::AddrNotAvailable && !unroutable {
        return FetchError::Shortage("no local port is free".into());
    }
    known(error, Stage::Head, deadlines).unwrap_or_else(|| FetchError::Connect(words(error)))
}

/// Whether the other side ended one stream of a connection, and not the connection.
pub(crate) fn is_stream_reset(error: &(dyn StdError + 'static)) -> bool {
    h2_error(error).is_some_and(h2::Error::is_reset)
}

/// Makes the end of a kept-alive connection a reason to retry.
///
/// If such a connection closes before the first byte of a response, it was most likely closed before the request
/// arrived: a request that may be sent twice is retried (RFC 9112 9.3.1).
pub(crate) fn of_kept(fault: FetchError, method: &Method, kept: bool) -> FetchError {
    match fault {
        FetchError::Closed if kept && method.is_idempotent() => {
            FetchError::Unprocessed("the server had closed the kept connection".into())
        }
        other => other,
    }
}

/// The resource that this machine lacks, if that is the reason.
pub(crate) fn shortage(error: &io::Error) -> Option<String> {
    match Errno::from_io_error(error)? {
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => Some(words(error)),
        _ => None,
    }
}

/// Whether the host refuses HTTP/2 and wants the request over HTTP/1.1.
pub(crate) fn wants_http1(error: &(dyn StdError + 'static)) -> bool {
    h2_error(error)
        .is_some_and(|error| error.is_remote() && error.reason() == Some(Reason::HTTP_1_1_REQUIRED))
}

fn h2_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a h2::Error> {
    let mut link = Some(error);
    while let Some(cause) = link {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        link = cause.source();
    }
    None
}

/// Converts an error of reqwest.
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

/// Converts an error of ureq.
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
        // These errors have a cause, but not as a source.
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

/// Blames the proxy if it could not be reached or found.
pub(crate) fn by_proxy(error: FetchError) -> FetchError {
    match error {
        FetchError::Connect(_) | FetchError::Dns(_) => FetchError::Proxy(error.to_string()),
        other => other,
    }
}

/// Converts errors that the clients have in common: system, TLS, HTTP and DNS errors.
fn known(
    error: &(dyn StdError + 'static),
    stage: Stage,
    deadlines: &Deadlines,
) -> Option<FetchError> {
    let mut link = Some(error);
    while let Some(cause) = link {
        if let Some(Refused(found)) = cause.downcast_ref::<Refused>() {
            return Some(found.clone());
        }
        if let Some(found) = cause.downcast_ref::<DnsError>() {
            return Some(from_dns(found));
        }
        if let Some(found) = cause.downcast_ref::<rustls::Error>() {
            return Some(from_tls(found));
        }
        if let Some(found) = cause.downcast_ref::<hyper::Error>() {
            if let Some(found) = from_hyper(found, stage) {
                return Some(found);
            }
            // The connection ended before the request was sent; the source has the reason, if it is known.
            if found.is_canceled() {
                let why = found.source().and_then(|why| known(why, stage, deadlines));
                return Some(why.unwrap_or_else(|| closed(stage)));
            }
        }
        if let Some(found) = cause.downcast_ref::<h2::Error>() {
            return Some(from_h2(found, stage, deadlines));
        }
        // An io error may wrap one of the above, so look inside it first.
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

fn from_h2(error: &h2::Error, stage: Stage, deadlines: &Deadlines) -> FetchError {
    if let Some(cause) = error.get_io() {
        // The connection broke below HTTP/2.
        return known(cause, stage, deadlines).unwrap_or_else(|| closed(stage));
    }
    let remote = error.is_remote();
    // RFC 9113 6.8: a stream that ends with GOAWAY was not processed. 8.7: nor was a refused one.
    let refused = error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM);
    match stage {
        Stage::Head if remote && refused => FetchError::Unprocessed(error.to_string()),
        // A reset by the other side is a cut; an objection of our side means that it is not HTTP/2.
        _ if remote => closed(stage),
        Stage::Body(received) => FetchError::Cut { received },
        Stage::Head => protocol(error.to_string()),
    }
}

/// Converts a failed lookup.
pub(crate) fn from_dns(error: &DnsError) -> FetchError {
    match error {
        DnsError::Refused(words) => FetchError::Dns(words.to_string()),
        DnsError::Shortage(words) => FetchError::Shortage(words.to_string()),
        DnsError::Late(after) => FetchError::Timeout {
            phase: Phase::Resolve,
            after: *after,
        },
        DnsError::Private(address) => FetchError::Private { address: *address },
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
    None
}

fn from_io(error: &io::Error, stage: Stage, deadlines: &Deadlines) -> Option<FetchError> {
    use io::ErrorKind as Kind;
    if let Some(words) = shortage(error) {
        return Some(FetchError::Shortage(words));
    }
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
        // The framing of a body is broken, as in a chunk without a size: that is no cut, and a retry would not
        // help.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as both kinds of clients return it: deep inside another one.
    fn wrapped(error: io::Error) -> io::Error {
        io::Error::other(Refused(from_connect(&error, false, &Deadlines::default())))
    }

    #[test]
    fn what_this_machine_lacks_is_not_the_hosts_fault() {
        let deadlines = Deadlines::default();
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            let error = || io::Error::from(errno);
            let ours = from_client(&wrapped(error()), Stage::Head, &deadlines);
            assert_eq!(ours.class(), "shortage", "{errno}");
            let blocking = from_ureq(&ureq::Error::Io(error()), Stage::Head, &deadlines);
            assert_eq!(blocking.class(), "shortage", "{errno}");
        }
        let error = io::Error::from(Errno::CONNREFUSED);
        let ours = from_client(&wrapped(error), Stage::Head, &deadlines);
        assert_eq!(ours.class(), "connect");
    }

    #[test]
    fn no_free_port_is_a_shortage_and_no_way_to_an_address_is_not() {
        let error = io::Error::from(Errno::ADDRNOTAVAIL);
        let class = |unroutable| from_connect(&error, unroutable, &Deadlines::default()).class();
        assert_eq!((class(false), class(true)), ("shortage", "connect"));
    }

    #[test]
    fn only_what_may_be_sent_twice_goes_again_after_a_kept_connection_died() {
        let again = |method, kept| of_kept(FetchError::Closed, method, kept).is_unprocessed();
        assert!(again(&Method::GET, true) && again(&Method::DELETE, true));
        assert!(!again(&Method::POST, true) && !again(&Method::GET, false));
    }
}
