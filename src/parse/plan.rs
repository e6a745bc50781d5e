//! What the parse half is handed: what the user says, and what follows for it from the rest of the run.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::decode::DecodeLimits;
use super::settings::{Follow, ParseSettings};
use super::wants::Wants;
use super::work::Work;
use crate::extract::ExtractSettings;
use crate::fingerprint::Fingerprints;
use crate::size::ByteSize;
use crate::statuses::Statuses;

/// What is to be done with a page. Plain data: it crosses to child processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ParsePlan {
    /// What the user and the sinks ask for.
    pub(crate) wants: Wants,
    /// Bounds on decoding.
    pub(crate) limits: DecodeLimits,
    /// Whether redirects are followed: then the body of one is nobody's, and is not decoded.
    pub(crate) redirects: bool,
    /// Where large decoded bodies go.
    pub(crate) folder: PathBuf,
    /// What is to be found in pages, where links are followed.
    pub(crate) follow: Option<FollowPlan>,
    /// The typed fields that are read out of a page's text, by whoever has the text.
    pub(crate) extract: ExtractSettings,
    /// Work put on each page besides, to measure with.
    pub(crate) work: Work,
    /// Statuses of 400 and above that are no failure.
    pub(crate) accept: Statuses,
    /// About how much memory all decoded pages may take together.
    pub(crate) memory: ByteSize,
}

/// What is to be found in pages, and how it is told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FollowPlan {
    /// What is looked for.
    pub(crate) wanted: Follow,
    /// Who makes the fingerprints of what is found.
    pub(crate) fingerprints: Fingerprints,
    /// The product token under which a page may address this robot.
    pub(crate) agent: String,
    /// Whether pages are compared with each other.
    pub(crate) similar: bool,
}

impl ParsePlan {
    /// What these settings say where no run says more: no sink asks for anything, and redirects are followed.
    pub(crate) fn of(settings: &ParseSettings) -> Self {
        Self {
            wants: settings.wants,
            limits: settings.limits,
            redirects: true,
            folder: std::env::temp_dir(),
            follow: settings.follow.clone().map(FollowPlan::of),
            extract: settings.extract.clone(),
            work: settings.work.clone(),
            accept: settings.accept.clone(),
            memory: settings.memory,
        }
    }

    /// The same with these fingerprints of what is found.
    pub(crate) fn marked_by(mut self, fingerprints: Fingerprints) -> Self {
        if let Some(follow) = &mut self.follow {
            follow.fingerprints = fingerprints;
        }
        self
    }

    /// Whether a body has to be kept until it is parsed.
    pub(crate) fn reads_bodies(&self) -> bool {
        self.wants.any()
            || self.follow.is_some()
            || !self.work.is_none()
            || !self.extract.is_empty()
    }
}

impl FollowPlan {
    /// What is looked for where no run says more.
    pub(crate) fn of(wanted: Follow) -> Self {
        Self {
            wanted,
            fingerprints: Fingerprints::default(),
            agent: "haul".to_owned(),
            similar: false,
        }
    }
}
