//! Links that lead nowhere: what was asked in a crawl and failed, with the pages that link there.
//!
//! Bounded: all are counted, some are named. Edge: who holds a link to what failed is known for certain only where the
//! links of every page were kept; else the page that first led there is all there is to tell.

use crate::visit::Visit;

/// Broken URLs that are named.
pub(crate) const NAMED: usize = 50;
/// Pages that are named for each.
pub(crate) const HOLDERS: usize = 5;
/// The class of a reference that is no URL; that of a line of a list that is none.
pub(crate) const MALFORMED: &str = "malformed";
/// The class of a link to a place that is not on its page.
pub(crate) const FRAGMENT: &str = "fragment";

/// What was asked in a crawl and failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// How many URLs, each once; references that are no URL among them.
    pub count: u64,
    /// The first of them, at most 50.
    pub urls: Vec<BrokenUrl>,
    /// Whether the pages that link there are all counted; else only the one that first led there is known.
    pub complete: bool,
}

/// One URL that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenUrl {
    /// The URL as pages hold it; where it redirected, the first of the chain. What is no URL is cut to 200 characters.
    pub url: String,
    /// The class of the failure: see [`Visit::failure`].
    pub class: String,
    /// The status, where there was an answer.
    pub status: Option<u16>,
    /// Pages that link there, at most 5; none of a seed that nothing links to.
    pub holders: Vec<String>,
    /// How many link there.
    pub held: u64,
}

impl Broken {
    /// Counts the references of a page that are no URL. One that is named already is not counted again.
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

    /// Counts a visit that failed, and names it with the page that first led there.
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
    /// Takes one more page in that links here.
    pub(crate) fn hold(&mut self, page: &str) {
        self.held += 1;
        if self.holders.len() < HOLDERS {
            self.holders.push(page.to_owned());
        }
    }
}
