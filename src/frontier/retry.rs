//! Whether a visit is over: one pure function from an outcome to a verdict.
//!
//! 429 and 503 apply to the whole host: the job waits with its host, and uses up a retry only if the refusal was
//! the job's own (see [`Health`](super::health::Health)). A request that was never processed does not count as
//! tried, so it is sent again whatever its method. For other failures only the job itself waits, as long as
//! `Retry-After` says, or for a back-off with jitter ("Exponential Backoff And Jitter", AWS Architecture Blog,
//! 2015). Requests that must not be sent twice are retried only if the server did not act on them.

use std::time::{Duration, SystemTime};

use super::settings::FrontierSettings;
use crate::page::Page;
use crate::page::checksum::Claim;
use crate::page::failure::{FetchError, Phase};
use crate::visit::Visit;

/// The first back-off is at most this, and each further one at most twice as long.
const BACK_OFF: Duration = Duration::from_millis(500);
/// The longest back-off.
const BACK_OFF_LIMIT: Duration = Duration::from_secs(60);
/// The longest wait, whatever a server asks for and the settings allow.
const LONGEST_WAIT: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The most free retries of a job: more than any honest server needs, against endless loops.
const MAX_FREE_TRIES: u16 = 100;
/// The most retries of a job because it was not processed.
///
/// The first few are sent right away.
const MAX_UNPROCESSED: u16 = 12;
const UNPROCESSED_WITHOUT_WAIT: u16 = 3;

/// What to do about a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The job is over.
    Done,
    /// Retry after this long.
    Again {
        after: Duration,
        /// Whether it counts against the retries in the settings.
        costs: bool,
    },
    /// Retry when the host may be asked again.
    WithHost {
        /// Whether it counts against the retries in the settings.
        costs: bool,
    },
    /// Retry when this machine has recovered from a shortage.
    WithMachine,
}

/// What the verdict depends on, besides the outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// Retries that counted against the settings.
    pub(crate) retries: u8,
    /// Retries that did not count.
    pub(crate) free_tries: u16,
    /// Whether sending the request twice means the same as sending it once.
    pub(crate) idempotent: bool,
    /// Whether an earlier attempt got a body with another checksum.
    pub(crate) had_mismatch: bool,
    /// Whether the host is paused.
    pub(crate) host_is_out: bool,
    /// Whether a refusal is the host's and not this job's.
    pub(crate) excused: bool,
    /// A random number, uniform between 0 and 1.
    pub(crate) random: f64,
    /// The time of day, for a `Retry-After` that is a date.
    pub(crate) now: SystemTime,
}

/// The verdict on an outcome.
pub(crate) fn verdict(
    outcome: &Result<Page, FetchError>,
    settings: &FrontierSettings,
    circumstances: Circumstances,
) -> Verdict {
    let may_pay = circumstances.retries < settings.retries;
    let has_free_tries = circumstances.free_tries < MAX_FREE_TRIES;
    let again = |after| match may_pay {
        true => Verdict::Again { after, costs: true },
        false => Verdict::Done,
    };
    let back_off = back_off(circumstances.retries.into(), circumstances.random);
    match outcome {
        Ok(page) if !settings.retry_on.status(page.status) => Verdict::Done,
        Ok(page) => {
            let wait = wait(page, settings, circumstances.now);
            if wait == Wait::TooLong {
                Verdict::Done
            } else if !refuses(page) {
                match circumstances.idempotent {
                    true => again(wait.named().unwrap_or(back_off).max(back_off)),
                    false => Verdict::Done,
                }
            } else if circumstances.excused && has_free_tries {
                Verdict::WithHost { costs: false }
            } else if may_pay {
                Verdict::WithHost { costs: true }
            } else {
                Verdict::Done
            }
        }
        Err(FetchError::Unprocessed(_)) if circumstances.free_tries < MAX_UNPROCESSED => {
            let waits = circumstances
                .free_tries
                .checked_sub(UNPROCESSED_WITHOUT_WAIT);
            let after = waits.map_or(Duration::ZERO, |tries| {
                self::back_off(tries.into(), circumstances.random)
            });
            let costs = false;
            Verdict::Again { after, costs }
        }
        Err(FetchError::Shortage(_)) if has_free_tries => Verdict::WithMachine,
        Err(error) if !never_arrived(error) && !circumstances.idempotent => Verdict::Done,
        Err(error) if circumstances.host_is_out && is_silence(error) && has_free_tries => {
            Verdict::WithHost { costs: false }
        }
        Err(error) if !settings.retry_on.error(error) => Verdict::Done,
        // One more attempt tells damage on the way from a file that is not what the user expects.
        Err(FetchError::Checksum {
            claim: Claim::User, ..
        }) if circumstances.had_mismatch => Verdict::Done,
        // A kept-alive connection that the server just closed: nobody is to blame, so do not wait.
        Err(FetchError::Closed) if circumstances.retries == 0 => again(Duration::ZERO),
        Err(_) => again(back_off),
    }
}

