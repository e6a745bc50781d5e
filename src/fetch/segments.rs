//! Joins the segments of a body that was received in several.

use super::plan::SpoolPlan;
use super::spool::SpoolFile;
use crate::job::segments::Whole;
use crate::page::Page;
use crate::page::body::Body;
use crate::page::checksum::Claim;
use crate::page::failure::FetchError;

/// Joins the segments of a body that are on disk, and removes their files.
///
/// `is_checked` says whether the user gave a checksum of the body.
///
/// # Errors
/// When a segment is missing, or any error of the file system.
pub(super) fn join(whole: &Whole, plan: &SpoolPlan, is_checked: bool) -> Result<Page, FetchError> {
    let head = &whole.head;
    let claims = [Claim::ReprDigest, Claim::ContentDigest];
    let digest = is_checked || claims.iter().any(|claim| claim.is_in(&head.headers));
    let file = SpoolFile::join(plan, &whole.notes, digest)
        .map_err(|error| FetchError::Spool(error.to_string()))?;
    let body = file.finish().map_or_else(Body::empty, Body::Spooled);
    Ok(Page {
        status: head.status,
        version: head.version,
        headers: head.headers.clone(),
        wire_bytes: head.wire_bytes,
        body,
        remote: head.remote,
        timing: head.timing,
        segments: None,
        known: head.known.clone(),
    })
}
