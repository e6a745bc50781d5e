//! What an earlier run had of a page: read in place of a body, compared with one, and kept for the next run.

use std::sync::PoisonError;

use http::{StatusCode, header};

use super::body::parse_body;
use super::plan::Plan;
use crate::job::Job;
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::page::freshness::{Exchange, Freshness};
use crate::page::snapshot::{Content, Known, Snapshot};
use crate::parse;
use crate::visit::Parsed;

/// What is read out of a page that did not change, from what an earlier run had.
///
/// If that is its body, the page gets it: then it is as if it had been sent, but for the head of a 304.
///
/// # Errors
/// When it cannot be read.
pub(super) fn unchanged(
    job: &Job,
    page: &mut Page,
    known: &mut Known,
    plan: &Plan,
) -> Result<Parsed, FetchError> {
    if let Content::Packed(content) = &known.content {
        return carried_over(content, &known.then, plan);
    }
    let stored = stored(job, &known.content, plan).map_err(|problem| {
        let problem = format!("the page did not change, and its body cannot be read: {problem}");
        FetchError::Decode(problem)
    })?;
    let parsed = parse_body(job, &stored, plan)?;
    (known.then.sha256, known.then.simhash) = (parsed.digest, parsed.simhash);
    page.body = stored.body;
    if known.is_reused {
        (page.headers, page.version) = (stored.headers, stored.version);
    }
    Ok(parsed)
}

/// Adds the digest and the simhash of a page that may have changed, if its body is in an archive.
///
/// If it cannot be read, nothing is said about the change.
pub(super) fn measure(job: &Job, known: &mut Known, plan: &Plan) {
    if let Some(pages) = plan.stored.as_deref()
        && let Ok(page) = stored(job, &known.content, plan)
        && let Ok(parsed) = parse::parse(job, &page, &pages.compared, false, &plan.memory)
    {
        (known.then.sha256, known.then.simhash) = (parsed.digest, parsed.simhash);
    }
}

/// The page that an archive or the cache has of a job.
fn stored(job: &Job, content: &Content, plan: &Plan) -> Result<Page, String> {
    match (content, &plan.stored, &plan.cached) {
        (Content::Stored(place), Some(pages), _) => {
            let page = pages.bodies.page(&job.url, place);
            page.map_err(|damage| damage.to_string())
        }
        (Content::Cached(body), _, Some(cache)) => {
            let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            let page = cache.page(&job.url, *body);
            page.ok_or_else(|| "it is no longer in the cache, or damaged".to_owned())
        }
        _ => Err("there is no body".to_owned()),
    }
}

/// What an earlier run read out of a page that did not change.
fn carried_over(content: &[u8], then: &Snapshot, plan: &Plan) -> Result<Parsed, FetchError> {
    let parsed = Parsed::unpack(content, plan.parse.fingerprints);
    let parsed = parsed.ok_or_else(|| {
        let problem = "the page did not change, and what the earlier run kept of it cannot be read";
        FetchError::Decode(problem.to_owned())
    })?;
    Ok(Parsed {
        digest: then.sha256,
        simhash: then.simhash,
        ..parsed
    })
}

/// What a later run needs to know about a page. Validators that a 304 does not repeat are those of before.
pub(super) fn snapshot(
    job: &Job,
    page: &Page,
    parsed: &Parsed,
    known: Option<&Known>,
    plan: &Plan,
) -> Option<Snapshot> {
    let known = known.filter(|known| known.is_reused || page.status == StatusCode::NOT_MODIFIED);
    let reused = known.filter(|known| known.is_reused);
    let before = known.map(|known| &known.then);
    let validator = |name, before: Option<&String>| {
        Snapshot::validator(page.headers.text(name)).or_else(|| before.cloned())
    };
    let mut snapshot = Snapshot {
        etag: validator(header::ETAG, before.and_then(|before| before.etag.as_ref())),
        last_modified: validator(
            header::LAST_MODIFIED,
            before.and_then(|before| before.last_modified.as_ref()),
        ),
        sent: reused.map_or(page.timing.sent, |known| known.then.sent),
        sha256: parsed.digest,
        simhash: parsed.simhash,
        fresh: match reused {
            Some(known) => known.then.fresh.clone(),
            None => freshness(job, page, plan),
        },
        recipes: match known {
            Some(known) if !known.is_stored() => known.then.recipes.clone(),
            _ => job.recipes.iter().map(ToString::to_string).collect(),
        },
        content: Box::default(),
    };
    // Otherwise the page is sent again, and its links with it.
    let needs_links = snapshot.has_validator() || snapshot.fresh.is_some();
    snapshot.content = parsed.pack(needs_links)?;
    Some(snapshot)
}

/// Until when a page may be used without asking.
///
/// A 304 has what the whole response would say about that (RFC 9110 15.4.5).
fn freshness(job: &Job, page: &Page, plan: &Plan) -> Option<Freshness> {
    let sent = page.timing.sent?;
    let exchange = Exchange {
        sent,
        answered: sent.checked_add(page.timing.first_byte)?,
    };
    let request = plan.shared.reusable(job)?;
    Freshness::of(&page.headers.0, &request.headers, exchange)
}
