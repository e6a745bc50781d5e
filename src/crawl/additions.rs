//! What a program adds to the settings of a run.

use tokio::sync::mpsc;

use super::hook::Hook;
use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::frontier::ListMark;
use crate::parse::Wants;
use crate::seeds::{Position, SeedReceiver, Seeds};
use crate::sink::{Sink, Start};
use crate::visit::Visit;
use crate::worker::OwnExtractor;

/// Opens a sink of a program where it begins.
pub(super) type Open = Box<dyn FnOnce(Start<'_>) -> Result<Box<dyn Sink>>>;

/// What a program adds to the settings of a run.
#[derive(Default)]
pub(super) struct Additions {
    /// What its own sinks want of a page.
    pub(super) wants: Wants,
    /// Its own sinks, by the names of their marks.
    pub(super) sinks: Vec<(String, Open)>,
    /// Who takes the visits when they are written.
    pub(super) taker: Option<mpsc::Sender<Box<Visit>>>,
    /// The seeds that it sends.
    pub(super) seeds: Option<SeedReceiver>,
    /// What it has to say about each request.
    pub(super) hook: Option<Hook>,
    /// What it reads out of each page.
    pub(super) extractor: Option<OwnExtractor>,
}

impl Additions {
    /// # Errors
    /// When the engine has no place for what the program adds.
    pub(super) fn check(&self, engine: Engine) -> Result<()> {
        match engine {
            Engine::Processes { .. } if self.extractor.is_some() => Err(Error::Setting(
                "an extractor of the program's own cannot be sent to child processes: take another engine, or have the text \
                 of each page in its visit (Wants::text) and parse that"
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    /// Has seeds that the program sends read too, after the inputs.
    pub(super) fn feed(
        &mut self,
        seeds: Seeds,
        config: &Config,
        from: &Position,
        list: &mut ListMark,
    ) -> Seeds {
        let Some(receiver) = self.seeds.take() else {
            return seeds;
        };
        list.done = false; // the program may have more than it had when the job was left
        seeds.and_then(receiver, config.seeds.clone(), from, config.job.is_some())
    }
}
