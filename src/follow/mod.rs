//! Following: which of the URLs that a page leads to become jobs.
//!
//! The loop hands a settled visit over; each link lays claim to a URL. One that was never seen is judged by the scope, once
//! for each use, and goes to the frontier as a job, or as passed over with its reason; one that is known is raised where the claim
//! is stronger. Redirects and sitemaps are links too. Edge: what is a link
//! and where it leads was found out where the page was parsed; when it may be asked is the frontier's to say.

mod claim;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crate::error::Result;
use crate::found::{FoundKind, FoundLink};
use crate::frontier::{Discovery, Frontier, Gate, Ranks, Row};
use crate::job::{Job, Role, Via};
use crate::scope::{Scope, ScopeSettings, Similar};
use crate::skip::Skip;
use crate::url::{HostKey, PageUrl};
use crate::visit::Visit;

/// Sitemaps that are taken of one robots.txt.
const NAMED: usize = 1000;
/// Sitemaps that are read of one host. They have no record, so that no other limit ends them.
const SITEMAPS: u64 = 10_000;
/// Sitemaps beyond the records that a run or a host may have, where that is limited: a sitemap is read for its pages.
const SPARE_SITEMAPS: u64 = 100;
/// How deep sitemaps may name each other; the protocol knows one level, and a few sites have two.
const NESTING: u16 = 3;

/// What a crawl follows, beside what its scope says.
#[derive(Debug, Clone, PartialEq)]
pub struct CrawlSettings {
    /// Which URLs belong to the crawl.
    pub scope: ScopeSettings,
    /// Which sitemaps are read.
    pub sitemaps: Sitemaps,
    /// What becomes of pages that are like one before.
    pub similar: SimilarPages,
    /// What becomes of links that lead out of the scope.
    pub external: External,
}

/// What becomes of links that lead out of the scope of a crawl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum External {
    /// They are not asked.
    Ignore,
    /// Each is asked once whether it is there, and not followed.
    Check,
}

/// Which sitemaps are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sitemaps {
    /// None.
    Ignore,
    /// Those that a robots.txt names.
    Named,
    /// Those, and `/sitemap.xml` of each host.
    Guessed,
}

/// What becomes of pages that are like one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimilarPages {
    /// They are pages like any other, and nobody looks.
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
        }
    }
}

impl CrawlSettings {
    /// Whether pages are compared with each other.
    pub(crate) fn compares(&self) -> bool {
        self.similar != SimilarPages::Ignore
    }
}

/// The settings, and what the run works out for them.
#[derive(Debug, Clone)]
pub(crate) struct FollowPlan {
    /// What the user says.
    pub(crate) settings: CrawlSettings,
    /// Records that the run may have at the most.
    pub(crate) max_records: Option<u64>,
    /// Whether links are left that a page asks not to follow: with `rel=nofollow`, `meta robots`, or `X-Robots-Tag`.
    pub(crate) obeys: bool,
    /// Whether what pages are made of is looked for.
    pub(crate) has_assets: bool,
    /// Whether recipes name links.
    pub(crate) recipes_lead: bool,
}

/// Which links of a crawl become jobs.
pub(crate) struct Follow {
    settings: CrawlSettings,
    obeys: bool,
    ranks: Ranks,
    scope: Scope,
    similar: Similar,
    skips: BTreeMap<&'static str, u64>,
    /// Sitemaps of each host that were admitted.
    sitemaps: HashMap<HostKey, u64>,
    max_sitemaps: u64,
}

