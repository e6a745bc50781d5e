//! Why a page of one run is not in the other: it is not there, or it was not asked for.
//!
//! What a run did not ask for says nothing about the site. A job knows its reasons; otherwise the pages tell: the
//! list of a run has its seeds, and links lead to all others, so a page whose source is the same must still be
//! linked from it. Invariant: a page counts as missing only if nothing speaks against it.

use super::trace::{State, Trace, Traces};
use crate::earlier::{EarlierRun, Reach};
use crate::error::Result;
use crate::url::fingerprint::Fingerprints;

/// The page is not there.
const MISSING: u16 = 0;

/// Reasons that pages themselves give, in the order of their numbers; those of a job follow.
const REASONS: [&str; 7] = [
    "",
    "unfinished",
    "not-in-list",
    "source-not-asked",
    "source-failed",
    "source-unchanged",
    "too-deep",
];
const UNFINISHED: u16 = 1;
const NOT_IN_LIST: u16 = 2;
const SOURCE_NOT_ASKED: u16 = 3;
const SOURCE_FAILED: u16 = 4;
const SOURCE_UNCHANGED: u16 = 5;
const TOO_DEEP: u16 = 6;

/// The pages of one run that the other does not have, and why.
pub(super) struct Absent {
    /// The index of each page, and the number of the reason.
    pages: Vec<(u32, u16)>,
    reasons: Vec<String>,
}

/// What the other run is, in which pages are absent.
pub(super) struct Other<'r> {
    pub(super) run: &'r EarlierRun,
    pub(super) traces: &'r Traces,
    /// How far it got, once that was read.
    pub(super) reach: Reach,
}

impl Absent {
    /// Judges the pages with these indexes, which the other run does not have.
    ///
    /// # Errors
    /// When the other run cannot be read.
    pub(super) fn judge(
        pages: &[u32],
        own: &Traces,
        other: &mut Other<'_>,
        fingerprints: Fingerprints,
    ) -> Result<Self> {
        let mut absent = Self {
            pages: pages.iter().map(|page| (*page, MISSING)).collect(),
            reasons: REASONS.map(str::to_owned).to_vec(),
        };
        let mut known = vec![MISSING; pages.len()];
        let page = |index: u32| &own.pages[index as usize];
        other.reach = other.run.unasked(&mut |unasked| {
            let request = fingerprints.of(unasked.url);
            // Indexes are in the order of requests.
            let at = pages.binary_search_by_key(&request, |index| page(*index).request);
            if let Ok(at) = at {
                known[at] = absent.reason(unasked.why);
            }
        })?;
        // A page is judged after the page that led to it.
        let mut order: Vec<u32> = (0..pages.len() as u32).collect();
        order.sort_by_key(|at| {
            (
                page(pages[*at as usize]).depth,
                page(pages[*at as usize]).number,
            )
        });
        for at in order.into_iter().map(|at| at as usize) {
            let reason = match known[at] {
                MISSING => absent.judge_one(page(pages[at]), own, other),
                known => known,
            };
            absent.pages[at].1 = reason;
        }
        Ok(absent)
    }

    /// The pages with their indexes, each with the reason why it was not asked for; `None` if it is not there.
    pub(super) fn pages(&self) -> impl Iterator<Item = (u32, Option<u16>)> {
        let pages = self.pages.iter();
        pages.map(|(page, reason)| (*page, (*reason != MISSING).then_some(*reason)))
    }

    /// A reason by its number.
    pub(super) fn text(&self, reason: u16) -> &str {
        self.reasons
            .get(usize::from(reason))
            .map_or("", String::as_str)
    }

    /// The number of a reason, which is added if it is new.
    pub(super) fn reason(&mut self, why: &str) -> u16 {
        let known = self.reasons.iter().position(|known| known == why);
        let at = known.unwrap_or_else(|| {
            self.reasons.push(why.to_owned());
            self.reasons.len() - 1
        });
        u16::try_from(at).unwrap_or(UNFINISHED)
    }

    fn judge_one(&self, page: &Trace, own: &Traces, other: &Other<'_>) -> u16 {
        if let Reach::Unfinished(_) = other.reach {
            return UNFINISHED;
        }
        if page.is_seed {
            return NOT_IN_LIST;
        }
        let Some(source) = own.find(page.found_on) else {
            return MISSING;
        };
        let Some(same) = other.traces.find(page.found_on) else {
            return match self.verdict(page.found_on, own) {
                MISSING => MISSING,
                _ => SOURCE_NOT_ASKED,
            };
        };
        match same.state {
            State::Unasked => SOURCE_NOT_ASKED,
            State::Failed => SOURCE_FAILED,
            State::Answered | State::Redirect
                if source.digest != 0 && source.digest == same.digest =>
            {
                SOURCE_UNCHANGED
            }
            // Nothing deeper was requested: there was a limit, or no link to anything new.
            State::Answered
                if Some(same.depth) == other.traces.deepest && page.depth > same.depth =>
            {
                TOO_DEEP
            }
            State::Answered | State::Redirect => MISSING,
        }
    }

    /// The verdict about an absent page, by its request.
    fn verdict(&self, request: u64, own: &Traces) -> u16 {
        let found = self
            .pages
            .binary_search_by_key(&request, |(index, _)| own.pages[*index as usize].request);
        found.map_or(MISSING, |at| self.pages[at].1)
    }
}
