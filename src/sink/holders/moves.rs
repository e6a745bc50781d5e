//! The URLs that redirect, and their final targets.

use std::collections::{HashMap, hash_map};

use super::entries::Entries;
use super::entry::EntryKind;
use super::table::Table;
use crate::error::Result;
use crate::url::fingerprint::Fingerprints;

/// The longest chain of redirects that is followed.
const CHAIN: usize = 32;

/// The URLs that redirect.
pub(super) struct Redirects {
    /// The redirects by the fingerprint of their URL.
    hops: HashMap<u64, Hop>,
}

/// A single redirect.
struct Hop {
    url: Box<str>,
    status: u16,
    target: Box<str>,
    target_fingerprint: u64,
    has_links: bool,
}

impl Redirects {
    /// Collects the redirects.
    ///
    /// # Errors
    /// If the entries cannot be read.
    pub(super) fn find(entries: &mut Entries, fingerprints: Fingerprints) -> Result<Self> {
        let mut hops = HashMap::new();
        entries.each(|entry, _| {
            if let (EntryKind::Hop, Some(&target_fingerprint)) =
                (entry.kind, entry.fingerprints.first())
            {
                let hop = Hop {
                    url: entry.url.as_str().into(),
                    status: entry.status,
                    target: entry.target.as_str().into(),
                    target_fingerprint,
                    has_links: false,
                };
                hops.insert(fingerprints.of(&entry.url), hop);
            }
            Ok(())
        })?;
        Ok(Self { hops })
    }

    /// The final target of a URL.
    pub(super) fn end(&self, url: u64) -> u64 {
        self.last(url).map_or(url, |hop| hop.target_fingerprint)
    }

    /// The last redirect of the chain that starts at a URL.
    fn last(&self, url: u64) -> Option<&Hop> {
        let mut hop = self.hops.get(&url)?;
        for _ in 0..CHAIN {
            match self.hops.get(&hop.target_fingerprint) {
                Some(next) => hop = next,
                None => break,
            }
        }
        Some(hop)
    }

    /// Writes a row for each page that links to a redirect.
    ///
    /// Redirects without links have one row each.
    ///
    /// # Errors
    /// If the entries cannot be read, or a row cannot be written.
    pub(super) fn write_rows(mut self, entries: &mut Entries, table: &mut Table) -> Result<()> {
        entries.each(|entry, page| {
            if entry.kind != EntryKind::Page {
                return Ok(());
            }
            for link in &entry.fingerprints {
                if self.write_row(*link, page, table)?
                    && let hash_map::Entry::Occupied(mut hop) = self.hops.entry(*link)
                {
                    hop.get_mut().has_links = true;
                }
            }
            Ok(())
        })?;
        let mut rest: Vec<u64> = self.hops.keys().copied().collect();
        rest.retain(|url| !self.hops[url].has_links);
        rest.sort_by(|one, other| self.hops[one].url.cmp(&self.hops[other].url));
        for url in rest {
            self.write_row(url, "", table)?;
        }
        Ok(())
    }

    /// Writes the row of a URL if it redirects; returns whether it does.
    fn write_row(&self, url: u64, linking_page: &str, table: &mut Table) -> Result<bool> {
        let (Some(hop), Some(last)) = (self.hops.get(&url), self.last(url)) else {
            return Ok(false);
        };
        table.row(&[
            &hop.url,
            &hop.status.to_string(),
            &last.target,
            linking_page,
        ])?;
        Ok(true)
    }
}
