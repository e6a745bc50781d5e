//! What to read from pages, as the user sets it.

use serde::{Deserialize, Serialize};

use super::decode::DecodeLimits;
use super::wants::Wants;
use super::work::Work;
use crate::extract::ExtractSettings;
use crate::text::size::ByteSize;
use crate::visit::statuses::Statuses;

/// What to read from a page, and within which limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParseSettings {
    /// What is needed besides what the sinks need.
    pub wants: Wants,
    /// Limits on decoding.
    pub limits: DecodeLimits,
    /// What to look for in pages; a crawl looks for links in any case.
    pub follow: Option<FollowSettings>,
    /// The typed fields to extract from a page's text, done by whichever part has the text.
    pub extract: ExtractSettings,
    /// Extra work done on each page, for measurements.
    pub work: Work,
    /// Statuses of 400 and above that do not count as failures.
    pub accept: Statuses,
    /// Approximate memory that all decoded pages may use together. A page waits for its share before it is decoded.
    pub memory: ByteSize,
}

/// What to look for in pages, so that it can be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowSettings {
    /// Links to other pages. If off, only links that recipes select are followed.
    pub pages: bool,
    /// References to the parts of a page, such as images and style sheets.
    pub assets: bool,
    /// Strings in scripts that look like URLs. Script files are fetched for this too.
    pub guess: bool,
    /// The ids in pages, and the fragments of links to them.
    pub fragments: bool,
    /// The most links taken from one page.
    pub max_links: usize,
}

impl Default for ParseSettings {
    fn default() -> Self {
        let wants = Wants {
            digest: true,
            title: true,
            ..Wants::NOTHING
        };
        Self {
            wants,
            limits: DecodeLimits::default(),
            follow: None,
            extract: ExtractSettings::default(),
            work: Work::None,
            accept: Statuses::default(),
            memory: ByteSize::mib(256),
        }
    }
}

impl Default for FollowSettings {
    fn default() -> Self {
        Self {
            pages: true,
            assets: false,
            guess: false,
            fragments: false,
            max_links: 50_000,
        }
    }
}
