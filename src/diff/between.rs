//! The comparison of two runs, from their paths to the changes.

use std::path::{Path, PathBuf};

use super::absent::{Absent, Other};
use super::change::Change;
use super::compare::Comparing;
use super::counts::Counts;
use super::join;
use super::lines::LinePair;
use super::plan::{Both, Plan};
use super::reread::{Ledger, Side};
use super::settings::DiffSettings;
use super::site;
use super::store::Store;
use super::trace::Traces;
use crate::earlier::{EarlierRun, Reach, RunKind};
use crate::error::{Error, Result};
use crate::url::fingerprint::Fingerprints;

/// The changes between two runs.
pub struct Diff {
    /// The old run.
    pub old: RunSummary,
    /// The new run.
    pub new: RunSummary,
    /// How many changes there are.
    pub counts: Counts,
    /// What the reader should know about the comparison.
    pub notices: Vec<String>,
    store: Store,
}

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunSummary {
    /// Where it was read from.
    pub path: PathBuf,
    /// The kind of source.
    pub kind: RunKind,
    /// Its pages: each request once.
    pub pages: u64,
    /// How far it got.
    pub reach: Reach,
}

impl Diff {
    /// Compares two runs: job folders, outputs or archives, in any combination.
    ///
    /// Memory is bounded by some 100 bytes per page; everything else is in a temporary file.
    ///
    /// # Errors
    /// When a run cannot be read, is damaged or of another format, has no pages, or they are of different sites.
    pub fn between(old: &Path, new: &Path, settings: &DiffSettings) -> Result<Self> {
        let runs = (EarlierRun::open(old)?, EarlierRun::open(new)?);
        // Seeded anew each time, so that no page can provoke a collision.
        let fingerprints = Fingerprints::seeded(fastrand::u64(..));
        let read = |run| Traces::read(run, fingerprints, settings.key.as_deref());
        let traces = (read(&runs.0)?, read(&runs.1)?);
        check(&runs, &traces)?;
        let both = Both {
            old: &traces.0,
            new: &traces.1,
        };
        let joined = join::pages(both.old, both.new);
        let mut others = (other(&runs.1, both.new), other(&runs.0, both.old));
        let gone = Absent::judge(&joined.only_old, both.old, &mut others.0, fingerprints)?;
        let added = Absent::judge(&joined.only_new, both.new, &mut others.1, fingerprints)?;
        let reaches = (others.1.reach, others.0.reach);
        let comparing = Comparing {
            values: both.old.has_values && both.new.has_values,
        };
        let mut plan = Plan::of(both, &joined, &gone, &added);
        drop(joined);
        if comparing.values {
            plan.add_items(both, &gone, &added);
        }
        plan.sort();
        let notices = notices(&runs, both, reaches, settings);
        let summary = |run: &EarlierRun, traces: &Traces, reach| RunSummary {
            path: run.path().to_owned(),
            kind: run.kind(),
            pages: traces.pages.len() as u64,
            reach,
        };
        let summaries = (
            summary(&runs.0, both.old, reaches.0),
            summary(&runs.1, both.new, reaches.1),
        );
        drop(traces);
        let mut ledger = Ledger::new(settings, comparing)?;
        ledger.counts.unchanged = plan.unchanged;
        ledger.read(Side::Old, &runs.0, &plan.old, &gone)?;
        ledger.read(Side::New, &runs.1, &plan.new, &added)?;
        ledger.settle()?;
        Ok(Self {
            old: summaries.0,
            new: summaries.1,
            counts: ledger.counts,
            notices,
            store: ledger.store,
        })
    }

    /// Passes every change to `take`, the gravest kinds first, and those of a kind by URL.
    ///
    /// # Errors
    /// When the temporary file cannot be read, and the errors of `take`.
    pub fn each(&self, take: &mut dyn FnMut(Change) -> Result<()>) -> Result<()> {
        self.store.each(take)
    }

    /// The texts of a changed page side by side; empty if they are not known, were not asked for, or are too many.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn side_by_side(&self, change: &Change) -> Result<Vec<LinePair>> {
        self.store.texts(change.number)
    }
}

fn other<'r>(run: &'r EarlierRun, traces: &'r Traces) -> Other<'r> {
    Other {
        run,
        traces,
        reach: Reach::Unknown,
    }
}

/// # Errors
/// When a run has no pages, or the two are of different sites.
fn check(runs: &(EarlierRun, EarlierRun), traces: &(Traces, Traces)) -> Result<()> {
    for (run, traces) in [(&runs.0, &traces.0), (&runs.1, &traces.1)] {
        if traces.pages.is_empty() {
            let path = run.path().display();
            return Err(Error::Setting(format!(
                "{path}: there is no page in it to compare"
            )));
        }
    }
    let (old, new) = (&traces.0.hosts, &traces.1.hosts);
    if site::is_same(old, new) || old.is_empty() || new.is_empty() {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "{} is of {}, and {} of {}: only runs of the same site can be compared",
        runs.0.path().display(),
        site::shown(old),
        runs.1.path().display(),
        site::shown(new)
    )))
}

/// What the reader should know about the comparison.
fn notices(
    runs: &(EarlierRun, EarlierRun),
    both: Both<'_>,
    reaches: (Reach, Reach),
    settings: &DiffSettings,
) -> Vec<String> {
    let mut notices = Vec::new();
    let sides = [
        (&runs.0, both.old, reaches.0, "gone"),
        (&runs.1, both.new, reaches.1, "added"),
    ];
    for (run, traces, reach, _) in sides {
        let path = run.path().display();
        match traces.foreign {
            0 => {}
            1 => notices.push(format!("1 line of {path} is not a record")),
            lines => notices.push(format!("{lines} lines of {path} are not records")),
        }
        match reach {
            Reach::Unfinished(0) => notices.push(format!(
                "{path} did not read its list to the end: what it lacks was not asked for"
            )),
            Reach::Unfinished(waiting) => notices.push(format!(
                "{path} did not come to its end, {waiting} URLs wait: what it lacks was not asked for"
            )),
            Reach::Unknown => notices.push(format!(
                "{path} does not say whether it came to its end, as a job would: what it lacks may not have been asked for"
            )),
            Reach::Complete => {}
        }
    }
    if both.old.has_values != both.new.has_values {
        let (with, without) = match both.old.has_values {
            true => (&runs.0, &runs.1),
            false => (&runs.1, &runs.0),
        };
        notices.push(format!(
            "{} has fields or items, and {} has none: they are not compared",
            with.path().display(),
            without.path().display()
        ));
    }
    if let Some(key) = &settings.key
        && both.old.items.is_empty()
        && both.new.items.is_empty()
    {
        notices.push(format!("no item has the field {key:?}"));
    }
    notices
}
