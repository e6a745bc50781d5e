//! Whether a host may be asked at all, depending on its robots.txt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::job::Job;
use crate::page::failure::FetchError;
use crate::robots::Rules;
use crate::visit::Visit;

/// How long a robots.txt stays valid (RFC 9309 2.4).
const VALID_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How long until an unreachable robots.txt is requested again.
const CLOSED_FOR: Duration = Duration::from_secs(60);

/// The state of a host's robots.txt.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// It is not requested: the run ignores it.
    Open,
    /// It must be requested before anything else.
    Unknown,
    /// It is in flight.
    Asked,
    /// The rules, and until when they are valid.
    Known(Arc<Rules>, Instant),
    /// It is unreachable, so nothing of the host may be fetched until then (RFC 9309 2.3.1.4).
    Closed(FetchError, Instant),
}

impl Access {
    /// Whether robots.txt is in flight.
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self, Access::Asked)
    }

    /// Whether robots.txt must be requested before this job.
    pub(crate) fn is_missing(&self, job: &Job, now: Instant) -> bool {
        job.role.heeds_robots()
            && match self {
                Access::Open | Access::Asked => false,
                Access::Unknown => true,
                Access::Known(_, until) | Access::Closed(_, until) => *until <= now,
            }
    }

    /// Why this job must not be sent, if so.
    pub(crate) fn refusal(&self, job: &Job) -> Option<FetchError> {
        if !job.role.heeds_robots() {
            return None;
        }
        match self {
            Access::Open | Access::Unknown | Access::Asked => None,
            Access::Closed(error, _) => Some(error.clone()),
            Access::Known(rules, _) => {
                let judgement = rules.judge(job.url.target());
                (!judgement.allowed).then(|| FetchError::Robots {
                    rule: match judgement.rule {
                        Some(rule) => rule.to_string(),
                        None => "it allows nothing".to_owned(),
                    },
                })
            }
        }
    }

    /// The access that follows from the response to a robots.txt request (RFC 9309 2.3.1).
    pub(crate) fn of(visit: &mut Visit, now: Instant) -> Self {
        let until = now + VALID_FOR;
        match &visit.outcome {
            Ok(page) => match page.status {
                200..=299 => match visit.parsed.rules.take() {
                    Some(rules) => Access::Known(Arc::from(rules), until),
                    None => {
                        let fault = visit.parsed.fault.as_deref().unwrap_or("it was not read");
                        let problem = format!("it cannot be decoded: {fault}");
                        Access::Closed(FetchError::RobotsUnreachable { problem }, until)
                    }
                },
                429 | 500.. => {
                    let problem = format!("HTTP {}", page.status);
                    Access::closed(FetchError::RobotsUnreachable { problem }, now)
                }
                // Too many redirects count as no robots.txt (RFC 9309 2.3.1.2).
                _ => Access::Known(Arc::new(Rules::allow_all()), until),
            },
            Err(FetchError::TooManyRedirects { .. } | FetchError::BadRedirect { .. }) => {
                Access::Known(Arc::new(Rules::allow_all()), until)
            }
            Err(error) => Access::closed(error.clone(), now),
        }
    }

    /// The rules that follow from it, without the sitemaps.
    pub(crate) fn rules(&self) -> Rules {
        match self {
            Access::Open => Rules::allow_all(),
            Access::Known(rules, _) => rules.without_sitemaps(),
            Access::Unknown | Access::Asked | Access::Closed(..) => Rules::disallow_all(),
        }
    }

    /// No access for now, because robots.txt is unreachable.
    pub(crate) fn closed(error: FetchError, now: Instant) -> Self {
        Access::Closed(error, now + CLOSED_FOR)
    }
}
