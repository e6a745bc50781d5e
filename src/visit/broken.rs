//! Broken links: what failed in a crawl, with the pages that link there.
//!
//! Bounded: all are counted, but only some are listed. All linking pages are only known if the links of every page
//! were stored; otherwise only the first one is.

use crate::visit::Visit;

/// The most broken URLs that are listed.
pub(crate) const NAMED: usize = 50;
/// The most linking pages that are listed for each.
pub(crate) const HOLDERS: usize = 5;
/// The class of an invalid reference, the same as for an invalid line of a list.
pub(crate) const MALFORMED: &str = "malformed";
/// The class of a link to a fragment that its page does not have.
pub(crate) const FRAGMENT: &str = "fragment";

/// The broken links of a crawl.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// The number of broken URLs, including invalid references, each counted once.
    pub count: u64,
    /// The first of them; at most 50.
    pub urls: Vec<BrokenUrl>,
    /// Whether all linking pages are counted; otherwise only the first one is known.
    pub complete: bool,
}

/// One broken URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenUrl {
    /// The URL as in the linking pages: if it redirected, the first of the chain. Invalid references are cut to 200
    /// characters.
    pub url: String,
    /// The class of the failure: see [`Visit::failure`].
    pub class: String,
    /// The status, if there was a response.
    pub status: Option<u16>,
    /// The first pages that link there, at most 5; empty for a seed that nothing links to.
    pub holders: Vec<String>,
    /// The number of pages that link there.
    pub held: u64,
}

impl Broken {
    /// Counts the invalid references of a page. One that is listed already is not counted again.
    pub(crate) fn count_malformed(&mut self, visit: &Visit) {
        let texts = visit.parsed.found.iter();
        for text in texts.flat_map(|found| found.checked.malformed()) {
            let named = |url: &&mut BrokenUrl| url.class == MALFORMED && url.url == text;
            if let Some(known) = self.urls.iter_mut().find(named) {
                known.hold(visit.job.url.as_str());
                continue;
            }
            self.count += 1;
            if self.urls.len() < NAMED {
                let mut url = BrokenUrl {
                    url: text.to_owned(),
                    class: MALFORMED.to_owned(),
                    status: None,
                    holders: Vec::new(),
                    held: 0,
                };
                url.hold(visit.job.url.as_str());
                self.urls.push(url);
            }
        }
    }

    /// Counts a failed visit, and lists it with the first page that links there.
    pub(crate) fn count(&mut self, visit: &Visit, class: &str) {
        self.count += 1;
        if self.urls.len() < NAMED {
            let holders: Vec<String> = visit
                .job
                .found_on
                .iter()
                .map(|page| page.to_string())
                .collect();
            self.urls.push(BrokenUrl {
                url: visit.job.first_url().to_string(),
                class: class.to_owned(),
                status: visit.outcome.as_ref().ok().map(|page| page.status),
                held: holders.len() as u64,
                holders,
            });
        }
    }
}

impl BrokenUrl {
    /// Adds a page that links here.
    pub(crate) fn hold(&mut self, page: &str) {
        self.held += 1;
        if self.holders.len() < HOLDERS {
            self.holders.push(page.to_owned());
        }
    }
}
