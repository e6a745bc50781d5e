//! The body of a response on its way into memory or a file, piece by piece, for both clients.
//!
//! A client waits, reads and writes; what it does next is decided here, the same way for both. Knows neither client.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};

use super::arrival::{Arrival, Asked};
use super::bandwidth::Dues;
use super::intake::{Intake, Next};
use super::phases::Phases;
use super::plan::{FetchPlan, SpoolPlan};
use super::shared::Shared;
use super::spool::SpoolFile;
use crate::job::{Job, Role};
use crate::page::body::{Body, Spool};
use crate::page::checksum::Claim;
use crate::page::failure::FetchError;
use crate::page::headers::Headers;
use crate::page::partial::Note;
use crate::page::snapshot::Known;
use crate::page::{HttpVersion, Page, Timing};

/// A body that is being received.
pub(super) struct Download<'a> {
    plan: &'a FetchPlan,
    version: HttpVersion,
    headers: Headers,
    answered: Answered,
    arrival: Arrival,
    intake: Intake,
    /// Whether the body is wanted; otherwise it is not read.
    wanted: bool,
    /// Whether the user gave a checksum of the body.
    is_checked: bool,
    /// What limits how fast it is received.
    dues: Dues,
    /// Whether it is the body of a robots.txt.
    is_robots: bool,
    /// The segments in which the body is to be received instead.
    segments: Option<Box<[Note]>>,
    /// What an earlier run kept of the page.
    known: Option<Box<Known>>,
}

/// What is known once the head of a response is complete.
pub(super) struct Answered {
    pub(super) started: Instant,
    pub(super) answered: Instant,
    pub(super) remote: Option<SocketAddr>,
    pub(super) phases: Phases,
}

/// What a client does next.
pub(super) enum Step {
    /// Read the next chunk.
    Read,
    /// Write these bytes to the file, opening it if necessary; then read the next chunk.
    Write(Bytes),
    /// Stop: the body is complete.
    End,
}

impl<'a> Download<'a> {
    /// Starts a download from the head of a response.
    ///
    /// # Errors
    /// When what follows is not the body, not the range that was requested, or larger than allowed.
    pub(super) fn new(
        mut asked: Asked,
        job: &Job,
        (status, version, headers): (StatusCode, Version, HeaderMap),
        answered: Answered,
        shared: &'a Shared,
    ) -> Result<Self, FetchError> {
        let plan = &shared.plan;
        let mut headers = Headers(headers);
        let known = asked.known.take();
        let arrival = Arrival::new(asked, job, status, version, &mut headers)?;
        let settings = &plan.settings;
        let wanted = settings.types.want(job, &headers);
        // Other jobs have no number of their own to wait under.
        let may_split = matches!(job.role, Role::Page | Role::Asset) && job.segments.is_none();
        let segments = match wanted && may_split {
            true => arrival.segments(settings.spool.segments, &headers),
            false => None,
        };
        let announced = if wanted {
            arrival.announced()
        } else {
            (0, None)
        };
        Ok(Self {
            intake: Intake::new(settings, announced, answered.answered)?,
            plan,
            version: version.into(),
            headers,
            answered,
            arrival,
            wanted,
            is_checked: job.checksum().is_some(),
            dues: shared.meters.dues(&job.host),
            is_robots: job.role == Role::Robots,
            segments,
            known,
        })
    }

    /// Whether it continues a partial download on disk; then the file is opened first.
    pub(super) fn resumes(&self) -> bool {
        self.wanted && self.arrival.resumes()
    }

    /// Returns the function that opens the file; to be called only once.
    pub(super) fn opener(
        &mut self,
    ) -> impl FnOnce(&SpoolPlan) -> io::Result<SpoolFile> + Send + 'static {
        let claims = [Claim::ReprDigest, Claim::ContentDigest];
        let digest = self.is_checked || claims.iter().any(|claim| claim.is_in(&self.headers));
        self.arrival.opener(digest)
    }

    /// Whether nothing is left to read, even if the connection stays open.
    pub(super) fn is_over(&self) -> bool {
        !self.wanted || self.segments.is_some() || self.arrival.is_whole(self.received())
    }

    /// The number of bytes received.
    pub(super) fn received(&self) -> u64 {
        self.intake.received()
    }

    /// Counts a chunk that has arrived. Returns when the client may go on, if it has to wait for that.
    pub(super) fn pay(&self, chunk: Option<&Bytes>) -> Option<Instant> {
        self.dues.pay(chunk?.len())
    }

    /// Notes that the client has waited for this long.
    pub(super) fn waited(&mut self, pause: Duration) {
        self.intake.pause(pause);
    }

    /// Processes the next chunk, where `None` is the end of the body, and returns what to do next.
    ///
    /// # Errors
    /// When the body is too large, too slow, cut off, or not what the head announced.
    pub(super) fn take(&mut self, chunk: Option<Bytes>) -> Result<Step, FetchError> {
        let Some(mut chunk) = chunk else {
            self.arrival.finish(self.received())?;
            return Ok(Step::End);
        };
        self.arrival.trim(&mut chunk, self.received());
        let next = self.intake.take(chunk, Instant::now())?;
        self.arrival.check(self.received())?;
        let bytes = match next {
            Next::Held if self.arrival.resumes() => self.intake.in_memory(),
            Next::Held => return Ok(Step::Read),
            Next::Spill(bytes) | Next::Write(bytes) => bytes,
        };
        Ok(match self.keeps() {
            true => Step::Write(bytes),
            false => Step::Read,
        })
    }

    /// Whether a body too large for memory goes to a file.
    fn keeps(&self) -> bool {
        self.plan.spool.keep || self.is_checked || self.is_robots
    }

    /// Abandons the download, once nothing writes to the file any more.
    ///
    /// The partial file stays for the next attempt to continue from, unless it turned out to belong to another body.
    pub(super) fn give_up(&self) {
        if self.arrival.check(self.received()).is_err() {
            self.arrival.forget();
        }
    }

    /// Makes the page, with its body in memory or in this file.
    pub(super) fn page(mut self, job: &Job, file: Option<Spool>) -> Page {
        let wire_bytes = self.received();
        let over = self.plan.settings.spool.over.0;
        let body = match file {
            Some(file) => Body::Spooled(file),
            None if !self.wanted || self.segments.is_some() => Body::Dropped(0),
            None if job.role == Role::Segment => Body::Dropped(wire_bytes),
            None if wire_bytes > over && !self.keeps() => Body::Dropped(wire_bytes),
            None => Body::Memory(self.intake.in_memory()),
        };
        Page {
            status: self.arrival.status(),
            version: self.version,
            headers: self.headers,
            body,
            wire_bytes,
            remote: self.answered.remote,
            timing: self.answered.timing(job),
            segments: self.segments,
            known: self.known,
        }
    }
}

impl Answered {
    fn timing(&self, job: &Job) -> Timing {
        let total = self.started.elapsed();
        Timing {
            sent: SystemTime::now().checked_sub(total),
            queued: self.started.saturating_duration_since(job.since),
            first_byte: self.answered.duration_since(self.started),
            total,
            resolve: self.phases.resolve,
            connect: self.phases.connect,
            tls: self.phases.tls,
        }
    }
}
