//! The URLs that redirect, and their final targets.

use std::collections::{HashMap, hash_map};

use super::entries::Entries;
use super::entry::What;
use super::table::Table;
use crate::error::Result;
use crate::fingerprint::Fingerprints;

/// The longest chain of redirects that is followed.
const CHAIN: usize = 32;

/// The URLs that redirect.
pub(super) struct Moves {
    /// The redirects by the fingerprint of their URL.
    steps: HashMap<u64, Step>,
}

/// A single redirect.
struct Step {
    url: Box<str>,
    status: u16,
    target: Box<str>,
    leads_to: u64,
    held: bool,
}

impl Moves {
    /// Collects the redirects.
    ///
    /// # Errors
    /// If the entries cannot be read.
    pub(super) fn find(entries: &mut Entries, fingerprints: Fingerprints) -> Result<Self> {
        let mut steps = HashMap::new();
        entries.each(|entry, _| {
            if let (What::Step, Some(&leads_to)) = (entry.what, entry.fingerprints.first()) {
                let step = Step {
                    url: entry.url.as_str().into(),
                    status: entry.status,
                    target: entry.target.as_str().into(),
                    leads_to,
                    held: false,
                };
                steps.insert(fingerprints.of(&entry.url), step);
            }
            Ok(())
        })?;
        Ok(Self { steps })
    }

    /// The final target of a URL.
    pub(super) fn end(&self, url: u64) -> u64 {
        self.last(url).map_or(url, |step| step.leads_to)
    }

    /// The last redirect of the chain that starts at a URL.
    fn last(&self, url: u64) -> Option<&Step> {
        let mut step = self.steps.get(&url)?;
        for _ in 0..CHAIN {
            match self.steps.get(&step.leads_to) {
                Some(next) => step = next,
                None => break,
            }
        }
        Some(step)
    }

    /// Writes a row for each page that links to a redirect.
    ///
    /// Redirects without links have one row each.
    ///
    /// # Errors
    /// If the entries cannot be read, or a row cannot be written.
    pub(super) fn list(mut self, entries: &mut Entries, table: &mut Table) -> Result<()> {
        entries.each(|entry, page| {
            if entry.what != What::Page {
                return Ok(());
            }
            for link in &entry.fingerprints {
                if self.row(*link, page, table)?
                    && let hash_map::Entry::Occupied(mut step) = self.steps.entry(*link)
                {
                    step.get_mut().held = true;
                }
            }
            Ok(())
        })?;
        let mut rest: Vec<u64> = self.steps.keys().copied().collect();
        rest.retain(|url| !self.steps[url].held);
        rest.sort_by(|one, other| self.steps[one].url.cmp(&self.steps[other].url));
        for url in rest {
            self.row(url, "", table)?;
        }
        Ok(())
    }

    /// Writes the row of a URL if it redirects; returns whether it does.
    fn row(&self, url: u64, holder: &str, table: &mut Table) -> Result<bool> {
        let (Some(step), Some(last)) = (self.steps.get(&url), self.last(url)) else {
            return Ok(false);
        };
        table.row(&[&step.url, &step.status.to_string(), &last.target, holder])?;
        Ok(true)
    }
}
