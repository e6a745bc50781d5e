//! Claims: what a link makes of its target (role, depth, recipe), and what is known so far.
//!
//! One URL is found many times: as a picture and as a page, far from the seed and near it, by a plain link and by a
//! recipe. Which of them comes first depends on the order of responses, so the first must not decide. A **claim**
//! that is stronger than what is known raises the URL, at any point of its life: a waiting URL is fetched in its
//! new role, a rejected one is admitted, a finished one is fetched again. Invariant: what is known only grows, so
//! all orders of the same claims have the same result: a page if any claim says so, the least depth, every recipe.
//! Edge: limits on counts (`--limit`, `--max-per-host`) still depend on the order, and a sitemap that pages link to
//! stays what it was found as first.

use std::collections::HashMap;
use std::sync::Arc;

use super::store::{Row, State};
use crate::job::Role;
use crate::visit::Visit;
use crate::visit::found::FoundLinks;

/// The most times that one URL is fetched again in a session, should it get ever nearer.
pub(crate) const MAX_RAISES: u8 = 7;
/// The number that stands for more than one recipe.
const SEVERAL: u8 = FoundLinks::RECIPES as u8 + 1;
/// The greatest depth that is recorded: deeper ones count as this.
const MAX_DEPTH: u16 = 0xfff;

/// What can make one claim stronger than another; if nothing can, none are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ranks {
    /// Whether nearer is stronger, because depth is limited.
    pub(crate) by_depth: bool,
    /// Whether a page is stronger than a part of one, because parts are fetched too.
    pub(crate) by_role: bool,
    /// Whether a recipe is stronger than none.
    pub(crate) by_recipe: bool,
}

impl Ranks {
    pub(crate) fn any(self) -> bool {
        self.by_depth || self.by_role || self.by_recipe
    }
}

/// What a link makes of its target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// A page, or a part of one.
    pub(crate) role: Role,
    /// Links from the seed.
    pub(crate) depth: u16,
    /// The recipe for the page.
    pub(crate) recipe: Option<&'a Arc<str>>,
}

/// What a URL was seen as, in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeenAs {
    /// The number of its job.
    pub(super) id: u64,
    /// Links from the seed, as a page.
    depth: u16,
    /// Whether it is a page, not a part of one.
    ///
    /// If it is no page, and the scope did not judge it as a part either, it is only checked.
    is_page: bool,
    /// Whether the scope judged it as a page.
    judged_page: bool,
    /// Whether the scope judged it as a part.
    judged_part: bool,
    /// Whether it belongs to the crawl.
    is_admitted: bool,
    /// Whether its record is written, or about to be.
    pub(super) is_settled: bool,
    /// Whether there was a response without failure.
    is_there: bool,
    /// Whether its response may have links.
    leads: bool,
    /// The number of times that it was fetched again.
    pub(super) raises: u8,
    /// The number of its recipe, from 1; 0 for none.
    recipe: u8,
}

/// How a claim is stronger than what is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Raise {
    pub(super) nearer: bool,
    /// A page rather than a part of one, or a part rather than only checked.
    pub(super) role: bool,
    pub(super) recipe: bool,
}

impl Raise {
    pub(super) fn any(self) -> bool {
        self.nearer || self.role || self.recipe
    }
}

impl SeenAs {
    /// A sitemap: it is admitted, and no claim raises it.
    pub(super) const SITEMAP: Self = Self {
        id: 0,
        depth: 0,
        is_page: true,
        judged_page: true,
        judged_part: true,
        is_admitted: true,
        is_settled: false,
        is_there: false,
        leads: false,
        raises: 0,
        recipe: 0,
    };

    /// A URL that the scope accepted or rejected in this role.
    pub(super) fn new(id: u64, role: Role, depth: u16, is_admitted: bool) -> Self {
        Self {
            id,
            depth: depth.min(MAX_DEPTH),
            is_page: role == Role::Page,
            judged_page: role != Role::Asset,
            judged_part: role == Role::Asset,
            is_admitted,
            is_settled: false,
            is_there: true,
            leads: true,
            raises: 0,
            recipe: 0,
        }
    }

    /// The state of a row from an earlier session.
    pub(super) fn of(row: &Row) -> Self {
        let mut seen = Self::new(row.id, row.role, row.depth, row.was_admitted());
        seen.is_settled = row.state.is_settled();
        // Failures have no links; whether a page had any is no longer known.
        let failed = matches!(row.state, State::Failed { .. });
        (seen.is_there, seen.leads) = (!failed, !failed);
        seen
    }

