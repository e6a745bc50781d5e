//! One URL of a job, as it is kept.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::job::{Job, Reach, Request, Role, Via};
use crate::url::{HostKey, PageUrl};

/// One URL of a job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Its number: 1 for the first that was admitted.
    pub(crate) id: u64,
    pub(crate) fingerprint: u64,
    pub(crate) host: HostKey,
    pub(crate) url: Box<str>,
    pub(crate) role: Role,
    pub(crate) via: Via,
    pub(crate) depth: u16,
    /// The row of the list that names it.
    pub(crate) row: Option<u64>,
    /// The number of the page that first led here; 0 for none.
    pub(crate) found_on: u64,
    /// The URL of that page, where it is at hand: a lease has it, a commit need not.
    pub(crate) found_on_url: Option<Arc<str>>,
    pub(crate) reach: Reach,
    /// What the list says of its request, as JSON.
    pub(crate) request: Option<Box<str>>,
    pub(crate) state: State,
}

/// What is known of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits, or is in flight.
    Waiting,
    /// It has its record, and went well.
    Done(Option<u16>),
    /// It has its record, and failed.
    Failed {
        status: Option<u16>,
        class: String,
        message: String,
    },
    /// It is not asked.
    Skipped { class: String, message: String },
    /// A redirect led here: the job of this number has its record.
    Part(u64),
}

/// A job that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) id: u64,
    pub(crate) state: State,
}

/// A request as it is kept. Carried columns are JSON, which only a text format keeps as they are.
#[derive(Debug, Serialize, Deserialize)]
struct KeptRequest {
    method: Option<String>,
    headers: Headers,
    body: Option<bytes::Bytes>,
    columns: Vec<(Arc<str>, serde_json::Value)>,
}

impl Row {
    /// The row of a job that was admitted.
    pub(crate) fn of(job: &Job, fingerprint: u64, found_on: u64) -> Self {
        Self {
            id: job.id,
            fingerprint,
            host: job.host.clone(),
            url: job.url.as_str().into(),
            role: job.role,
            via: job.via,
            depth: job.depth,
            row: job.row,
            found_on,
            found_on_url: None,
            reach: job.reach,
            request: job.request.as_deref().map(kept),
            state: State::Waiting,
        }
    }

    /// Whether it was let into the crawl, by a link.
    pub(crate) fn was_admitted(&self) -> bool {
        !matches!(&self.state, State::Skipped { class, .. } if class != "robots")
    }

    /// The job that it was.
    ///
    /// # Errors
    /// When what is kept makes no sense.
    pub(crate) fn into_job(self, now: Instant) -> Result<Box<Job>> {
        let damaged = |what: &str| Error::store("", format!("row {}: {what}", self.id));
        let url = PageUrl::parse(&self.url).map_err(|error| damaged(&error.to_string()))?;
        let request = self.request.as_deref().map(read).transpose();
        let request = request.map_err(|error| damaged(&error))?;
        let mut job = Box::new(Job::seed(0, url));
        job.id = self.id;
        job.row = self.row;
        job.via = self.via;
        job.role = self.role;
        job.depth = self.depth;
        job.found_on = self.found_on_url;
        job.reach = self.reach;
        job.request = request.map(Arc::new);
        job.since = now;
        Ok(job)
    }
}

fn kept(request: &Request) -> Box<str> {
    let kept = KeptRequest {
        method: request
            .method
            .as_ref()
            .map(|method| method.as_str().to_owned()),
        headers: Headers(request.headers.clone()),
        body: request.body.clone(),
        columns: request.columns.clone(),
    };
    // Strings, numbers and lists of them: JSON has a place for each.
    serde_json::to_string(&kept).unwrap_or_default().into()
}

fn read(text: &str) -> std::result::Result<Request, String> {
    let kept: KeptRequest = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let method = kept.method.map(|method| method.parse());
    Ok(Request {
        method: method.transpose().map_err(|_| "not a method".to_owned())?,
        headers: kept.headers.0,
        body: kept.body,
        columns: kept.columns,
    })
}

/// Which addresses a row may lead to, as it is kept.
pub(super) fn reach_text(reach: Reach) -> String {
    match reach {
        Reach::Anywhere => "any".to_owned(),
        Reach::PublicOr(None) => "public".to_owned(),
        Reach::PublicOr(Some(address)) => address.to_string(),
    }
}

/// The check sum has said that it is what was written: whatever is no address is `public`.
pub(super) fn reach_of(text: &str) -> Reach {
    match text {
        "any" => Reach::Anywhere,
        other => Reach::PublicOr(other.parse().ok()),
    }
}

/// The role of a number.
pub(super) fn role_of(code: u8) -> Role {
    [Role::Page, Role::Asset, Role::Robots, Role::Sitemap]
        .into_iter()
        .find(|role| *role as u8 == code)
        .unwrap_or(Role::Page)
}

/// The way that a number stands for.
pub(super) fn via_of(code: u8) -> Via {
    [Via::Seed, Via::Redirect, Via::Link, Via::Sitemap]
        .into_iter()
        .find(|via| *via as u8 == code)
        .unwrap_or(Via::Link)
}
