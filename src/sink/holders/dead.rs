//! The broken URLs, and the pages that link to them, found in two passes over the entries.

use std::collections::HashMap;

use super::entries::Entries;
use super::entry::{EntryKind, LinkEntry};
use super::fragments::{FragmentTarget, Missing, fragment_target};
use super::table::Table;
use crate::error::Result;
use crate::url::fingerprint::Fingerprints;
use crate::visit::broken::{BrokenUrl, NAMED};

/// The longest chain of redirects that is resolved.
const CHAIN: usize = 32;
/// The bits of the sieve: most links are not broken, and a single lookup rules them out.
const SIEVE: usize = 1 << 16;

/// The URLs that are known to be broken.
pub(super) struct DeadLinks {
    pub(super) urls: Vec<BrokenUrl>,
    fingerprints: Fingerprints,
    /// The index in `urls` for each fingerprint that leads there.
    by_fingerprint: HashMap<u64, usize>,
    /// The index in `urls` of each reference that is not a URL, by its fingerprint.
    malformed: HashMap<u64, usize>,
    /// The index in `urls` of each fragment that does not exist on its page.
    fragments: HashMap<FragmentTarget, usize>,
}

/// A redirect that was not followed.
struct Redirect {
    position: usize,
    fingerprint: u64,
    /// The target, and the URLs on the way to it.
    targets: Vec<u64>,
    url: String,
}

/// A failed URL.
struct Failed {
    position: usize,
    fingerprint: u64,
    url: BrokenUrl,
    /// The later URLs in its chain.
    chain: Vec<u64>,
}

impl DeadLinks {
    /// Finds the failures, and the redirects that lead to them.
    ///
    /// # Errors
    /// If the entries cannot be read.
    pub(super) fn find(entries: &mut Entries, fingerprints: Fingerprints) -> Result<Self> {
        let mut failures = HashMap::<u64, Failed>::new();
        let mut redirects = Vec::new();
        let mut malformed = HashMap::new();
        let mut not_urls = Vec::new();
        let mut position = 0;
        entries.each(|entry, _| {
            position += 1;
            let fingerprint = fingerprints.of(&entry.url);
            match entry.kind {
                // A URL that failed once but was fetched later is fine.
                EntryKind::Page => drop(failures.remove(&fingerprint)),
                EntryKind::Broken => {
                    let failed = Failed {
                        position,
                        fingerprint,
                        url: broken(entry),
                        chain: entry.fingerprints.clone(),
                    };
                    failures.insert(fingerprint, failed);
                }
                EntryKind::Malformed => {
                    malformed.entry(fingerprint).or_insert_with(|| {
                        not_urls.push(broken(entry));
                        not_urls.len() - 1
                    });
                }
                EntryKind::Fragment | EntryKind::Ids | EntryKind::Hop => {}
                EntryKind::Redirect => redirects.push(Redirect {
                    position,
                    fingerprint,
                    targets: std::mem::take(&mut entry.fingerprints),
                    url: std::mem::take(&mut entry.url),
                }),
            }
            Ok(())
        })?;
        let mut dead: Vec<Failed> = failures.into_values().collect();
        let mut by_fingerprint = HashMap::new();
        for (at, failed) in dead.iter().enumerate() {
            failed.chain.iter().for_each(|link| {
                by_fingerprint.entry(*link).or_insert(at);
            });
            by_fingerprint.insert(failed.fingerprint, at);
        }
        mark_redirects(&mut dead, &mut by_fingerprint, redirects);
        // Sort by the order of failure.
        let mut order: Vec<usize> = (0..dead.len()).collect();
        order.sort_by_key(|at| dead[*at].position);
        let mut moved = vec![0; dead.len()];
        order
            .iter()
            .enumerate()
            .for_each(|(to, from)| moved[*from] = to);
        by_fingerprint.values_mut().for_each(|at| *at = moved[*at]);
        dead.sort_by_key(|failed| failed.position);
        // References that are not URLs come after the URLs that were fetched.
        malformed.values_mut().for_each(|at| *at += dead.len());
        let urls = dead.into_iter().map(|failed| failed.url);
        Ok(Self {
            urls: urls.chain(not_urls).collect(),
            fingerprints,
            by_fingerprint,
            malformed,
            fragments: HashMap::new(),
        })
    }

