//! RFC 4180.

use super::Sink;
use super::output::Output;
use crate::error::Result;
use crate::parse::Wants;
use crate::visit::Visit;

/// CSV.
pub(super) struct Csv {
    output: Output,
    body: bool,
}

impl Csv {
    /// # Errors
    /// When the header line cannot be written.
    pub(super) fn new(output: Output, body: bool) -> Result<Self> {
        Ok(Self { output, body })
    }
}

impl Sink for Csv {
    fn wants(&self) -> Wants {
        Wants {
            digest: true,
            title: true,
            text: self.body,
            content: false,
        }
    }

    fn write(&mut self, _visit: &Visit) -> Result<()> {
        self.output.record_done()
    }

    fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.finish()
    }
}
