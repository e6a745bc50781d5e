use std::time::Duration;

use super::*;
use crate::page::failure::FetchError;
use crate::url::{HostKey, PageUrl};

#[test]
fn a_waiting_host_uses_up_nothing_of_the_runs_rate() {
    let now = Instant::now();
    let settings = FrontierSettings {
        rate: Some("1/h".parse().unwrap()),
        ..FrontierSettings::default()
    };
    let mut frontier = Frontier::new(FrontierPlan::list(settings, Method::GET));
    let job = Job::seed(1, PageUrl::parse("http://a.example/").unwrap());
    let later = now + Duration::from_secs(1);
    frontier.workbench.host(&job.host, now).hold(later);
    assert!(frontier.admit(Box::new(job), now).unwrap().is_none());
    assert!(matches!(frontier.next(now).unwrap(), Next::NotBefore(at) if at == later));
    assert!(matches!(frontier.next(later).unwrap(), Next::Job(_)));
}

/// Accepts every redirect.
pub(super) struct Open;

impl Gate for Open {
    fn lets_in(&mut self, _: &Job, _: &PageUrl) -> bool {
        true
    }
}

fn frontier(settings: FrontierSettings, urls: u64, now: Instant) -> Frontier {
    let mut frontier = Frontier::new(FrontierPlan::list(settings, Method::POST));
    for row in 1..=urls {
        let url = PageUrl::parse(&format!("http://a.example/{row}")).unwrap();
        assert!(
            frontier
                .admit(Box::new(Job::seed(row, url)), now)
                .unwrap()
                .is_none()
        );
    }
    frontier
}

fn sent(frontier: &mut Frontier, now: Instant) -> Box<Job> {
    match frontier.next(now).unwrap() {
        Next::Job(job) => job,
        Next::NotBefore(at) => panic!("nothing for {:?}", at - now),
        Next::Nothing | Next::Settled(_) => panic!("nothing at all"),
    }
}

fn fails(frontier: &mut Frontier, job: Box<Job>, error: FetchError, now: Instant) -> Noted {
    let visit = Box::new(Visit::unsent(job, error));
    frontier.note(visit, &mut Open, now)
}

#[test]
fn an_unprocessed_request_is_sent_again_whatever_its_method_and_is_no_attempt() {
    let now = Instant::now();
    let settings = FrontierSettings {
        retries: 0,
        max_records: Some(2),
        ..FrontierSettings::default()
    };
    let mut frontier = frontier(settings, 3, now);
    let job = sent(&mut frontier, now);
    let unprocessed = || FetchError::Unprocessed("GOAWAY".into());
    let noted = fails(&mut frontier, job, unprocessed(), now);
    assert!(matches!(noted, Noted::Again(Again::Retry { after, .. }) if after.is_zero()));
    assert!(frontier.take_pauses().is_empty());
    let again = sent(&mut frontier, now);
    assert_eq!((again.row, again.attempts.len()), (Some(1), 0));
    // It uses one record of the run's budget, not two.
    assert_eq!(sent(&mut frontier, now).row, Some(2));
    assert!(matches!(frontier.next(now).unwrap(), Next::Nothing));
}

#[test]
fn a_shortage_of_this_machine_delays_the_run_and_is_blamed_on_no_host() {
    let now = Instant::now();
    let mut frontier = frontier(FrontierSettings::default(), 8, now);
    let jobs: Vec<_> = (0..8).map(|_| sent(&mut frontier, now)).collect();
    let later = now + Duration::from_millis(1);
    for job in jobs {
        let short = FetchError::Shortage("Too many open files".into());
        let noted = fails(&mut frontier, job, short, later);
        assert!(matches!(noted, Noted::Again(_)));
    }
    assert!(frontier.take_pauses().is_empty());
    let host = PageUrl::parse("http://a.example/").unwrap().host_key();
    let failures = frontier.workbench.host(&host, later).health.failures().0;
    assert_eq!(failures, 0);
    let Next::NotBefore(at) = frontier.next(later).unwrap() else {
        panic!("the run waits")
    };
    // A single request finds out whether the shortage is over, not a herd.
    let job = sent(&mut frontier, at);
    assert!(matches!(frontier.next(at).unwrap(), Next::Nothing));
    assert!(job.attempts.is_empty());
    fails(&mut frontier, job, FetchError::HeadTooLarge, at);
    sent(&mut frontier, at);
    sent(&mut frontier, at);
    assert!(matches!(frontier.next(at).unwrap(), Next::Nothing));
}

#[test]
fn a_host_that_responded_before_is_paused_when_it_refuses_connections() {
    let now = Instant::now();
    let settings = FrontierSettings {
        per_host: 1,
        retries: 0,
        ..FrontierSettings::default()
    };
    let mut frontier = frontier(settings, 2, now);
    let job = sent(&mut frontier, now);
    frontier.workbench.host(&job.host, now).has_answered = true;
    let refused = || FetchError::Connect("refused".into());
    assert!(matches!(
        fails(&mut frontier, job, refused(), now),
        Noted::Again(_)
    ));
    assert_eq!(frontier.take_pauses().len(), 1);
    let Next::NotBefore(at) = frontier.next(now).unwrap() else {
        panic!("the host is paused")
    };
    // The other URL finds out whether the host is back.
    assert_eq!(sent(&mut frontier, at).row, Some(2));
}

#[test]
fn the_slowest_host_needs_its_delay_or_its_latency_for_each_waiting_url() {
    let settings = FrontierSettings {
        per_host: 2,
        delay: Duration::from_secs(10),
        ..FrontierSettings::default()
    };
    let frontier = frontier(settings, 6, Instant::now());
    let minute = Duration::from_secs(60);
    assert_eq!(frontier.slowest_host(|_| None), minute);
    // Two at a time: half the time for each.
    let slow = |_: &HostKey| Some(minute);
    assert_eq!(frontier.slowest_host(slow), 3 * minute);
}

#[test]
fn without_pauses_failures_use_up_retries_even_while_a_host_refuses() {
    let now = Instant::now();
    let settings = FrontierSettings {
        pause_after: 0,
        retries: 1,
        ..FrontierSettings::default()
    };
    let mut frontier = frontier(settings, 1, now);
    let job = sent(&mut frontier, now);
    let trouble = health::Trouble::Refused(503, Some(Duration::ZERO));
    let limits = health::Limits {
        pause_after: 0,
        max_down: Duration::from_secs(60),
    };
    let host = frontier.workbench.host(&job.host, now);
    host.health
        .note_trouble(trouble, (9, now), limits, 1.0, now);
    let refused = || FetchError::Connect("refused".into());
    let noted = fails(&mut frontier, job, refused(), now);
    let Noted::Again(Again::Retry { after, .. }) = noted else {
        panic!("it has a retry")
    };
    assert!(!after.is_zero());
    let job = sent(&mut frontier, now + after);
    let noted = fails(&mut frontier, job, refused(), now + after);
    assert!(matches!(noted, Noted::Settled(_)));
}