/// Whether the failure of a HEAD may be due to the method, so that GET should be tried.
///
/// Servers that do not implement HEAD return 405 or 501, those that do not want it 403, those with generated pages
/// 404 or 500, and some close the connection or do not respond. A response that applies to the whole host says
/// nothing about the method.
pub(crate) fn refuses_head(visit: &Visit, verdict: Verdict) -> bool {
    match &visit.outcome {
        Ok(page) => page.status >= 400 && !refuses(page) && !visit.parsed.accepted,
        Err(FetchError::Timeout { phase, .. }) => {
            *phase == Phase::FirstByte && verdict == Verdict::Done
        }
        Err(error) => {
            let talks = matches!(
                error,
                FetchError::Closed | FetchError::Cut { .. } | FetchError::Protocol(_)
            );
            talks && verdict == Verdict::Done
        }
    }
}

/// Whether a response applies to the whole host: it is busy, or asks for fewer requests.
pub(crate) fn refuses(page: &Page) -> bool {
    matches!(page.status, 429 | 503)
}

/// Whether the host did not respond at all: it may be down.
pub(crate) fn is_silence(error: &FetchError) -> bool {
    match error {
        FetchError::Dns(_) | FetchError::Connect(_) | FetchError::Closed => true,
        // A proxy that is down is down for every host behind it.
        FetchError::Proxy(_) => true,
        FetchError::Timeout { phase, .. } => {
            matches!(phase, Phase::Resolve | Phase::Connect | Phase::FirstByte)
        }
        _ => false,
    }
}

/// Whether the host is up and responds, although badly.
pub(crate) fn is_bad_response(error: &FetchError) -> bool {
    match error {
        FetchError::Cut { .. }
        | FetchError::TooSlow { .. }
        | FetchError::TooLarge { .. }
        | FetchError::HeadTooLarge
        | FetchError::Checksum { .. }
        | FetchError::Protocol(_) => true,
        FetchError::Timeout { phase, .. } => *phase == Phase::Body,
        _ => false,
    }
}

/// Whether the request did not reach the host, whatever its URL.
pub(crate) fn never_arrived(error: &FetchError) -> bool {
    matches!(error, FetchError::Dns(_) | FetchError::Connect(_)) || error.is_unprocessed()
}

/// When a response asks to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It does not say.
    Unnamed,
    /// After this long.
    Named(Duration),
    /// Later than the settings allow.
    TooLong,
}

impl Wait {
    /// The wait to respect, if the response asks for one.
    pub(crate) fn named(self) -> Option<Duration> {
        match self {
            Wait::Named(wait) => Some(wait),
            Wait::Unnamed | Wait::TooLong => None,
        }
    }
}

