//! Checksums of bodies: which one a body should have, and who says so.
//!
//! Users give the SHA-256 of the body as it is saved. Servers send digests of the body as it is received, in
//! `Repr-Digest` and `Content-Digest` (RFC 9530). Invariant: a field that cannot be read says nothing, and a digest is
//! as long as its algorithm says.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::headers::Headers;

/// Padding is optional (RFC 9651 4.2.7).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A SHA-256 that a body must have, as saved: after decoding.
///
/// ```
/// # use haul::Checksum;
/// let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// let checksum: Checksum = format!("sha256={hex}").parse().unwrap();
/// assert_eq!(checksum.to_string(), hex);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

/// Who says which checksum a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Claim {
    /// The user, about the body as it is saved.
    User,
    /// The server, about the whole representation, which may be encoded (RFC 9530 3).
    ReprDigest,
    /// The server, about the content of this response (RFC 9530 2).
    ContentDigest,
}

/// An algorithm of digests that servers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha256,
    Sha512,
}

/// A digest that a server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentDigest {
    pub(crate) algorithm: Algorithm,
    pub(crate) bytes: Vec<u8>,
}

impl Checksum {
    /// The bytes of the SHA-256.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Checksum {
    type Err = String;

    /// Reads 64 hexadecimal digits, also after `sha256=`, or `sha-256=` as aria2 writes it.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = match text.split_once(['=', ':']) {
            Some((name, digits)) if is_sha256(name.trim()) => digits,
            Some((name, _)) => {
                return Err(format!(
                    "{:?} is not a supported checksum: give the SHA-256, as in sha256=HEX",
                    shortened(name)
                ));
            }
            None => text,
        };
        let wrong = || {
            format!(
                "{:?} is not a SHA-256, which has 64 hexadecimal digits",
                shortened(digits)
            )
        };
        let digits = digits.trim().as_bytes();
        let mut bytes = [0; 32];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(wrong());
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = hex_value(*high)
                .zip(hex_value(*low))
                .map(|(high, low)| high << 4 | low)
                .ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

fn is_sha256(name: &str) -> bool {
    ["sha256", "sha-256"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(80)]
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Claim {
    /// The name that records use: `sha256`, `repr-digest` or `content-digest`.
    pub const fn name(self) -> &'static str {
        match self {
            Claim::User => "sha256",
            Claim::ReprDigest => "repr-digest",
            Claim::ContentDigest => "content-digest",
        }
    }

    /// Whether the server sent the field of this name.
    pub(crate) fn is_in(self, headers: &Headers) -> bool {
        headers.0.contains_key(self.name())
    }

    /// The digest that the server sent in the field of this name.
    pub(crate) fn sent(self, headers: &Headers) -> Option<SentDigest> {
        let name = HeaderName::from_static(self.name());
        let mut lines = headers.0.get_all(name).iter().peekable();
        lines.peek()?;
        let lines: Option<Vec<&str>> = lines.map(|line| line.to_str().ok()).collect();
        sent_digest(&lines?.join(","))
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Claim::User => "the given SHA-256",
            Claim::ReprDigest => "Repr-Digest",
            Claim::ContentDigest => "Content-Digest",
        })
    }
}

/// Reads a dictionary of byte sequences (RFC 9651 3.2); SHA-256 is preferred.
fn sent_digest(field: &str) -> Option<SentDigest> {
    let mut found: Option<SentDigest> = None;
    for member in field.split(',') {
        // No byte sequence contains a comma or a semicolon.
        let member = member.split(';').next().unwrap_or_default();
        let (key, value) = member.split_once('=')?;
        let (algorithm, length) = match key.trim_matches([' ', '\t']) {
            "sha-256" => (Algorithm::Sha256, 32),
            "sha-512" => (Algorithm::Sha512, 64),
            _ => continue,
        };
        let value = value.trim_end_matches([' ', '\t']);
        let encoded = value.strip_prefix(':')?.strip_suffix(':')?;
        let bytes = BASE64.decode(encoded).ok()?;
        let is_preferred = found
            .as_ref()
            .is_none_or(|found| found.algorithm == algorithm || algorithm == Algorithm::Sha256);
        if bytes.len() != length {
            return None;
        }
        if is_preferred {
            found = Some(SentDigest { algorithm, bytes });
        }
    }
    found
}

/// Bytes in hexadecimal, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const SHA256: &str = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=";

    #[test]
    fn a_checksum_is_read_in_the_spellings_of_other_tools_and_nothing_else() {
        let checksum: Checksum = HEX.parse().unwrap();
        for spelling in [
            format!("sha256={HEX}"),
            format!("sha-256={HEX}"),
            format!("SHA256:{}", HEX.to_uppercase()),
            format!(" {HEX}\n"),
        ] {
            assert_eq!(spelling.parse(), Ok(checksum), "{spelling}");
        }
        let longer = HEX.to_owned() + "0";
        for wrong in ["", "sha256=", &HEX[1..], &longer, &HEX.replace('9', "+")] {
            let problem = wrong.parse::<Checksum>().unwrap_err();
            assert!(problem.contains("64 hexadecimal digits"), "{problem}");
        }
        let problem = "md5=d41d8cd98f00b204e9800998ecf8427e"
            .parse::<Checksum>()
            .unwrap_err();
        assert!(problem.contains("sha256=HEX"), "{problem}");
    }

    fn sent(lines: &[&str]) -> Option<(Algorithm, String)> {
        let mut headers = Headers::default();
        for line in lines {
            let line = HeaderValue::from_str(line).unwrap();
            headers.0.append("repr-digest", line);
        }
        let digest = Claim::ReprDigest.sent(&headers)?;
        Some((digest.algorithm, hex(&digest.bytes)))
    }

    #[test]
    fn the_digest_of_a_server_is_read_as_a_structured_field() {
        let sha256 = Some((Algorithm::Sha256, HEX.to_owned()));
        let sha512 = format!("sha-512=:{}:", BASE64.encode([7; 64]));
        let one = format!("sha-256=:{SHA256}:");
        for lines in [
            &[one.as_str()][..],
            &[&format!("  md5=:AAAA: , {one};x=1 ,unknown=:AA==:")],
            &[&format!("{sha512}, {one}")],
            &[&one, &sha512],
            &["sha-256=:AAAA", &one][1..],
            &[&one.replace("=:\u{0}", "").replace("Cgg=:", "Cgg:")],
        ] {
            assert_eq!(sent(lines), sha256, "{lines:?}");
        }
        let only = sent(&[&sha512]);
        assert_eq!(only, Some((Algorithm::Sha512, "07".repeat(64))));
        for wrong in [
            "",
            "sha-256",
            &format!("sha-256={SHA256}"),
            &format!("sha-256=:{}:", &SHA256[4..]),
            &format!("sha-256=:{HEX}:"),
            "sha-256=:*:",
            "sha-256=::",
            &format!("SHA-256=:{SHA256}:"),
            "sha=:AAAA:",
            "sha-256=:n4bQ",
        ] {
            assert_eq!(sent(&[wrong]), None, "{wrong}");
        }
        assert_eq!(sent(&[]), None);
    }
}
