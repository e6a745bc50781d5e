//! The plan of the fetch path: the user's settings, and what the rest of the run derives for it.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::FetchSettings;
use crate::cache::CacheSettings;
use crate::past::PastPlan;

/// How long an idle connection is kept if no host has a longer delay.
pub(crate) const KEEP_IDLE: Duration = Duration::from_secs(90);

/// The settings, and what the run derives from them.
///
/// Plain data, because it is sent to child processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FetchPlan {
    /// The user's settings.
    pub(crate) settings: FetchSettings,
    /// How large bodies are kept.
    pub(crate) spool: SpoolPlan,
    /// The most idle connections to keep for each host.
    pub(crate) idle_per_host: usize,
    /// How long an idle connection is kept.
    pub(crate) keep_idle: Duration,
    /// Where the pages of an earlier run are, if only what changed since is wanted.
    pub(crate) past: Option<PastPlan>,
    /// The cache, if pages are looked up there instead.
    pub(crate) cache: Option<CacheSettings>,
}

/// How bodies too large for memory are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpoolPlan {
    /// The folder for their files.
    pub(crate) folder: PathBuf,
    /// Whether anything wants the bytes of large bodies; if not they are counted and dropped.
    pub(crate) keep: bool,
    /// Whether partial downloads stay in the folder and are resumed.
    pub(crate) resume: bool,
    /// Whether to compute the SHA-256 of bodies while they are written to files.
    pub(crate) digest: bool,
}

#[cfg(test)]
impl Default for FetchPlan {
    fn default() -> Self {
        Self {
            settings: FetchSettings::default(),
            spool: SpoolPlan {
                folder: std::env::temp_dir(),
                keep: true,
                resume: false,
                digest: false,
            },
            idle_per_host: 32,
            keep_idle: KEEP_IDLE,
            past: None,
            cache: None,
        }
    }
}
