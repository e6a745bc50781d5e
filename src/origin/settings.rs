//! What a practice origin shall be: its content, its slowness, its faults.
//!
//! Plain data with a check. Invariant: a `Site` is only ever built from settings that passed
//! [`OriginSettings::check`], so the rest of the room divides by a rate without fear.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use super::OriginError;
use super::log::LogLevel;

/// Pages above this would not fit a sitemap index: 50,000 parts of 50,000 addresses.
const PAGES_LIMIT: u64 = 2_500_000_000;

/// A generated page above this would be held in memory once per request.
const PAGE_BYTES_LIMIT: usize = 16 << 20;

/// The settings of a practice origin. Everything is off by default: an empty site that answers at once.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginSettings {
    /// A folder of files to serve; its `serve.toml` gives rules, its `hosts/NAME/` other roots.
    pub folder: Option<PathBuf>,
    /// Generated pages, `/page/0` to `/page/(pages - 1)`; 0 for none.
    pub pages: u64,
    /// About how large a generated page is, in bytes; a page is never smaller than its skeleton (2 KiB or so).
    pub page_bytes: usize,
    /// Cross links of a generated page, besides its children in the tree.
    pub links_per_page: usize,
    /// Waited before each answer.
    pub latency: Duration,
    /// Waited besides, evenly spread from nothing to this.
    pub jitter: Duration,
    /// Bytes a second on each connection.
    pub bandwidth: Option<NonZeroU64>,
    /// Share of requests, 0 to 1, that get a 503 or a reset instead of an answer.
    pub error_rate: f64,
    /// Requests a second from one client to one `Host`; above it the answer is 429 with `Retry-After`.
    pub rate_limit: Option<f64>,
    /// The same seed gives the same pages, the same jitter and the same errors.
    pub seed: u64,
    /// How much the log keeps.
    pub log: LogLevel,
}

impl Default for OriginSettings {
    fn default() -> Self {
        OriginSettings {
            folder: None,
            pages: 0,
            page_bytes: 6 << 10,
            links_per_page: 8,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            bandwidth: None,
            error_rate: 0.0,
            rate_limit: None,
            seed: 0,
            log: LogLevel::Hits,
        }
    }
}

impl OriginSettings {
    /// Checks every number against its bounds.
    ///
    /// # Errors
    /// The first setting that is out of bounds, and why.
    pub fn check(&self) -> Result<(), OriginError> {
        let refuse = |setting, why| Err(OriginError::Setting { setting, why });
        if self.pages > PAGES_LIMIT {
            return refuse("pages", "at most 2,500,000,000");
        }
        if self.page_bytes > PAGE_BYTES_LIMIT {
            return refuse("page_bytes", "at most 16 MiB");
        }
        if self.links_per_page > 10_000 {
            return refuse("links_per_page", "at most 10,000");
        }
        if !(0.0..=1.0).contains(&self.error_rate) {
            return refuse("error_rate", "a share from 0 to 1");
        }
        if self
            .rate_limit
            .is_some_and(|rate| !(0.001..=1e6).contains(&rate))
        {
            return refuse("rate_limit", "from 0.001 to 1,000,000 a second");
        }
        if self.latency > HOUR || self.jitter > HOUR {
            return refuse("latency", "at most an hour, and so its jitter");
        }
        Ok(())
    }
}

/// Longer waits are a typing error.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_allowed_and_each_number_out_of_bounds_is_named() {
        assert!(OriginSettings::default().check().is_ok());
        let wrong = [
            (
                "pages",
                OriginSettings {
                    pages: PAGES_LIMIT + 1,
                    ..OriginSettings::default()
                },
            ),
            (
                "page_bytes",
                OriginSettings {
                    page_bytes: 1 << 30,
                    ..OriginSettings::default()
                },
            ),
            (
                "links_per_page",
                OriginSettings {
                    links_per_page: 1 << 20,
                    ..OriginSettings::default()
                },
            ),
            (
                "error_rate",
                OriginSettings {
                    error_rate: f64::NAN,
                    ..OriginSettings::default()
                },
            ),
            (
                "rate_limit",
                OriginSettings {
                    rate_limit: Some(0.0),
                    ..OriginSettings::default()
                },
            ),
            (
                "latency",
                OriginSettings {
                    jitter: 2 * HOUR,
                    ..OriginSettings::default()
                },
            ),
        ];
        for (name, settings) in wrong {
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