    /// The bits, from the lowest: recipe 7, raises 3, flags 7, depth 12, number 35.
    pub(super) fn pack(self) -> u64 {
        let flags = [
            self.is_page,
            self.judged_page,
            self.judged_part,
            self.is_admitted,
            self.is_settled,
            self.is_there,
            self.leads,
        ];
        let flags = flags
            .iter()
            .fold(0, |all, flag| all << 1 | u64::from(*flag));
        let high = self.id << 29 | u64::from(self.depth) << 17;
        high | flags << 10 | u64::from(self.raises) << 7 | u64::from(self.recipe)
    }

    pub(super) fn unpack(bits: u64) -> Self {
        let flag = |place: u32| bits >> (16 - place) & 1 == 1;
        Self {
            id: bits >> 29,
            depth: (bits >> 17) as u16 & MAX_DEPTH,
            is_page: flag(0),
            judged_page: flag(1),
            judged_part: flag(2),
            is_admitted: flag(3),
            is_settled: flag(4),
            is_there: flag(5),
            leads: flag(6),
            raises: (bits >> 7) as u8 & MAX_RAISES,
            recipe: bits as u8 & SEVERAL,
        }
    }

    /// Whether it belongs to the crawl.
    pub(crate) fn is_admitted(&self) -> bool {
        self.is_admitted
    }

    /// Whether the scope has judged it in this role.
    pub(crate) fn was_judged(&self, role: Role) -> bool {
        match role {
            Role::Asset => self.judged_part,
            _ => self.judged_page,
        }
    }

    /// Notes that the scope judged it in this role.
    pub(super) fn note_judged(&mut self, role: Role) {
        match role {
            Role::Asset => self.judged_part = true,
            _ => self.judged_page = true,
        }
    }

    pub(super) fn role(&self) -> Role {
        match (self.is_page, self.judged_part) {
            (true, _) => Role::Page,
            (false, true) => Role::Asset,
            (false, false) => Role::External,
        }
    }

    /// Whether its response may have links.
    pub(super) fn leads(&self) -> bool {
        self.leads
    }

    pub(super) fn depth(&self) -> u16 {
        self.depth
    }

    /// Notes that its record is written.
    ///
    /// If it was no page or has no links, it may not be worth fetching again.
    pub(super) fn settle(&mut self, visit: &Visit) {
        self.is_settled = true;
        self.is_there = is_there(visit);
        self.leads = self.is_there && may_lead(visit);
    }

    /// How a claim is stronger than what is known.
    pub(super) fn raise(&self, claim: &Claim<'_>, ranks: Ranks, recipes: &Recipes) -> Raise {
        let refused_as_page = !self.is_page && self.judged_page;
        match claim.role {
            _ if self.id == 0 => return Raise::default(),
            Role::Page if !refused_as_page => {}
            // Out of the scope as a page, and only checked so far: as a part of a page it may belong.
            Role::Asset if self.role() == Role::External => {
                return Raise {
                    role: true,
                    ..Raise::default()
                };
            }
            _ => return Raise::default(),
        }
        Raise {
            role: !self.is_page,
            nearer: ranks.by_depth && self.is_page && claim.depth.min(MAX_DEPTH) < self.depth,
            recipe: ranks.by_recipe && claim.recipe.is_some_and(|name| !recipes.has(self, name)),
        }
    }

    /// Applies a claim.
    pub(super) fn apply(&mut self, claim: &Claim<'_>, raise: Raise, recipes: &mut Recipes) {
        let depth = claim.depth.min(MAX_DEPTH);
        self.depth = match self.is_page {
            true => self.depth.min(depth),
            false => depth,
        };
        match claim.role {
            Role::Asset => self.judged_part = true,
            _ => (self.is_page, self.judged_page) = (true, true),
        }
        if let Some(name) = claim.recipe.filter(|_| raise.recipe) {
            recipes.add(self, name);
        }
    }

    /// Whether fetching again for a stronger claim would give anything new.
    pub(super) fn is_worth(&self, raise: Raise) -> bool {
        self.is_there && raise.recipe || self.leads && (raise.nearer || raise.role)
    }
}

/// Whether there is a response, and it is no failure; a redirect is one.
pub(super) fn is_there(visit: &Visit) -> bool {
    matches!(&visit.outcome, Ok(page) if page.status < 400)
}

/// Whether a response has links, or could have if it were read as a page.
fn may_lead(visit: &Visit) -> bool {
    if matches!(&visit.outcome, Ok(page) if page.target().is_some()) {
        return true;
    }
    match visit.job.role {
        Role::Page => return visit.parsed.found.is_some(),
        Role::External => return true, // its body was not requested
        _ => {}
    }
    // A part of a page is not searched for links.
    let pages =
        |media: &str| media == "text/html" || media.ends_with("xml") || media.ends_with("json");
    visit.parsed.media_type.as_deref().is_none_or(pages)
}

/// Which recipes apply to which URL.
#[derive(Debug, Default)]
pub(super) struct Recipes {
    names: Vec<Arc<str>>,
    /// The recipes of URLs that have more than one, by the number of the job.
    several: HashMap<u64, Vec<u8>>,
}

