//! Where each response is, by what was asked: 32 bytes for each.
//!
//! Scheme and port are not part of the key, as a client that connects to the practice server names neither as the archive
//! has them. Invariant: a key leads to a bounded number of responses, the latest of each scheme and port, so that no
//! archive makes a request expensive. Two URLs with one key are told apart by whoever reads the response.

use std::collections::HashSet;
use std::path::Path;
use std::time::SystemTime;

use crate::archive::{Damage, Head, RecordPosition};
use crate::text::moment;
use crate::url::PageUrl;
use crate::url::fingerprint::{FingerprintSet, Fingerprints};

/// The most responses of an archive.
const CAPTURES: usize = 100_000_000;
/// The responses that are kept of a URL: more than one, because the latest may be a 304.
const OF_A_URL: usize = 4;
/// The pairs of scheme and port that one name may have at one path.
const ORIGINS: usize = 32;

/// One response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capture {
    key: u64,
    offset: u64,
    file: u32,
    /// When it was stored, in seconds since 1970.
    date: u32,
    /// How long its first byte took, in milliseconds.
    pub(super) took: u32,
    port: u16,
    is_secure: bool,
}

/// The responses of an archive, sorted.
pub(super) struct Index {
    captures: Vec<Capture>,
    fingerprints: Fingerprints,
}

impl Capture {
    pub(super) fn place(&self) -> RecordPosition {
        RecordPosition {
            file: self.file,
            offset: self.offset,
        }
    }

    fn origin(&self) -> (u64, bool, u16) {
        (self.key, self.is_secure, self.port)
    }

    /// How far its scheme and port are from those that were asked for.
    fn distance(&self, url: &PageUrl) -> u32 {
        let default = if self.is_secure { 443 } else { 80 };
        match self.is_secure == url.is_secure() {
            true if self.port == url.port() => 0,
            true if self.port == default => 1,
            false if self.port == default => 2,
            _ => 3 + u32::from(self.port),
        }
    }
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            captures: Vec::new(),
            fingerprints: Fingerprints::seeded(fastrand::u64(..)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.captures.is_empty()
    }

    /// Adds a response to `GET`, and returns its number until they are sorted.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn add(
        &mut self,
        archive: &Path,
        url: &PageUrl,
        place: RecordPosition,
        head: Option<&Head>,
    ) -> Result<usize, Damage> {
        if self.captures.len() == CAPTURES {
            return Err(Damage {
                path: archive.to_owned(),
                offset: place.offset,
                problem: format!(
                    "more than {CAPTURES} responses are not served: split the archive"
                ),
            });
        }
        let date = head
            .and_then(|head| head.get("WARC-Date"))
            .and_then(moment::parse);
        let since = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
        self.captures.push(Capture {
            key: self.key(url),
            offset: place.offset,
            file: place.file,
            date: since.map_or(0, |since| {
                u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
            }),
            took: 0,
            port: url.port(),
            is_secure: url.is_secure(),
        });
        Ok(self.captures.len() - 1)
    }

    /// Notes that a response was to another request than a plain `GET`.
    pub(super) fn asked_by(&mut self, number: usize, exchange: u64) {
        if let Some(capture) = self.captures.get_mut(number) {
            capture.key ^= exchange;
        }
    }

    /// Notes how long a response took.
    pub(super) fn took(&mut self, number: usize, milliseconds: u32) {
        if let Some(capture) = self.captures.get_mut(number) {
            capture.took = milliseconds;
        }
    }

    /// Makes responses findable, and forgets those that nobody would look at.
    pub(super) fn sort(&mut self) {
        self.captures.sort_by_key(|one| {
            (
                one.origin(),
                std::cmp::Reverse((one.date, one.file, one.offset)),
            )
        });
        let (mut last, mut responses, mut origins) = (None, 0, 0);
        self.captures.retain(|capture| {
            let origin = capture.origin();
            if last == Some(origin) {
                responses += 1;
            } else {
                let is_other = last.is_none_or(|(key, ..)| key != origin.0);
                origins = if is_other { 1 } else { origins + 1 };
                responses = 1;
            }
            last = Some(origin);
            responses <= OF_A_URL && origins <= ORIGINS
        });
        self.captures.shrink_to_fit();
    }

    /// The responses to look at, the best first.
    pub(super) fn find(
        &self,
        url: &PageUrl,
        exchange: u64,
        is_exact: bool,
    ) -> impl Iterator<Item = &Capture> {
        let mut found: Vec<_> = self.of(self.key(url) ^ exchange).iter().collect();
        found.retain(|capture| !is_exact || capture.distance(url) == 0);
        found.sort_by_key(|capture| capture.distance(url)); // stable: the latest stay first
        found.into_iter()
    }

    fn of(&self, key: u64) -> &[Capture] {
        let from = self.captures.partition_point(|capture| capture.key < key);
        let rest = &self.captures[from..];
        &rest[..rest.partition_point(|capture| capture.key == key)]
    }

    fn key(&self, url: &PageUrl) -> u64 {
        let name = url.as_url().host_str().unwrap_or_default();
        self.fingerprints.of(&format!("//{name}{}", url.target()))
    }
}

