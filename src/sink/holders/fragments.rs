//! Which places that links lead to are not on their pages.
//!
//! Pages and the links to them come in any order and may be more than memory holds, so the links are looked at a share at a
//! time: each walk through the entries gathers those to one share of the pages, and the next one compares them with the ids of these.
//! Edge: of a page without ids that are known (it is no HTML, was not asked, or has too many) nothing is said.

use std::collections::{HashMap, HashSet};

use super::entries::Entries;
use super::entry::{Entry, What};
use super::moves::Moves;
use crate::error::Result;
use crate::fingerprint::Fingerprints;

/// Links to places that are held in memory at a time.
const AT_ONCE: u64 = 500_000;

/// A place: the page that a link names, the id as it is written there, and decoded.
pub(super) type Place = (u64, u64, u64);

/// Places that are not there, each with the status of its page.
pub(super) type Missing = HashMap<Place, u16>;

/// The place that an entry of a fragment is about.
pub(super) fn place(entry: &Entry) -> Option<Place> {
    match (entry.what, entry.fingerprints.as_slice()) {
        (What::Fragment, [page, written, decoded]) => Some((*page, *written, *decoded)),
        _ => None,
    }
}

/// Finds the places that are not there. `at_once` says how many links are held in memory.
///
/// # Errors
/// When the entries cannot be read.
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
