//! Whether a visit is over: one pure function from an outcome to a verdict.
//!
//! 429 and 503 hold the whole host, as they speak for it; other failures put their own job back. The wait is
//! what `Retry-After` says, or a full-jitter back-off ("Exponential Backoff And Jitter", AWS Architecture
//! Blog, 2015). Requests that may not be sent twice are tried again only where the server did not act on them.

use std::time::{Duration, SystemTime};

use super::settings::FrontierSettings;
use crate::page::Page;
use crate::visit::FetchError;

/// The first back-off is somewhere below this, and each next one below twice as much.
const BACK_OFF: Duration = Duration::from_millis(500);
/// No back-off is above this.
const BACK_OFF_LIMIT: Duration = Duration::from_secs(60);

/// What to do about a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is over.
    Done,
    /// Another try, after so long.
    Again(Duration),
    /// Another try, and the whole host waits so long.
    HoldHost(Duration),
}

/// What the verdict depends on, beside the outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// Tries before this one.
    pub(crate) attempts: usize,
    /// Whether sending it twice means the same as sending it once.
    pub(crate) idempotent: bool,
    /// Evenly between 0 and 1.
    pub(crate) random: f64,
    /// The time of day, for a `Retry-After` that is a date.
    pub(crate) now: SystemTime,
}

/// Judges an outcome.
pub(crate) fn verdict(
    outcome: &Result<Page, FetchError>,
    settings: &FrontierSettings,
    around: Circumstances,
) -> Verdict {
    if around.attempts >= usize::from(settings.retries) {
        return Verdict::Done;
    }
    let back_off = back_off(around.attempts, around.random);
    match outcome {
        Ok(page) if !settings.retry_on.status(page.status) => Verdict::Done,
        Ok(page) if matches!(page.status, 429 | 503) => match page.retry_after(around.now) {
            Some(wait) if wait > settings.retry_after_limit => Verdict::Done,
            Some(wait) => Verdict::HoldHost(wait),
            None => Verdict::HoldHost(back_off),
        },
        Ok(_) if around.idempotent => Verdict::Again(back_off),
        Ok(_) => Verdict::Done,
        Err(error) if !settings.retry_on.error(error) => Verdict::Done,
        // A kept connection that the server closed just then: nobody's fault, so no wait.
        Err(FetchError::Closed) if around.idempotent && around.attempts == 0 => {
            Verdict::Again(Duration::ZERO)
        }
        Err(FetchError::Dns(_) | FetchError::Connect(_)) => Verdict::Again(back_off),
        Err(_) if around.idempotent => Verdict::Again(back_off),
        Err(_) => Verdict::Done,
    }
}

fn back_off(attempts: usize, random: f64) -> Duration {
    let ceiling = BACK_OFF
        .saturating_mul(1 << attempts.min(16))
        .min(BACK_OFF_LIMIT);
    ceiling.mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use crate::headers::Headers;
    use crate::page::{HttpVersion, Timing};

    fn page(status: u16, retry_after: Option<&'static str>) -> Result<Page, FetchError> {
        let mut headers = Headers::default();
        if let Some(value) = retry_after {
            headers
                .0
                .insert("retry-after", http::HeaderValue::from_static(value));
        }
        let timing = Timing::default();
        let version = HttpVersion::Http11;
        Ok(Page {
            status,
            version,
            headers,
            body: Body::empty(),
            wire_bytes: 0,
            remote: None,
            timing,
        })
    }

    fn judge(outcome: &Result<Page, FetchError>, attempts: usize, idempotent: bool) -> Verdict {
        let around = Circumstances {
            attempts,
            idempotent,
            random: 1.0,
            now: SystemTime::UNIX_EPOCH,
        };
        verdict(outcome, &FrontierSettings::default(), around)
    }

    #[test]
    fn a_busy_server_holds_its_whole_host_for_as_long_as_it_says() {
        assert_eq!(
            judge(&page(429, Some("7")), 0, true),
            Verdict::HoldHost(Duration::from_secs(7))
        );
        assert_eq!(
            judge(&page(503, None), 1, true),
            Verdict::HoldHost(Duration::from_secs(1))
        );
        assert_eq!(
            judge(&page(429, Some("7")), 0, false),
            Verdict::HoldHost(Duration::from_secs(7))
        );
        assert_eq!(judge(&page(503, Some("86400")), 0, true), Verdict::Done);
    }

    #[test]
    fn tries_end_and_what_is_final_is_not_tried_again() {
        assert_eq!(judge(&page(503, None), 2, true), Verdict::Done);
        assert_eq!(judge(&page(404, None), 0, true), Verdict::Done);
        assert_eq!(
            judge(&Err(FetchError::HeadTooLarge), 0, true),
            Verdict::Done
        );
    }

    #[test]
    fn what_may_not_be_sent_twice_is_tried_again_only_where_it_never_arrived() {
        assert_eq!(judge(&Err(FetchError::Closed), 0, false), Verdict::Done);
        assert_eq!(judge(&page(500, None), 0, false), Verdict::Done);
        assert_eq!(
            judge(&Err(FetchError::Connect(String::new())), 0, false),
            Verdict::Again(Duration::from_millis(500))
        );
        assert_eq!(
            judge(&Err(FetchError::Closed), 0, true),
            Verdict::Again(Duration::ZERO)
        );
    }
}
