//! The broken URLs, and the pages that link to them, found in two passes over the entries.

use std::collections::HashMap;

use super::entries::Entries;
use super::entry::{Entry, What};
use super::fragments::{Missing, Place, place};
use super::table::Table;
use crate::broken::{BrokenUrl, NAMED};
use crate::error::Result;
use crate::fingerprint::Fingerprints;

/// The longest chain of redirects that is resolved.
const CHAIN: usize = 32;
/// The bits of the sieve: most links are not broken, and a single lookup rules them out.
const SIEVE: usize = 1 << 16;

/// The URLs that are known to be broken.
pub(super) struct Dead {
    pub(super) urls: Vec<BrokenUrl>,
    fingerprints: Fingerprints,
    /// The index in `urls` for each fingerprint that leads there.
    by_fingerprint: HashMap<u64, usize>,
    /// The index in `urls` of each reference that is not a URL, by its fingerprint.
    malformed: HashMap<u64, usize>,
    /// The index in `urls` of each fragment that does not exist on its page.
    places: HashMap<Place, usize>,
}

/// A redirect that was not followed.
struct Redirect {
    order: usize,
    own: u64,
    /// The target, and the URLs on the way to it.
    leads: Vec<u64>,
    url: String,
}

/// A failed URL.
struct Failed {
    order: usize,
    own: u64,
    url: BrokenUrl,
    /// The later URLs in its chain.
    chain: Vec<u64>,
}

impl Dead {
    /// Finds the failures, and the redirects that lead to them.
    ///
    /// # Errors
    /// If the entries cannot be read.
    pub(super) fn find(entries: &mut Entries, fingerprints: Fingerprints) -> Result<Self> {
        let mut found = HashMap::<u64, Failed>::new();
        let mut redirects = Vec::new();
        let mut malformed = HashMap::new();
        let mut no_urls = Vec::new();
        let mut order = 0;
        entries.each(|entry, _| {
            order += 1;
            let own = fingerprints.of(&entry.url);
            match entry.what {
                // A URL that failed once but was fetched later is fine.
                What::Page => drop(found.remove(&own)),
                What::Broken => {
                    let failed = Failed {
                        order,
                        own,
                        url: broken(entry),
                        chain: entry.fingerprints.clone(),
                    };
                    found.insert(own, failed);
                }
                What::Malformed => {
                    malformed.entry(own).or_insert_with(|| {
                        no_urls.push(broken(entry));
                        no_urls.len() - 1
                    });
                }
                What::Fragment | What::Ids | What::Step => {}
                What::Redirect => redirects.push(Redirect {
                    order,
                    own,
                    leads: std::mem::take(&mut entry.fingerprints),
                    url: std::mem::take(&mut entry.url),
                }),
            }
            Ok(())
        })?;
        let mut dead: Vec<Failed> = found.into_values().collect();
        let mut by_fingerprint = HashMap::new();
        for (at, failed) in dead.iter().enumerate() {
            failed.chain.iter().for_each(|link| {
                by_fingerprint.entry(*link).or_insert(at);
            });
            by_fingerprint.insert(failed.own, at);
        }
        lead_on(&mut dead, &mut by_fingerprint, redirects);
        // Sort by the order of failure.
        let mut places: Vec<usize> = (0..dead.len()).collect();
        places.sort_by_key(|at| dead[*at].order);
        let mut moved = vec![0; dead.len()];
        places
            .iter()
            .enumerate()
            .for_each(|(to, from)| moved[*from] = to);
        by_fingerprint.values_mut().for_each(|at| *at = moved[*at]);
        dead.sort_by_key(|failed| failed.order);
        // References that are not URLs come after the URLs that were fetched.
        malformed.values_mut().for_each(|at| *at += dead.len());
        let urls = dead.into_iter().map(|failed| failed.url);
        Ok(Self {
            urls: urls.chain(no_urls).collect(),
            fingerprints,
            by_fingerprint,
            malformed,
            places: HashMap::new(),
        })
    }

