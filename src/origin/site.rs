//! What a server says to which path, in order: routes of a test, faults, practice paths, the folder, generated pages.
//!
//! Built once, then shared and never changed but for its counters: one site may stand behind several listeners.
//! Only the folder and the generated pages are paced; what a test or a path asks for comes as asked.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::answer::{Answer, Step};
use super::faults::Faults;
use super::folder::Folder;
use super::generated::Generated;
use super::log::Log;
use super::pace::Pace;
use super::practice;
use super::request::Request;
use super::settings::OriginSettings;
use super::{Origin, OriginError};

/// A site: content, manners and memory.
#[derive(Debug)]
pub struct Site {
    routes: HashMap<String, Route>,
    openings: Vec<Opening>,
    faults: Faults,
    folder: Option<Folder>,
    generated: Option<Generated>,
    fallback: Option<Answer>,
    pace: Pace,
    bandwidth: Option<NonZeroU64>,
    log: Log,
    scheme: &'static str,
}

/// How a connection begins, and with a script, ends.
#[derive(Debug, Clone, Default)]
pub enum Opening {
    /// Requests are answered.
    #[default]
    Converse,
    /// These steps and nothing else, whatever the client sends. `Step::ReadHead` waits for a request.
    Script(Vec<Step>),
}

/// What was found for a request.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) answer: Answer,
    /// How many requests came to the same route before.
    pub(crate) turn: u64,
    /// Whether latency, errors and limits apply.
    pub(crate) paced: bool,
    /// Whether the bandwidth applies: to pages, and to bodies of a size that a path asks for.
    pub(crate) throttled: bool,
}

#[derive(Debug)]
struct Route {
    answer: Answer,
    asked: AtomicU64,
}

impl Site {
    /// A site of these settings, without routes of its own.
    ///
    /// # Errors
    /// As [`SiteBuilder::build`].
    pub fn new(settings: OriginSettings) -> Result<Site, OriginError> {
        Site::builder().settings(settings).build()
    }

    /// A site to add routes to.
    #[must_use]
    pub fn builder() -> SiteBuilder {
        SiteBuilder::default()
    }

    /// What it saw.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
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

    /// How the connection of that number, counted from 1, begins: the last opening repeats.
    pub(crate) fn opening(&self, connection: u64) -> &Opening {
        let last = self.openings.len().saturating_sub(1);
        let index = usize::try_from(connection.saturating_sub(1))
            .unwrap_or(last)
            .min(last);
        self.openings.get(index).unwrap_or(&Opening::Converse)
    }

    pub(crate) fn find(&self, request: &Request) -> Found {
        let exact = self.routes.get(request.path_and_query());
        if let Some(route) = exact.or_else(|| self.routes.get(request.path())) {
            return Found {
                answer: route.answer.clone(),
                turn: route.asked.fetch_add(1, Relaxed),
                paced: false,
                throttled: false,
            };
        }
        let at_once = |answer| Found {
            answer,
            turn: 0,
            paced: false,
            throttled: false,
        };
        let at_pace = |answer| Found {
            answer,
            turn: 0,
            paced: true,
            throttled: true,
        };
        if let Some(answer) = self.faults.answer(request) {
            return at_once(answer);
        }
        if let Some(answer) = practice::answer(request) {
            return Found {
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
        at_pace(Folder::not_found())
    }
}

/// A site in the making.
#[derive(Debug, Default)]
pub struct SiteBuilder {
    settings: OriginSettings,
    routes: HashMap<String, Route>,
    openings: Vec<Opening>,
    fallback: Option<Answer>,
    encrypted: bool,
}

impl SiteBuilder {
    /// With these settings instead of the defaults.
    #[must_use]
    pub fn settings(mut self, settings: OriginSettings) -> SiteBuilder {
        self.settings = settings;
        self
    }

    /// Answers requests to `path`, any method: with a query that exact one, without a query whatever the query is.
    #[must_use]
    pub fn route(mut self, path: &str, answer: impl Into<Answer>) -> SiteBuilder {
        self.routes.insert(
            path.to_owned(),
            Route {
                answer: answer.into(),
                asked: AtomicU64::new(0),
            },
        );
        self
    }

    /// Answers requests to `path` by calling `decide`.
    #[must_use]
    pub fn route_with(
        self,
        path: &str,
        decide: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> SiteBuilder {
        self.route(path, Answer::call(decide))
    }

    /// Answers what nothing else answers, instead of 404.
    #[must_use]
    pub fn fallback(mut self, answer: impl Into<Answer>) -> SiteBuilder {
        self.fallback = Some(answer.into());
        self
    }

    /// The next connection begins so; the last one given holds for all that follow.
    #[must_use]
    pub fn opening(mut self, opening: Opening) -> SiteBuilder {
        self.openings.push(opening);
        self
    }

    /// Its own absolute links, and its origin's URLs, begin with `https`: for a site that is served through TLS.
    #[must_use]
    pub fn encrypted(mut self) -> SiteBuilder {
        self.encrypted = true;
        self
    }

    /// Builds it: reads the rules of the folder, writes the texts of the pages.
    ///
    /// # Errors
    /// A setting is out of bounds, the folder cannot be read, or its `serve.toml` is wrong.
    pub fn build(self) -> Result<Site, OriginError> {
        let settings = self.settings;
        settings.check()?;
        let scheme = if self.encrypted { "https" } else { "http" };
        Ok(Site {
            routes: self.routes,
            openings: self.openings,
            faults: Faults::default(),
            folder: settings.folder.as_deref().map(Folder::open).transpose()?,
            generated: (settings.pages > 0).then(|| Generated::new(&settings, scheme)),
            fallback: self.fallback,
            pace: Pace::new(&settings),
            bandwidth: settings.bandwidth,
            log: Log::new(settings.log),
            scheme,
        })
    }

    /// Builds it and starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// As [`SiteBuilder::build`] and [`Origin::of`].
    pub fn start(self) -> Result<Origin, OriginError> {
        Origin::of(self.build()?)
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
            .route("/x", Answer::status(201))
            .route("/x?a=1", Answer::status(202))
            .route("/status/500", Answer::status(204))
            .fallback(Answer::status(418))
            .build()
            .unwrap();
        let status = |path: &str| match site
            .find(&Request::of(&format!(
                "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"
            )))
            .answer
        {
            Answer::Reply(reply) => reply.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            ["/x?a=2", "/x?a=1", "/status/500", "/status/503", "/none"].map(status),
            [201, 202, 204, 503, 418]
        );
    }
}
