//! What was asked for and is not in the archive: told to the client, counted, and listed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::origin::Reply;
use crate::url::PageUrl;

/// The field of a response that is not one of the archive's.
pub const MISS: &str = "Haul-Miss";

/// The most requests that are listed; all are counted.
const LISTED: usize = 1000;

/// The requests that found nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misses {
    /// All of them.
    pub count: u64,
    /// Method and URL, and how often each was asked for; the first thousand.
    pub listed: BTreeMap<String, u64>,
}

/// The misses of a server.
#[derive(Default)]
pub(super) struct MissLog(Mutex<Misses>);

impl MissLog {
    pub(super) fn so_far(&self) -> Misses {
        let misses = self.0.lock().unwrap_or_else(PoisonError::into_inner); // nothing panics in the middle of a change
        misses.clone()
    }

    /// Counts a request, and says that there is no response to it.
    ///
    /// The status is 404, because a client that asks for what a site lacks expects it: a gateway's 504 would be asked
    /// for again.
    pub(super) fn reply(&self, method: &str, url: &PageUrl) -> Reply {
        let request = format!("{method} {url}");
        let mut misses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        misses.count += 1;
        let has_room = misses.listed.len() < LISTED;
        match misses.listed.get_mut(&request) {
            Some(count) => *count += 1,
            None if has_room => drop(misses.listed.insert(request.clone(), 1)),
            None => {}
        }
        drop(misses);
        let text = format!("haul: the archive has no response to {request}\n");
        told(404, "not in the archive", text)
    }
}

/// Says that a response is in the archive, and cannot be read.
pub(super) fn unreadable(url: &PageUrl, problem: &str) -> Reply {
    told(
        502,
        "damaged",
        format!("haul: the archive is damaged where {url} is: {problem}\n"),
    )
}

fn told(status: u16, why: &'static str, text: String) -> Reply {
    Reply::new(status)
        .header(MISS, why)
        .header("Content-Type", "text/plain; charset=utf-8")
        .header("Cache-Control", "no-store")
        .body(text)
}
