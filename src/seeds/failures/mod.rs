//! Finds in an output of haul which URLs failed and have no better record since.
//!
//! The newest record of a request counts; records are in the order they were written. Memory is bounded by the
//! number of failures: an output is read once to find them, and a second time to turn them into jobs. A record
//! contains no request headers and no request body: a request that had its own body is listed, but never sent
//! without it.

mod failure;
mod output;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use failure::{FailureKind, entry, request_hash};
pub use output::Failures;

use super::entry::JobBuilder;
use super::feeder::{Enough, Feeder};
use crate::error::Result;
use crate::job::rows::Rows;
use crate::recorded::{Choice, Item, Output, Visitor, Wanted};

/// Finds the failures among the records.
struct Search<'w> {
    wanted: &'w dyn Fn(Option<u16>, &str) -> bool,
    /// The number of the last record of each failed request, by the request's hash.
    failing: HashMap<u64, (u64, FailureKind)>,
    foreign: u64,
}

impl Visitor for Search<'_> {
    fn take(&mut self, number: u64, item: Item) -> ControlFlow<()> {
        match item {
            None => self.foreign += 1,
            Some(record) if record.duplicate_of.is_some() => {}
            Some(record) => {
                let request = request_hash(&record);
                match FailureKind::of(&record, self.wanted) {
                    Some(kind) => self.failing.insert(request, (number, kind)),
                    None => self.failing.remove(&request),
                };
            }
        }
        ControlFlow::Continue(())
    }
}

impl Failures {
    /// Reads an output of any format that stores records.
    ///
    /// These are JSON Lines and CSV, possibly compressed, SQLite, and folders of Parquet files. `wanted` decides by
    /// status and error class whether a failure is fetched again.
    ///
    /// # Errors
    /// If the output cannot be read, or was not written by haul.
    pub fn read(path: &Path, wanted: &dyn Fn(Option<u16>, &str) -> bool) -> Result<Self> {
        let output = Output::open(path)?;
        let mut search = Search {
            wanted,
            failing: HashMap::new(),
            foreign: 0,
        };
        output.each(Wanted::default(), &mut search)?;
        let mut failures = Self {
            output,
            of: search.failing.len() as u64,
            foreign: search.foreign,
            ..Self::default()
        };
        let (mut chosen, mut with_bodies) = (Vec::new(), Vec::new());
        for (number, kind) in search.failing.into_values() {
            match kind {
                FailureKind::Wanted => chosen.push(number),
                FailureKind::Other => {}
                FailureKind::Malformed => failures.malformed += 1,
                FailureKind::WithBody(row) => {
                    failures.with_bodies_count += 1;
                    with_bodies.extend(row);
                }
            }
        }
        failures.count = chosen.len() as u64;
        failures.chosen = Rows::of(chosen, None);
        failures.with_bodies = Rows::of(with_bodies, None);
        Ok(failures)
    }

    /// Turns the failures into jobs, with the rows of their records.
    pub(super) fn feed(
        &self,
        maker: &mut JobBuilder,
        feeder: &mut Feeder<'_>,
    ) -> Result<Result<(), Enough>> {
        let wanted = Wanted {
            columns: true,
            ..Wanted::default()
        };
        let mut feeding = Feeding {
            chosen: &self.chosen,
            maker,
            feeder,
            fed: Ok(()),
        };
        self.output.each(wanted, &mut feeding)?;
        Ok(feeding.fed)
    }
}

/// Feeds the chosen records as jobs.
struct Feeding<'f, 'a> {
    chosen: &'f Rows,
    maker: &'f mut JobBuilder,
    feeder: &'f mut Feeder<'a>,
    fed: Result<(), Enough>,
}

impl Visitor for Feeding<'_, '_> {
    fn choose(&mut self, number: u64) -> Choice {
        // Anything after the last one was appended by the run itself.
        match number > self.chosen.last().unwrap_or_default() {
            true => Choice::Stop,
            false if self.chosen.contains(number) => Choice::Read,
            false => Choice::Skip,
        }
    }

    fn take(&mut self, number: u64, item: Item) -> ControlFlow<()> {
        let Some(record) = item else {
            return ControlFlow::Continue(());
        };
        let rows = self.feeder.settings.rows.as_ref();
        if rows.is_some_and(|rows| record.row.is_none_or(|row| !rows.contains(row))) {
            return ControlFlow::Continue(());
        }
        self.feeder.row = self.feeder.rows_before + number;
        self.fed = self.feeder.feed(entry(*record, self.maker));
        match self.fed {
            Ok(()) => ControlFlow::Continue(()),
            Err(Enough) => ControlFlow::Break(()),
        }
    }
}