/// The `Retry-After` of a response, whatever its status (RFC 9110 10.2.3), within the limit.
///
/// Without one, a refusal asks for a wait if it says when the quota that is used up will be filled up again.
pub(crate) fn wait(page: &Page, settings: &FrontierSettings, now: SystemTime) -> Wait {
    let quota = || page.quota_reset(now).filter(|_| refuses(page));
    match page.retry_after(now).or_else(quota) {
        None => Wait::Unnamed,
        Some(wait) if wait.min(LONGEST_WAIT) > longest(settings) => Wait::TooLong,
        Some(wait) => Wait::Named(wait.min(LONGEST_WAIT)),
    }
}

/// The wait that a response asks for, counted from its end, however long it is.
pub(crate) fn asked_wait(page: &Page) -> Option<Duration> {
    let ended = page.timing.sent?.checked_add(page.timing.total)?;
    page.retry_after(ended)
        .or_else(|| page.quota_reset(ended).filter(|_| refuses(page)))
}

/// How long a host must not be asked although it did not refuse: nothing is left of its quota.
///
/// What is longer than the settings allow is cut to that, because it must never fail a job.
pub(crate) fn quota(page: &Page, settings: &FrontierSettings, now: SystemTime) -> Option<Duration> {
    let wait = page.quota_reset(now).filter(|_| !refuses(page))?;
    Some(wait.min(longest(settings)))
}

/// The longest wait that a server may ask for.
pub(super) fn longest(settings: &FrontierSettings) -> Duration {
    match settings.max_retry_after {
        Duration::ZERO => LONGEST_WAIT,
        limit => limit,
    }
}

