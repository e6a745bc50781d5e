//! A line for people.

use super::Sink;
use super::output::Output;
use crate::error::Result;
use crate::parse::Wants;
use crate::visit::Visit;

/// Text.
pub(super) struct Text {
    output: Output,
    _color: bool,
}

impl Text {
    pub(super) fn new(output: Output, color: bool) -> Self {
        Self {
            output,
            _color: color,
        }
    }
}

impl Sink for Text {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        use std::io::Write;
        let buffer = self.output.buffer();
        let status = visit.outcome.as_ref().map_or_else(
            |error| error.class().to_owned(),
            |page| page.status.to_string(),
        );
        let _ = writeln!(buffer, "{status}  {}", visit.job.first_url());
        self.output.record_done()
    }

    fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.finish()
    }
}
