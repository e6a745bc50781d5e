//! The direct connections of one event loop, and those to proxies that take plain requests, with the requests on them.
//!
//! A request takes an idle connection to its host, or opens one; it drives that connection itself, as part of its own
//! future, and afterwards the connection rests in the [pool](pool::Pool), where nobody polls it. So no request wakes a
//! second task, and no lock is taken: everything here belongs to one thread. HTTP/1.1 is [ours](super::http1); HTTP/2
//! comes from the h2 crate. Invariant: the open connections of a lane are bounded, and one is used again only after a
//! response that ended where its framing says. It does not follow redirects or retry.

mod buffers;
mod connect;
mod connection;
mod head;
mod http2;
mod opening;
mod pool;
mod room;
mod session;

use std::cell::RefCell;
use std::future::Future;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use rustix::process::{Resource, getrlimit};

use super::fault::{self, Stage};
use super::guard::admits;
use super::phases::Phases;
use super::proxy::Proxy;
use super::settings::Versions;
use super::shared::Shared;
use crate::job::Job;
use crate::job::outgoing::Outgoing;
use crate::page::failure::{FetchError, Phase};
use buffers::Buffers;
use connect::{Connector, How};
use connection::{Connection, Receiving};
pub(super) use head::Head;
use http2::{Ready, Streaming};
use opening::Opening;
use pool::{Pool, Turn};
use session::{InUse, Session};

/// The most connections that a run may have open, whatever the limit of files: each costs memory.
const MOST: u64 = 4096;

/// The direct connections of one event loop.
pub(super) struct Direct {
    shared: Arc<Shared>,
    connector: Connector,
    pool: Rc<RefCell<Pool>>,
    buffers: Rc<Buffers>,
}

/// The body of a response that is being received.
pub(super) enum Body {
    Http1(Receiving),
    Http2(Streaming),
}

/// What a request is sent on.
enum Line {
    Http1(Box<Connection>),
    /// Together with other requests; with how long it took to open, if it was opened for this one.
    Http2(InUse, Option<Phases>),
}

/// The most connections that a run may have open.
///
/// That is half of the files that it may open, so that outputs, bodies, name lookups and connections in use have
/// the rest.
pub(super) fn limit() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from((files / 2).clamp(1, MOST)).unwrap_or(1)
}

impl Direct {
    /// The connections of a lane, at most `limit` at a time beside those in use.
    pub(super) fn new(shared: &Arc<Shared>, limit: usize) -> Self {
        Self::of(Connector::new(shared), limit, Rc::default())
    }

    /// The same for plain requests through a proxy; `None` if the proxy does not take them itself.
    pub(super) fn through(&self, proxy: &Proxy, limit: usize) -> Option<Self> {
        let connector = self.connector.through(proxy)?;
        Some(Self::of(connector, limit, self.buffers.clone()))
    }

    fn of(connector: Connector, limit: usize, buffers: Rc<Buffers>) -> Self {
        let shared = connector.shared.clone();
        let pool = Pool::new(limit, &shared.plan);
        Self {
            connector,
            pool: Rc::new(RefCell::new(pool)),
            buffers,
            shared,
        }
    }

    /// Sends a request, and receives the head of its response.
    ///
    /// # Errors
    /// Why there is no response.
    pub(super) async fn ask(
        &self,
        job: &Job,
        guarded: bool,
        outgoing: &Outgoing<'_>,
    ) -> Result<(Head, Body), FetchError> {
        let deadlines = &self.shared.plan.settings.deadlines;
        loop {
            match self.line(job, guarded).await? {
                Line::Http1(connection) => {
                    let target = (&job.url, self.connector.form());
                    job.departs();
                    let asked = connection.ask(&self.buffers, outgoing, target, deadlines);
                    let (head, body) = asked.await?;
                    return Ok((head, Body::Http1(body)));
                }
                Line::Http2(in_use, opened) => {
                    // Boxed, because it is larger than the other.
                    let asked = Box::pin(self.ask_http2(in_use, opened, job, outgoing));
                    if let Some(answered) = asked.await? {
                        return Ok(answered);
                    }
                }
            }
        }
    }

    /// Sends a request over HTTP/2; `None` if the connection had been kept and has ended, and nothing was sent.
    async fn ask_http2(
        &self,
        in_use: InUse,
        opened: Option<Phases>,
        job: &Job,
        outgoing: &Outgoing<'_>,
    ) -> Result<Option<(Head, Body)>, FetchError> {
        let Some(ready) = Ready::wait(in_use).await else {
            // A host that closes every connection at once must not be connected to again and again.
            return match opened {
                Some(_) => Err(FetchError::Closed),
                None => Ok(None),
            };
        };
        let phases = opened.unwrap_or_default();
        let target = (&job.url, self.connector.form());
        job.departs();
        match ready.ask(outgoing, target, phases).await {
            Ok((head, body)) => Ok(Some((head, Body::Http2(body)))),
            // RFC 9113 7: it was not processed, and is retried over HTTP/1.1.
            Err(failed) if self.falls_back() && fault::wants_http1(&failed.error) => {
                self.pool.borrow_mut().prefer_http1(&job.host);
                Err(FetchError::Unprocessed("the host wants HTTP/1.1".into()))
            }
            Err(failed) => {
                let deadlines = &self.shared.plan.settings.deadlines;
                Err(failed.fault(&outgoing.method, deadlines))
            }
        }
    }

