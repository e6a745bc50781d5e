//! A benchmark of the frontier alone: how fast it admits links, and what each costs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use tokio::runtime::Runtime;

use super::{Discovery, Frontier, FrontierPlan, FrontierSettings, JobFolder, OpenJob};
use crate::error::{Error, Result};
use crate::job::{Job, Role, Via};
use crate::url::PageUrl;

/// Rows per commit: about what a second of crawling finds.
const COMMIT: u64 = 50_000;

/// Measurements of one tenth of the URLs.
#[derive(Debug, Clone, Copy)]
pub struct Tenth {
    /// The number of URLs.
    pub rows: u64,
    /// The time they took, commits included.
    pub took: Duration,
    /// Bytes of the store on disk afterwards.
    pub on_disk: u64,
}

/// Admits URLs, spread over some hosts, into a job in this folder, and measures each tenth.
///
/// # Errors
/// When the job cannot be stored there.
pub fn admit(folder: &Path, urls: u64, hosts: u64) -> Result<Vec<Tenth>> {
    let mut frontier = Frontier::new(FrontierPlan {
        is_crawl: true,
        ..FrontierPlan::list(FrontierSettings::default(), Method::GET)
    });
    let opened = OpenJob::open(JobFolder::lock(folder)?, &Default::default(), &[], 0)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|source| Error::setup("an event loop", source))?;
    let now = Instant::now();
    frontier.keep(opened, |_| (), now)?;
    let page: Arc<str> = Arc::from("http://seed.example/");
    let on = Job::seed(1, PageUrl::placeholder());
    let mut tenths = Vec::new();
    for tenth in 0..10 {
        let begun = Instant::now();
        for number in tenth * urls / 10..(tenth + 1) * urls / 10 {
            let text = format!(
                "http://h{}.example/articles/page-{number}.html",
                number % hosts
            );
            let fingerprint = frontier.fingerprints().of(&text);
            if frontier.seen_as(fingerprint)?.is_none()
                && let Ok(url) = PageUrl::parse(&text)
            {
                let discovery = Discovery {
                    url,
                    fingerprint,
                    on: &on,
                    page: &page,
                    remote: None,
                    role: Role::Page,
                    via: Via::Link,
                    depth: 1,
                    recipe: None,
                    is_refused_page: false,
                };
                frontier.admit_link(discovery, now)?;
            }
            if number % COMMIT == COMMIT - 1 {
                commit(&mut frontier, &runtime, now)?;
            }
        }
        commit(&mut frontier, &runtime, now)?;
        tenths.push(Tenth {
            rows: urls / 10,
            took: begun.elapsed(),
            on_disk: on_disk(folder),
        });
    }
    Ok(tenths)
}

/// Starts a commit after the previous one is done: one runs while the next is collected.
fn commit(frontier: &mut Frontier, runtime: &Runtime, now: Instant) -> Result<()> {
    while frontier.awaits_store() {
        let answer = runtime.block_on(frontier.store_reply())?;
        frontier.take(answer, now)?;
    }
    if let Some(gathered) = frontier.gather() {
        let none: std::collections::BTreeMap<String, ()> = Default::default();
        frontier.commit(gathered, none);
    }
    Ok(())
}

fn on_disk(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}
