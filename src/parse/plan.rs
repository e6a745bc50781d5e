//! The plan of parsing: the user's settings, and values derived from the rest of the run.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::decode::DecodeLimits;
use super::settings::{FollowSettings, ParseSettings};
use super::wants::Wants;
use super::work::Work;
use crate::extract::ExtractSettings;
use crate::text::size::ByteSize;
use crate::url::fingerprint::Fingerprints;
use crate::visit::statuses::Statuses;

/// The product token of haul itself.
pub(super) const AGENT: &str = "haul";

/// What to do with a page. Plain data, since it is sent to child processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ParsePlan {
    /// What the user and the sinks need.
    pub(crate) wants: Wants,
    /// The limits of decoding.
    pub(crate) limits: DecodeLimits,
    /// Whether redirects are followed: then their bodies are not decoded.
    pub(crate) redirects: bool,
    /// The folder for large decoded bodies.
    pub(crate) folder: PathBuf,
    /// The product token by which robots.txt and pages may address this robot.
    pub(crate) agent: String,
    /// What to look for in pages, if links are followed.
    pub(crate) follow: Option<LinkPlan>,
    /// The typed fields to extract from a page's text.
    pub(crate) extract: ExtractSettings,
    /// Additional work per page, for measurements.
    pub(crate) work: Work,
    /// Statuses of 400 and above that are not failures.
    pub(crate) accept: Statuses,
    /// The approximate memory limit of all decoded pages together.
    pub(crate) memory: ByteSize,
    /// Whether the job keeps what a later run needs to know about each page.
    pub(crate) keeps: bool,
    /// The fingerprints of this run, for links that are carried over from an earlier one.
    pub(crate) fingerprints: Fingerprints,
}

/// What to look for in pages, and how links are fingerprinted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkPlan {
    /// What to look for.
    pub(crate) wanted: FollowSettings,
    /// The fingerprints of links.
    pub(crate) fingerprints: Fingerprints,
    /// Whether pages are compared with one another.
    pub(crate) similar: bool,
}

impl ParsePlan {
    /// Makes the plan of the settings alone: without needs of sinks, and with redirects followed.
    pub(crate) fn of(settings: &ParseSettings) -> Self {
        Self {
            wants: settings.wants,
            limits: settings.limits,
            redirects: true,
            folder: std::env::temp_dir(),
            agent: AGENT.to_owned(),
            follow: settings.follow.clone().map(LinkPlan::of),
            extract: settings.extract.clone(),
            work: settings.work.clone(),
            accept: settings.accept.clone(),
            memory: settings.memory,
            keeps: false,
            fingerprints: Fingerprints::default(),
        }
    }

    /// Sets the fingerprints of links.
    pub(crate) fn marked_by(mut self, fingerprints: Fingerprints) -> Self {
        self.fingerprints = fingerprints;
        if let Some(follow) = &mut self.follow {
            follow.fingerprints = fingerprints;
        }
        self
    }

    /// Identifies what is read out of pages: two runs with the same number read the same out of the same page.
    pub(crate) fn reads(&self) -> u64 {
        let wanted = self.follow.as_ref().map(|follow| &follow.wanted);
        let settings = (&self.extract, wanted, self.wants.title);
        xxh3_64(&postcard::to_stdvec(&settings).unwrap_or_default())
    }

    /// Whether bodies have to be kept until they are parsed.
    pub(crate) fn reads_bodies(&self) -> bool {
        self.wants.any()
            || self.follow.is_some()
            || !self.work.is_none()
            || !self.extract.is_empty()
    }
}

impl LinkPlan {
    /// Makes the default plan for what to look for.
    pub(crate) fn of(wanted: FollowSettings) -> Self {
        Self {
            wanted,
            fingerprints: Fingerprints::default(),
            similar: false,
        }
    }
}
