//! How many changes there are.

use std::collections::BTreeMap;

use super::change::{Change, ChangeKind};

/// The numbers of changes, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of changes of each kind that there are.
    pub by_kind: BTreeMap<ChangeKind, u64>,
    /// Pages that are the same in both runs.
    pub unchanged: u64,
}

impl Counts {
    /// The number of changes of a kind.
    pub fn of(&self, kind: ChangeKind) -> u64 {
        self.by_kind.get(&kind).copied().unwrap_or_default()
    }

    /// Whether the site changed, as far as that is reported.
    ///
    /// Other bytes with the same text are no change, nor is what one of the runs did not request.
    pub fn is_changed(&self) -> bool {
        self.by_kind.keys().any(|kind| kind.is_of_site())
    }

    pub(super) fn add(&mut self, change: &Change) {
        *self.by_kind.entry(change.kind).or_default() += 1;
    }
}
