//! The source of a run's pages: hosts or archives.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::{self, Shelf};
use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::event::Event;

/// The name under which a job stores the state of its archives among its settings.
const STATE: &str = "archives";

/// The source of a run's pages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pages {
    /// Pages are fetched from hosts.
    Asked,
    /// The pages of archives are the list, and each job comes with its page.
    Listed,
    /// Pages are looked up in these archives when a crawl reaches them.
    LookedUp(Vec<PathBuf>),
}

impl Pages {
    /// Returns the source of pages that the settings select.
    ///
    /// # Errors
    /// If archives are combined with other seeds, or are the seeds of a crawl.
    pub(super) fn of(config: &Config) -> Result<Self> {
        let listed = config.seeds.archives().count();
        match &config.crawl {
            None if listed == 0 => Ok(Self::Asked),
            None if listed == config.seeds.sources.len() => Ok(Self::Listed),
            Some(crawl) if listed == 0 => Ok(match crawl.archives.is_empty() {
                true => Self::Asked,
                false => Self::LookedUp(crawl.archives.clone()),
            }),
            _ => Err(Error::Setting(
                "archives cannot be combined with other seeds, and cannot be the seeds of a crawl"
                    .into(),
            )),
        }
    }

    /// Adapts the settings to the source of pages.
    ///
    /// Archives are read without requests, so the settings of engines and hosts do not apply to them.
    ///
    /// # Errors
    /// If an archive of a job cannot be read.
    pub(super) fn fit<'c>(&self, config: &'c Config) -> Result<Cow<'c, Config>> {
        let mut fitted = match self {
            Self::Asked => return Ok(Cow::Borrowed(config)),
            Self::Listed | Self::LookedUp(_) => config.clone(),
        };
        fitted.engine = Engine::Stored;
        let archives: Vec<_> = match self {
            Self::LookedUp(archives) => {
                fitted.frontier = fitted.frontier.of_archives();
                archives.iter().collect()
            }
            _ => {
                fitted.frontier = fitted.frontier.of_stored_pages();
                config.seeds.archives().collect()
            }
        };
        if let Some(job) = &mut fitted.job {
            let states: Result<Vec<_>> = archives
                .into_iter()
                .map(|path| archive::state(path))
                .collect();
            job.settings.insert(STATE.to_owned(), states?.join("\n"));
        }
        Ok(Cow::Owned(fitted))
    }

    /// Opens the archives that pages are looked up in, if any, and reports their damage.
    ///
    /// # Errors
    /// When an archive does not exist, or its pages cannot be read individually.
    pub(super) fn shelf(&self, tell: &mut impl FnMut(&Event<'_>)) -> Result<Option<Arc<Shelf>>> {
        let Self::LookedUp(archives) = self else {
            return Ok(None);
        };
        let shelf = Shelf::open(archives).map_err(|damage| Error::Setting(damage.to_string()))?;
        for damage in shelf.damage() {
            tell(&Event::Notice(&format!(
                "an archive is damaged, and pages behind the damage are missing: {damage}"
            )));
        }
        Ok(Some(Arc::new(shelf)))
    }
}
