//! What a run waits for: which hosts, until when, and why.

use std::time::{Duration, Instant, SystemTime};

use super::Frontier;
use super::host::Host;
use super::workbench::Workbench;
use crate::size::spelled;
use crate::url::HostKey;
use crate::wait::{Wait, Waits};

/// A shorter wait is nobody's business.
const WORTH_TELLING: Duration = Duration::from_secs(2);
/// Waits that are kept one by one; the others are counted.
const KEPT: usize = 100;

impl Frontier {
    /// How long the host needs that is done last: what waits for it, by its delay and the mean latency of its answers.
    pub(crate) fn longest_host(&self, latency: impl Fn(&HostKey) -> Option<Duration>) -> Duration {
        let left = |host: &Host| {
            let jobs = host.waiting.len() as u64 + host.beyond;
            let latency = latency(&host.key).unwrap_or_default();
            let apart = match u32::try_from(self.workbench.per_host()) {
                Ok(limit) if limit > 0 => latency / limit,
                _ => Duration::ZERO,
            };
            let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
            host.pace.period().max(apart).saturating_mul(jobs)
        };
        let waiting = self.workbench.known_hosts();
        waiting.map(left).max().unwrap_or_default()
    }

    /// What it waits for now.
    pub(crate) fn waits(&self, now: Instant) -> Waits {
        let clock = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let wait = |host: Option<&str>, until: Instant, reason: String| {
            let until = clock + until.saturating_duration_since(now);
            Wait {
                host: host.map(str::to_owned),
                until: until.as_millis().div_ceil(1000) as u64,
                reason,
            }
        };
        let least = now + WORTH_TELLING;
        let mut hosts = self.workbench.waiting_until(least);
        hosts.sort_unstable_by_key(|(until, ..)| *until);
        let run = self
            .machine
            .not_before(now)
            .map(|at| (at, "this machine ran short"));
        let run = run.or(self.stalled_until.map(|at| (at, "--rate")));
        let run = run.filter(|(at, _)| *at >= least);
        let count = (hosts.len() + usize::from(run.is_some())) as u64;
        let of_run = run.map(|(at, reason)| wait(None, at, reason.to_owned()));
        let of_hosts = hosts
            .into_iter()
            .map(|(at, host, is_own)| wait(Some(host.key.as_str()), at, reason(host, is_own)));
        Waits {
            count,
            first: of_run.into_iter().chain(of_hosts).take(KEPT).collect(),
        }
    }
}

impl Workbench {
    /// The hosts that wait at least until then, with the moment, and whether it is for one URL alone.
    fn waiting_until(&self, least: Instant) -> Vec<(Instant, &Host, bool)> {
        let mut waiting: Vec<_> = self
            .held_hosts()
            .filter(|(at, _)| *at >= least)
            .map(|(at, host)| (at, host, false))
            .collect();
        let retries = self.delayed_jobs().filter(|(at, _)| *at >= least);
        waiting.extend(retries.filter_map(|(at, job)| Some((at, self.known(&job.host)?, true))));
        waiting
    }
}

fn reason(host: &Host, is_for_one_url: bool) -> String {
    if is_for_one_url {
        return "a URL that failed is to be tried again".to_owned();
    }
    let (failures, last) = host.health.failures();
    if host.health.is_out() {
        return match failures {
            1 => last.to_owned(),
            failures => format!("{last}, {failures} failures in a row"),
        };
    }
    if host.crawl_delay.is_zero() {
        "--delay".to_owned()
    } else {
        format!(
            "its robots.txt asks for {} between requests",
            spelled(host.crawl_delay)
        )
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::tests::Open;
    use super::super::{FrontierPlan, FrontierSettings, Next};
    use super::*;
    use crate::job::Job;
    use crate::url::PageUrl;
    use crate::visit::{FetchError, Visit};

    #[test]
    fn a_wait_of_some_seconds_is_told_with_its_reason_and_its_end() {
        let now = Instant::now();
        let settings = FrontierSettings {
            pause_after: 1,
            ..FrontierSettings::default()
        };
        let mut frontier = Frontier::new(FrontierPlan::list(settings, Method::GET));
        for row in 1..=3 {
            let url = PageUrl::parse(&format!("http://a.example/{row}")).unwrap();
            frontier.admit(Box::new(Job::seed(row, url)), now).unwrap();
        }
        let mut later = now;
        let waits = loop {
            let Next::Job(job) = frontier.next(later).unwrap() else {
                panic!("one may be sent")
            };
            let visit = Visit::unsent(job, FetchError::Connect("refused".into()));
            frontier.note(Box::new(visit), &mut Open, later);
            let Next::NotBefore(at) = frontier.next(later).unwrap() else {
                panic!("the host is paused")
            };
            let waits = frontier.waits(later);
            assert_eq!(waits.count, u64::from(at >= later + WORTH_TELLING));
            if waits.count > 0 {
                break waits;
            }
            later = at;
        };
        let wait = &waits.first[0];
        assert_eq!(wait.host.as_deref(), Some("http://a.example"));
        assert!(
            wait.reason.starts_with("connect, ") && wait.reason.ends_with(" failures in a row"),
            "{}",
            wait.reason
        );
        let left = wait.left(SystemTime::now());
        assert!((2..=7).contains(&left.as_secs()), "{left:?}");
    }
}
