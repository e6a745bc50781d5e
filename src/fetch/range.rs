//! `Content-Range`: which bytes of how many a partial response has (RFC 9110 14.4).

use http::header;

use crate::page::headers::Headers;

/// A part of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The position of its first byte.
    pub(super) first: u64,
    /// The number of bytes.
    pub(super) length: u64,
    /// The length of the whole; `None` if the server does not say.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// The range of a response; `None` if there is not exactly one, or it contradicts itself.
    pub(super) fn of(headers: &Headers) -> Option<Self> {
        let mut lines = headers.0.get_all(header::CONTENT_RANGE).iter();
        let (line, more) = (lines.next()?, lines.next());
        if more.is_some() {
            return None;
        }
        let (unit, rest) = line.to_str().ok()?.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let total = match total.trim() {
            "*" => None,
            total => Some(number(total)?),
        };
        let fits = unit.eq_ignore_ascii_case("bytes")
            && first <= last
            && total.is_none_or(|total| last < total);
        fits.then(|| Self {
            first,
            length: (last - first).saturating_add(1),
            total,
        })
    }

    /// Whether it is the whole body.
    pub(super) fn is_whole(&self) -> bool {
        self.first == 0 && self.total == Some(self.length)
    }
}

/// Parses digits and nothing else: `parse` would accept a sign.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(value: &'static str) -> Option<ContentRange> {
        let mut headers = Headers::default();
        let value = HeaderValue::from_static(value);
        headers.0.insert(header::CONTENT_RANGE, value);
        ContentRange::of(&headers)
    }

    #[test]
    fn a_range_says_where_it_begins_and_how_long_it_is() {
        let range = read("bytes 500-999/1000").unwrap();
        assert_eq!(
            (range.first, range.length, range.total),
            (500, 500, Some(1000))
        );
        assert!(!range.is_whole() && read("bytes 0-9/10").unwrap().is_whole());
        assert_eq!(read("Bytes 5-5/*").unwrap().total, None);
    }

    #[test]
    fn a_range_that_contradicts_itself_is_none() {
        for wrong in [
            "",
            "bytes",
            "bytes */1000",
            "bytes 5-4/10",
            "bytes 5-10/10",
            "bytes 5-/10",
            "bytes +5-9/10",
            "items 5-9/10",
            "bytes 5-9",
            "bytes 0-99999999999999999999/*",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
