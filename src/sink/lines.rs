//! Records in sequence: the common part of all formats that write each visit on its own.

use super::output::Output;
use super::{Mark, Sink, Start};
use crate::error::Result;
use crate::parse::Wants;
use crate::visit::Visit;

/// Renders a visit in some format.
pub(super) trait Render: Send {
    /// What it needs from a page, as in [`Sink::wants`].
    fn wants(&self) -> Wants;

    /// Appends a visit to a buffer: completely, or not at all.
    ///
    /// # Errors
    /// When the visit cannot be written in this format.
    fn add(&mut self, visit: &Visit, out: &mut Vec<u8>) -> Result<()>;
}

/// The sink that writes rendered visits in sequence.
pub(super) struct Lines<R> {
    output: Output,
    render: R,
    /// The number of records written by this run or job.
    records: u64,
}

impl<R: Render> Lines<R> {
    pub(super) fn new(output: Output, render: R, start: Start<'_>) -> Self {
        let records = match start {
            Start::At(mark) => mark.records(),
            Start::Fresh | Start::Over => 0,
        };
        Self {
            output,
            render,
            records,
        }
    }
}

impl<R: Render> Sink for Lines<R> {
    fn wants(&self) -> Wants {
        self.render.wants()
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        self.render.add(visit, self.output.buffer())?;
        self.records += 1;
        self.output.record_done()
    }

    fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    fn keep(&mut self) {
        self.output.keep();
    }

    fn take_back(&mut self) -> bool {
        self.output.take_back()
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        let mark = self.output.checkpoint()?;
        Ok(mark.with_records(self.records))
    }

    fn finish(self: Box<Self>) -> Result<Option<Mark>> {
        let mark = self.output.finish()?;
        Ok(mark.map(|mark| mark.with_records(self.records)))
    }
}
