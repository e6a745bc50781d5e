//! One URL of a job, as it is stored.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::job::{Job, Reach, Request, Role, Via};
use crate::page::checksum::Checksum;
use crate::page::headers::Headers;
use crate::url::{HostKey, PageUrl};

/// One URL of a job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Its number: 1 for the first one admitted.
    pub(crate) id: u64,
    pub(crate) fingerprint: u64,
    pub(crate) host: HostKey,
    pub(crate) url: Box<str>,
    pub(crate) role: Role,
    pub(crate) via: Via,
    pub(crate) depth: u16,
    /// The row of the list that names it.
    pub(crate) row: Option<u64>,
    /// The number of the page that first linked here; 0 for none.
    pub(crate) found_on: u64,
    /// The URL of that page, if it was looked up: a lease sets it, a commit need not.
    pub(crate) found_on_url: Option<Arc<str>>,
    pub(crate) reach: Reach,
    /// The list's own request (method, headers, body), and the recipes for the page, as JSON.
    pub(crate) request: Option<Box<str>>,
    pub(crate) state: State,
}

/// The state of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits, or is in flight.
    ///
    /// The number is the pass that put it back: then it has a record already, which the next one replaces. 0 if it
    /// was never fetched.
    Waiting(u32),
    /// It has its record, and succeeded.
    Done(Option<u16>),
    /// It has its record, and failed.
    Failed {
        status: Option<u16>,
        class: String,
        message: String,
    },
    /// It is not fetched.
    Skipped { class: String, message: String },
    /// It has its record, and waits to be read again for its links.
    ///
    /// It was found nearer, or as more than a part of a page. The number is that of this pass.
    Reread(u32),
}

/// A change to a known row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Its job is over.
    Settled(Settled),
    /// It got a stronger claim.
    Raised(Raised),
    /// It was rejected, and another row has replaced it.
    Forgotten(u64),
}

/// A URL with a stronger claim than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raised {
    pub(crate) id: u64,
    pub(crate) role: Role,
    pub(crate) depth: u16,
    pub(crate) recipes: Vec<Arc<str>>,
    /// Its new state, if that changes.
    pub(crate) state: Option<State>,
}

/// A job that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) id: u64,
    pub(crate) state: State,
}

/// A request as it is stored.
///
/// Carried columns are JSON, which only a text format preserves as they are.
#[derive(Debug, Serialize, Deserialize)]
struct StoredRequest {
    method: Option<String>,
    headers: Headers,
    body: Option<bytes::Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<Checksum>,
    columns: Vec<(Arc<str>, serde_json::Value)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recipes: Vec<Arc<str>>,
}

impl State {
    /// Whether it has its final record.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self, State::Done(_) | State::Failed { .. })
    }
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
            request: request_text(job.request.as_deref(), &job.recipes),
            state: State::Waiting(job.pass),
        }
    }

    /// The list's own request, and the recipes for the page.
    ///
    /// # Errors
    /// When the stored JSON is damaged.
    pub(crate) fn stored_request(&self) -> Result<(Option<Request>, Vec<Arc<str>>)> {
        let parsed = self.request.as_deref().map(parse_request).transpose();
        let parsed =
            parsed.map_err(|error| Error::store("", format!("row {}: {error}", self.id)))?;
        Ok(parsed.unwrap_or_default())
    }

    /// Applies a stronger claim.
    ///
    /// A page that was to be read again only for its links gets a new record if a new recipe applies.
    ///
    /// # Errors
    /// When the stored JSON is damaged.
    pub(crate) fn raise(&mut self, raised: &Raised) -> Result<()> {
        let (request, recipes) = self.stored_request()?;
        (self.role, self.depth) = (raised.role, raised.depth);
        self.request = request_text(request.as_ref(), &raised.recipes);
        match (&raised.state, &self.state) {
            (Some(state), _) => self.state = state.clone(),
            (None, State::Reread(pass)) if recipes != raised.recipes => {
                self.state = State::Waiting(*pass);
            }
            (None, _) => {}
        }
        Ok(())
    }

    /// Whether a link to it was accepted into the crawl.
    pub(crate) fn was_admitted(&self) -> bool {
        !matches!(&self.state, State::Skipped { class, .. } if class != "robots")
    }

    /// The job of this row.
    ///
    /// # Errors
    /// When the stored JSON is damaged.
    pub(crate) fn into_job(self, now: Instant) -> Result<Box<Job>> {
        let damaged = |what: &str| Error::store("", format!("row {}: {what}", self.id));
        let url = PageUrl::parse(&self.url).map_err(|error| damaged(&error.to_string()))?;
        let (request, recipes) = self.stored_request()?;
        let mut job = Box::new(Job::seed(0, url));
        job.id = self.id;
        job.row = self.row;
        job.via = self.via;
        job.role = self.role;
        job.depth = self.depth;
        job.found_on = self.found_on_url;
        job.reach = self.reach;
        job.request = request.map(Arc::new);
        job.recipes = recipes;
        job.pass = match self.state {
            State::Waiting(pass) | State::Reread(pass) => pass,
            _ => 0,
        };
        job.is_reread = matches!(self.state, State::Reread(_));
        job.since = now;
        Ok(job)
    }
}

