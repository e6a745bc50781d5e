//! The area that a crawl reaches from its seeds: one look-up per URL, however many seeds there are.
//!
//! A URL is compared by its text after the scheme, without a `www.`: a site usually responds under both schemes and
//! both names, mostly by redirecting from one to the other. A port is part of the host unless it is the scheme's
//! default, so a seed on port 8080 reaches port 8080, and a seed without a port reaches ports 80 and 443. The texts
//! are stored as they are, not as hashes: no page can forge its way in.

use std::collections::HashSet;

use url::Position;

use super::Reach;
use crate::url::PageUrl;

/// Everything within reach of some seed.
#[derive(Debug)]
pub(super) struct Territory {
    reach: Reach,
    /// The `host[:port]` of seeds.
    hosts: HashSet<Box<str>>,
    /// The seeds, their directories or their domains, depending on the reach.
    texts: HashSet<Box<str>>,
    /// The number of slashes in the paths of those directories, sorted and without duplicates.
    depths: Vec<usize>,
}

impl Territory {
    pub(super) fn new(reach: Reach) -> Self {
        Self {
            reach,
            hosts: HashSet::new(),
            texts: HashSet::new(),
            depths: Vec::new(),
        }
    }

    pub(super) fn anchor(&mut self, seed: &PageUrl) {
        let location = Location::of(seed);
        match self.reach {
            Reach::Any => {}
            Reach::Host => insert(&mut self.hosts, location.host()),
            Reach::Page => {
                insert(&mut self.hosts, location.host());
                insert(&mut self.texts, location.page());
            }
            Reach::Path => {
                insert(&mut self.hosts, location.host());
                let directory = location.directory();
                let slashes = directory.bytes().filter(|byte| *byte == b'/').count();
                if let Err(at) = self.depths.binary_search(&slashes) {
                    self.depths.insert(at, slashes);
                }
                insert(&mut self.texts, directory);
            }
            Reach::Domain => match seed.registrable_domain() {
                Some(domain) => insert(&mut self.texts, domain),
                None => insert(&mut self.hosts, location.host()),
            },
        }
    }

    /// Whether a URL is within this reach of a seed; the reach is the territory's own or larger.
    pub(super) fn contains(&self, url: &PageUrl, reach: Reach) -> bool {
        match reach {
            Reach::Any => true,
            Reach::Host => self.hosts.contains(Location::of(url).host()),
            Reach::Page => self.texts.contains(Location::of(url).page()),
            Reach::Path => self.is_below(&Location::of(url)),
            Reach::Domain => {
                (!self.hosts.is_empty() && self.hosts.contains(Location::of(url).host()))
                    || url
                        .registrable_domain()
                        .is_some_and(|domain| self.texts.contains(domain))
            }
        }
    }

    /// Whether a parent directory of a URL belongs to a seed.
    ///
    /// There is one look-up per distinct depth.
    fn is_below(&self, location: &Location<'_>) -> bool {
        let mut depths = self.depths.iter();
        let mut next = depths.next();
        let slashes = location.path().bytes().enumerate();
        for (count, (at, _)) in slashes.filter(|(_, byte)| *byte == b'/').enumerate() {
            let Some(depth) = next else { return false };
            if count + 1 == *depth {
                if self.texts.contains(location.up_to(at)) {
                    return true;
                }
                next = depths.next();
            }
        }
        false
    }
}

/// A URL's text from the host on, without `www.`.
struct Location<'u> {
    text: &'u str,
    /// The start and end of the path in it.
    path: (usize, usize),
}

impl<'u> Location<'u> {
    fn of(url: &'u PageUrl) -> Self {
        let url = url.as_url();
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let host_length = without_www(host).len();
        let skipped = host.len() - host_length;
        let path = host_length + url.path().len();
        Self {
            text: &url[Position::BeforeHost..Position::AfterQuery][skipped..],
            path: (host_length, path),
        }
    }

    fn host(&self) -> &'u str {
        &self.text[..self.path.0]
    }

    fn path(&self) -> &'u str {
        &self.text[self.path.0..self.path.1]
    }

    /// The page without its last slash: `/about` redirects to `/about/` or vice versa.
    fn page(&self) -> &'u str {
        self.text.strip_suffix('/').unwrap_or(self.text)
    }

    /// The directory of the page, with its slash.
    fn directory(&self) -> &'u str {
        let slash = self.path().rfind('/').unwrap_or(0);
        self.up_to(slash)
    }

    /// Host and path up to and including this byte of the path.
    fn up_to(&self, at: usize) -> &'u str {
        &self.text[..self.path.1.min(self.path.0 + at + 1)]
    }
}

/// Strips `www.` from `www.example.org`, but not from `www.com`, which is a domain itself.
fn without_www(host: &str) -> &str {
    match host.strip_prefix("www.") {
        Some(rest) if rest.contains('.') => rest,
        _ => host,
    }
}

fn insert(set: &mut HashSet<Box<str>>, text: &str) {
    if !set.contains(text) {
        set.insert(text.into());
    }
}
