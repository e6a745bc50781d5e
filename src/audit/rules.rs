//! The limits of one host, and what its robots.txt adds to them.

use super::demands::Demands;
use super::request::{Request, RobotsFrom};
use crate::frontier::{HostTerms, Terms, microseconds};
use crate::url::HostKey;

/// How far a rate above 200 a second may be ahead: timers that wake late are made up for, and a busy machine sends late.
pub(super) const MADE_UP: i64 = 50_000;

/// The limits of one host in one session.
#[derive(Debug, Clone)]
pub(super) struct HostRules {
    pub(super) terms: HostTerms,
    max_crawl_delay: i64,
    /// The longest wait that has to be kept; 0 for any.
    max_wait: i64,
    /// Whether robots.txt is obeyed.
    pub(super) robots: bool,
}

impl HostRules {
    /// The limits of a host: those of its session, and what is demanded, whichever is stricter.
    pub(super) fn of(host: &HostKey, terms: Option<&Terms>, demands: &Demands) -> Self {
        let none = HostTerms {
            per_host: 0,
            period: std::time::Duration::ZERO,
            makes_up: false,
        };
        let mut own = terms.map_or(none, |terms| terms.of_host(host));
        if let Some(delay) = demands.delay.filter(|delay| *delay > own.period) {
            (own.period, own.makes_up) = (delay, false);
        }
        if let Some(limit) = demands
            .per_host
            .and_then(|limit| usize::try_from(limit).ok())
            && limit > 0
            && (own.per_host == 0 || limit < own.per_host)
        {
            own.per_host = limit;
        }
        let cap = |limit: std::time::Duration| microseconds(limit).cast_signed();
        Self {
            terms: own,
            max_crawl_delay: terms.map_or(0, |terms| cap(terms.max_crawl_delay)),
            max_wait: terms.map_or(0, |terms| cap(terms.max_retry_after)),
            robots: demands.robots || terms.is_some_and(|terms| terms.robots),
        }
    }

    /// The time that has to be between a request and the one before it.
    pub(super) fn period(&self, robots: Option<&RobotsFrom>) -> i64 {
        let own = microseconds(self.terms.period).cast_signed();
        let asked = robots.filter(|_| self.robots);
        let asked = asked.and_then(|robots| robots.rules.crawl_delay());
        let asked = asked.map_or(0, |delay| microseconds(delay).cast_signed());
        own.max(match self.max_crawl_delay {
            0 => asked,
            limit => asked.min(limit),
        })
    }

    /// The wait that a response asks for, if it has to be kept; `Err` if it is longer than the run allows.
    pub(super) fn wait(&self, request: &Request) -> Option<Result<i64, i64>> {
        let wait = request.wait.filter(|_| request.is_refused())?;
        Some(match self.max_wait {
            limit if limit > 0 && wait > limit => Err(wait),
            _ => Ok(wait),
        })
    }
}

/// How long a response may lie before its `Retry-After` is kept, where its source does not say: other requests may be
/// sent before it is read.
pub(super) const NOTICED: i64 = 250_000;
