//! What a run waits for: which hosts, until when, and why.

use std::time::{Duration, Instant, SystemTime};

use super::Frontier;
use super::host::Host;
use super::workbench::Workbench;
use crate::run::wait::{Wait, WaitReason, Waits};
use crate::url::HostKey;

/// Shorter waits are not reported.
pub(super) const MIN_REPORTED: Duration = Duration::from_secs(2);
/// The most waits that are reported one by one; the others are only counted.
const MAX_REPORTED: usize = 100;

impl Frontier {
    /// The time that the slowest host still needs: its waiting jobs, by its delay or latency.
    pub(crate) fn slowest_host(&self, latency: impl Fn(&HostKey) -> Option<Duration>) -> Duration {
        let left = |host: &Host| {
            let jobs = host.waiting.len() as u64 + host.beyond;
            let latency = latency(&host.key).unwrap_or_default();
            let apart = match u32::try_from(host.per_host) {
                Ok(limit) if limit > 0 => latency / limit,
                _ => Duration::ZERO,
            };
            let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
            host.pace.period().max(apart).saturating_mul(jobs)
        };
        let waiting = self.workbench.known_hosts();
        waiting.map(left).max().unwrap_or_default()
    }

    /// What the run waits for now.
    pub(crate) fn waits(&self, now: Instant) -> Waits {
        let clock = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let wait = |host: Option<&str>, until: Instant, reason: WaitReason| {
            let until = clock + until.saturating_duration_since(now);
            Wait {
                host: host.map(str::to_owned),
                until: until.as_millis().div_ceil(1000) as u64,
                reason,
            }
        };
        let least = now + MIN_REPORTED;
        let mut hosts = self.workbench.waiting_until(least);
        hosts.sort_unstable_by_key(|(until, ..)| *until);
        let run = self
            .machine
            .not_before(now)
            .map(|at| (at, WaitReason::Shortage));
        let run = run.or(self.stalled_until.map(|at| (at, WaitReason::Rate)));
        let run = run.filter(|(at, _)| *at >= least);
        let count = (hosts.len() + usize::from(run.is_some())) as u64;
        let of_run = run.map(|(at, reason)| wait(None, at, reason));
        let of_hosts = hosts
            .into_iter()
            .map(|(at, host, is_own)| wait(Some(host.key.as_str()), at, reason(host, is_own, at)));
        Waits {
            count,
            first: of_run
                .into_iter()
                .chain(of_hosts)
                .take(MAX_REPORTED)
                .collect(),
        }
    }
}

impl Workbench {
    /// The hosts that wait at least until `least`: until when, and whether for one URL alone.
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

fn reason(host: &Host, is_for_one_url: bool, at: Instant) -> WaitReason {
    if is_for_one_url {
        return WaitReason::Retry;
    }
    let (count, last) = host.health.failures();
    if host.health.is_out() {
        return WaitReason::Failures {
            count,
            last: last.to_owned(),
        };
    }
    if host.quota_reset.is_some_and(|reset| reset >= at) {
        return WaitReason::Quota;
    }
    if host.company.is_waited_for(at) {
        return WaitReason::OtherRun;
    }
    match host.crawl_delay.is_zero() {
        true => WaitReason::Delay,
        false => WaitReason::CrawlDelay {
            ms: u64::try_from(host.crawl_delay.as_millis()).unwrap_or(u64::MAX),
        },
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::tests::Open;
    use super::super::{FrontierPlan, FrontierSettings, Next};
    use super::*;
    use crate::job::Job;
    use crate::page::failure::FetchError;
    use crate::url::PageUrl;
    use crate::visit::Visit;

    #[test]
    fn a_wait_of_some_seconds_is_reported_with_its_reason_and_its_end() {
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
            assert_eq!(waits.count, u64::from(at >= later + MIN_REPORTED));
            if waits.count > 0 {
                break waits;
            }
            later = at;
        };
        let wait = &waits.first[0];
        assert_eq!(wait.host.as_deref(), Some("http://a.example"));
        assert!(
            matches!(&wait.reason, WaitReason::Failures { count: 2.., last } if last == "connect"),
            "{:?}",
            wait.reason
        );
        let left = wait.left(SystemTime::now());
        assert!((2..=7).contains(&left.as_secs()), "{left:?}");
    }
}
