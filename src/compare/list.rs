//! The URLs of a list, all at once: every engine gets the same.
//!
//! Read as any run reads its list, but for asking. Methods, headers and bodies of single lines are not taken over.

use crate::config::Config;
use crate::crawl::crawl;
use crate::error::{Error, Result, Setting};
use crate::event::Event;
use crate::failure::FetchError;
use crate::frontier::Run;
use crate::seeds::SeedSettings;
use crate::stop::Stop;

/// URLs at the most: a comparison holds them all, once for each engine that runs.
const MOST: u64 = 1_000_000;

/// The URLs of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Each URL once, in the order of the list.
    pub urls: Vec<String>,
    /// Lines that are no URL, or repeat one.
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
    let hear = |event: &Event<'_>| {
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
    runtime.block_on(crawl(&config, Stop::new(), hear))?;
    if listed.urls.len() as u64 > MOST {
        let problem = format!("the list has more than {MOST} URLs: compare with some of them");
        return Err(Error::invalid(Setting::Limit, problem));
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_url_of_a_list_is_taken_once_and_in_its_order() {
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
