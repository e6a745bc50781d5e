//! A pin: the hash of a public key that a server must have.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tls::public_key;

/// What a pin begins with, as in curl.
const PREFIX: &str = "sha256//";

/// The SHA-256 of a public key that a server must have: of its whole `SubjectPublicKeyInfo` (RFC 7469 2.4).
///
/// ```
/// use haul::fetch::Pin;
///
/// let pins = Pin::parse("sha256//YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE=").unwrap();
/// assert_eq!(pins[0].to_string(), "sha256//YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE=");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Parses `sha256//BASE64`, or several of them with `;` in between.
    ///
    /// # Errors
    /// When one is not such a hash.
    pub fn parse(text: &str) -> Result<Vec<Self>, String> {
        let pin = |text: &str| {
            let hash = text.trim().strip_prefix(PREFIX)?;
            let hash = STANDARD.decode(hash).ok()?;
            Some(Self(hash.try_into().ok()?))
        };
        text.split(';')
            .map(|text| {
                pin(text).ok_or_else(|| {
                    format!("{text:?} is not {PREFIX} and the SHA-256 of a public key in base64")
                })
            })
            .collect()
    }

    /// The pin of the key in a file: a public key or a certificate, in PEM or DER.
    ///
    /// # Errors
    /// When it is neither.
    pub fn of_file(bytes: &[u8]) -> Result<Self, String> {
        let pem = SubjectPublicKeyInfoDer::from_pem_slice(bytes)
            .map(|key| Self::of_key(&key))
            .ok()
            .or_else(|| Self::of_certificate(&CertificateDer::from_pem_slice(bytes).ok()?));
        pem.or_else(|| Self::of_certificate(bytes))
            .or_else(|| public_key::is_public_key(bytes).then(|| Self::of_key(bytes)))
            .ok_or_else(|| "it is neither a public key nor a certificate, in PEM or DER".to_owned())
    }

    /// The pin of the key of a certificate in DER; `None` if it is not a certificate.
    pub(super) fn of_certificate(certificate: &[u8]) -> Option<Self> {
        public_key::public_key(certificate).map(Self::of_key)
    }

    fn of_key(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

/// A server whose key is none of those pinned, as the cause of a failed handshake.
#[derive(Debug, thiserror::Error)]
#[error("it is {}", .0.map_or("unreadable".to_owned(), |pin| pin.to_string()))]
pub(super) struct PinMismatch(pub(super) Option<Pin>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pin_is_refused() {
        let pin = Pin::of_key(b"key").to_string();
        assert_eq!(Pin::parse(&format!("{pin};{pin}")).unwrap().len(), 2);
        for wrong in [
            "",
            "sha256//",
            "sha256//AAAA",
            "md5//AAAA",
            &pin[8..],
            &format!("{pin};"),
        ] {
            assert!(
                Pin::parse(wrong).unwrap_err().contains("sha256//"),
                "{wrong}"
            );
        }
        for wrong in [&b""[..], b"x", b"-----BEGIN PUBLIC KEY-----\n", &[0x30, 0]] {
            assert!(Pin::of_file(wrong).is_err(), "{wrong:?}");
        }
    }
}
