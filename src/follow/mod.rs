//! Following: which of the links of a page become jobs.
//!
//! The loop passes each settled visit here; each of its links makes a claim on a URL. A URL that was never seen is
//! judged by the scope, once for each use, and goes to the frontier as a job, or as rejected with the reason; a
//! known URL is raised if the claim is stronger. Redirects and sitemaps are links too. Edge: the parser decides
//! what is a link and where it leads; the frontier decides when it is fetched.

mod claim;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::error::Result;
use crate::frontier::{Discovery, Frontier, Gate, Ranks, Row};
use crate::job::{Job, Role, Via};
use crate::scope::{Scope, ScopeSettings, Similar};
use crate::url::{HostKey, PageUrl};
use crate::visit::Visit;
use crate::visit::found::{FoundKind, FoundLink};
use crate::visit::skip::Skip;

/// The most sitemaps that are used of one robots.txt.
const MAX_NAMED: usize = 1000;
/// The most sitemaps that are read of one host.
///
/// They have no record, so no other limit ends them.
const MAX_SITEMAPS: u64 = 10_000;
/// Sitemaps that are allowed beyond a limit on records: they are read for their pages.
const SPARE_SITEMAPS: u64 = 100;
/// How deep sitemaps may be nested; the protocol allows one level, and a few sites have two.
const MAX_NESTING: u16 = 3;

/// What a crawl follows, in addition to the rules of its scope.
#[derive(Debug, Clone, PartialEq)]
pub struct CrawlSettings {
    /// Which URLs belong to the crawl.
    pub scope: ScopeSettings,
    /// Which sitemaps are read.
    pub sitemaps: Sitemaps,
    /// How to treat pages that are similar to an earlier one.
    pub similar: SimilarPages,
    /// How to treat links out of the scope.
    pub external: External,
    /// The archives in which pages are looked up; if empty, pages are fetched from their hosts.
    ///
    /// A page that is in none of them fails as `not-stored`, and no robots.txt is read.
    pub archives: Vec<PathBuf>,
}

/// How to treat links out of the scope of a crawl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum External {
    /// They are skipped.
    Ignore,
    /// Each is checked once, and not followed.
    Check,
}

/// Which sitemaps are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sitemaps {
    /// None.
    Ignore,
    /// Those in a robots.txt.
    Named,
    /// Those, and `/sitemap.xml` of each host.
    Guessed,
}

/// How to treat pages that are similar to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimilarPages {
    /// They are like any other page, and not detected.
    Ignore,
    /// They are counted.
    Report,
    /// Their links are not followed.
    Skip,
}

impl Default for CrawlSettings {
    fn default() -> Self {
        Self {
            scope: ScopeSettings::default(),
            sitemaps: Sitemaps::Named,
            similar: SimilarPages::Ignore,
            external: External::Ignore,
            archives: Vec::new(),
        }
    }
}

impl CrawlSettings {
    /// Whether pages are compared with each other.
    pub(crate) fn compares(&self) -> bool {
        self.similar != SimilarPages::Ignore
    }
}

/// The settings, and what the run derives from them.
#[derive(Debug, Clone)]
pub(crate) struct FollowPlan {
    /// The user's settings.
    pub(crate) settings: CrawlSettings,
    /// The most records that the run may write.
    pub(crate) max_records: Option<u64>,
    /// Whether `rel=nofollow`, `meta robots` and `X-Robots-Tag` are obeyed.
    pub(crate) obeys: bool,
    /// Whether assets are fetched.
    pub(crate) has_assets: bool,
    /// Whether recipes select links.
    pub(crate) recipes_lead: bool,
}

/// Decides which links of a crawl become jobs.
pub(crate) struct LinkFollower {
    settings: CrawlSettings,
    obeys: bool,
    ranks: Ranks,
    scope: Scope,
    similar: Similar,
    skips: BTreeMap<&'static str, u64>,
    /// The number of sitemaps that were admitted, by host.
    sitemaps: HashMap<HostKey, u64>,
    max_sitemaps: u64,
}

impl LinkFollower {
    /// A crawl that has not seen any link.
    pub(crate) fn new(plan: FollowPlan) -> Self {
        let settings = plan.settings;
        let records = [plan.max_records, settings.scope.max_per_host];
        let wanted = records.into_iter().flatten().min();
        let wanted = wanted.map(|records| records.saturating_add(SPARE_SITEMAPS));
        Self {
            sitemaps: HashMap::new(),
            max_sitemaps: wanted.map_or(MAX_SITEMAPS, |wanted| wanted.min(MAX_SITEMAPS)),
            scope: Scope::new(settings.scope.clone()),
            similar: Similar::default(),
            obeys: plan.obeys,
            ranks: Ranks {
                by_depth: settings.scope.depth.is_some(),
                by_role: plan.has_assets,
                by_recipe: plan.recipes_lead,
            },
            settings,
            skips: BTreeMap::new(),
        }
    }

    /// What makes one claim to a URL stronger than another.
    pub(crate) fn ranks(&self) -> Ranks {
        self.ranks
    }

