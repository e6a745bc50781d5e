//! Which hosts have the most jobs now.

use std::cmp::Reverse;
use std::time::Instant;

use super::Frontier;
use super::host::Host;
use super::waits::MIN_REPORTED;
use crate::run::load::{Load, Loads};

impl Frontier {
    /// The hosts with the most jobs, and what is left for all others. Examines every known host.
    pub(crate) fn loads(&self) -> Loads {
        let jobs = |host: &Host| host.waiting.len() as u64 + host.beyond + host.in_flight as u64;
        let key = |host: &&Host| (Reverse(jobs(host)), host.key.clone());
        let known = self.workbench.known_hosts();
        let mut busy: Vec<&Host> = known.filter(|host| jobs(host) > 0).collect();
        let all_in_flight: u64 = busy.iter().map(|host| host.in_flight as u64).sum();
        if busy.len() > Loads::FIRST {
            busy.select_nth_unstable_by_key(Loads::FIRST, |host| Reverse(jobs(host)));
            busy.truncate(Loads::FIRST);
        }
        busy.sort_by_cached_key(key);
        let first: Vec<_> = busy
            .into_iter()
            .map(|host| Load {
                host: host.key.clone(),
                waiting: host.waiting.len() as u64 + host.beyond,
                in_flight: host.in_flight as u64,
            })
            .collect();
        let sum = |of: fn(&Load) -> u64| first.iter().map(of).sum::<u64>();
        Loads {
            others_waiting: (self.waiting() as u64).saturating_sub(sum(|load| load.waiting)),
            others_in_flight: all_in_flight.saturating_sub(sum(|load| load.in_flight)),
            first,
        }
    }

    /// The number of hosts that may not be contacted for a few seconds or more.
    pub(crate) fn held(&self, now: Instant) -> u64 {
        let least = now + MIN_REPORTED;
        let held = self.workbench.held_hosts();
        held.filter(|(until, _)| *until >= least).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::{FrontierPlan, FrontierSettings, Next};
    use super::*;
    use crate::job::Job;
    use crate::url::PageUrl;

    #[test]
    fn the_busiest_hosts_are_listed_and_the_others_summed() {
        let now = Instant::now();
        let plan = FrontierPlan::list(FrontierSettings::default(), Method::GET);
        let mut frontier = Frontier::new(plan);
        // Host number N has N jobs.
        for host in 1..=25 {
            for page in 0..host {
                let url = PageUrl::parse(&format!("http://h{host}.example/{page}")).unwrap();
                let job = Job::seed(host * 100 + page, url);
                frontier.admit(Box::new(job), now).unwrap();
            }
        }
        let Next::Job(sent) = frontier.next(now).unwrap() else {
            panic!("one may be sent")
        };
        let loads = frontier.loads();
        assert_eq!(loads.first.len(), Loads::FIRST);
        let counts: Vec<_> = loads
            .first
            .iter()
            .map(|load| load.waiting + load.in_flight)
            .collect();
        assert_eq!(counts, (6..=25).rev().collect::<Vec<_>>());
        let in_flight: u64 = loads.first.iter().map(|load| load.in_flight).sum();
        assert_eq!(in_flight + loads.others_in_flight, 1, "{}", sent.host);
        let waiting: u64 = loads.first.iter().map(|load| load.waiting).sum();
        assert_eq!(waiting + loads.others_waiting, 25 * 26 / 2 - 1);
    }
}
