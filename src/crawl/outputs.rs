//! The open outputs of a run: its sinks, and the side files that are read at its end.

use std::collections::BTreeMap;

use crate::config::{BrokenSettings, Config};
use crate::error::Result;
use crate::extract::Health;
use crate::sink::{Counter, Holders, Mark, Mirror, SinkPlan, Sinks, Start};
use crate::url::fingerprint::Fingerprints;

use super::additions::Additions;
use super::checkpoint;

/// The open outputs of a run.
pub(super) struct Outputs {
    pub(super) sinks: Sinks,
    /// The log of links, and the reports to write from it; `None` unless requested.
    pub(super) holders: Option<(Holders, BrokenSettings)>,
    /// The list of files saved for a browsable copy; `None` unless requested.
    pub(super) mirror: Option<Mirror>,
}

impl Outputs {
    /// Opens the outputs of the settings and of the program, each at its mark.
    ///
    /// `before` is the counts of the job that was in the folder before.
    ///
    /// # Errors
    /// When one cannot be opened, or does not match its mark.
    pub(super) fn open(
        config: &Config,
        plan: &SinkPlan,
        fingerprints: Fingerprints,
        marks: &BTreeMap<String, Mark>,
        before: Option<Health>,
        additions: Additions,
    ) -> Result<Self> {
        let folder = config.job.as_ref().map(|job| job.folder.as_path());
        checkpoint::check_names(config, marks)?;
        let start = |name: &str| match (marks.get(name), folder.is_some()) {
            (Some(mark), _) => Start::At(mark),
            (None, true) => Start::Over,
            (None, false) => Start::Fresh,
        };
        let journal = folder.map(|folder| folder.join("files"));
        let files = config.files.as_ref();
        let mut sinks = Sinks::open(&config.sinks, files, plan, journal.as_deref(), start)?;
        let follows = config.crawl.is_some();
        let mut holders = None;
        if let Some(settings) = config.broken.clone().filter(|_| follows) {
            let (sink, kept) = Holders::open(folder, start(Holders::NAME), fingerprints)?;
            sinks.add(Holders::NAME, sink);
            holders = Some((kept, settings));
        }
        let mut mirror = None;
        if follows {
            let start = start(Mirror::NAME);
            let opened = Mirror::open(files, folder, start, fingerprints)?;
            if let Some((sink, kept)) = opened {
                sinks.add(Mirror::NAME, sink);
                mirror = Some(kept);
            }
        }
        if !config.parse.extract.is_empty() {
            let counter = Counter::open(plan.tables.clone(), before, start(Counter::NAME))?;
            sinks.add(Counter::NAME, counter);
        }
        for (name, open) in additions.sinks {
            let sink = open(start(&name))?;
            sinks.add(&name, sink);
        }
        if let Some(taker) = additions.taker {
            sinks.hand_to(taker);
        }
        Ok(Self {
            sinks,
            holders,
            mirror,
        })
    }
}