    /// The number of URLs that were skipped so far, by the class of the reason.
    pub(crate) fn skips(&self) -> &BTreeMap<&'static str, u64> {
        &self.skips
    }

    /// Anchors the scope of the crawl at a seed.
    pub(crate) fn anchor(&mut self, seed: &PageUrl) {
        self.scope.anchor(seed);
    }

    /// Restores the counts of a row of an earlier session.
    pub(crate) fn restore(&mut self, row: &Row) {
        let Ok(url) = PageUrl::parse(&row.url) else {
            return;
        };
        if row.role == Role::Sitemap && row.was_admitted() {
            *self.sitemaps.entry(row.host.clone()).or_default() += 1;
        }
        let is_seed_target = row.via == Via::Redirect && row.role == Role::Page && row.depth == 0;
        if row.role == Role::External {
            if row.was_admitted() {
                self.scope.restore_external(&url);
            }
        } else if row.row.is_some() || is_seed_target {
            self.scope.anchor(&url);
        } else if row.was_admitted() {
            self.scope.restore(&url);
        }
    }

    /// Follows the links of a visit.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn links(
        &mut self,
        visit: &Visit,
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        if visit.job.role == Role::External {
            return self.follow_back(visit, frontier, now);
        }
        let Ok(page) = &visit.outcome else {
            return Ok(());
        };
        let from = SourcePage {
            job: &visit.job,
            page: Arc::from(visit.job.url.as_str()),
            remote: page.remote.map(|remote| remote.ip()),
        };
        if let Some(target) = page.target() {
            self.redirect(&target, &from, frontier, now)?;
        }
        // Later pages may be similar to this one even if it has no links.
        if self.settings.compares()
            && let Some(hash) = visit.parsed.simhash
            && let Some(of) = self.similar.near(hash, visit.job.id)
            && of != visit.job.id
        {
            self.count(&Skip::Similar { of });
            if self.settings.similar == SimilarPages::Skip {
                return Ok(());
            }
        }
        let Some(links) = &visit.parsed.found else {
            return Ok(());
        };
        for link in links.iter() {
            // The assets of a page are not links to follow.
            let is_asset = link.kind == FoundKind::Asset;
            let is_nofollow =
                self.obeys && !link.led && !is_asset && (links.nofollow || link.nofollow);
            if is_nofollow && !link.is_part {
                self.count(&Skip::Nofollow);
                continue;
            }
            let uses: &[Role] = match (link.kind, link.is_part) {
                (FoundKind::Sitemap, _) => {
                    self.sitemap(link, &from, frontier, now)?;
                    continue;
                }
                (FoundKind::Asset, _) if self.is_external(&link, Role::Asset, &from) => {
                    &[Role::External]
                }
                (FoundKind::Asset, _) => &[Role::Asset],
                _ if !is_nofollow && self.is_external(&link, Role::Page, &from) => {
                    match link.is_part && !self.is_external(&link, Role::Asset, &from) {
                        true => &[Role::Asset],
                        false => &[Role::External],
                    }
                }
                _ if is_nofollow => &[Role::Asset],
                (_, true) => &[Role::Page, Role::Asset],
                (_, false) => &[Role::Page],
            };
            self.link(link, uses, &from, frontier, now)?;
        }
        Ok(())
    }

    /// Follows the sitemaps in a host's robots.txt.
    ///
    /// # Errors
    /// When the memory of seen URLs cannot be written.
    pub(crate) fn sitemaps(
        &mut self,
        robots: &Visit,
        named: &[String],
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        let host = robots.job.first_url();
        let guessed = (self.settings.sitemaps == Sitemaps::Guessed).then_some("/sitemap.xml");
        let named: &[String] = match self.settings.sitemaps {
            Sitemaps::Ignore => &[],
            Sitemaps::Named | Sitemaps::Guessed => named,
        };
        let remote = robots.outcome.as_ref().ok().and_then(|page| page.remote);
        let from = SourcePage {
            job: &robots.job,
            page: Arc::from(host.as_str()),
            remote: remote.map(|remote| remote.ip()),
        };
        let named = named.iter().map(String::as_str).take(MAX_NAMED);
        for sitemap in named.chain(guessed) {
            let Ok(url) = host.join(sitemap) else {
                continue;
            };
            let url = frontier.secured(&url).unwrap_or(url);
            // A host may list sitemaps of its own; those of other hosts must belong to the crawl.
            if !url.same_origin(host) && self.scope.judge(&url, Role::Sitemap).is_err() {
                continue;
            }
            let fingerprint = frontier.fingerprints().of(url.as_str());
            if self.has_room_for_sitemap(&url.host_key(), 0)
                && frontier.is_new_sitemap(fingerprint)?
            {
                *self.sitemaps.entry(url.host_key()).or_default() += 1;
                let discovery = from.discovery(url, fingerprint, Role::Sitemap, 0);
                frontier.admit_link(discovery, now)?;
            }
        }
        Ok(())
    }

    /// Whether a link leads out of the scope, and its target is to be checked.
    ///
    /// Entries of a sitemap, and text that only looks like a URL, are not links that anybody could click.
    fn is_external(&self, link: &FoundLink<'_>, role: Role, from: &SourcePage<'_>) -> bool {
        let is_on_page = matches!(from.job.role, Role::Page | Role::Asset)
            && !matches!(link.kind, FoundKind::Guess | FoundKind::Sitemap);
        self.settings.external == External::Check
            && is_on_page
            && PageUrl::parse(link.url).is_ok_and(|url| !self.scope.reaches(&url, role))
    }

    /// Follows an external link that redirects back into the scope, to a page of the crawl.
    fn follow_back(&mut self, visit: &Visit, frontier: &mut Frontier, now: Instant) -> Result<()> {
        let Ok(page) = &visit.outcome else {
            return Ok(());
        };
        let target = page
            .target()
            .and_then(|target| visit.job.url.join(&target).ok());
        let Some(target) = target.filter(|url| self.scope.reaches(url, Role::Page)) else {
            return Ok(());
        };
        let from = SourcePage {
            job: &visit.job,
            page: Arc::from(visit.job.url.as_str()),
            remote: page.remote.map(|remote| remote.ip()),
        };
        let link = FoundLink {
            url: target.as_str(),
            fingerprint: frontier.fingerprints().of(target.as_str()),
            kind: FoundKind::Page,
            is_part: false,
            nofollow: false,
            led: false,
            recipe: None,
        };
        self.link(link, &[Role::Page], &from, frontier, now)
    }

    /// Follows a sitemap that another sitemap lists.
    fn sitemap(
        &mut self,
        link: FoundLink<'_>,
        from: &SourcePage<'_>,
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        let Ok(url) = PageUrl::parse(link.url) else {
            return Ok(());
        };
        let host = url.host_key();
        // A sitemap skipped here is not remembered: a site could list such sitemaps without end.
        if !self.has_room_for_sitemap(&host, from.job.nesting + 1)
            || !frontier.is_new_sitemap(link.fingerprint)?
        {
            return Ok(());
        }
        let belongs = url.same_origin(&from.job.url);
        let verdict = match belongs {
            true => Ok(()),
            false => self.scope.judge(&url, Role::Sitemap),
        };
        let discovery = from.discovery(url, link.fingerprint, Role::Sitemap, from.job.depth);
        match verdict {
            Ok(()) => {
                *self.sitemaps.entry(host).or_default() += 1;
                frontier.admit_link(discovery, now)
            }
            Err(skip) => {
                self.count(&skip);
                frontier.reject(discovery, skip.class(), || skip.to_string())
            }
        }
    }

    /// Whether another sitemap of a host, nested that deep, may be read.
    fn has_room_for_sitemap(&mut self, host: &HostKey, nesting: u16) -> bool {
        let limit = self.max_sitemaps;
        let skip = if nesting > MAX_NESTING {
            Skip::SitemapNesting { limit: MAX_NESTING }
        } else if self.sitemaps.get(host).is_some_and(|count| *count >= limit) {
            Skip::Sitemaps { limit }
        } else {
            return true;
        };
        self.count(&skip);
        false
    }

    /// Whether a sitemap was only guessed to exist.
    pub(crate) fn is_a_guess(&self, job: &Job) -> bool {
        let is_usual = job.first_url().as_url().path() == "/sitemap.xml";
        job.role == Role::Sitemap && self.settings.sitemaps == Sitemaps::Guessed && is_usual
    }

    /// Counts a URL that is skipped.
    pub(crate) fn count(&mut self, skip: &Skip) {
        *self.skips.entry(skip.class()).or_default() += 1;
    }
}

impl Gate for Option<LinkFollower> {
    fn lets_in(&mut self, from: &Job, target: &PageUrl) -> bool {
        let Some(follow) = self else {
            return true;
        };
        // A page of the crawl is fetched as one, and not only checked.
        if from.role == Role::External && follow.scope.reaches(target, Role::Page) {
            return false;
        }
        match follow.scope.judge(target, from.role) {
            Ok(()) => true,
            Err(skip) => {
                follow.count(&skip);
                false
            }
        }
    }
}

/// The page with the links.
struct SourcePage<'a> {
    job: &'a Job,
    page: Arc<str>,
    remote: Option<std::net::IpAddr>,
}

impl<'a> SourcePage<'a> {
    fn discovery(
        &'a self,
        url: PageUrl,
        fingerprint: u64,
        role: Role,
        depth: u16,
    ) -> Discovery<'a> {
        let via = match self.job.role {
            Role::Robots | Role::Sitemap => Via::Sitemap,
            Role::Page | Role::Asset | Role::External | Role::Segment => Via::Link,
        };
        Discovery {
            url,
            fingerprint,
            on: self.job,
            page: &self.page,
            remote: self.remote,
            role,
            via,
            depth,
            recipe: None,
            is_refused_page: false,
        }
    }
}
