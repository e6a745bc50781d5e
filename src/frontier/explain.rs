//! What a job knows about one URL.
//!
//! A URL is identified by its fingerprint, so two spellings of it are the same URL. Edge: this does not say whether
//! a URL that was never seen would belong to the crawl; the scope decides that.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::store::{Reader, Row, State};
use crate::error::Result;
use crate::job::{Role, Via};
use crate::run::wait::Wait;
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;

/// The most pages of a chain that are shown; the seed is one of them.
const MAX_CHAIN: usize = 20;
/// The most pages of a chain that are followed back: more than a crawl can be deep.
const MAX_FOLLOWED: u64 = 70_000;
/// The most seeds that are returned for a URL that was never seen.
const MAX_SEEDS: u32 = 10_000;

/// What a job knows about one URL.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The URL.
    pub url: String,
    /// Each time that it was seen: once in a crawl, in a list up to ten times.
    ///
    /// Empty if it was never seen.
    pub sightings: Vec<Sighting>,
    /// The settings that the job was started with: each value as text, by flag.
    pub settings: BTreeMap<String, String>,
    /// Records of the job so far: the number that `--limit` counts.
    pub records: u64,
    /// What its host, or the whole run, waits for while a haul process works on the job.
    pub wait: Option<Wait>,
    /// Whether the list was read to its end.
    pub list_done: bool,
    /// The seeds of the job, at most ten thousand, if the URL was never seen.
    pub seeds: Vec<String>,
}

/// One time that a URL was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sighting {
    /// Its number in the job.
    pub id: u64,
    /// The URL as it was spelled.
    pub url: String,
    /// How it was found.
    pub via: Via,
    /// What the response is for.
    pub role: Role,
    /// Links from the seed to here.
    pub depth: u16,
    /// The row of the list that names it.
    pub row: Option<u64>,
    /// Its state.
    pub standing: Standing,
    /// The pages that led here, from the seed to the page with the link.
    pub chain: Vec<Step>,
    /// The number of pages left out of the chain, after the first.
    pub left_out: u64,
}

/// The state of a URL.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Standing {
    /// It waits, or is in flight.
    Waiting {
        /// The number of jobs of its host that wait before it.
        ahead: u64,
    },
    /// It was fetched.
    Done {
        /// The status of the last response.
        status: Option<u16>,
    },
    /// It failed.
    Failed {
        /// The status, if there was a response.
        status: Option<u16>,
        /// The class of the failure.
        class: String,
        /// The failure in words.
        message: String,
    },
    /// It is not fetched.
    Skipped {
        /// The class of the reason.
        class: String,
        /// The rule, pattern or limit that decided.
        message: String,
    },
}

/// A page on the way to a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The page.
    pub url: String,
    /// How it was found.
    pub via: Via,
    /// Links from the seed to here.
    pub depth: u16,
}

/// Reports what the job in a folder knows about a URL.
///
/// A haul process may work on it meanwhile.
///
/// # Errors
/// When there is no job, or it is damaged, or its format is another one.
pub fn explain(folder: &Path, url: &PageUrl) -> Result<Explanation> {
    Reader::read(folder, |reader| {
        let known = reader.known();
        let fingerprint = Fingerprints::seeded(known.seed).of(url.as_str());
        let rows = reader.rows_of(fingerprint, url.as_str())?;
        let seeds = match rows.is_empty() {
            true => reader.seeds(MAX_SEEDS)?,
            false => Vec::new(),
        };
        let sightings: Result<Vec<_>> = rows.iter().map(|row| sighting(reader, row)).collect();
        let host = url.host_key();
        let waits = super::ledger::take_waits(&mut known.marks.clone());
        let mut waits = waits.first.into_iter();
        let is_its = |wait: &Wait| wait.host.as_ref().is_none_or(|of| of == host.as_str());
        Ok(Explanation {
            wait: waits.find(is_its),
            url: url.as_str().to_owned(),
            sightings: sightings?,
            settings: known.settings.clone(),
            records: reader.records()?,
            list_done: known.list.done,
            seeds: seeds.into_iter().map(|row| row.url.into()).collect(),
        })
    })
}

fn sighting(reader: &Reader, row: &Row) -> Result<Sighting> {
    let (chain, left_out) = chain(reader, row)?;
    Ok(Sighting {
        id: row.id,
        url: row.url.to_string(),
        via: row.via,
        role: row.role,
        depth: row.depth,
        row: row.row,
        standing: standing(reader, row)?,
        chain,
        left_out,
    })
}

fn standing(reader: &Reader, row: &Row) -> Result<Standing> {
    Ok(match &row.state {
        State::Waiting(_) | State::Reread(_) => Standing::Waiting {
            ahead: reader.ahead_of(row)?,
        },
        State::Done(status) => Standing::Done { status: *status },
        State::Failed {
            status,
            class,
            message,
        } => Standing::Failed {
            status: *status,
            class: class.clone(),
            message: message.clone(),
        },
        State::Skipped { class, message } => Standing::Skipped {
            class: class.clone(),
            message: message.clone(),
        },
    })
}

/// The pages that led to a row, seed first, and how many are left out after the seed.
fn chain(reader: &Reader, row: &Row) -> Result<(Vec<Step>, u64)> {
    let mut steps: Vec<Step> = Vec::new();
    let mut left_out = 0;
    let (mut at, mut followed) = (row.found_on, 0);
    // A page is numbered before the pages that it links to, so numbers only fall and this cannot loop.
    let mut before = row.id;
    while at != 0 && at < before && followed < MAX_FOLLOWED {
        let Some(page) = reader.row(at)? else {
            break;
        };
        let step = Step {
            url: page.url.into(),
            via: page.via,
            depth: page.depth,
        };
        if steps.len() < MAX_CHAIN {
            steps.push(step);
        } else {
            // The last place is always the seed's.
            left_out += 1;
            steps[MAX_CHAIN - 1] = step;
        }
        (before, at) = (at, page.found_on);
        followed += 1;
    }
    steps.reverse();
    Ok((steps, left_out))
}
