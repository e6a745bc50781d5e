//! Header fields of responses that records include.

use std::borrow::Cow;

use http::HeaderName;
use http::header::SET_COOKIE;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::page::headers::Headers;

/// The most bytes of a value that are recorded.
const MAX_VALUE: usize = 8 << 10;

/// The names of the requested header fields, and the response's headers.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    pub(super) names: &'a [HeaderName],
    /// `None` if there was no response.
    pub(super) of: Option<&'a Headers>,
}

impl<'a> Kept<'a> {
    /// Returns the value of the n-th requested field; `None` if the response does not have it.
    ///
    /// Several fields of one name are joined as in RFC 9110 5.3, except cookies, which contain commas: they are one
    /// per line.
    pub(super) fn value(self, number: usize) -> Option<Cow<'a, str>> {
        let name = self.names.get(number)?;
        let mut values = self.of?.0.get_all(name).iter().map(text);
        let first = values.next()?;
        let separator = if *name == SET_COOKIE { "\n" } else { ", " };
        let mut joined = first;
        for value in values {
            let joined = joined.to_mut();
            joined.push_str(separator);
            joined.push_str(&value);
        }
        let end = joined.floor_char_boundary(MAX_VALUE);
        if end < joined.len() {
            joined.to_mut().truncate(end);
        }
        Some(joined)
    }
}

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (number, name) in self.names.iter().enumerate() {
            map.serialize_entry(name.as_str(), &self.value(number))?;
        }
        map.end()
    }
}

/// Decodes a value as UTF-8, or else as Latin-1, which HTTP used to specify.
fn text(value: &http::HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn several_fields_of_one_name_are_joined_and_a_long_value_is_cut() {
        let mut headers = Headers::default();
        for (name, value) in [
            ("vary", "accept"),
            ("vary", "cookie"),
            ("set-cookie", "a=1; Expires=Thu, 1 Jan"),
            ("set-cookie", "b=2"),
        ] {
            headers.0.append(name, HeaderValue::from_static(value));
        }
        headers
            .0
            .append("x-latin", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        let long = HeaderValue::from_str(&"x".repeat(MAX_VALUE + 1)).unwrap();
        headers.0.append("x-long", long);
        let names =
            ["vary", "set-cookie", "x-latin", "x-long", "etag"].map(HeaderName::from_static);
        let kept = Kept {
            names: &names,
            of: Some(&headers),
        };
        assert_eq!(kept.value(0).unwrap(), "accept, cookie");
        assert_eq!(kept.value(1).unwrap(), "a=1; Expires=Thu, 1 Jan\nb=2");
        assert_eq!(kept.value(2).unwrap(), "café");
        assert_eq!(kept.value(3).unwrap().len(), MAX_VALUE);
        assert_eq!(kept.value(4), None);
        let json = serde_json::to_value(Kept {
            names: &names[..1],
            of: None,
        })
        .unwrap();
        assert_eq!(json, serde_json::json!({ "vary": null }));
    }
}