impl Follow {
    pub(crate) fn new(plan: FollowPlan) -> Self {
        let settings = plan.settings;
        let records = [plan.max_records, settings.scope.max_per_host];
        let wanted = records.into_iter().flatten().min();
        let wanted = wanted.map(|records| records.saturating_add(SPARE_SITEMAPS));
        Self {
            sitemaps: HashMap::new(),
            max_sitemaps: wanted.map_or(SITEMAPS, |wanted| wanted.min(SITEMAPS)),
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

    /// How many URLs were passed over so far, by the class of the reason.
    pub(crate) fn skips(&self) -> &BTreeMap<&'static str, u64> {
        &self.skips
    }

    /// A seed says what the crawl is about.
    pub(crate) fn anchor(&mut self, seed: &PageUrl) {
        self.scope.anchor(seed);
    }

    /// A row of an earlier session counts as it did then.
    pub(crate) fn restore(&mut self, row: &Row) {
        let Ok(url) = PageUrl::parse(&row.url) else {
            return;
        };
        if row.role == Role::Sitemap && row.was_admitted() {
            *self.sitemaps.entry(row.host.clone()).or_default() += 1;
        }
        let leads_on = row.via == Via::Redirect && row.role == Role::Page && row.depth == 0;
        if row.role == Role::External {
            if row.was_admitted() {
                self.scope.restore_external(&url);
            }
        } else if row.row.is_some() || leads_on {
            self.scope.anchor(&url);
        } else if row.was_admitted() {
            self.scope.restore(&url);
        }
    }

    /// Follows what a visit led to.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
    pub(crate) fn links(
        &mut self,
        visit: &Visit,
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        if visit.job.role == Role::External {
            return self.lead_back(visit, frontier, now);
        }
        let Ok(page) = &visit.outcome else {
            return Ok(());
        };
        let from = Source {
            job: &visit.job,
            page: Arc::from(visit.job.url.as_str()),
            remote: page.remote.map(|remote| remote.ip()),
        };
        if let Some(target) = page.target() {
            self.redirect(&target, &from, frontier, now)?;
        }
        // A page without links is one that others may be like.
        if let Some(hash) = visit.parsed.simhash
            && let Some(of) = self.similar.near(hash, visit.job.id)
            && of != visit.job.id
        {
            self.count(&Skip::Similar { of });
            if self.settings.similar == SimilarPages::Skip {
                return Ok(());
            }
        }
        let Some(found) = &visit.parsed.found else {
            return Ok(());
        };
        for link in found.iter() {
            // What a page is made of is no link to follow.
            let is_asset = link.kind == FoundKind::Asset;
            let is_shut = self.obeys && !link.led && !is_asset && (found.nofollow || link.nofollow);
            if is_shut && !link.is_part {
                self.count(&Skip::Nofollow);
                continue;
            }
            let uses: &[Role] = match (link.kind, link.is_part) {
                (FoundKind::Sitemap, _) => {
                    self.sitemap(link, &from, frontier, now)?;
                    continue;
                }
                (FoundKind::Asset, _) if self.leaves(&link, Role::Asset, &from) => {
                    &[Role::External]
                }
                (FoundKind::Asset, _) => &[Role::Asset],
                _ if !is_shut && self.leaves(&link, Role::Page, &from) => {
                    match link.is_part && !self.leaves(&link, Role::Asset, &from) {
                        true => &[Role::Asset],
                        false => &[Role::External],
                    }
                }
                _ if is_shut => &[Role::Asset],
                (_, true) => &[Role::Page, Role::Asset],
                (_, false) => &[Role::Page],
            };
            self.link(link, uses, &from, frontier, now)?;
        }
        Ok(())
    }

    /// Takes up the sitemaps that a host's robots.txt names.
    ///
    /// # Errors
    /// When the memory of what was seen cannot be kept.
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
        let from = Source {
            job: &robots.job,
            page: Arc::from(host.as_str()),
            remote: remote.map(|remote| remote.ip()),
        };
        let named = named.iter().map(String::as_str).take(NAMED);
        for sitemap in named.chain(guessed) {
            let Ok(url) = host.join(sitemap) else {
                continue;
            };
            // A host may name sitemaps of its own; those of other hosts have to belong to the crawl.
            if !url.same_origin(host) && self.scope.judge(&url, Role::Sitemap).is_err() {
                continue;
            }
            let fingerprint = frontier.fingerprints().of(url.as_str());
            if self.has_room_for_sitemap(&url.host_key(), 0)
                && frontier.is_new_sitemap(fingerprint)?
            {
                *self.sitemaps.entry(url.host_key()).or_default() += 1;
                let found = from.discovery(url, fingerprint, Role::Sitemap, 0);
                frontier.admit_found(found, now)?;
            }
        }
        Ok(())
    }