    /// Receives the next piece of a body; `None` at its end.
    ///
    /// # Errors
    /// Why the body cannot be received further.
    pub(super) async fn chunk(&self, body: &mut Body) -> Result<Option<Bytes>, FetchError> {
        let deadlines = &self.shared.plan.settings.deadlines;
        match body {
            Body::Http1(receiving) => receiving.chunk(&self.buffers, deadlines).await,
            Body::Http2(streaming) => streaming.chunk(deadlines).await,
        }
    }

    /// Takes the connection of a response back, if it may be used again.
    pub(super) fn take_back(&self, body: Body, job: &Job) {
        if let Body::Http1(receiving) = body
            && let Some(connection) = receiving.into_connection()
        {
            self.pool.borrow_mut().put(&job.host, connection);
        }
    }

    /// A connection for a job: an idle one, one that others use too, or a new one.
    async fn line(&self, job: &Job, guarded: bool) -> Result<Line, FetchError> {
        let guards = self.shared.guards(job);
        let clearance = self.shared.clearance(job, guarded);
        // At the other end is the proxy, if there is one: the user named it, so it may be anywhere.
        let guards = guards && !self.connector.is_by_proxy();
        let admitted = |remote: IpAddr| admits(job, remote, None);
        let may_use = |remote: Option<IpAddr>, identity| {
            identity == clearance.identity() && (!guards || remote.is_some_and(admitted))
        };
        let (opening, http1) = loop {
            let (turn, http1) = {
                let mut pool = self.pool.borrow_mut();
                let http1 = pool.wants_http1(&job.host) || self.shared.wants_http1(job);
                let may_be_http2 = !http1 && self.connector.may_be_http2(&job.url);
                (pool.turn(job, may_be_http2, may_use), http1)
            };
            match turn {
                Turn::Idle(connection) => return Ok(Line::Http1(connection)),
                Turn::Shared(in_use) => return Ok(Line::Http2(in_use, None)),
                Turn::Connect => break (None, http1),
                Turn::First(tell) => {
                    break (Some(Opening::new(&self.pool, &job.host, tell)), http1);
                }
                Turn::Wait(mut told) => {
                    // After a failure all of them try at once: one by one, the last would wait for the deadlines of
                    // all others.
                    if told.changed().await.is_err() {
                        break (None, http1);
                    }
                }
            }
        };
        // Boxed, because it is much larger than the rest and most requests open no connection.
        Box::pin(self.open(job, How { clearance, http1 }, opening)).await
    }

    /// Opens a connection for a job.
    async fn open(
        &self,
        job: &Job,
        how: How,
        opening: Option<Opening>,
    ) -> Result<Line, FetchError> {
        let room = self.pool.borrow_mut().room();
        if self.shared.plan.settings.count_connections {
            self.shared.connections.add(1);
        }
        let opened = self.in_time(self.connector.connect(&job.url, how)).await?;
        if !opened.is_http2 {
            if let Some(opening) = opening {
                opening.found_http1();
            }
            return Ok(Line::Http1(Connection::new(opened, room)));
        }
        let deadlines = &self.shared.plan.settings.deadlines;
        let failed = |error| fault::from_client(&error, Stage::Head, deadlines);
        let phases = opened.phases;
        let awaits_limit = self.pool.borrow().awaits_limit(&job.host);
        let start = Session::start(opened, awaits_limit, room);
        let session = self.in_time(async { start.await.map_err(failed) }).await?;
        self.pool.borrow_mut().share(&job.host, session.clone());
        if let Some(opening) = opening {
            opening.found_http2();
        }
        Ok(Line::Http2(session.enter(), Some(phases)))
    }

    /// Whether a host that refuses HTTP/2 is asked over HTTP/1.1.
    fn falls_back(&self) -> bool {
        self.shared.plan.settings.versions == Versions::Any
    }

    /// Waits until the deadline for connections.
    async fn in_time<T>(
        &self,
        steps: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let within = self.shared.plan.settings.deadlines.connect;
        if within.is_zero() {
            return steps.await;
        }
        let late = |_| FetchError::Timeout {
            phase: Phase::Connect,
            after: within,
        };
        tokio::time::timeout(within, steps).await.map_err(late)?
    }
}
