//! The limits of each host: those of all hosts, or its own.

use std::cmp::Reverse;
use std::time::Duration;

use super::host_pace::HostPace;
use super::pace::Pace;
use super::terms::{HostTerms, Terms};
use crate::url::HostKey;

/// The limits of every host.
pub(super) struct Limits {
    per_host: usize,
    delay: Duration,
    /// The most specific ones first.
    hosts: Vec<HostPace>,
}

/// The limits of one host.
pub(super) struct HostLimits {
    /// The most requests in flight; 0 for no limit.
    pub(super) per_host: usize,
    /// The time between two requests.
    pub(super) pace: Pace,
}

impl Limits {
    /// The limits in the terms of a run.
    pub(super) fn new(terms: &Terms) -> Self {
        let mut hosts = terms.hosts.clone();
        hosts.sort_by_key(|one| Reverse(one.hosts.rank()));
        Self {
            per_host: terms.per_host,
            delay: terms.delay,
            hosts,
        }
    }

    /// Whether any host has a delay or a rate.
    pub(super) fn are_paced(&self) -> bool {
        !self.delay.is_zero() || self.hosts.iter().any(HostPace::is_paced)
    }

    /// The limits of a host.
    pub(super) fn of(&self, host: &HostKey) -> HostLimits {
        if self.hosts.is_empty() {
            return HostLimits {
                per_host: self.per_host,
                pace: Pace::every(self.delay),
            };
        }
        let name = host.name();
        let matching = || self.hosts.iter().filter(|one| one.hosts.matches(name));
        let delay = matching().find_map(|one| one.delay).unwrap_or(self.delay);
        let rate = Pace::rate(matching().find_map(|one| one.rate));
        HostLimits {
            per_host: matching()
                .find_map(|one| one.per_host)
                .unwrap_or(self.per_host),
            pace: match rate.period() > delay {
                true => rate,
                false => Pace::every(delay),
            },
        }
    }
}

impl Terms {
    /// The limits of a host, before its robots.txt is known.
    pub fn of_host(&self, host: &HostKey) -> HostTerms {
        let limits = Limits::new(self).of(host);
        HostTerms {
            per_host: limits.per_host,
            period: limits.pace.period(),
            makes_up: limits.pace.makes_up(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;

    #[test]
    fn each_limit_of_a_host_is_that_of_the_most_specific_pattern_that_has_it() {
        let pace = |hosts: &str| HostPace::new(hosts.parse().unwrap());
        let ms = Duration::from_millis;
        let terms = Terms {
            delay: ms(10),
            hosts: vec![
                HostPace {
                    delay: Some(ms(30)),
                    per_host: Some(3),
                    ..pace("*.example.org")
                },
                HostPace {
                    per_host: Some(1),
                    ..pace("www.example.org")
                },
                HostPace {
                    rate: Some("10/s".parse().unwrap()),
                    ..pace("*")
                },
                HostPace {
                    delay: Some(ms(500)),
                    ..pace("slow.test")
                },
            ],
            per_host: 8,
            ..Terms::default()
        };
        let limits = Limits::new(&terms);
        for (url, per_host, period) in [
            ("http://www.example.org:81/", 1, ms(100)),
            ("https://a.example.org/", 3, ms(100)),
            ("http://example.org/", 8, ms(100)),
            ("http://slow.test/", 8, ms(500)),
            ("http://[::1]:8/", 8, ms(100)),
        ] {
            let of = limits.of(&PageUrl::parse(url).unwrap().host_key());
            assert_eq!((of.per_host, of.pace.period()), (per_host, period), "{url}");
        }
    }
}
