//! From an error of a TLS handshake to its reason and words for people.
//!
//! What a certificate says about itself is remote text: it is cleaned, and cut to a few names.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError, OtherError, PeerIncompatible};

use crate::fetch::pin::PinMismatch;
use crate::page::failure::{FetchError, TlsReason};
use crate::text::clean::clean;

/// The most names of a certificate that are shown.
const NAMES: usize = 3;
/// The most characters of each that are shown.
const NAME: usize = 80;

/// The failure that an error of the TLS library stands for.
pub(in crate::fetch) fn from_tls(error: &rustls::Error) -> FetchError {
    let (reason, detail) = match error {
        rustls::Error::InvalidCertificate(problem) => from_certificate(problem),
        rustls::Error::AlertReceived(alert) => from_alert(*alert),
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => (TlsReason::Version, None),
        _ => (TlsReason::Other, None),
    };
    let detail = match (detail, reason) {
        (None, TlsReason::Other) => error.to_string(),
        (detail, _) => detail.unwrap_or_default(),
    };
    FetchError::Tls { reason, detail }
}

fn from_certificate(problem: &CertificateError) -> (TlsReason, Option<String>) {
    match problem {
        CertificateError::ExpiredContext { not_after, .. } => {
            let detail = date(*not_after).map(|date| format!("it expired on {date}"));
            (TlsReason::Expired, detail)
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            let detail = date(*not_before).map(|date| format!("it is valid from {date}"));
            (TlsReason::Expired, detail)
        }
        CertificateError::Expired | CertificateError::NotValidYet => (TlsReason::Expired, None),
        CertificateError::NotValidForNameContext { presented, .. } => {
            (TlsReason::WrongName, names(presented))
        }
        CertificateError::NotValidForName => (TlsReason::WrongName, None),
        CertificateError::UnknownIssuer => (TlsReason::UnknownIssuer, None),
        CertificateError::Other(OtherError(other)) => {
            if let Some(mismatch) = other.downcast_ref::<PinMismatch>() {
                (TlsReason::Pin, Some(mismatch.to_string()))
            } else if other.to_string().contains("CaUsedAsEndEntity") {
                // A self-signed certificate that is no authority fails this way against a root store.
                (TlsReason::UnknownIssuer, None)
            } else {
                (TlsReason::Other, None)
            }
        }
        _ => (TlsReason::Other, None),
    }
}

/// What a server said (RFC 8446 6.2). Most alerts about certificates can only be about that of the client.
fn from_alert(alert: Alert) -> (TlsReason, Option<String>) {
    let refused = |words: &str| (TlsReason::ClientRefused, Some(words.to_owned()));
    match alert {
        Alert::ProtocolVersion => (TlsReason::Version, None),
        Alert::CertificateRequired | Alert::NoCertificate => (TlsReason::ClientWanted, None),
        Alert::UnknownCA => refused("it does not know the issuer"),
        Alert::CertificateExpired => refused("it has expired"),
        Alert::CertificateRevoked => refused("it was revoked"),
        Alert::UnsupportedCertificate => refused("it is of a kind that the server does not accept"),
        Alert::AccessDenied => refused("access is denied"),
        Alert::BadCertificate | Alert::CertificateUnknown => (TlsReason::ClientRefused, None),
        _ => (TlsReason::Other, None),
    }
}

/// A day, in UTC.
fn date(time: UnixTime) -> Option<String> {
    let time = Timestamp::from_second(time.as_secs().try_into().ok()?).ok()?;
    Some(time.strftime("%Y-%m-%d").to_string())
}

/// The names that a certificate is for. webpki gives them as in `DnsName("a.example")`.
fn names(presented: &[String]) -> Option<String> {
    let name = |text: &String| {
        let name = text.split_once('(').map_or(text.as_str(), |(_, name)| name);
        let name = name.trim_end_matches(')').trim_matches('"');
        clean(name).chars().take(NAME).collect::<String>()
    };
    let names: Vec<_> = presented.iter().take(NAMES).map(name).collect();
    match (names.join(", "), presented.len().saturating_sub(NAMES)) {
        _ if names.is_empty() => None,
        (names, 0) => Some(format!("it is for {names}")),
        (names, more) => Some(format!("it is for {names} and {more} more")),
    }
}
