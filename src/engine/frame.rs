//! The frames of the pipe to a child process: jobs one way, visits the other.
//!
//! A frame is its length and postcard. One longer than [`MAX_FRAME`] ends the pipe, since it cannot be genuine. A job
//! is sent without what only the parent needs, its row and its columns: the visit refers to it by number.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fetch::FetchPlan;
use crate::job::segments::Segments;
use crate::job::{Attempt, Hop, Job, Probe, Reach, Request, Reuse, Role, Via};
use crate::page::Page;
use crate::page::checksum::Checksum;
use crate::page::failure::FetchError;
use crate::page::headers::Headers;
use crate::page::memory::{Held, Memory};
use crate::url::PageUrl;
use crate::visit::Parsed;
use crate::worker::ParsePlan;

/// The longest frame, in bytes: a page with its text, both in memory.
const MAX_FRAME: usize = 1 << 30;

/// The largest buffer that is kept for the next frame, in bytes.
const MAX_KEPT_BUFFER: usize = 1 << 20;

/// The first frame to a child: its plan.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) fetch: FetchPlan,
    pub(super) parse: ParsePlan,
    pub(super) in_flight: usize,
}

/// The first frame from a child: that it is ready for jobs, or why it is not.
pub(super) type Ready = std::result::Result<(), String>;

/// A job as it is sent to a child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JobFrame {
    pub(super) number: u64,
    id: u64,
    url: PageUrl,
    via: Via,
    role: Role,
    probe: Probe,
    reach: Reach,
    recipes: Vec<Arc<str>>,
    hops: Vec<Hop>,
    attempts: Vec<Attempt>,
    free_tries: u16,
    method: Option<String>,
    headers: Headers,
    body: Option<Bytes>,
    checksum: Option<Checksum>,
    own_request: bool,
    added: Option<Headers>,
    cookie: Option<Bytes>,
    authorization: Option<Vec<u8>>,
    segments: Option<Segments>,
    reuse: Reuse,
    queued: Duration,
}

/// A visit as it is sent back, without its job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VisitFrame {
    pub(super) number: u64,
    pub(super) outcome: Result<Page, FetchError>,
    pub(super) parsed: Parsed,
    /// The number of connections that the child opened since its last visit.
    pub(super) connections: u64,
}

impl JobFrame {
    pub(super) fn new(number: u64, job: &Job) -> Self {
        let request = job.request.as_deref();
        Self {
            number,
            id: job.id,
            url: job.url.clone(),
            via: job.via,
            role: job.role,
            probe: job.probe,
            reach: job.reach,
            recipes: job.recipes.clone(),
            hops: job.hops.clone(),
            attempts: job.attempts.clone(),
            free_tries: job.free_tries,
            method: request
                .and_then(|request| request.method.as_ref())
                .map(|method| method.as_str().to_owned()),
            headers: request
                .map(|request| Headers(request.headers.clone()))
                .unwrap_or_default(),
            body: request.and_then(|request| request.body.clone()),
            checksum: job.checksum().copied(),
            own_request: request.is_some(),
            added: job.added.as_deref().map(|added| Headers(added.clone())),
            cookie: job
                .cookie
                .as_deref()
                .map(|cookie| Bytes::copy_from_slice(cookie.as_bytes())),
            authorization: job
                .authorization
                .as_ref()
                .map(|value| value.as_bytes().to_vec()),
            segments: job.segments.clone(),
            reuse: job.reuse,
            queued: job.since.elapsed(),
        }
    }

    /// Returns the job for the child, whose row is the number of the job.
    pub(super) fn into_job(self) -> Box<Job> {
        let now = Instant::now();
        let request = self.own_request.then(|| {
            let method = self.method.and_then(|method| method.parse().ok());
            Arc::new(Request {
                method,
                headers: self.headers.0,
                body: self.body,
                checksum: self.checksum,
                columns: Vec::new(),
            })
        });
        let mut job = Box::new(Job::seed(self.number, self.url));
        job.id = self.id;
        job.via = self.via;
        job.role = self.role;
        job.probe = self.probe;
        job.reach = self.reach;
        job.recipes = self.recipes;
        job.request = request;
        job.added = self.added.map(|added| Box::new(added.0));
        let cookie = self.cookie.map(HeaderValue::from_maybe_shared);
        job.cookie = cookie.and_then(Result::ok).map(Box::new);
        let authorization = self
            .authorization
            .and_then(|value| HeaderValue::try_from(value).ok());
        job.authorization = authorization.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        job.hops = self.hops;
        job.attempts = self.attempts;
        job.free_tries = self.free_tries;
        job.segments = self.segments;
        job.reuse = self.reuse;
        job.since = now.checked_sub(self.queued).unwrap_or(now);
        job
    }
}

/// Writes a frame. The caller flushes.
///
/// # Errors
/// When the pipe is closed.
pub(super) fn write(
    pipe: &mut impl Write,
    buffer: &mut Vec<u8>,
    frame: &impl Serialize,
) -> io::Result<()> {
    buffer.clear();
    *buffer = postcard::to_extend(frame, std::mem::take(buffer)).map_err(io::Error::other)?;
    let length = u32::try_from(buffer.len()).map_err(io::Error::other)?;
    pipe.write_all(&length.to_le_bytes())?;
    pipe.write_all(buffer)?;
    buffer.clear();
    buffer.shrink_to(MAX_KEPT_BUFFER);
    Ok(())
}

/// Reads a frame; `None` if the pipe was closed between frames.
///
/// # Errors
/// When the pipe breaks inside a frame, or the bytes are not a frame.
pub(super) fn read<T: DeserializeOwned>(
    pipe: &mut impl Read,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<T>> {
    match length(pipe)? {
        Some(length) => content(pipe, length, buffer).map(Some),
        None => Ok(None),
    }
}

/// Does the same as [`read`], and reserves memory for the frame; waits until there is enough.
///
/// # Errors
/// As [`read`].
pub(super) fn read_within<T: DeserializeOwned>(
    memory: &Memory,
    pipe: &mut impl Read,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(T, Held)>> {
    let Some(length) = length(pipe)? else {
        return Ok(None);
    };
    let reserved = memory.take(2 * length as u64); // the frame and its decoded content
    Ok(Some((content(pipe, length, buffer)?, reserved)))
}

fn length(pipe: &mut impl Read) -> io::Result<Option<usize>> {
    let mut length = [0; 4];
    match pipe.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a frame that is too long to be genuine",
        ));
    }
    Ok(Some(length))
}

fn content<T: DeserializeOwned>(
    pipe: &mut impl Read,
    length: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<T> {
    buffer.clear();
    let count = pipe.take(length as u64).read_to_end(buffer)?;
    if count < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let content = postcard::from_bytes(buffer).map_err(io::Error::other);
    buffer.clear();
    buffer.shrink_to(MAX_KEPT_BUFFER);
    content
}
