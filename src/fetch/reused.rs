//! A page of an earlier run that is used without asking.

use crate::job::Job;
use crate::page::Page;
use crate::page::body::Body;
use crate::page::failure::FetchError;
use crate::past::Lookup;

/// The page of a job as the earlier run had it. Nothing was sent for it, and nothing received.
///
/// # Errors
/// When it cannot be read, or was not read with all the recipes that are wanted by now: then its host has to be asked.
pub(super) fn reused(job: &Job, past: Option<&Lookup>) -> Result<Page, FetchError> {
    let known = past.and_then(|past| {
        let mut known = past.find(&job.url)?;
        known.then.fresh = past.freshness(&job.url);
        Some(known)
    });
    let mut known = known
        .filter(|known| known.fits(&job.recipes))
        .ok_or_else(|| FetchError::Decode("what the earlier run has cannot be used".to_owned()))?;
    known.is_reused = true;
    Ok(Page {
        known: Some(known),
        ..Page::plain(200, Body::empty())
    })
}
