//! What the fetch path is handed: what the user says, and what follows for it from the rest of the run.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::FetchSettings;

/// How long an idle connection is kept where no host has a longer delay.
pub(crate) const KEEP_IDLE: Duration = Duration::from_secs(90);

/// The settings, and what the run works out for them. Plain data: it crosses to child processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FetchPlan {
    /// What the user says.
    pub(crate) settings: FetchSettings,
    /// How large bodies are kept.
    pub(crate) spool: SpoolPlan,
    /// Idle connections kept for each host.
    pub(crate) idle_per_host: usize,
    /// How long an idle connection is kept.
    pub(crate) keep_idle: Duration,
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
    /// Whether to take the SHA-256 of what is spooled on the way.
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
        }
    }
}
