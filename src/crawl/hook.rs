//! The hook: a program's control over each request, just before it is sent.
//!
//! It runs on the loop, once for each send: redirects, retries and robots.txt requests call it again. The headers that
//! it adds travel with the job to its lane, even in a child process, and are dropped when the job comes back: no
//! record, job folder or archive ever contains them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::error::{Error, Result};
use crate::job::Job;
use crate::job::outgoing::Outgoing;
use crate::url::PageUrl;

/// Headers that haul controls: they frame the message, or select a part of the body.
const RESERVED: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::IF_RANGE,
    header::RANGE,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A hook's decision about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Send it, with the headers that the hook has set.
    Send,
    /// Do not send it. The record has the class `skipped` and this reason.
    Skip(String),
}

/// A request that is about to be sent.
///
/// The hook of [`Runner::before_each`](crate::Runner::before_each) gets it.
#[derive(Debug)]
pub struct PendingRequest<'a> {
    pub(super) job: &'a Job,
    pub(super) outgoing: Outgoing<'a>,
    pub(super) added: HeaderMap,
}

/// A function of the program that is called before each request.
pub(super) type Hook = Box<dyn FnMut(&mut PendingRequest<'_>) -> Result<Decision>>;

impl PendingRequest<'_> {
    /// The job: where its URL was found, its redirects, and its earlier attempts.
    pub fn job(&self) -> &Job {
        self.job
    }

    /// The URL to be requested: after a redirect, its target.
    pub fn url(&self) -> &PageUrl {
        &self.job.url
    }

    /// The method of the request.
    pub fn method(&self) -> &Method {
        &self.outgoing.method
    }

    /// The headers, including those that the hook has set.
    ///
    /// `Host` and the headers of the connection are added later, when it is sent.
    pub fn headers(&self) -> &HeaderMap {
        &self.outgoing.headers
    }

    /// The body, if it has one.
    pub fn body(&self) -> Option<&Bytes> {
        self.outgoing.body.as_ref()
    }

    /// Sets a header of this request, replacing one with the same name.
    ///
    /// # Errors
    /// When it is not a valid header, or one that controls how the message is sent, such as `Content-Length` or
    /// `Range`.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<()> {
        let wrong = |problem: &str| Error::Setting(format!("a hook set {name:?}: {problem}"));
        let name = HeaderName::try_from(name).map_err(|_| wrong("not the name of a header"))?;
        if RESERVED.contains(&name) {
            return Err(wrong("haul sets this header itself"));
        }
        let mut value =
            HeaderValue::try_from(value).map_err(|_| wrong("its value cannot be in a header"))?;
        value.set_sensitive(true);
        let headers = self.outgoing.headers.to_mut();
        headers.insert(name.clone(), value.clone());
        self.added.insert(name, value);
        Ok(())
    }
}
