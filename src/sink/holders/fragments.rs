//! Links to fragments that do not exist on their pages.
//!
//! Pages and links to them come in any order, and may not fit in memory, so the links are processed in batches: for
//! each subset of the pages, one pass over the entries collects the links to it, and a second pass compares them
//! with the ids of the pages. Edge: nothing is reported for pages whose ids are not known (not HTML, not fetched,
//! or too many ids).

use std::collections::{HashMap, HashSet};

use super::entries::Entries;
use super::entry::{EntryKind, LinkEntry};
use super::moves::Redirects;
use crate::error::Result;
use crate::url::fingerprint::Fingerprints;

/// The most links to fragments in memory at a time.
const IN_MEMORY: u64 = 500_000;

/// The target of a fragment link: page, id as written, id decoded; all as fingerprints.
pub(super) type FragmentTarget = (u64, u64, u64);

/// Targets that do not exist, each with the status of its page.
pub(super) type Missing = HashMap<FragmentTarget, u16>;

/// The target of a fragment entry; `None` for other entries.
pub(super) fn fragment_target(entry: &LinkEntry) -> Option<FragmentTarget> {
    match (entry.kind, entry.fingerprints.as_slice()) {
        (EntryKind::Fragment, [page, written, decoded]) => Some((*page, *written, *decoded)),
        _ => None,
    }
}

/// Finds the targets that do not exist. `in_memory` is the most links in memory at a time.
///
/// # Errors
/// If the entries cannot be read.
pub(super) fn missing(
    entries: &mut Entries,
    redirects: &Redirects,
    fingerprints: Fingerprints,
    in_memory: Option<u64>,
) -> Result<Missing> {
    let mut links = 0_u64;
    entries.each(|entry, _| {
        links += u64::from(entry.kind == EntryKind::Fragment);
        Ok(())
    })?;
    let batches = links.div_ceil(in_memory.unwrap_or(IN_MEMORY));
    let mut missing = Missing::new();
    for batch in 0..batches {
        let is_of = |page: u64| page % batches == batch;
        let mut wanted: HashMap<u64, HashSet<FragmentTarget>> = HashMap::new();
        entries.each(|entry, _| {
            if let Some(target) = fragment_target(entry) {
                let page = redirects.end(target.0);
                if is_of(page) {
                    wanted.entry(page).or_default().insert(target);
                }
            }
            Ok(())
        })?;
        entries.each(|entry, _| {
            if entry.kind != EntryKind::Ids {
                return Ok(());
            }
            if let Some(targets) = wanted.remove(&fingerprints.of(&entry.url)) {
                let ids: HashSet<u64> = entry.fingerprints.iter().copied().collect();
                let is_missing =
                    |target: &FragmentTarget| !ids.contains(&target.1) && !ids.contains(&target.2);
                let lost = targets.into_iter().filter(is_missing);
                missing.extend(lost.map(|target| (target, entry.status)));
            }
            Ok(())
        })?;
    }
    Ok(missing)
}
