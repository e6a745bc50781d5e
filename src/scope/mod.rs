//! Decides which of the URLs that were found belong to a crawl, and why the others do not.
//!
//! The loop asks once for each distinct URL and use. Invariant: the decision is a function of the settings, the seeds
//! and the URLs accepted before; rejected URLs leave no trace. So a resumed run decides like one that was never
//! stopped, once [`restore`](Scope::restore) was called for every accepted URL. All memory is limited: when a table is
//! full, limits become coarser or more permissive, as each one documents, and nothing grows.
//!
//! A URL is judged only by its text. Two traps need more: pages with nearly the same text are detected by [`Similar`],
//! and a site where every host name resolves is only limited by the run's own limits (depth, URLs per host, number of
//! pages).

mod calendar;
mod counts;
mod family;
mod pieces;
mod repetition;
mod session;
mod settings;
mod similar;
mod territory;
#[cfg(test)]
mod tests;
mod traps;

pub use crate::pattern::{Pattern, PatternError};
pub use settings::{CalendarSettings, ScopeSettings, TrapSettings};
pub use similar::Similar;

pub use crate::job::Role;
pub use crate::visit::skip::{Reach, Skip};

use crate::pattern::PatternList;
use crate::url::PageUrl;
use counts::Counts;
use pieces::Prints;
use territory::Territory;
use traps::Traps;

/// Decides which URLs belong to one crawl.
#[derive(Debug)]
pub struct Scope {
    settings: ScopeSettings,
    include: PatternList,
    exclude: PatternList,
    territory: Territory,
    hosts: Counts,
    traps: Traps,
    prints: Prints,
}

impl Scope {
    /// A scope without seeds.
    ///
    /// Except with [`Reach::Any`], nothing belongs to it until [`anchor`](Self::anchor) adds a seed.
    pub fn new(settings: ScopeSettings) -> Self {
        Self::seeded(settings, fastrand::u64(..))
    }

    /// Like [`new`](Self::new), with the seed of its hashes.
    ///
    /// The seed only decides which URLs of a hostile site share a counter.
    pub fn seeded(settings: ScopeSettings, seed: u64) -> Self {
        let prints = Prints::seeded(seed);
        Self {
            include: PatternList::new(&settings.include),
            exclude: PatternList::new(&settings.exclude),
            territory: Territory::new(settings.reach),
            hosts: Counts::default(),
            traps: Traps::new(settings.traps.clone(), prints),
            prints,
            settings,
        }
    }

    /// Adds a seed: the point that page, path, host and domain are relative to.
    ///
    /// The crawl reaches everything within reach of any seed. A seed always belongs to the crawl: it is not judged,
    /// but [`restore`](Self::restore) counts it.
    pub fn anchor(&mut self, seed: &PageUrl) {
        self.territory.anchor(seed);
    }

    /// The reason to skip a URL for now that is this many links away from its seed.
    ///
    /// Separate from [`judge`](Self::judge), as the same URL may later be found closer to a seed.
    pub fn is_too_deep(&self, depth: u16) -> Option<Skip> {
        let limit = self.settings.depth?;
        (depth > limit).then_some(Skip::Depth { limit })
    }

    /// Whether a URL is within reach of the crawl in this role, regardless of all other rules.
    pub fn reaches(&self, url: &PageUrl, role: Role) -> bool {
        self.territory.contains(url, self.reach(role))
    }

    /// The reach of the crawl in this role.
    fn reach(&self, role: Role) -> Reach {
        match role {
            Role::Page => self.settings.reach,
            Role::Asset if self.settings.assets_anywhere => Reach::Any,
            Role::Asset | Role::Sitemap | Role::Segment => self.settings.reach.max(Reach::Host),
            Role::Robots | Role::External => Reach::Any,
        }
    }

    /// Decides whether a URL belongs to the crawl, and counts it if it does. Call it once for each distinct URL.
    ///
    /// If pages are only followed within a page or a path, assets and sitemaps may still be anywhere on the seeds'
    /// hosts: the parts of a page are often elsewhere on its host. A robots.txt always belongs to the crawl.
    /// Robots.txt and sitemaps are not counted. Include patterns are for pages; an included page brings its assets
    /// with it. Exclude patterns apply to both. For external links, which are not followed, only the length, the
    /// exclude patterns and the limit per host count.
    ///
    /// # Errors
    /// The reason why it does not belong.
    pub fn judge(&mut self, url: &PageUrl, role: Role) -> Result<(), Skip> {
        self.judge_url(url, role, true)
    }

    /// Like [`judge`](Self::judge), for a URL that was judged before in another role: it is counted at most once.
    ///
    /// # Errors
    /// The reason why it does not belong.
    pub fn judge_again(&mut self, url: &PageUrl, role: Role) -> Result<(), Skip> {
        self.judge_url(url, role, false)
    }

    fn judge_url(&mut self, url: &PageUrl, role: Role, is_counted: bool) -> Result<(), Skip> {
        if role == Role::Robots {
            return Ok(());
        }
        let reach = self.reach(role);
        if !self.territory.contains(url, reach) {
            return Err(Skip::Scope { reach });
        }
        self.traps.check_length(url)?;
        if let Some(pattern) = self.exclude.first_match(url) {
            return Err(Skip::Excluded { pattern });
        }
        if role == Role::Sitemap {
            return Ok(());
        }
        if role == Role::External {
            return self.count_host(url, is_counted);
        }
        let is_page = role == Role::Page;
        if is_page && !self.include.is_empty() && !self.include.matches(url) {
            return Err(Skip::NotIncluded);
        }
        let keys = self.traps.check(url)?;
        self.count_host(url, is_counted)?;
        if is_counted {
            self.traps.count(url, &keys);
        }
        Ok(())
    }

    /// Counts a URL for its host, or returns an error if the host has reached its limit.
    fn count_host(&mut self, url: &PageUrl, is_counted: bool) -> Result<(), Skip> {
        if let Some(limit) = self.settings.max_per_host {
            let host = self.prints.of(url.origin_text());
            if u64::from(self.hosts.of(host)) >= limit {
                return Err(Skip::HostFull { limit });
            }
            if is_counted {
                self.hosts.add(host);
            }
        }
        Ok(())
    }

    /// Counts an external URL of an earlier session.
    pub(crate) fn restore_external(&mut self, url: &PageUrl) {
        if self.settings.max_per_host.is_some() {
            self.hosts.add(self.prints.of(url.origin_text()));
        }
    }

    /// Counts a URL without judging it: one that was accepted in an earlier session, or a seed.
    pub fn restore(&mut self, url: &PageUrl) {
        if self.settings.max_per_host.is_some() {
            self.hosts.add(self.prints.of(url.origin_text()));
        }
        let keys = self.traps.keys(url);
        self.traps.count(url, &keys);
    }
}
