//! Claims: what links and redirects make of their targets.
//!
//! Invariant: whatever the order of the claims, a URL is fetched as the strongest of them that the scope accepts.

use std::time::Instant;

use super::{LinkFollower, SourcePage};
use crate::error::Result;
use crate::frontier::{Claim, Discovery, Frontier};
use crate::job::{Role, Via};
use crate::url::PageUrl;
use crate::visit::found::FoundLink;
use crate::visit::skip::Skip;

impl LinkFollower {
    /// Follows a redirect of a crawl as a link, with the depth and the recipes of its page.
    pub(super) fn redirect(
        &mut self,
        target: &str,
        from: &SourcePage<'_>,
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        let job = from.job;
        let pages = matches!(job.role, Role::Page | Role::Asset) && job.is_plain();
        let Ok(url) = job.url.join(target) else {
            return Ok(()); // its record says so
        };
        if !pages || !frontier.redirects(job) {
            return Ok(());
        }
        let url = frontier.secured(&url).unwrap_or(url);
        let fingerprint = frontier.fingerprints().of(url.as_str());
        let no_recipe = [None];
        let recipes: Vec<_> = job.recipes.iter().map(Some).collect();
        let recipes = if recipes.is_empty() {
            &no_recipe[..]
        } else {
            &recipes
        };
        for recipe in recipes {
            let discovery = Discovery {
                via: Via::Redirect,
                recipe: *recipe,
                ..from.discovery(url.clone(), fingerprint, job.role, job.depth)
            };
            if job.role == Role::Page && job.depth == 0 {
                self.admit_seed_target(discovery, frontier, now)?;
            } else {
                self.claim(discovery, &[job.role], frontier, now)?;
            }
        }
        Ok(())
    }

    /// Admits the target of a seed's redirect without judging it: it is what the user meant.
    ///
    /// For example, http://example.org that is really https://www.example.org.
    fn admit_seed_target(
        &mut self,
        discovery: Discovery<'_>,
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        self.scope.anchor(&discovery.url);
        match frontier.seen_as(discovery.fingerprint)? {
            None => {
                self.scope.restore(&discovery.url);
                frontier.admit_link(discovery, now)
            }
            Some(seen) if !seen.is_admitted() => {
                self.scope.restore(&discovery.url);
                frontier.raise(discovery, seen, now).map(drop)
            }
            Some(seen) if frontier.outranks(&discovery.claim(), &seen) => {
                let skip = frontier.raise(discovery, seen, now)?;
                skip.iter().for_each(|skip| self.count(skip));
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// Claims the target of a link for the first of its uses that the crawl accepts.
    pub(super) fn link(
        &mut self,
        link: FoundLink<'_>,
        uses: &[Role],
        from: &SourcePage<'_>,
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        // The parts of a page are as deep as the page.
        let below = from.job.depth.saturating_add(1);
        let too_deep = self.scope.is_too_deep(below);
        let uses = match (&too_deep, uses) {
            (Some(_), [Role::Page, rest @ ..]) => rest,
            (_, uses) => uses,
        };
        let Some(first) = uses.first() else {
            if let Some(skip) = too_deep {
                self.count(&skip); // and it is not stored as seen: it may be found again, nearer
            }
            return Ok(());
        };
        let depth = match first {
            Role::Page => below,
            _ => from.job.depth,
        };
        let claim = Claim {
            role: *first,
            depth,
            recipe: link.recipe,
        };
        // Most links of most pages were seen before, with the same or a stronger claim.
        if uses.len() == 1
            && let Some(seen) = frontier.seen_as(link.fingerprint)?
            && !frontier.outranks(&claim, &seen)
        {
            return Ok(());
        }
        let Ok(url) = PageUrl::parse(link.url) else {
            return Ok(());
        };
        let discovery = Discovery {
            recipe: link.recipe,
            ..from.discovery(url, link.fingerprint, *first, depth)
        };
        self.claim(discovery, uses, frontier, now)
    }

    /// Claims a URL for the first of its uses that belongs to the crawl.
    ///
    /// If the URL is known, a stronger claim than before raises it.
    fn claim(
        &mut self,
        discovery: Discovery<'_>,
        uses: &[Role],
        frontier: &mut Frontier,
        now: Instant,
    ) -> Result<()> {
        let mut seen = frontier.seen_as(discovery.fingerprint)?;
        let mut rejected: Option<Skip> = None;
        for role in uses {
            let discovery = Discovery {
                role: *role,
                is_refused_page: rejected.is_some(),
                url: discovery.url.clone(),
                ..discovery
            };
            if let Some(known) = &mut seen {
                let claim = discovery.claim();
                if !frontier.outranks(&claim, known) {
                    continue;
                }
                let verdict = match (known.was_judged(*role), known.is_admitted()) {
                    (true, _) => Ok(()),
                    (false, true) => self.scope.judge_again(&discovery.url, *role),
                    (false, false) => self.scope.judge(&discovery.url, *role),
                };
                if verdict.is_err() {
                    frontier.refuse(discovery.fingerprint, known, *role)?;
                    continue;
                }
                if let Some(skip) = frontier.raise(discovery, *known, now)? {
                    self.count(&skip);
                }
                return Ok(());
            }
            match self.scope.judge(&discovery.url, *role) {
                Ok(()) => return frontier.admit_link(discovery, now),
                Err(skip) => rejected = Some(skip),
            }
        }
        match (seen, rejected) {
            (None, Some(skip)) => {
                self.count(&skip);
                let discovery = Discovery {
                    is_refused_page: uses.contains(&Role::Page),
                    role: uses.last().copied().unwrap_or(discovery.role),
                    ..discovery
                };
                frontier.reject(discovery, skip.class(), || skip.to_string())
            }
            _ => Ok(()),
        }
    }
}
