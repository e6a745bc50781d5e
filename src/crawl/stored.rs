//! Where the pages of a run come from: of hosts, or out of archives. What of the settings is other then.

use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::{self, Shelf};
use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::event::Event;

/// What a job keeps of the state of its archives, under this name among its settings.
const STATE: &str = "archives";

/// Where pages come from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pages {
    /// Hosts are asked.
    Asked,
    /// Each job brings its own along: the pages of archives are the list.
    Listed,
    /// They are looked up in these archives, as a crawl comes to them.
    LookedUp(Vec<PathBuf>),
}

impl Pages {
    /// Where these settings say; those are fitted to it. Nothing is asked of archives, so nothing of engines and hosts applies.
    ///
    /// # Errors
    /// When the seeds are archives and something else, or a crawl's; and when an archive of a job cannot be looked at.
    pub(super) fn of(config: &mut Config) -> Result<Self> {
        let listed: Vec<_> = config.seeds.archives().cloned().collect();
        let pages = match &config.crawl {
            None if listed.is_empty() => return Ok(Self::Asked),
            None if listed.len() == config.seeds.sources.len() => Self::Listed,
            Some(crawl) if listed.is_empty() => match crawl.archives.is_empty() {
                true => return Ok(Self::Asked),
                false => Self::LookedUp(crawl.archives.clone()),
            },
            _ => {
                return Err(Error::Setting(
                    "the pages of archives are a list of their own: no crawl begins with them, and no other list goes \
                     with them"
                        .into(),
                ));
            }
        };
        config.engine = Engine::Stored;
        let frontier = config.frontier.clone();
        let archives = match &pages {
            Self::LookedUp(archives) => {
                config.frontier = frontier.of_archives();
                archives
            }
            _ => {
                config.frontier = frontier.of_stored_pages();
                &listed
            }
        };
        if let Some(job) = &mut config.job {
            let states: Result<Vec<_>> = archives.iter().map(archive::state).collect();
            job.settings.insert(STATE.to_owned(), states?.join("\n"));
        }
        Ok(pages)
    }

    /// What pages are looked up in, where they are. What is damaged in it is told.
    ///
    /// # Errors
    /// When an archive is not there, or its pages cannot be had one by one.
    pub(super) fn shelf(&self, tell: &mut impl FnMut(&Event<'_>)) -> Result<Option<Arc<Shelf>>> {
        let Self::LookedUp(archives) = self else {
            return Ok(None);
        };
        let shelf = Shelf::open(archives).map_err(|damage| Error::Setting(damage.to_string()))?;
        for damage in shelf.damage() {
            tell(&Event::Notice(&format!(
                "damaged, and what is behind that is not there: {damage}"
            )));
        }
        Ok(Some(Arc::new(shelf)))
    }
}
