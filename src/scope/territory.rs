//! Where a crawl reaches from its seeds: one look-up for each URL, however many seeds there are.
//!
//! A place is told by the URL's own text after its scheme, and without a `www.`: a site answers under both schemes and both
//! names, mostly by redirecting from one to the other. A port is part of the host where it is not the scheme's own, so a
//! seed on port 8080 reaches port 8080, and a seed without one ports 80 and 443. Places are kept as they are written, not as hashes:
//! no page can forge its way in.

use std::collections::HashSet;

use url::Position;

use super::Reach;
use crate::url::PageUrl;

/// All that some seed reaches.
#[derive(Debug)]
pub(super) struct Territory {
    reach: Reach,
    /// `host[:port]` of seeds.
    hosts: HashSet<Box<str>>,
    /// Seeds, their directories, or their domains, as the reach is.
    texts: HashSet<Box<str>>,
    /// How many slashes there are in the paths of those directories: each once, in order.
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
            Reach::Domain => match domain(seed) {
                Some(domain) => insert(&mut self.texts, domain),
                None => insert(&mut self.hosts, location.host()),
            },
        }
    }

    /// Whether a URL lies within this reach of a seed; the territory's own reach, or further.
    pub(super) fn contains(&self, url: &PageUrl, reach: Reach) -> bool {
        match reach {
            Reach::Any => true,
            Reach::Host => self.hosts.contains(Location::of(url).host()),
            Reach::Page => self.texts.contains(Location::of(url).page()),
            Reach::Path => self.is_below(&Location::of(url)),
            Reach::Domain => {
                (!self.hosts.is_empty() && self.hosts.contains(Location::of(url).host()))
                    || domain(url).is_some_and(|domain| self.texts.contains(domain))
            }
        }
    }

    /// Whether one of the directories on the way to a URL is a seed's. Only as many are looked up as there are different depths.
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

/// A URL's text from its host on, without `www.`.
struct Location<'u> {
    text: &'u str,
    /// Where the path starts and ends in it.
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

    /// The page, its last slash aside: `/about` is redirected to `/about/` or the other way round.
    fn page(&self) -> &'u str {
        self.text.strip_suffix('/').unwrap_or(self.text)
    }

    /// The directory that the page is in, with its slash.
    fn directory(&self) -> &'u str {
        let slash = self.path().rfind('/').unwrap_or(0);
        self.up_to(slash)
    }

    /// Host and path up to this byte of the path.
    fn up_to(&self, at: usize) -> &'u str {
        &self.text[..self.path.1.min(self.path.0 + at + 1)]
    }
}

/// `www.example.org` is `example.org`; but `www.com` is a name of its own.
fn without_www(host: &str) -> &str {
    match host.strip_prefix("www.") {
        Some(rest) if rest.contains('.') => rest,
        _ => host,
    }
}

/// The registrable domain by the public suffix list; none for addresses, and for names below no suffix that is listed.
fn domain(url: &PageUrl) -> Option<&str> {
    let host = url.as_url().domain()?;
    let host = host.strip_suffix('.').unwrap_or(host);
    let domain = psl::domain(host.as_bytes())?;
    domain
        .suffix()
        .is_known()
        .then(|| &host[host.len() - domain.as_bytes().len()..])
}

fn insert(set: &mut HashSet<Box<str>>, text: &str) {
    if !set.contains(text) {
        set.insert(text.into());
    }
}