    /// Adds fragments that do not exist on their pages.
    ///
    /// # Errors
    /// If the entries cannot be read.
    pub(super) fn add_missing_fragments(
        &mut self,
        missing: &Missing,
        entries: &mut Entries,
    ) -> Result<()> {
        entries.each(|entry, _| {
            let Some(target) = fragment_target(entry) else {
                return Ok(());
            };
            if let Some(status) = missing.get(&target)
                && !self.fragments.contains_key(&target)
            {
                self.fragments.insert(target, self.urls.len());
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
    pub(super) fn find_linking_pages(
        &mut self,
        entries: &mut Entries,
        mut table: Option<&mut Table>,
    ) -> Result<()> {
        let mut sieve = vec![false; SIEVE];
        for link in self.by_fingerprint.keys() {
            sieve[*link as usize % SIEVE] = true;
        }
        entries.each(|entry, page| {
            let links: &[u64] = match entry.kind {
                EntryKind::Page => &entry.fingerprints,
                EntryKind::Redirect => &entry.fingerprints[..entry.fingerprints.len().min(1)],
                EntryKind::Broken | EntryKind::Ids | EntryKind::Hop => &[],
                EntryKind::Fragment => {
                    let at = fragment_target(entry).and_then(|target| self.fragments.get(&target));
                    return match at {
                        Some(at) => record_page(&mut self.urls, *at, page, &mut table),
                        None => Ok(()),
                    };
                }
                EntryKind::Malformed => {
                    let fingerprint = self.fingerprints.of(&entry.url);
                    return match self.malformed.get(&fingerprint) {
                        Some(at) => record_page(&mut self.urls, *at, page, &mut table),
                        None => Ok(()),
                    };
                }
            };
            for link in links.iter().filter(|link| sieve[**link as usize % SIEVE]) {
                if let Some(at) = self.by_fingerprint.get(link) {
                    record_page(&mut self.urls, *at, &entry.url, &mut table)?;
                }
            }
            Ok(())
        })
    }
}

/// Marks redirects to broken URLs as broken, along whole chains.
fn mark_redirects(
    dead: &mut Vec<Failed>,
    by_fingerprint: &mut HashMap<u64, usize>,
    mut redirects: Vec<Redirect>,
) {
    for _ in 0..CHAIN {
        let before = redirects.len();
        redirects.retain_mut(|redirect| {
            let target = redirect.targets.first();
            let to = target.and_then(|target| by_fingerprint.get(target));
            let Some(to) = to.map(|at| &dead[*at].url) else {
                return true;
            };
            let url = BrokenUrl {
                url: std::mem::take(&mut redirect.url),
                ..to.clone()
            };
            if by_fingerprint.contains_key(&redirect.fingerprint) {
                return false;
            }
            redirect.targets[1..].iter().for_each(|link| {
                by_fingerprint.entry(*link).or_insert(dead.len());
            });
            by_fingerprint.insert(redirect.fingerprint, dead.len());
            dead.push(Failed {
                position: redirect.position,
                fingerprint: redirect.fingerprint,
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
fn record_page(
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
        Some(table) => write_row(table, url, page),
        None => Ok(()),
    }
}

/// Writes the row of a broken URL and a page that links to it.
///
/// # Errors
/// If it cannot be written.
pub(super) fn write_row(table: &mut Table, url: &BrokenUrl, linking_page: &str) -> Result<()> {
    let status = url.status.map(|status| status.to_string());
    table.row(&[
        &url.url,
        &url.class,
        &status.unwrap_or_default(),
        linking_page,
    ])
}

fn broken(entry: &LinkEntry) -> BrokenUrl {
    BrokenUrl {
        url: entry.url.clone(),
        class: entry.class.clone(),
        status: (entry.status > 0).then_some(entry.status),
        holders: Vec::new(),
        held: 0,
    }
}
