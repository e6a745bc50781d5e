//! What is known about a body of which only a part is on disk.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// A note on a partial download: enough to request the rest, or to detect another body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The URL that it is a part of.
    pub(crate) url: String,
    /// The fingerprint of its request: method, URL, headers and body.
    pub(crate) request: String,
    /// Its ETag.
    pub(crate) etag: Option<String>,
    /// Its Last-Modified date.
    pub(crate) last_modified: Option<String>,
    /// Its media type: the response that completes it need not repeat it.
    pub(crate) content_type: Option<String>,
    /// The length of the whole.
    pub(crate) total: u64,
    /// The segment of the whole that its file is for; `None` for the whole.
    #[serde(default)]
    pub(crate) segment: Option<Segment>,
}

/// A range of bytes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// The position of its first byte.
    pub(crate) first: u64,
    /// The number of bytes.
    pub(crate) length: u64,
}

impl Note {
    /// The text form of a request's fingerprint.
    pub(crate) fn name(request: u128) -> String {
        format!("{request:032x}")
    }

    /// The number that its file is named after; `None` if the request is not what [`name`](Self::name) returns.
    pub(crate) fn key(&self) -> Option<u128> {
        let request = u128::from_str_radix(&self.request, 16).ok()?;
        let Some(segment) = self.segment else {
            return Some(request);
        };
        let [first, length] = [segment.first, segment.length].map(u64::to_le_bytes);
        let bytes = [&request.to_le_bytes()[..], &first, &length].concat();
        Some(xxh3_128(&bytes))
    }

    /// The value for `If-Range`: the ETag if it is strong, else the date.
    pub(crate) fn validator(&self) -> &str {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref()).unwrap_or_default()
    }

    /// The position of the first byte in its file.
    pub(crate) fn first(&self) -> u64 {
        self.segment.map_or(0, |segment| segment.first)
    }

    /// The number of bytes that its file has once it is complete.
    pub(crate) fn length(&self) -> u64 {
        self.segment.map_or(self.total, |segment| segment.length)
    }

    /// Notes for at most `most` segments of about the same length, each of at least `least` bytes.
    ///
    /// `None` if the body is too short for two.
    pub(crate) fn segments(&self, most: u64, least: u64) -> Option<Vec<Self>> {
        let count = most.min(self.total / least.max(1));
        if count < 2 {
            return None;
        }
        let length = self.total.div_ceil(count);
        let firsts = (0..count).map(|index| index * length);
        let segment = |first: u64| Self {
            segment: Some(Segment {
                first,
                length: length.min(self.total.saturating_sub(first)),
            }),
            ..self.clone()
        };
        Some(firsts.map(segment).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(total: u64) -> Note {
        Note {
            url: "http://a.example/".into(),
            request: Note::name(7),
            etag: Some("\"v1\"".into()),
            last_modified: None,
            content_type: None,
            total,
            segment: None,
        }
    }

    #[test]
    fn segments_follow_each_other_and_make_up_the_whole() {
        for (total, most, count) in [(10, 3, 3), (9, 3, 3), (8, 4, 4), (1000, 7, 7), (5, 9, 2)] {
            let segments = note(total).segments(most, 2).unwrap();
            assert_eq!(segments.len(), count);
            let mut next = 0;
            for segment in &segments {
                assert!(segment.first() == next && segment.length() > 0);
                next += segment.length();
            }
            assert_eq!(next, total);
            let mut keys: Vec<_> = segments.iter().map(|segment| segment.key()).collect();
            keys.push(note(total).key());
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), count + 1, "each has a file of its own");
        }
    }

    #[test]
    fn a_short_body_has_no_segments() {
        assert!(note(3).segments(4, 2).is_none());
        assert!(note(100).segments(1, 2).is_none());
        assert!(note(0).segments(4, 0).is_none());
    }
}