    /// Whether a link leads out of the scope, and it is to be asked whether that is there. What a sitemap names and what only
    /// looks like a URL is on no page for anybody to click.
    fn leaves(&self, link: &FoundLink<'_>, role: Role, from: &Source<'_>) -> bool {
        let is_on_page = matches!(from.job.role, Role::Page | Role::Asset)
            && !matches!(link.kind, FoundKind::Guess | FoundKind::Sitemap);
        self.settings.external == External::Check
            && is_on_page
            && PageUrl::parse(link.url).is_ok_and(|url| !self.scope.reaches(&url, role))
    }

    /// A link out of the scope that is redirected back into it leads to a page of the crawl.
    fn lead_back(&mut self, visit: &Visit, frontier: &mut Frontier, now: Instant) -> Result<()> {
        let Ok(page) = &visit.outcome else {
            return Ok(());
        };
        let target = page
            .target()
            .and_then(|target| visit.job.url.join(&target).ok());
        let Some(target) = target.filter(|url| self.scope.reaches(url, Role::Page)) else {
            return Ok(());
        };
        let from = Source {
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

    /// Follows a sitemap that a sitemap names.
    fn sitemap(
        &mut self,
        link: FoundLink<'_>,
        from: &Source<'_>,
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        let Ok(url) = PageUrl::parse(link.url) else {
            return Ok(());
        };
        let host = url.host_key();
        // What is left out here is not remembered: a site can name such sitemaps without end.
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
        let found = from.discovery(url, link.fingerprint, Role::Sitemap, from.job.depth);
        match verdict {
            Ok(()) => {
                *self.sitemaps.entry(host).or_default() += 1;
                frontier.admit_found(found, now)
            }
            Err(skip) => {
                self.count(&skip);
                frontier.pass_over(found, skip.class(), || skip.to_string())
            }
        }
    }

    /// Whether another sitemap of a host may be read, that deep.
    fn has_room_for_sitemap(&mut self, host: &HostKey, nesting: u16) -> bool {
        let limit = self.max_sitemaps;
        let skip = if nesting > NESTING {
            Skip::SitemapNesting { limit: NESTING }
        } else if self.sitemaps.get(host).is_some_and(|count| *count >= limit) {
            Skip::Sitemaps { limit }
        } else {
            return true;
        };
        self.count(&skip);
        false
    }

    /// Whether nobody named a sitemap: it was only tried whether there is one.
    pub(crate) fn is_a_guess(&self, job: &Job) -> bool {
        let is_usual = job.first_url().as_url().path() == "/sitemap.xml";
        job.role == Role::Sitemap && self.settings.sitemaps == Sitemaps::Guessed && is_usual
    }

    /// Counts something that is not asked.
    pub(crate) fn count(&mut self, skip: &Skip) {
        *self.skips.entry(skip.class()).or_default() += 1;
    }
}

impl Gate for Option<Follow> {
    fn lets_in(&mut self, from: &Job, target: &PageUrl) -> bool {
        let Some(follow) = self else {
            return true;
        };
        // A page of the crawl is asked as one, and not only whether it is there.
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

/// The page that links were found on.
struct Source<'a> {
    job: &'a Job,
    page: Arc<str>,
    remote: Option<std::net::IpAddr>,
}

impl<'a> Source<'a> {
    fn discovery(
        &'a self,
        url: PageUrl,
        fingerprint: u64,
        role: Role,
        depth: u16,
    ) -> Discovery<'a> {
        let via = match self.job.role {
            Role::Robots | Role::Sitemap => Via::Sitemap,
            Role::Page | Role::Asset | Role::External => Via::Link,
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