impl Recipes {
    /// The recipes of a URL.
    pub(super) fn of(&self, seen: &SeenAs) -> Vec<Arc<str>> {
        let numbers = match seen.recipe {
            0 => &[][..],
            SEVERAL => self.several.get(&seen.id).map_or(&[][..], Vec::as_slice),
            _ => std::slice::from_ref(&seen.recipe),
        };
        let named = |number: &u8| self.names.get(usize::from(*number) - 1).cloned();
        numbers.iter().filter_map(named).collect()
    }

    fn has(&self, seen: &SeenAs, name: &Arc<str>) -> bool {
        match self.number(name) {
            None => false,
            Some(number) if seen.recipe == SEVERAL => {
                let several = self.several.get(&seen.id);
                several.is_some_and(|known| known.contains(&number))
            }
            Some(number) => seen.recipe == number,
        }
    }

    /// Adds a recipe to a URL.
    pub(super) fn add(&mut self, seen: &mut SeenAs, name: &Arc<str>) {
        if self.has(seen, name) {
            return;
        }
        let number = self.number(name).unwrap_or_else(|| {
            self.names.push(name.clone());
            self.names.len().min(FoundLinks::RECIPES) as u8
        });
        match seen.recipe {
            0 => seen.recipe = number,
            SEVERAL => self.several.entry(seen.id).or_default().push(number),
            first => {
                self.several.insert(seen.id, vec![first, number]);
                seen.recipe = SEVERAL;
            }
        }
    }

    fn number(&self, name: &Arc<str>) -> Option<u8> {
        let place = self.names.iter().position(|known| known == name)?;
        u8::try_from(place + 1).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_loses_nothing() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..10_000 {
            let seen = SeenAs::unpack(random.u64(..));
            assert_eq!(SeenAs::unpack(seen.pack()), seen);
        }
        let seen = SeenAs::new((1 << 35) - 1, Role::Page, u16::MAX, true);
        assert_eq!(SeenAs::unpack(seen.pack()), seen);
    }

    #[test]
    fn a_failure_of_an_earlier_session_is_not_fetched_again_when_it_is_found_nearer() {
        let url = crate::url::PageUrl::parse("http://h.example/").unwrap();
        let mut job = crate::job::Job::seed(1, url);
        (job.id, job.depth) = (1, 3);
        let ranks = Ranks {
            by_depth: true,
            ..Ranks::default()
        };
        let failed = State::Failed {
            status: Some(404),
            class: "http-4xx".to_owned(),
            message: "HTTP 404".to_owned(),
        };
        for (state, expected) in [(State::Done(Some(200)), true), (failed, false)] {
            let row = Row {
                state,
                ..Row::of(&job, 1, 0)
            };
            let seen = SeenAs::of(&row);
            let nearer = Claim {
                role: Role::Page,
                depth: 2,
                recipe: None,
            };
            let raise = seen.raise(&nearer, ranks, &Recipes::default());
            assert!(raise.nearer);
            assert_eq!(seen.is_worth(raise), expected, "{:?}", row.state);
        }
    }

    #[test]
    fn all_orders_of_the_same_claims_have_the_same_result() {
        let ranks = Ranks {
            by_depth: true,
            by_role: true,
            by_recipe: true,
        };
        let names: Vec<Arc<str>> = ["one", "two", "three"].map(Arc::from).to_vec();
        let mut claims: Vec<(Role, u16, Option<&Arc<str>>)> = vec![
            (Role::Asset, 0, None),
            (Role::Page, 3, None),
            (Role::Page, 2, Some(&names[0])),
            (Role::Page, 4, Some(&names[1])),
            (Role::Page, 4, Some(&names[2])),
            (Role::Asset, 1, None),
        ];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            random.shuffle(&mut claims);
            let mut recipes = Recipes::default();
            let mut seen = None;
            for (role, depth, recipe) in &claims {
                let (role, depth, recipe) = (*role, *depth, *recipe);
                let claim = Claim {
                    role,
                    depth,
                    recipe,
                };
                let Some(known) = &mut seen else {
                    let mut first = SeenAs::new(1, role, depth, true);
                    if let Some(recipe) = recipe {
                        recipes.add(&mut first, recipe);
                    }
                    seen = Some(first);
                    continue;
                };
                let raise = known.raise(&claim, ranks, &recipes);
                if raise.any() {
                    known.apply(&claim, raise, &mut recipes);
                }
            }
            let seen = seen.unwrap();
            let mut wanted = recipes.of(&seen);
            wanted.sort();
            let wanted: Vec<_> = wanted.iter().map(|name| &**name).collect();
            assert_eq!((seen.role(), seen.depth()), (Role::Page, 2), "{claims:?}");
            assert_eq!(wanted, ["one", "three", "two"], "{claims:?}");
        }
    }
}