/// The back-off after N retries: a random part, at least half, of a time that doubles.
///
/// Half, so that a server which restarts does not miss every retry.
fn back_off(tries: u32, random: f64) -> Duration {
    let whole = BACK_OFF
        .saturating_mul(1 << tries.min(16))
        .min(BACK_OFF_LIMIT);
    whole.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::body::Body;
    use crate::page::headers::Headers;

    fn page(status: u16, retry_after: Option<&'static str>) -> Result<Page, FetchError> {
        let mut headers = Headers::default();
        if let Some(value) = retry_after {
            headers
                .0
                .insert("retry-after", http::HeaderValue::from_static(value));
        }
        Ok(Page {
            headers,
            ..Page::plain(status, Body::empty())
        })
    }

    const FIRST: Circumstances = Circumstances {
        retries: 0,
        free_tries: 0,
        idempotent: true,
        had_mismatch: false,
        host_is_out: false,
        excused: false,
        random: 1.0,
        now: SystemTime::UNIX_EPOCH,
    };

    fn judge(outcome: &Result<Page, FetchError>, retries: u8, idempotent: bool) -> Verdict {
        let circumstances = Circumstances {
            retries,
            idempotent,
            ..FIRST
        };
        verdict(outcome, &FrontierSettings::default(), circumstances)
    }

    fn again(millis: u64) -> Verdict {
        let after = Duration::from_millis(millis);
        Verdict::Again { after, costs: true }
    }

    fn unprocessed() -> FetchError {
        FetchError::Unprocessed("GOAWAY".into())
    }

    #[test]
    fn a_refused_job_waits_with_its_host_and_uses_up_a_retry_only_if_the_url_is_to_blame() {
        let costs = true;
        let own = Verdict::WithHost { costs };
        assert_eq!(judge(&page(429, Some("7")), 0, true), own);
        assert_eq!(judge(&page(503, None), 1, false), own);
        assert_eq!(judge(&page(503, None), 2, true), Verdict::Done);
        let excused = Circumstances {
            retries: 2,
            excused: true,
            ..FIRST
        };
        let judge = |circumstances| {
            verdict(
                &page(503, None),
                &FrontierSettings::default(),
                circumstances,
            )
        };
        let costs = false;
        assert_eq!(judge(excused), Verdict::WithHost { costs });
        let free_tries = MAX_FREE_TRIES;
        assert_eq!(
            judge(Circumstances {
                free_tries,
                ..excused
            }),
            Verdict::Done
        );
    }

    #[test]
    fn retry_after_applies_to_every_status_and_a_huge_number_is_too_long() {
        assert_eq!(judge(&page(500, Some("7")), 0, true), again(7000));
        assert_eq!(judge(&page(502, Some("0")), 0, true), again(500));
        for long in ["86400", "4294967296", "99999999999999999999999"] {
            assert_eq!(
                judge(&page(503, Some(long)), 0, true),
                Verdict::Done,
                "{long}"
            );
            assert_eq!(
                judge(&page(500, Some(long)), 0, true),
                Verdict::Done,
                "{long}"
            );
        }
        let settings = FrontierSettings {
            max_retry_after: Duration::ZERO,
            ..FrontierSettings::default()
        };
        let wait = wait(
            &page(503, Some("99999999999999999999999")).unwrap(),
            &settings,
            SystemTime::now(),
        );
        assert_eq!(wait, Wait::Named(LONGEST_WAIT));
    }

    #[test]
    fn retries_end_and_final_outcomes_are_not_retried() {
        assert_eq!(judge(&page(500, None), 2, true), Verdict::Done);
        assert_eq!(judge(&page(404, None), 0, true), Verdict::Done);
        assert_eq!(judge(&page(408, None), 0, true), again(500));
        assert_eq!(judge(&page(425, None), 1, true), again(1000));
        assert_eq!(
            judge(&Err(FetchError::HeadTooLarge), 0, true),
            Verdict::Done
        );
    }

    #[test]
    fn a_body_that_is_not_what_the_user_expects_is_fetched_once_more() {
        let is_retried = |claim, had_mismatch| {
            let circumstances = Circumstances {
                retries: 1,
                had_mismatch,
                ..FIRST
            };
            let mismatch = Err(FetchError::Checksum {
                claim,
                expected: String::new(),
                found: None,
            });
            verdict(&mismatch, &FrontierSettings::default(), circumstances) != Verdict::Done
        };
        // The other attempt failed for another reason.
        assert!(is_retried(Claim::User, false));
        assert!(!is_retried(Claim::User, true));
        assert!(is_retried(Claim::ReprDigest, true));
    }

    #[test]
    fn a_request_that_must_not_be_sent_twice_is_retried_only_if_it_never_arrived() {
        assert_eq!(judge(&Err(FetchError::Closed), 0, false), Verdict::Done);
        assert_eq!(judge(&page(500, None), 0, false), Verdict::Done);
        let refused = Err(FetchError::Connect(String::new()));
        assert_eq!(judge(&refused, 0, false), again(500));
        assert_eq!(judge(&Err(FetchError::Closed), 0, true), again(0));
        let circumstances = Circumstances {
            idempotent: false,
            host_is_out: true,
            ..FIRST
        };
        let settings = FrontierSettings::default();
        let closed = verdict(&Err(FetchError::Closed), &settings, circumstances);
        assert_eq!(closed, Verdict::Done);
        let costs = false;
        assert_eq!(
            verdict(&refused, &settings, circumstances),
            Verdict::WithHost { costs }
        );
    }

    #[test]
    fn an_unprocessed_request_is_retried_for_free_but_not_forever() {
        let settings = FrontierSettings {
            retries: 0,
            retry_on: crate::frontier::RetryOn::nothing(),
            ..FrontierSettings::default()
        };
        let after = |free_tries| {
            let circumstances = Circumstances {
                free_tries,
                idempotent: false,
                ..FIRST
            };
            match verdict(&Err(unprocessed()), &settings, circumstances) {
                Verdict::Again {
                    after,
                    costs: false,
                } => Some(after.as_millis()),
                _ => None,
            }
        };
        let waits: Vec<_> = (0..).map_while(after).collect();
        assert_eq!(waits[..5], [0, 0, 0, 500, 1000]);
        assert_eq!(waits.len(), usize::from(MAX_UNPROCESSED));
        let short = Err(FetchError::Shortage(String::new()));
        let circumstances = Circumstances {
            idempotent: false,
            ..FIRST
        };
        assert_eq!(
            verdict(&short, &settings, circumstances),
            Verdict::WithMachine
        );
    }
}
