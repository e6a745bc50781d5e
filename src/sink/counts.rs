//! Counts of how often each field matched.
//!
//! They are counted where records are written, so that a job, too, counts each page once. The mark is the counts
//! themselves, so a resumed job continues counting. If a job was started over in the same folder, the counts of the
//! previous one are stored along with them, so that changes can be reported.

use serde::{Deserialize, Serialize};

use super::{Mark, Sink, Start};
use crate::error::{Error, Result};
use crate::extract::Health;
use crate::parse::Wants;
use crate::visit::Visit;
use crate::visit::fields::Table;

/// The counts of a run, and of the previous one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// The counts of this run; all sessions of a job are one run.
    pub now: Health,
    /// The counts of the job that was in the folder before `--fresh`.
    pub before: Option<Health>,
}

/// The sink that counts matched fields.
pub(crate) struct Counter {
    counts: Counts,
    tables: Vec<Table>,
}

impl Counter {
    /// The key of its mark.
    pub(crate) const NAME: &'static str = "fields";

    /// Starts counting, or continues from a mark.
    ///
    /// # Errors
    /// When the mark is not one of this sink's.
    pub(crate) fn open(
        tables: Vec<Table>,
        before: Option<Health>,
        start: Start<'_>,
    ) -> Result<Box<dyn Sink>> {
        let mut counts = Counts {
            now: Health::new(&tables),
            before,
        };
        if let Start::At(mark) = start {
            let Some(stored) = Self::read(mark) else {
                return Err(Error::DamagedMark { of: Self::NAME });
            };
            // By name: the recipe's fields may have changed since.
            counts.now.add(&stored.now);
            counts.before = stored.before;
        }
        Ok(Box::new(Self { counts, tables }))
    }

    /// Reads the counts from a mark; `None` if it is not one of this sink's.
    pub(crate) fn read(mark: &Mark) -> Option<Counts> {
        Counts::deserialize(&mark.0).ok()
    }
}

impl Sink for Counter {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        if let Some(extraction) = &visit.parsed.fields {
            let url = visit.job.url.as_str();
            self.counts.now.count(url, &extraction.fields, &self.tables);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Always true: the counts end with the run.
    fn take_back(&mut self) -> bool {
        true
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        let counts = serde_json::to_value(&self.counts);
        counts
            .map(Mark)
            .map_err(|error| Error::Setting(error.to_string()))
    }

    fn finish(mut self: Box<Self>) -> Result<Option<Mark>> {
        self.checkpoint().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn product_page(number: usize) -> Visit {
        let mut visit = samples::page(200);
        visit.parsed.fields = Some(Box::new(samples::product(number)));
        visit
    }

    #[test]
    fn a_resumed_job_continues_counting_from_its_mark() {
        let open = |before, start| Counter::open(vec![samples::table()], before, start).unwrap();
        let earlier = Health::new(&[samples::table()]);
        let mut counter = open(Some(earlier.clone()), Start::Over);
        counter.write(&product_page(1)).unwrap();
        let mark = counter.checkpoint().unwrap();
        counter.write(&product_page(2)).unwrap();
        drop(counter);
        let mut counter = open(None, Start::At(&mark));
        counter.write(&product_page(2)).unwrap();
        counter.write(&samples::page(404)).unwrap();
        let counts = Counter::read(&counter.finish().unwrap().unwrap()).unwrap();
        assert_eq!(counts.before, Some(earlier));
        let table = &counts.now.tables[0];
        assert_eq!((table.pages, table.items, table.fields[0].hits), (2, 2, 2));
        assert!(Counter::open(Vec::new(), None, Start::At(&Mark(7.into()))).is_err());
    }
}
