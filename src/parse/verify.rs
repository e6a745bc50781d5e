//! Whether a body has the checksum that it should have.
//!
//! Invariant: only a body whose bytes were hashed passes a check. Digests of servers are about the bytes as received,
//! after the transfer coding and before the content coding is removed (RFC 9530); checksums of users are about the
//! bytes as saved.

use std::io;

use sha2::{Sha256, Sha512};

use super::content::digest_of;
use crate::job::{Job, Role};
use crate::page::Page;
use crate::page::body::Body;
use crate::page::checksum::{Algorithm, Claim, hex};
use crate::page::failure::FetchError;
use crate::visit::Parsed;

/// Checks a body against the digests that its server sent, and returns which of them there were.
///
/// # Errors
/// When one does not match, or the body's file cannot be read.
pub(super) fn received(job: &Job, page: &Page) -> Result<Vec<Claim>, FetchError> {
    let mut checked = Vec::new();
    let is_stored = page.timing.sent.is_none();
    if is_stored || page.body.is_empty() || !matches!(job.role, Role::Page | Role::Asset) {
        return Ok(checked);
    }
    for claim in [Claim::ContentDigest, Claim::ReprDigest] {
        let Some(sent) = claim.sent(&page.headers) else {
            continue;
        };
        // The digest of the whole says nothing about a part of it.
        if claim == Claim::ReprDigest && page.status == 206 {
            continue;
        }
        let digest = digest(&page.body, sent.algorithm);
        let Some(digest) = digest.map_err(|error| FetchError::Spool(error.to_string()))? else {
            continue;
        };
        if digest != sent.bytes {
            return Err(FetchError::Checksum {
                claim,
                expected: hex(&sent.bytes),
                found: Some(hex(&digest)),
            });
        }
        checked.push(claim);
    }
    Ok(checked)
}

/// Checks a decoded body against the checksum that the user gave, if there is one; returns whether there is.
///
/// # Errors
/// When it does not match, or no body was hashed.
pub(super) fn decoded(job: &Job, page: &Page, parsed: &Parsed) -> Result<bool, FetchError> {
    let Some(checksum) = job.checksum() else {
        return Ok(false);
    };
    // These are failures already, whose bodies are not what was asked for.
    if page.status >= 400 && !parsed.accepted {
        return Ok(false);
    }
    match &parsed.digest {
        Some(digest) if digest == checksum.bytes() => Ok(true),
        other => Err(FetchError::Checksum {
            claim: Claim::User,
            expected: checksum.to_string(),
            found: other.as_ref().map(|digest| hex(digest)),
        }),
    }
}

/// The digest of a body as received; `None` if its bytes were not kept.
fn digest(body: &Body, algorithm: Algorithm) -> io::Result<Option<Vec<u8>>> {
    use sha2::Digest;
    Ok(Some(match (body, algorithm) {
        (Body::Memory(bytes), Algorithm::Sha256) => Sha256::digest(bytes).to_vec(),
        (Body::Memory(bytes), Algorithm::Sha512) => Sha512::digest(bytes).to_vec(),
        (Body::Spooled(spool), Algorithm::Sha256) => match spool.digest {
            Some(known) => known.to_vec(),
            None => digest_of::<Sha256>(spool)?.to_vec(),
        },
        (Body::Spooled(spool), Algorithm::Sha512) => digest_of::<Sha512>(spool)?.to_vec(),
        (Body::Dropped(_), _) => return Ok(None),
    }))
}
