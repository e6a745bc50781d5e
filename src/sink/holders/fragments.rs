//! Links to fragments that do not exist on their pages.
//!
//! Pages and links to them come in any order, and may not fit in memory, so the links are processed in batches: for
//! each subset of the pages, one pass over the entries collects the links to it, and a second pass compares them
//! with the ids of the pages. Edge: nothing is reported for pages whose ids are not known (not HTML, not fetched,
//! or too many ids).

use std::collections::{HashMap, HashSet};

use super::entries::Entries;
use super::entry::{Entry, What};
use super::moves::Moves;
use crate::error::Result;
use crate::fingerprint::Fingerprints;

/// The most links to fragments in memory at a time.
const AT_ONCE: u64 = 500_000;

/// The target of a fragment link: page, id as written, id decoded; all as fingerprints.
pub(super) type Place = (u64, u64, u64);

/// Targets that do not exist, each with the status of its page.
pub(super) type Missing = HashMap<Place, u16>;

/// The target of a fragment entry; `None` for other entries.
pub(super) fn place(entry: &Entry) -> Option<Place> {
    match (entry.what, entry.fingerprints.as_slice()) {
        (What::Fragment, [page, written, decoded]) => Some((*page, *written, *decoded)),
        _ => None,
    }
}

/// Finds the targets that do not exist. `at_once` is the most links in memory at a time.
///
/// # Errors
/// If the entries cannot be read.
pub(super) fn missing(
    entries: &mut Entries,
    moves: &Moves,
    fingerprints: Fingerprints,
    at_once: Option<u64>,
) -> Result<Missing> {
    let mut links = 0_u64;
    entries.each(|entry, _| {
        links += u64::from(entry.what == What::Fragment);
        Ok(())
    })?;
    let shares = links.div_ceil(at_once.unwrap_or(AT_ONCE));
    let mut missing = Missing::new();
    for share in 0..shares {
        let is_of = |page: u64| page % shares == share;
        let mut wanted: HashMap<u64, HashSet<Place>> = HashMap::new();
        entries.each(|entry, _| {
            if let Some(place) = place(entry) {
                let page = moves.end(place.0);
                if is_of(page) {
                    wanted.entry(page).or_default().insert(place);
                }
            }
            Ok(())
        })?;
        entries.each(|entry, _| {
            if entry.what != What::Ids {
                return Ok(());
            }
            if let Some(places) = wanted.remove(&fingerprints.of(&entry.url)) {
                let ids: HashSet<u64> = entry.fingerprints.iter().copied().collect();
                let lost = |place: &Place| !ids.contains(&place.1) && !ids.contains(&place.2);
                let lost = places.into_iter().filter(lost);
                missing.extend(lost.map(|place| (place, entry.status)));
            }
            Ok(())
        })?;
    }
    Ok(missing)
}
