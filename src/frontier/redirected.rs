//! The latest pages of a crawl whose record is a redirect, for [walls](super::walls).
//!
//! Invariant: their number is bounded; the oldest are forgotten first.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::store::{Row, State};
use crate::error::Result;
use crate::job::{Job, Role};

/// The most pages that are remembered: more than can be in flight while a wall is passed.
const PAGES: usize = 4096;

/// The latest pages whose record is a redirect.
#[derive(Default)]
pub(super) struct RedirectedPages {
    pub(super) are_wanted: bool,
    pages: HashMap<u64, Redirected>,
    /// Their fingerprints, oldest first.
    order: VecDeque<u64>,
}

/// A page whose record is a redirect.
pub(super) struct Redirected {
    pub(super) job: Box<Job>,
    /// The fingerprint of the target; `None` if it is not known any more.
    pub(super) target: Option<u64>,
    /// A hash of the cookies that it was sent; 0 for none.
    pub(super) sent: u64,
    /// How often it was fetched again.
    pub(super) times: u8,
    /// Whether its response set cookies.
    pub(super) sets_cookies: bool,
}

impl RedirectedPages {
    pub(super) fn get(&mut self, fingerprint: u64) -> Option<&mut Redirected> {
        self.pages.get_mut(&fingerprint)
    }

    /// The pages that redirected to this one, in the order in which they were found.
    pub(super) fn to(&self, target: u64) -> Vec<u64> {
        let pages = self.pages.iter();
        let pages = pages.filter(|(_, page)| page.target == Some(target));
        let mut pages: Vec<_> = pages.map(|(page, at)| (at.job.id, *page)).collect();
        pages.sort_unstable();
        pages.into_iter().map(|(_, page)| page).collect()
    }

    pub(super) fn remember(&mut self, fingerprint: u64, page: Redirected) {
        if self.pages.insert(fingerprint, page).is_none() {
            self.order.push_back(fingerprint);
        }
        if self.order.len() > PAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.pages.remove(&oldest);
        }
    }

    /// Remembers a page of an earlier session whose record is a redirect.
    ///
    /// # Errors
    /// When the stored row is damaged.
    pub(super) fn restore(&mut self, row: &Row, now: Instant) -> Result<()> {
        let is_page = matches!(row.role, Role::Page | Role::Asset);
        if !self.are_wanted || !is_page || !matches!(row.state, State::Done(Some(300..=399))) {
            return Ok(());
        }
        let job = row.clone().into_job(now)?;
        if job.is_plain() {
            let page = Redirected {
                job,
                target: None,
                sent: 0,
                times: 0,
                sets_cookies: false,
            };
            self.remember(row.fingerprint, page);
        }
        Ok(())
    }
}
