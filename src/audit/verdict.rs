//! What an audit says in the end.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use super::breach::Breach;
use super::demands::Demands;
use crate::earlier::RunKind;
use crate::frontier::Terms;
use crate::text::moment;

/// What an audit says in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every limit was kept, as far as is known.
    Kept,
    /// A limit was broken.
    Broken,
    /// Neither: there was nothing to check, or not enough is known.
    NotProved,
}

/// What is not known, so that a part of the run could not be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unknown {
    /// The job was begun by a version that kept no log of requests.
    EarlierVersion,
    /// A session was killed or still runs: what it sent after its last commit is not known.
    Unfinished,
    /// The records have no times of attempts and redirects: an earlier version wrote them.
    Times,
    /// How long requests took, and so how many were in flight.
    Durations,
    /// Times are whole seconds: a gap may be up to a second shorter or longer.
    WholeSeconds,
    /// No limit is known, and none is demanded.
    Limits,
    /// The source has no robots.txt.
    Robots,
    /// The URLs of some requests are not known, so robots.txt cannot be applied to them.
    Urls,
    /// Requests without a record: robots.txt, sitemaps, segments, answers to challenges.
    Unrecorded,
    /// No request was sent.
    Requests,
}

/// One session of a job.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SessionAudit {
    /// Its number.
    pub number: i64,
    /// When it began, in microseconds since 1970.
    pub begun: i64,
    /// When it ended; `None` if it was killed or still runs.
    pub ended: Option<i64>,
    /// The limits that it had.
    pub terms: Terms,
}

/// The result of an audit, without its hosts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Audit {
    /// What was read.
    pub kind: RunKind,
    /// The sessions of a job; empty for other sources.
    pub sessions: Vec<SessionAudit>,
    /// The number of hosts.
    pub hosts: u64,
    /// The number of requests.
    pub requests: u64,
    /// The number of times that a limit was broken.
    pub broken: u64,
    /// The hosts at which a limit was broken.
    pub broken_hosts: u64,
    /// Limits of the whole run that were broken; the first few.
    pub breaches: Vec<Breach>,
    /// What is not known, in order.
    pub unknown: Vec<Unknown>,
    /// By how many microseconds a moment may be wrong: its source writes no finer times.
    pub precision: i64,
    /// What it says in the end.
    pub verdict: Verdict,
}

impl Unknown {
    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EarlierVersion => "earlier-version",
            Self::Unfinished => "unfinished",
            Self::Times => "times",
            Self::Durations => "durations",
            Self::WholeSeconds => "whole-seconds",
            Self::Limits => "limits",
            Self::Robots => "robots",
            Self::Urls => "urls",
            Self::Unrecorded => "unrecorded",
            Self::Requests => "requests",
        }
    }

    /// What is not known, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::EarlierVersion => {
                "what sessions of earlier versions of haul sent: they kept no log"
            }
            Self::Unfinished => {
                "what a session sent after its last commit, about a second: it was killed, or still runs"
            }
            Self::Times => "when attempts and redirects were sent: an earlier version wrote this",
            Self::Durations => "how long requests took, so how many were in flight",
            Self::WholeSeconds => "fractions of seconds: a gap may be a second shorter or longer",
            Self::Limits => "what to check against: no limit is stored here or demanded",
            Self::Robots => "robots.txt: there is none here",
            Self::Urls => "some URLs, so what robots.txt says about them",
            Self::Unrecorded => "requests without records: robots.txt, sitemaps, segments, logins",
            Self::Requests => "any request: none was sent",
        }
    }

    /// Whether a run may still be called polite: what is unknown is said, and no limit depends on it.
    pub(super) fn is_aside(self, demands: &Demands) -> bool {
        match self {
            Self::Unfinished | Self::Unrecorded => true,
            Self::Robots | Self::Urls => !demands.robots,
            Self::Durations => demands.per_host.is_none(),
            Self::EarlierVersion
            | Self::Times
            | Self::WholeSeconds
            | Self::Limits
            | Self::Requests => false,
        }
    }
}

impl Verdict {
    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::NotProved => "not-proved",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A moment in microseconds since 1970 as text, `2026-11-21T16:37:13.012345Z`.
#[must_use]
pub fn moment(microseconds: i64) -> String {
    let since = Duration::from_micros(u64::try_from(microseconds).unwrap_or(0));
    moment::to_microsecond(UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH))
}
