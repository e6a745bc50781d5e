//! A program's say in each request, just before it is sent.
//!
//! The hook runs on the loop, once for each send: a redirect, a retry and a robots.txt ask it anew. What it adds travels with
//! the job to its lane, in a child process too, and is gone when the job comes back: no record, job folder or archive
//! ever has it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::error::{Error, Result};
use crate::job::Job;
use crate::outgoing::Outgoing;
use crate::url::PageUrl;

/// Headers that say where a message ends or which part of a body is wanted: haul's own business.
const RESERVED: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::IF_RANGE,
    header::RANGE,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What a hook decides on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It is sent, with the headers that the hook has set.
    Send,
    /// It is not sent. The record has the class `skipped` and this reason.
    Skip(String),
}

/// A request that is about to be sent, as [`Runner::before_each`](crate::Runner::before_each) shows it.
#[derive(Debug)]
pub struct PendingRequest<'a> {
    pub(super) job: &'a Job,
    pub(super) outgoing: Outgoing,
    pub(super) added: HeaderMap,
}

/// What a program has to say about each request.
pub(super) type Hook = Box<dyn FnMut(&mut PendingRequest<'_>) -> Result<Decision>>;

impl PendingRequest<'_> {
    /// Its job: what led to it, the redirects on the way, and the tries before this one.
    pub fn job(&self) -> &Job {
        self.job
    }

    /// The URL that is asked for now: after a redirect, where it led.
    pub fn url(&self) -> &PageUrl {
        &self.job.url
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.outgoing.method
    }

    /// The headers, with those that the hook has set. `Host`, and what belongs to the connection, are added when it is sent.
    pub fn headers(&self) -> &HeaderMap {
        &self.outgoing.headers
    }

    /// The body, where it has one.
    pub fn body(&self) -> Option<&Bytes> {
        self.outgoing.body.as_ref()
    }

    /// Sets a header of this request, in place of one with the same name.
    ///
    /// # Errors
    /// When it is no header, or one that says how the message is sent, as `Content-Length` and `Range` do.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<()> {
        let wrong = |problem: &str| Error::Setting(format!("a hook set {name:?}: {problem}"));
        let name = HeaderName::try_from(name).map_err(|_| wrong("not the name of a header"))?;
        if RESERVED.contains(&name) {
            return Err(wrong("haul sets this header itself"));
        }
        let mut value =
            HeaderValue::try_from(value).map_err(|_| wrong("its value cannot be in a header"))?;
        value.set_sensitive(true);
        self.outgoing.headers.insert(name.clone(), value.clone());
        self.added.insert(name, value);
        Ok(())
    }
}
