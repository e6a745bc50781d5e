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

/// Opens a program's own sink, where it is to start.
pub(super) type Open = Box<dyn FnOnce(Start<'_>) -> Result<Box<dyn Sink>>>;

/// What a program adds to the settings of a run.
#[derive(Default)]
pub(super) struct Additions {
    /// What its own sinks need from a page.
    pub(super) wants: Wants,
    /// Its own sinks, with the names of their marks.
    pub(super) sinks: Vec<(String, Open)>,
    /// Receives the visits when they are written.
    pub(super) taker: Option<mpsc::Sender<Box<Visit>>>,
    /// The seeds that it sends.
    pub(super) seeds: Option<SeedReceiver>,
    /// Its hook, which is called before each request.
    pub(super) hook: Option<Hook>,
    /// Its extractor.
    pub(super) extractor: Option<OwnExtractor>,
}

impl Additions {
    /// Checks that the engine supports what the program adds.
    ///
    /// # Errors
    /// If it does not.
    pub(super) fn check(&self, engine: Engine) -> Result<()> {
        match engine {
            Engine::Processes { .. } if self.extractor.is_some() => Err(Error::Setting(
                "an extractor cannot be sent to child processes: use another engine, or set Wants::text and parse the text \
                 of each visit"
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    /// Makes the run also read the seeds that the program sends, after the inputs.
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
        list.done = false; // the program may have more seeds than the last time
        seeds.and_then(receiver, config.seeds.clone(), from, config.job.is_some())
    }
}
