//! JSON Lines: one object a record, in the order in which visits ended.

use super::output::Output;
use super::{Record, Sink};
use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::visit::Visit;

/// JSON Lines.
pub(super) struct Jsonl {
    output: Output,
    body: bool,
}

impl Jsonl {
    pub(super) fn new(output: Output, body: bool) -> Self {
        Self { output, body }
    }
}

impl Sink for Jsonl {
    fn wants(&self) -> Wants {
        Wants {
            digest: true,
            title: true,
            text: self.body,
            content: false,
        }
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        let buffer = self.output.buffer();
        let record = Record::of(visit, self.body);
        serde_json::to_writer(&mut *buffer, &record)
            .map_err(|source| Error::setup("a JSON record", source))?;
        buffer.push(b'\n');
        self.output.record_done()
    }

    fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.finish()
    }
}
