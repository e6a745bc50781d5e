//! Records one behind the other: what formats have in common that write each visit by itself.

use super::output::Output;
use super::{Mark, Sink, Start};
use crate::error::Result;
use crate::parse::Wants;
use crate::visit::Visit;

/// How a visit is written.
pub(super) trait Render: Send {
    /// As [`Sink::wants`].
    fn wants(&self) -> Wants;

    /// Adds what is written of a visit to a buffer: whole, or nothing.
    ///
    /// # Errors
    /// When the visit cannot be written in this form.
    fn add(&mut self, visit: &Visit, out: &mut Vec<u8>) -> Result<()>;
}

/// Records one behind the other.
pub(super) struct Lines<R> {
    output: Output,
    render: R,
    /// How many of this run or job there are.
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