/// The URLs of an archive, each once.
pub(super) struct Distinct<'i> {
    index: &'i Index,
    seen: FingerprintSet,
    most: usize,
    pub(super) list: Vec<String>,
}

impl<'i> Distinct<'i> {
    pub(super) fn of(index: &'i Index, most: usize) -> Self {
        Self {
            index,
            seen: HashSet::default(),
            most,
            list: Vec::new(),
        }
    }

    /// Adds a URL, if there is a response to `GET` and room.
    pub(super) fn add(&mut self, url: &PageUrl) {
        let whole = self.index.fingerprints.of(url.as_str());
        let has_response = || self.index.find(url, 0, true).next().is_some();
        if self.list.len() < self.most && has_response() && self.seen.insert(whole) {
            self.list.push(url.as_str().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(urls: &[(&str, u32)]) -> Index {
        let mut index = Index::new();
        for (offset, (url, date)) in urls.iter().enumerate() {
            let url = PageUrl::parse(url).unwrap();
            let offset = offset as u64;
            let number = index
                .add(
                    "a.warc".as_ref(),
                    &url,
                    RecordPosition { file: 0, offset },
                    None,
                )
                .unwrap();
            index.captures[number].date = *date;
        }
        index.sort();
        index
    }

    fn places(index: &Index, url: &str, is_exact: bool) -> Vec<u64> {
        let url = PageUrl::parse(url).unwrap();
        let found = index.find(&url, 0, is_exact);
        found.map(|capture| capture.offset).collect()
    }

    #[test]
    fn the_port_of_the_server_does_not_count_and_the_nearest_scheme_is_first() {
        let index = index(&[
            ("https://shop.example/x", 1),
            ("http://shop.example/x", 2),
            ("http://shop.example:9000/x", 3),
            ("http://shop.example/other", 4),
        ]);
        assert_eq!(
            places(&index, "http://shop.example:8080/x", false),
            [1, 0, 2]
        );
        assert_eq!(
            places(&index, "https://shop.example:8080/x", false),
            [0, 1, 2]
        );
        assert_eq!(
            places(&index, "http://shop.example:9000/x", false),
            [2, 1, 0]
        );
        assert_eq!(places(&index, "https://shop.example/x", true), [0]);
        assert!(places(&index, "https://shop.example:8080/x", true).is_empty());
        assert!(places(&index, "http://shop.example/y", false).is_empty());
    }

    #[test]
    fn a_response_takes_32_bytes() {
        assert_eq!(size_of::<Capture>(), 32);
    }

    #[test]
    fn the_latest_is_first_and_no_url_has_more_than_a_few() {
        let many: Vec<_> = (0..100)
            .map(|date| ("http://h.example/", 100 - date))
            .collect();
        assert_eq!(
            places(&index(&many), "http://h.example/", true),
            [0, 1, 2, 3]
        );
        let ports: Vec<_> = (1..1000)
            .map(|port| format!("http://h.example:{port}/"))
            .collect();
        let ports: Vec<_> = ports.iter().map(|url| (url.as_str(), 1)).collect();
        assert_eq!(
            places(&index(&ports), "http://h.example/", false).len(),
            ORIGINS
        );
    }
}
