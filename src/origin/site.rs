//! Which response a path gets.
//!
//! The order is: routes of a test, faults, practice paths, the folder, generated pages. A site is built once, then
//! shared and never changed except for its counters: it may be behind several listeners. Only the folder and the
//! generated pages are paced; a test or a practice path gets what it asks for.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::answer::{Reply, Response, Step};
use super::editions::Changes;
use super::error::OriginError;
use super::faults::Faults;
use super::folder::FolderSite;
use super::generated::Generated;
use super::log::Log;
use super::pace::Pace;
use super::practice;
use super::request::Request;
use super::seal::Seal;
use super::settings::OriginSettings;

/// The most pages that a request may have looked at, which takes less than a second.
const LISTED_LIMIT: u64 = 1_000_000;

/// A site: its content, its behaviour and its log.
#[derive(Debug)]
pub struct Site {
    routes: HashMap<String, Route>,
    openings: Vec<Opening>,
    faults: Faults,
    folder: Option<FolderSite>,
    generated: Option<Generated>,
    fallback: Option<Response>,
    /// The response to everything, in place of all else.
    only: Option<Response>,
    seal: Option<Arc<Seal>>,
    pace: Pace,
    bandwidth: Option<NonZeroU64>,
    log: Log,
    scheme: &'static str,
    edition: u64,
    /// The generated pages of the first edition.
    pages: u64,
}

/// How a connection starts, and with a script, ends.
#[derive(Debug, Clone, Default)]
pub enum Opening {
    /// Requests get responses.
    #[default]
    Converse,
    /// These steps and nothing else, whatever the client sends.
    ///
    /// `Step::ReadHead` waits for a request.
    Script(Vec<Step>),
}

/// What a site has for a request.
#[derive(Debug)]
pub(crate) struct SiteAnswer {
    pub(crate) answer: Response,
    /// The number of earlier requests to the same route.
    pub(crate) turn: u64,
    /// Whether latency, errors and limits apply.
    pub(crate) paced: bool,
    /// Whether the bandwidth applies: to pages, and to bodies whose size is in the path.
    pub(crate) throttled: bool,
}

#[derive(Debug)]
struct Route {
    answer: Response,
    requests: AtomicU64,
}

impl Site {
    /// A site with these settings, without routes of its own.
    ///
    /// # Errors
    /// As [`SiteBuilder::build`].
    pub fn new(settings: OriginSettings) -> Result<Site, OriginError> {
        Site::builder().settings(settings).build()
    }

    /// A builder for a site with routes.
    #[must_use]
    pub fn builder() -> SiteBuilder {
        SiteBuilder::default()
    }

    /// The log of what it saw.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What differs between an earlier edition and the current one.
    ///
    /// It looks at every page, so it takes a while for a large site. Files of the folder have their own path, as in
    /// `/index.html`, and those of its hosts begin with the host, as in `//shop.localhost/index.html`.
    #[must_use]
    pub fn changes_since(&self, edition: u64) -> Changes {
        let folder = self
            .folder
            .as_ref()
            .map(|folder| folder.changes_since(edition));
        let generated = self
            .generated
            .as_ref()
            .map(|pages| pages.changes_since(edition));
        let mut changes = generated.unwrap_or_default();
        changes.changed.extend(folder.unwrap_or_default().changed);
        changes
    }

    pub(crate) fn seal(&self) -> Option<&Seal> {
        self.seal.as_deref()
    }

    pub(crate) fn scheme(&self) -> &'static str {
        self.scheme
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(crate) fn bandwidth(&self) -> Option<NonZeroU64> {
        self.bandwidth
    }

    /// How the connection with that number, counted from 1, starts: the last opening repeats.
    pub(crate) fn opening(&self, connection: u64) -> &Opening {
        let last = self.openings.len().saturating_sub(1);
        let index = usize::try_from(connection.saturating_sub(1))
            .unwrap_or(last)
            .min(last);
        self.openings.get(index).unwrap_or(&Opening::Converse)
    }

    pub(crate) fn find(&self, request: &Request) -> SiteAnswer {
        let exact = self.routes.get(request.path_and_query());
        if let Some(route) = exact.or_else(|| self.routes.get(request.path())) {
            return SiteAnswer {
                answer: route.answer.clone(),
                turn: route.requests.fetch_add(1, Relaxed),
                paced: false,
                throttled: false,
            };
        }
        if let Some(answer) = &self.only {
            return SiteAnswer {
                answer: answer.clone(),
                turn: 0,
                paced: true,
                throttled: true,
            };
        }
        let at_once = |answer| SiteAnswer {
            answer,
            turn: 0,
            paced: false,
            throttled: false,
        };
        let at_pace = |answer| SiteAnswer {
            answer,
            turn: 0,
            paced: true,
            throttled: true,
        };
        if let Some(answer) = self.faults.answer(request) {
            return at_once(answer);
        }
        if let Some(answer) = self.list_changes(request) {
            return at_once(answer);
        }
        if let Some(answer) = practice::answer(request) {
            return SiteAnswer {
                throttled: true,
                ..at_once(answer)
            };
        }
        if let Some(answer) = self
            .folder
            .as_ref()
            .and_then(|folder| folder.answer(request))
        {
            return at_pace(answer);
        }
        if let Some(answer) = self
            .generated
            .as_ref()
            .and_then(|pages| pages.answer(request))
        {
            return at_pace(answer);
        }
        if let Some(answer) = &self.fallback {
            return at_once(answer.clone());
        }
        at_pace(FolderSite::not_found())
    }

