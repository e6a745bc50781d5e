//! The public key of a certificate.
//!
//! Read here and not by webpki, which refuses certificates of version 1: those are still issued to clients, and with
//! certificate checks turned off a server may have one too.

/// The tag of a SEQUENCE (ITU-T X.690 8.9).
const SEQUENCE: u8 = 0x30;
/// The tag of a BIT STRING.
const BIT_STRING: u8 = 0x03;
/// The tag of an INTEGER.
const INTEGER: u8 = 0x02;
/// The tag of the version, which certificates of version 1 leave out.
const VERSION: u8 = 0xA0;

/// One value in DER.
struct Value<'a> {
    tag: u8,
    /// With its tag and length.
    whole: &'a [u8],
    content: &'a [u8],
    /// What follows it.
    rest: &'a [u8],
}

/// The public key of a certificate, as its whole `SubjectPublicKeyInfo` (RFC 5280 4.1); `None` if the bytes are not a
/// certificate.
pub(in crate::fetch) fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let certificate = expect(certificate, SEQUENCE)?;
    let mut fields = expect(certificate.content, SEQUENCE)?.content;
    if *fields.first()? == VERSION {
        fields = value(fields)?.rest;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
        fields = expect(fields, tag)?.rest;
    }
    Some(expect(fields, SEQUENCE)?.whole)
}

/// Whether the bytes are a whole `SubjectPublicKeyInfo`.
pub(in crate::fetch) fn is_public_key(bytes: &[u8]) -> bool {
    let key = || {
        let whole = expect(bytes, SEQUENCE)?;
        let algorithm = expect(whole.content, SEQUENCE)?;
        let key = expect(algorithm.rest, BIT_STRING)?;
        Some(whole.rest.is_empty() && key.rest.is_empty())
    };
    key().unwrap_or_default()
}

fn expect(bytes: &[u8], tag: u8) -> Option<Value<'_>> {
    value(bytes).filter(|value| value.tag == tag)
}

fn value(bytes: &[u8]) -> Option<Value<'_>> {
    let (&tag, after_tag) = bytes.split_first()?;
    let (&first, after_first) = after_tag.split_first()?;
    let (length, body) = match first {
        _ if first < 0x80 => (usize::from(first), after_first),
        // X.690 8.1.3.5: the number of bytes that have the length. A certificate is never longer than four can say.
        0x81..=0x84 => {
            let (bytes, body) = after_first.split_at_checked(usize::from(first & 0x7F))?;
            let length = bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, body)
        }
        _ => return None,
    };
    let (content, rest) = body.split_at_checked(length)?;
    let whole = &bytes[..bytes.len() - rest.len()];
    Some(Value {
        tag,
        whole,
        content,
        rest,
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PublicKeyData};

    use super::*;

    #[test]
    fn the_key_of_a_certificate_is_found_and_no_prefix_of_one_panics() {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let der = certificate.der();
        assert_eq!(public_key(der), Some(&key.subject_public_key_info()[..]));
        for length in 0..der.len() {
            assert_eq!(public_key(&der[..length]), None, "{length}");
        }
        assert!(is_public_key(&key.subject_public_key_info()) && !is_public_key(der));
        assert_eq!(public_key(b"-----BEGIN CERTIFICATE-----"), None);
        assert_eq!(public_key(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
    }
}
