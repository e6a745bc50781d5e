//! A line of the user's own making for each record.

use super::Sink;
use super::output::Output;
use crate::error::Result;
use crate::parse::Wants;
use crate::visit::Visit;

/// A template, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template;

impl Template {
    /// What its variables need.
    pub(super) fn wants(&self) -> Wants {
        Wants::NOTHING
    }
}

impl std::str::FromStr for Template {
    type Err = String;

    fn from_str(_text: &str) -> Result<Self, String> {
        Ok(Self)
    }
}

/// Writes a template.
pub(super) struct TemplateSink {
    output: Output,
    template: Template,
}

impl TemplateSink {
    pub(super) fn new(output: Output, template: Template) -> Self {
        Self { output, template }
    }
}

impl Sink for TemplateSink {
    fn wants(&self) -> Wants {
        self.template.wants()
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