fn request_text(request: Option<&Request>, recipes: &[Arc<str>]) -> Option<Box<str>> {
    if request.is_none() && recipes.is_empty() {
        return None;
    }
    let method = request.and_then(|request| request.method.as_ref());
    let stored = StoredRequest {
        method: method.map(|method| method.as_str().to_owned()),
        headers: Headers(
            request
                .map(|request| request.headers.clone())
                .unwrap_or_default(),
        ),
        body: request.and_then(|request| request.body.clone()),
        checksum: request.and_then(|request| request.checksum),
        columns: request
            .map(|request| request.columns.clone())
            .unwrap_or_default(),
        recipes: recipes.to_vec(),
    };
    // JSON can represent all of it: strings, numbers and lists of them.
    Some(serde_json::to_string(&stored).unwrap_or_default().into())
}

/// A request, if the list had one, and recipes.
type RequestAndRecipes = (Option<Request>, Vec<Arc<str>>);

fn parse_request(text: &str) -> std::result::Result<RequestAndRecipes, String> {
    let stored: StoredRequest = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let method = stored.method.map(|method| method.parse());
    let request = Request {
        method: method.transpose().map_err(|_| "not a method".to_owned())?,
        headers: stored.headers.0,
        body: stored.body,
        checksum: stored.checksum,
        columns: stored.columns,
    };
    Ok((request.says_something().then_some(request), stored.recipes))
}

/// The stored text for the addresses that a row may lead to.
pub(super) fn reach_text(reach: Reach) -> String {
    match reach {
        Reach::Anywhere => "any".to_owned(),
        Reach::PublicOr(None) => "public".to_owned(),
        Reach::PublicOr(Some(address)) => address.to_string(),
    }
}

/// Reads [`reach_text`] back.
///
/// The check sum was verified, so anything that is no address is `public`.
pub(super) fn reach_of(text: &str) -> Reach {
    match text {
        "any" => Reach::Anywhere,
        other => Reach::PublicOr(other.parse().ok()),
    }
}

/// The role of a stored number.
pub(super) fn role_of(code: u8) -> Role {
    let all = [
        Role::Page,
        Role::Asset,
        Role::Robots,
        Role::Sitemap,
        Role::External,
        Role::Segment,
    ];
    let known = all.into_iter().find(|role| *role as u8 == code);
    known.unwrap_or(Role::Page)
}

/// The way in which a URL was found, for a stored number.
pub(super) fn via_of(code: u8) -> Via {
    [Via::Seed, Via::Redirect, Via::Link, Via::Sitemap]
        .into_iter()
        .find(|via| *via as u8 == code)
        .unwrap_or(Via::Link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_job_has_its_recipes_and_the_columns_and_checksum_of_the_list() {
        let mut job = Job::seed(1, PageUrl::parse("http://h.example/").unwrap());
        assert_eq!(Row::of(&job, 1, 0).request, None);
        for carried in [false, true] {
            job.recipes = vec!["item".into(), "other".into()];
            job.request = carried.then(|| {
                Arc::new(Request {
                    checksum: Some("ab".repeat(32).parse().unwrap()),
                    columns: vec![("n".into(), 1.into())],
                    ..Request::default()
                })
            });
            let back = Row::of(&job, 1, 0).into_job(Instant::now()).unwrap();
            assert_eq!(back.recipes, job.recipes);
            assert_eq!(back.checksum(), job.checksum());
            let columns = back.request.map(|request| request.columns.clone());
            assert_eq!(
                columns,
                job.request.as_ref().map(|request| request.columns.clone())
            );
        }
    }
}