    /// Adds fragments that do not exist on their pages.
    ///
    /// # Errors
    /// If the entries cannot be read.
    pub(super) fn lack(&mut self, missing: &Missing, entries: &mut Entries) -> Result<()> {
        entries.each(|entry, _| {
            let Some(place) = place(entry) else {
                return Ok(());
            };
            if let Some(status) = missing.get(&place)
                && !self.places.contains_key(&place)
            {
                self.places.insert(place, self.urls.len());
                entry.status = *status;
                self.urls.push(broken(entry));
            }
            Ok(())
        })
    }

    /// Finds the pages that link to broken URLs, and writes a row for each link.
    ///
    /// # Errors
    /// If the entries cannot be read, or a row cannot be written.
    pub(super) fn hold(
        &mut self,
        entries: &mut Entries,
        mut table: Option<&mut Table>,
    ) -> Result<()> {
        let mut sieve = vec![false; SIEVE];
        for link in self.by_fingerprint.keys() {
            sieve[*link as usize % SIEVE] = true;
        }
        entries.each(|entry, page| {
            let links: &[u64] = match entry.what {
                What::Page => &entry.fingerprints,
                What::Redirect => &entry.fingerprints[..entry.fingerprints.len().min(1)],
                What::Broken | What::Ids | What::Step => &[],
                What::Fragment => {
                    let at = place(entry).and_then(|place| self.places.get(&place));
                    return match at {
                        Some(at) => hold(&mut self.urls, *at, page, &mut table),
                        None => Ok(()),
                    };
                }
                What::Malformed => {
                    let own = self.fingerprints.of(&entry.url);
                    return match self.malformed.get(&own) {
                        Some(at) => hold(&mut self.urls, *at, page, &mut table),
                        None => Ok(()),
                    };
                }
            };
            for link in links.iter().filter(|link| sieve[**link as usize % SIEVE]) {
                if let Some(at) = self.by_fingerprint.get(link) {
                    hold(&mut self.urls, *at, &entry.url, &mut table)?;
                }
            }
            Ok(())
        })
    }
}

/// Marks redirects to broken URLs as broken, along whole chains.
fn lead_on(
    dead: &mut Vec<Failed>,
    by_fingerprint: &mut HashMap<u64, usize>,
    mut redirects: Vec<Redirect>,
) {
    for _ in 0..CHAIN {
        let before = redirects.len();
        redirects.retain_mut(|redirect| {
            let target = redirect.leads.first();
            let to = target.and_then(|target| by_fingerprint.get(target));
            let Some(to) = to.map(|at| &dead[*at].url) else {
                return true;
            };
            let url = BrokenUrl {
                url: std::mem::take(&mut redirect.url),
                ..to.clone()
            };
            if by_fingerprint.contains_key(&redirect.own) {
                return false;
            }
            redirect.leads[1..].iter().for_each(|link| {
                by_fingerprint.entry(*link).or_insert(dead.len());
            });
            by_fingerprint.insert(redirect.own, dead.len());
            dead.push(Failed {
                order: redirect.order,
                own: redirect.own,
                url,
                chain: Vec::new(),
            });
            false
        });
        if redirects.len() == before {
            break;
        }
    }
}

/// Records a page that links to the broken URL at this index.
fn hold(
    urls: &mut [BrokenUrl],
    at: usize,
    page: &str,
    table: &mut Option<&mut Table>,
) -> Result<()> {
    let url = &mut urls[at];
    match at < NAMED {
        true => url.hold(page),
        false => url.held += 1,
    }
    match table {
        Some(table) => row(table, url, page),
        None => Ok(()),
    }
}

/// Writes the row of a broken URL and a page that links to it.
///
/// # Errors
/// If it cannot be written.
pub(super) fn row(table: &mut Table, url: &BrokenUrl, holder: &str) -> Result<()> {
    let status = url.status.map(|status| status.to_string());
    table.row(&[&url.url, &url.class, &status.unwrap_or_default(), holder])
}

fn broken(entry: &Entry) -> BrokenUrl {
    BrokenUrl {
        url: entry.url.clone(),
        class: entry.class.clone(),
        status: (entry.status > 0).then_some(entry.status),
        holders: Vec::new(),
        held: 0,
    }
}