    /// The response to `/changes-since/N`; a site with a single edition has no such path.
    fn list_changes(&self, request: &Request) -> Option<Response> {
        if self.edition == 1 {
            return None;
        }
        let since = request.path().strip_prefix("/changes-since/")?;
        let plain = |status, text: String| {
            let reply = Reply::new(status).header("Content-Type", "text/plain; charset=utf-8");
            Some(reply.body(text).into())
        };
        let last = self.edition - 1;
        match since.parse::<u64>() {
            Ok(_) if self.pages > LISTED_LIMIT => {
                plain(400, format!("only up to {LISTED_LIMIT} pages are listed\n"))
            }
            Ok(since) if (1..=last).contains(&since) => {
                plain(200, self.changes_since(since).to_string())
            }
            _ => plain(
                400,
                format!("/changes-since/ takes an edition from 1 to {last}\n"),
            ),
        }
    }
}

/// A builder for a site.
#[derive(Debug, Default)]
pub struct SiteBuilder {
    settings: OriginSettings,
    routes: HashMap<String, Route>,
    openings: Vec<Opening>,
    fallback: Option<Response>,
    only: Option<Response>,
    seal: Option<Arc<Seal>>,
    encrypted: bool,
}

impl SiteBuilder {
    /// Sets the settings.
    #[must_use]
    pub fn settings(mut self, settings: OriginSettings) -> SiteBuilder {
        self.settings = settings;
        self
    }

    /// Sets the response to `path`, for any method.
    ///
    /// A path with a query matches exactly, a path without one matches any query.
    #[must_use]
    pub fn route(mut self, path: &str, answer: impl Into<Response>) -> SiteBuilder {
        self.routes.insert(
            path.to_owned(),
            Route {
                answer: answer.into(),
                requests: AtomicU64::new(0),
            },
        );
        self
    }

    /// Calls `decide` for the response to `path`.
    #[must_use]
    pub fn route_with(
        self,
        path: &str,
        decide: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> SiteBuilder {
        self.route(path, Response::call(decide))
    }

    /// Sets the response to all other paths, instead of 404.
    #[must_use]
    pub fn fallback(mut self, answer: impl Into<Response>) -> SiteBuilder {
        self.fallback = Some(answer.into());
        self
    }

    /// Sets the response to all paths without a route, at the pace of the settings: there are no faults, no practice
    /// paths, no folder and no pages.
    #[must_use]
    pub fn only(mut self, answer: impl Into<Response>) -> SiteBuilder {
        self.only = Some(answer.into());
        self
    }

    /// Sets how the next connection starts; the last opening applies to all that follow.
    #[must_use]
    pub fn opening(mut self, opening: Opening) -> SiteBuilder {
        self.openings.push(opening);
        self
    }

    /// Speaks TLS with clients that begin with its handshake, and opens the tunnels that clients of a proxy ask for, which
    /// all lead to this site.
    #[must_use]
    pub fn sealed(mut self, seal: Arc<Seal>) -> SiteBuilder {
        self.seal = Some(seal);
        self
    }

    /// Makes absolute links and the origin's URLs start with `https`, for a site behind TLS.
    #[must_use]
    pub fn encrypted(mut self) -> SiteBuilder {
        self.encrypted = true;
        self
    }

    /// Builds the site: reads the rules of the folder, and writes the texts of the pages.
    ///
    /// # Errors
    /// When a setting is out of bounds, the folder cannot be read, or its `serve.toml` is wrong.
    pub fn build(self) -> Result<Site, OriginError> {
        let settings = self.settings;
        settings.check()?;
        let scheme = if self.encrypted { "https" } else { "http" };
        Ok(Site {
            routes: self.routes,
            openings: self.openings,
            faults: Faults::default(),
            folder: settings
                .folder
                .as_deref()
                .map(|folder| FolderSite::open(folder, &settings))
                .transpose()?,
            generated: (settings.pages > 0).then(|| Generated::new(&settings, scheme)),
            fallback: self.fallback,
            only: self.only,
            seal: self.seal,
            pace: Pace::new(&settings),
            bandwidth: settings.bandwidth,
            log: Log::new(settings.log),
            scheme,
            edition: settings.edition,
            pages: settings.pages,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_opening_repeats_and_without_any_all_connections_converse() {
        let site = Site::builder()
            .opening(Opening::Script(vec![Step::Close]))
            .opening(Opening::Converse)
            .build()
            .unwrap();
        assert!(matches!(site.opening(1), Opening::Script(_)));
        assert!(matches!(site.opening(2), Opening::Converse));
        assert!(matches!(site.opening(9), Opening::Converse));
        assert!(matches!(
            Site::builder().build().unwrap().opening(1),
            Opening::Converse
        ));
    }

    #[test]
    fn routes_come_before_faults_and_an_exact_query_before_a_bare_path() {
        let site = Site::builder()
            .route("/x", Response::status(201))
            .route("/x?a=1", Response::status(202))
            .route("/status/500", Response::status(204))
            .fallback(Response::status(418))
            .build()
            .unwrap();
        let status = |path: &str| match site
            .find(&Request::of(&format!(
                "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"
            )))
            .answer
        {
            Response::Reply(reply) => reply.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            ["/x?a=2", "/x?a=1", "/status/500", "/status/503", "/none"].map(status),
            [201, 202, 204, 503, 418]
        );
    }
}
