//! All URLs of a list, read before the comparison starts: every engine gets the same ones.
//!
//! The list is read as in any other run, but nothing is fetched. Methods, headers and bodies given on single lines are
//! ignored.

use crate::config::Config;
use crate::crawl::crawl;
use crate::error::{Error, Result, Setting};
use crate::frontier::Run;
use crate::page::failure::FetchError;
use crate::run::event::Event;
use crate::run::stop::Stop;
use crate::seeds::SeedSettings;

/// The most URLs: a comparison keeps them all in memory, with another copy in the engine that runs.
const MOST: u64 = 1_000_000;

/// The URLs of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Each URL once, in the order of the list.
    pub urls: Vec<String>,
    /// Lines that are not a URL or repeat an earlier one.
    pub left_out: u64,
}

/// Reads a list.
///
/// # Errors
/// When it cannot be read, or has more than a million URLs.
pub fn listed(seeds: SeedSettings) -> Result<Listed> {
    let mut config = Config::new(SeedSettings {
        limit: Some(seeds.limit.unwrap_or(MOST + 1)),
        ..seeds
    });
    config.frontier.run = Run::Dry;
    let mut listed = Listed::default();
    let on_event = |event: &Event<'_>| {
        if let Event::Visited(visit) = event {
            match visit.outcome {
                Err(FetchError::Malformed { .. } | FetchError::Duplicate { .. }) => {
                    listed.left_out += 1;
                }
                _ => listed.urls.push(visit.job.url.to_string()),
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::setup("the event loop", source))?;
    runtime.block_on(crawl(&config, Stop::new(), on_event))?;
    if listed.urls.len() as u64 > MOST {
        let problem = format!("the list has more than {MOST} URLs: compare with fewer");
        return Err(Error::invalid(Setting::Limit, problem));
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_url_of_a_list_is_read_once_and_in_order() {
        let urls = [
            "http://b.example/",
            "http://a.example/x",
            "ftp://c.example/",
            "http://b.example/",
        ];
        let listed = listed(SeedSettings::urls(urls)).unwrap();
        assert_eq!(listed.urls, ["http://b.example/", "http://a.example/x"]);
        assert_eq!(listed.left_out, 2);
    }
}
