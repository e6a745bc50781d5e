//! Settings of a practice server: its content, its slowness, its faults.
//!
//! Plain data with a check. Invariant: a `Site` is only ever built from settings that passed
//! [`OriginSettings::check`], so the other files here may divide by a rate without checking.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use super::error::OriginError;
use super::log::LogLevel;
use super::rules::HOUR;
use super::sitemap::Lastmod;
use super::validators::Validators;

/// The most pages that fit a sitemap index: 50,000 parts of 50,000 URLs.
const PAGES_LIMIT: u64 = 2_500_000_000;

/// The largest generated page: each request has its page in memory.
const PAGE_BYTES_LIMIT: usize = 16 << 20;

/// The last edition: to find out when a page last changed takes a step for each.
const EDITIONS_LIMIT: u64 = 1_000;

/// The settings of a practice server.
///
/// Everything is off by default: an empty site that responds at once.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginSettings {
    /// A folder of files to serve.
    ///
    /// Its `serve.toml` has rules, and its `hosts/NAME/` are the roots of other hosts.
    pub folder: Option<PathBuf>,
    /// Generated pages, `/page/0` to `/page/(pages - 1)`; 0 for none.
    pub pages: u64,
    /// The approximate size of a generated page in bytes.
    ///
    /// A page is never smaller than its skeleton (about 2 KiB).
    pub page_bytes: usize,
    /// Cross links of a generated page, in addition to its children in the tree.
    pub links_per_page: usize,
    /// The edition of the generated pages and of the folder, from 1 to 1,000.
    ///
    /// Without `churn`, `added` or `gone`, all editions are the same.
    pub edition: u64,
    /// The share of pages, 0 to 1, that have another text in each edition than in the one before.
    ///
    /// Exactly this share of the pages that both editions have, rounded to a whole page, chosen by the seed. The other
    /// pages are the same, with the same validators. [`Site::changes_since`](super::Site::changes_since) lists them. In
    /// a folder, the pages are its HTML files up to 4 MiB, and each letter of their text becomes another.
    pub churn: f64,
    /// The share of the first edition's pages, 0 to 1, that each later edition has in addition.
    ///
    /// The front page links to them.
    pub added: f64,
    /// The share of the first edition's pages, 0 to 1, that each later edition lacks: they are a 404.
    ///
    /// Links to them stay. Only pages without children go, so at most nine of ten.
    pub gone: f64,
    /// Whether each response of a page has other bytes than the one before, with the same text.
    ///
    /// So a strong `ETag` changes with each response, and a weak one does not.
    pub nonces: bool,
    /// What the sitemaps of generated pages say about when these changed.
    pub lastmod: Lastmod,
    /// The validators of pages, right or wrong.
    ///
    /// Without it, generated pages have a strong `ETag`, and files a `Last-Modified` too.
    pub validators: Option<Validators>,
    /// The delay before each response.
    pub latency: Duration,
    /// An additional random delay, uniform from nothing to this.
    pub jitter: Duration,
    /// Bytes per second on each connection.
    pub bandwidth: Option<NonZeroU64>,
    /// The share of requests, 0 to 1, that get a 503 or a reset instead of a response.
    pub error_rate: f64,
    /// Requests per second from one client to one `Host`.
    ///
    /// Beyond that the response is 429 with `Retry-After`.
    pub rate_limit: Option<f64>,
    /// The seed: the same one gives the same pages, the same jitter and the same errors.
    pub seed: u64,
    /// How much the log stores.
    pub log: LogLevel,
}

impl Default for OriginSettings {
    fn default() -> Self {
        OriginSettings {
            folder: None,
            pages: 0,
            page_bytes: 6 << 10,
            links_per_page: 8,
            edition: 1,
            churn: 0.0,
            added: 0.0,
            gone: 0.0,
            nonces: false,
            lastmod: Lastmod::None,
            validators: None,
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
    /// Checks every number against its limits.
    ///
    /// # Errors
    /// The first setting that is out of bounds, and why.
    pub fn check(&self) -> Result<(), OriginError> {
        let out_of_bounds = |setting, why| Err(OriginError::Setting { setting, why });
        if self.pages > PAGES_LIMIT {
            return out_of_bounds("pages", "at most 2,500,000,000");
        }
        if self.page_bytes > PAGE_BYTES_LIMIT {
            return out_of_bounds("page_bytes", "at most 16 MiB");
        }
        if self.links_per_page > 10_000 {
            return out_of_bounds("links_per_page", "at most 10,000");
        }
        if !(1..=EDITIONS_LIMIT).contains(&self.edition) {
            return out_of_bounds("edition", "from 1 to 1,000");
        }
        let shares = [
            ("error_rate", self.error_rate),
            ("churn", self.churn),
            ("added", self.added),
            ("gone", self.gone),
        ];
        if let Some((setting, _)) = shares
            .iter()
            .find(|(_, share)| !(0.0..=1.0).contains(share))
        {
            return out_of_bounds(setting, "a share from 0 to 1");
        }
        let growth = 1.0 + self.added * (self.edition - 1) as f64;
        if self.pages as f64 * growth > PAGES_LIMIT as f64 {
            return out_of_bounds("added", "at most 2,500,000,000 pages in all editions");
        }
        if self
            .rate_limit
            .is_some_and(|rate| !(0.001..=1e6).contains(&rate))
        {
            return out_of_bounds("rate_limit", "from 0.001 to 1,000,000 per second");
        }
        if self.latency > HOUR || self.jitter > HOUR {
            return out_of_bounds("latency", "at most an hour, like the jitter");
        }
        Ok(())
    }
}

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
                "edition",
                OriginSettings {
                    edition: 0,
                    ..OriginSettings::default()
                },
            ),
            (
                "churn",
                OriginSettings {
                    churn: 1.05,
                    ..OriginSettings::default()
                },
            ),
            (
                "added",
                OriginSettings {
                    pages: PAGES_LIMIT,
                    added: 0.1,
                    edition: 2,
                    ..OriginSettings::default()
                },
            ),
            (
                "gone",
                OriginSettings {
                    gone: -0.1,
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
