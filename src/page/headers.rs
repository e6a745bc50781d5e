//! HTTP header fields that can be sent to another process.

use crate::page::coding;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeSeq, Serializer};

/// Request fields that describe what is wanted, not who is asking.
const HARMLESS: [&str; 14] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "dnt",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "range",
    "referer",
    "user-agent",
];

/// Whether a request field reveals nothing about who is asking.
///
/// Any other field may be a secret, as keys are sent under many names.
pub fn is_harmless(name: &str) -> bool {
    let name = name.trim();
    HARMLESS
        .iter()
        .any(|harmless| harmless.eq_ignore_ascii_case(name))
}

/// The header fields of a response as received: names in lower case, values as raw bytes, repeated fields kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub HeaderMap);

impl Headers {
    /// The first value of a field, if it is text.
    pub fn text(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the body has a content coding that must be decoded (RFC 9110 8.4).
    pub(crate) fn is_encoded(&self) -> bool {
        let lines = self.0.get_all(http::header::CONTENT_ENCODING).iter();
        lines
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .any(|token| !coding::is_none(token.trim_ascii()))
    }

    /// The first value of a field, with invalid UTF-8 replaced.
    pub fn lossy(&self, name: &str) -> Option<String> {
        self.0
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_seq(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            fields.serialize_element(&(name.as_str(), value.as_bytes()))?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Vec::<(String, Vec<u8>)>::deserialize(deserializer)?;
        let mut headers = HeaderMap::with_capacity(fields.len());
        for (name, value) in fields {
            let name = HeaderName::try_from(name).map_err(D::Error::custom)?;
            headers.append(
                name,
                HeaderValue::from_maybe_shared(bytes::Bytes::from(value))
                    .map_err(D::Error::custom)?,
            );
        }
        Ok(Self(headers))
    }
}
