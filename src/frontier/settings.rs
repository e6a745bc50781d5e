//! Settings of the frontier: rates, limits and retries.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::host_pace::HostPace;
pub use super::rate::Rate;
use crate::page::failure::FetchError;
use crate::visit::statuses::Statuses;

/// Politeness and patience. For limits, zero means no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontierSettings {
    /// The most requests in flight to one host.
    pub per_host: usize,
    /// The most requests in flight to one IP address, over all of its hosts.
    pub per_ip: usize,
    /// Whether haul finds out how many requests each host can handle, up to `per_host` at once.
    pub adaptive: bool,
    /// The least time between the starts of two requests to one host.
    pub delay: Duration,
    /// Other limits for some hosts.
    pub hosts: Vec<HostPace>,
    /// The rate limit over all requests.
    pub rate: Option<Rate>,
    /// The most retries of a job.
    pub retries: u8,
    /// What is retried.
    pub retry_on: RetryOn,
    /// The longest `Retry-After` that is respected; a longer one ends the job.
    ///
    /// Also the longest wait for a quota that is used up (`RateLimit` fields), which ends the job only if the request
    /// was refused.
    pub max_retry_after: Duration,
    /// The most redirects in a row; 0 follows none.
    pub max_redirects: u16,
    /// Consecutive failures after which a host is paused; 0 for never.
    ///
    /// Requests that fail together count as one.
    pub pause_after: u32,
    /// How long a host may be down, pause after pause, before its remaining jobs are given up.
    pub max_down: Duration,
    /// How to treat lines that repeat an earlier one.
    pub duplicates: Duplicates,
    /// Whether anything is fetched at all.
    pub run: Run,
    /// Whether robots.txt is obeyed, and nofollow on pages.
    pub robots: Robots,
    /// The longest `Crawl-delay` that is respected; zero for no limit.
    pub max_crawl_delay: Duration,
    /// The most records that the run may write.
    pub max_records: Option<u64>,
}

/// How to treat lines that repeat an earlier one. A crawl fetches each page once in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duplicates {
    /// Fetch once; later lines get a record that names the first.
    Once,
    /// Fetch every line.
    Keep,
}

/// Whether robots.txt and `nofollow` are obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Robots {
    /// robots.txt is requested first and obeyed (RFC 9309), in lists too; nofollow links are not followed.
    Obey,
    /// robots.txt is not requested, and nofollow links are followed.
    Ignore,
}

/// Whether anything is fetched at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Run {
    /// Everything is fetched.
    Real,
    /// Nothing is: each line gets a record that says so.
    Dry,
    /// No: answers come out of archives.
    Stored,
}

/// The statuses and classes of failure that are retried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryOn {
    statuses: Statuses,
    classes: Vec<String>,
}

impl Default for FrontierSettings {
    fn default() -> Self {
        Self {
            per_host: 8,
            per_ip: 0,
            adaptive: false,
            delay: Duration::ZERO,
            hosts: Vec::new(),
            rate: None,
            retries: 2,
            retry_on: RetryOn::default(),
            max_retry_after: Duration::from_secs(300),
            max_redirects: 20,
            pause_after: 5,
            max_down: Duration::from_secs(120),
            duplicates: Duplicates::Once,
            run: Run::Real,
            robots: Robots::Ignore,
            max_crawl_delay: Duration::from_secs(30),
            max_records: None,
        }
    }
}

impl Default for RetryOn {
    /// Busy and unavailable servers, requests that came at a bad moment, and temporary failures.
    fn default() -> Self {
        let statuses = Statuses::of([408, 425, 429, 500, 502, 503, 504]);
        let classes = [
            "dns", "connect", "closed", "cut", "timeout", "proxy", "lost", "spool", "decode",
            "checksum",
        ]
        .map(str::to_owned)
        .to_vec();
        Self { statuses, classes }
    }
}

impl RetryOn {
    /// Adds one item of `--retry-on`.
    ///
    /// It is a status (`503`), a range (`500-599`), a family (`5xx`), a class (`timeout`), or `none` to clear.
    ///
    /// # Errors
    /// What is wrong with the item, and which ones are valid.
    pub fn add(&mut self, item: &str) -> Result<(), String> {
        let item = item.trim().to_ascii_lowercase();
        if item == "none" {
            *self = Self::nothing();
        } else if item.starts_with(|first: char| first.is_ascii_digit()) {
            self.statuses.add(&item)?;
        } else if FetchError::CLASSES.iter().any(|(class, _)| *class == item) {
            self.classes.push(item);
        } else {
            let known: Vec<_> = FetchError::CLASSES
                .iter()
                .map(|(class, _)| *class)
                .collect();
            return Err(format!(
                "{item:?} is neither a status, 4xx or 5xx, nor one of {}",
                known.join(", ")
            ));
        }
        Ok(())
    }

    /// Adds all of these; an empty value, as `none` gives, clears the list.
    pub fn merge(&mut self, other: &Self) {
        if *other == Self::nothing() {
            *self = Self::nothing();
        }
        self.statuses.merge(&other.statuses);
        self.classes.extend_from_slice(&other.classes);
    }

    /// Retries nothing.
    pub fn nothing() -> Self {
        Self {
            statuses: Statuses::default(),
            classes: Vec::new(),
        }
    }

    /// Whether a response with this status is retried.
    pub fn status(&self, status: u16) -> bool {
        self.statuses.contains(status)
    }

    /// Whether this failure is retried.
    pub fn error(&self, error: &FetchError) -> bool {
        self.class(error.class())
    }

    /// Whether a failure of this class is retried.
    pub fn class(&self, class: &str) -> bool {
        self.classes.iter().any(|known| known == class)
    }
}

impl std::str::FromStr for RetryOn {
    type Err = String;

    /// Reads items as [`add`](Self::add) takes them, with commas between: `503,timeout`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut on = Self::nothing();
        text.split(',').try_for_each(|item| on.add(item))?;
        Ok(on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_on_accepts_statuses_families_and_classes() {
        let mut on: RetryOn = "403,5xx".parse().unwrap();
        on.merge(&"Timeout".parse().unwrap());
        assert!(on.status(403) && on.status(500) && on.status(599) && !on.status(404));
        assert!(
            on.error(&FetchError::TooSlow {
                limit: 1,
                during: Duration::ZERO
            }) && !on.error(&FetchError::Closed)
        );
        assert!(on.add("sometimes").unwrap_err().contains("timeout"));
        assert!(on.add("99").is_err());
        on.merge(&"403,none".parse().unwrap());
        assert_eq!(on, RetryOn::nothing());
    }
}
