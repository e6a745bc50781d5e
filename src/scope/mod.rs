//! Which of the URLs that were found belong to a crawl, and why the others do not.
//!
//! Asked once for each distinct URL and use, by the loop. Invariant: the answer is a function of the settings, the seeds and the URLs
//! that were taken before; what was turned away leaves no trace. So a run that is resumed judges as one that was never
//! stopped, once [`restore`](Scope::restore) has heard of every URL that was taken. Everything that is remembered is
//! bounded: when a table is full, limits become coarser or laxer, as each says, and nothing grows.
//!
//! Edge: a URL is judged by its text alone. Two traps need more: pages with nearly the same text are known by [`Similar`], and
//! a site whose every name resolves is only bounded by the run's own limits (`--depth`, `--max-per-host`, a page limit).

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
pub use crate::skip::{Reach, Skip};

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
    /// A scope without seeds: nothing belongs to it until [`anchor`](Self::anchor) was told of one, but for [`Reach::Any`].
    pub fn new(settings: ScopeSettings) -> Self {
        Self::seeded(settings, fastrand::u64(..))
    }

    /// As [`new`](Self::new), with the seed of its hashes. It decides nothing but which URLs of a hostile site share a counter.
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

    /// Takes a seed in: what page, path, host and domain are meant relative to. The crawl reaches wherever it does from any seed.
    /// A seed belongs to the crawl whatever it looks like: it is not judged, but [`restore`](Self::restore) counts it.
    pub fn anchor(&mut self, seed: &PageUrl) {
        self.territory.anchor(seed);
    }

    /// Why a URL so many links away from its seed is not asked now. Apart from [`judge`](Self::judge), as the same
    /// URL may be found nearer later.
    pub fn is_too_deep(&self, depth: u16) -> Option<Skip> {
        let limit = self.settings.depth?;
        (depth > limit).then_some(Skip::Depth { limit })
    }

    /// Whether a URL lies where the crawl reaches in this role, whatever else speaks against it.
    pub fn reaches(&self, url: &PageUrl, role: Role) -> bool {
        self.territory.contains(url, self.reach(role))
    }

    /// How far the crawl reaches in this role.
    fn reach(&self, role: Role) -> Reach {
        match role {
            Role::Page => self.settings.reach,
            Role::Asset if self.settings.assets_anywhere => Reach::Any,
            Role::Asset | Role::Sitemap => self.settings.reach.max(Reach::Host),
            Role::Robots | Role::External => Reach::Any,
        }
    }

    /// Whether a URL belongs to the crawl. It is called once for each distinct URL, and counts it where it does.
    ///
    /// Parts of pages and sitemaps are looked for on the seeds' hosts where pages are only followed within a page or a
    /// path: what a page is made of lies elsewhere on its host. A robots.txt belongs to whatever it is asked for.
    /// Neither robots.txt nor sitemaps are counted. Patterns of what to include are for pages: the parts of a page that is
    /// included come with it. Patterns of what to exclude hold for both. What leaves the crawl is not followed: only its length,
    /// what is excluded and the limit of its host count.
    ///
    /// # Errors
    /// Why it does not belong.
    pub fn judge(&mut self, url: &PageUrl, role: Role) -> Result<(), Skip> {
        self.judge_url(url, role, true)
    }

    /// As [`judge`](Self::judge), for a URL that was judged before as something else: it is counted once at the most.
    ///
    /// # Errors
    /// Why it does not belong.
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

    /// Whether a host may have one more URL, which is then counted.
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

    /// Counts a URL that leaves the crawl, of an earlier session.
    pub(crate) fn restore_external(&mut self, url: &PageUrl) {
        if self.settings.max_per_host.is_some() {
            self.hosts.add(self.prints.of(url.origin_text()));
        }
    }

    /// Counts a URL without judging it: one that was taken in an earlier session, or a seed.
    pub fn restore(&mut self, url: &PageUrl) {
        if self.settings.max_per_host.is_some() {
            self.hosts.add(self.prints.of(url.origin_text()));
        }
        let keys = self.traps.keys(url);
        self.traps.count(url, &keys);
    }
}
