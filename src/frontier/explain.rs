//! What a job knows of one URL.
//!
//! A URL is known by its fingerprint: two spellings of it are one. Edge: whether a URL that was never seen would belong
//! to the crawl is not said here: that is the scope's to judge.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::store::{Reader, Row, State};
use crate::error::Result;
use crate::fingerprint::Fingerprints;
use crate::job::{Role, Via};
use crate::url::PageUrl;
use crate::wait::Wait;

/// Pages of a chain that are told; the seed is one of them.
const CHAIN: usize = 20;
/// Pages of a chain that are followed back: more than the depth of a crawl can be.
const FAR: u64 = 70_000;
/// Seeds that are told for a URL that was never seen.
const SEEDS: u32 = 10_000;

/// What a job knows of one URL.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The URL.
    pub url: String,
    /// Where it was seen: once in a crawl, and in a list as often as it stands there, ten times at the most. Nowhere: it was
    /// never seen.
    pub sightings: Vec<Sighting>,
    /// What the job was begun with: each setting as text by its flag.
    pub settings: BTreeMap<String, String>,
    /// Records that the job has of what was asked: what `--limit` counts.
    pub records: u64,
    /// What its host, or the whole run, waits for while a haul works on the job.
    pub wait: Option<Wait>,
    /// Whether its list was read to its end.
    pub list_done: bool,
    /// The seeds of the job, ten thousand at the most, where the URL was never seen.
    pub seeds: Vec<String>,
}

/// One time that a URL was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sighting {
    /// Its number in the job.
    pub id: u64,
    /// As it was spelled.
    pub url: String,
    /// How it came to be known.
    pub via: Via,
    /// What its answer is for.
    pub role: Role,
    /// Links from the seed to here.
    pub depth: u16,
    /// The row of the list that names it.
    pub row: Option<u64>,
    /// What is known of it.
    pub standing: Standing,
    /// The pages that led here, from the seed to the one that it was found on.
    pub chain: Vec<Step>,
    /// How many of them are left out, after the first.
    pub left_out: u64,
}

/// What is known of a URL.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Standing {
    /// It waits, or is in flight.
    Waiting {
        /// How many of its host wait before it.
        ahead: u64,
    },
    /// It was fetched.
    Done {
        /// The status of the last answer.
        status: Option<u16>,
    },
    /// It failed.
    Failed {
        /// The status, where there was an answer.
        status: Option<u16>,
        /// The class of the failure.
        class: String,
        /// The failure in words.
        message: String,
    },
    /// It is not asked.
    Skipped {
        /// The class of the reason.
        class: String,
        /// Which rule, pattern or limit decided.
        message: String,
    },
}

/// A page on the way to a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The page.
    pub url: String,
    /// How it came to be known.
    pub via: Via,
    /// Links from the seed to here.
    pub depth: u16,
}

/// Says what the job of a folder knows of a URL. A haul may work on it meanwhile.
///
/// # Errors
/// When there is no job, it is damaged, or of another format.
pub fn explain(folder: &Path, url: &PageUrl) -> Result<Explanation> {
    Reader::read(folder, |reader| {
        let known = reader.known();
        let fingerprint = Fingerprints::seeded(known.seed).of(url.as_str());
        let rows = reader.rows_of(fingerprint, url.as_str())?;
        let seeds = match rows.is_empty() {
            true => reader.seeds(SEEDS)?,
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

/// The pages that led to a row, from the seed on, and how many are left out after the first.
fn chain(reader: &Reader, row: &Row) -> Result<(Vec<Step>, u64)> {
    let mut steps: Vec<Step> = Vec::new();
    let mut left_out = 0;
    let (mut at, mut followed) = (row.found_on, 0);
    // Who led somewhere was there before, so numbers only fall: there is no going round.
    let mut before = row.id;
    while at != 0 && at < before && followed < FAR {
        let Some(page) = reader.row(at)? else {
            break;
        };
        let step = Step {
            url: page.url.into(),
            via: page.via,
            depth: page.depth,
        };
        if steps.len() < CHAIN {
            steps.push(step);
        } else {
            // The last place is the seed's, whoever that is.
            left_out += 1;
            steps[CHAIN - 1] = step;
        }
        (before, at) = (at, page.found_on);
        followed += 1;
    }
    steps.reverse();
    Ok((steps, left_out))
}
