//! A job: a URL to fetch, what to send, and where it came from.
//!
//! A job is made from a line of the user's list, or from a response (a link, a redirect, a retry). Whatever happens
//! to it, its `id` gets at most one record. It knows nothing about timeouts or limits.

pub(crate) mod authentication;
pub(crate) mod basic;
mod challenge;
mod conditional;
pub(crate) mod departed;
pub(crate) mod digest;
pub(crate) mod netrc;
pub(crate) mod outgoing;
pub(crate) mod rows;
pub(crate) mod segments;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use self::departed::Departed;
use self::digest::Digest;
use self::segments::Segments;
use crate::cookies::Jar;
use crate::page::Page;
use crate::page::checksum::Checksum;
use crate::page::failure::FetchError;
use crate::url::fingerprint::{Fingerprints, canonical};
use crate::url::{HostKey, PageUrl};

/// A URL to fetch, with everything that is known about it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number, from 1 in the order of admission; 0 before it is admitted.
    pub id: u64,
    /// Its line (or argument) in the input, counted from 1 over all inputs; `None` for links.
    pub row: Option<u64>,
    /// The URL to request now; after a redirect it differs from the list's.
    pub url: PageUrl,
    /// The host of `url`.
    pub host: HostKey,
    /// Where it came from.
    pub via: Via,
    /// What the response is for.
    pub role: Role,
    /// How it is requested, if its link leaves the crawl.
    pub(crate) probe: Probe,
    /// The number of links from the seed.
    pub depth: u16,
    /// The number of nested sitemaps above this sitemap, or of redirects that led to this page.
    pub(crate) nesting: u16,
    /// The page that first linked here.
    pub found_on: Option<Arc<str>>,
    /// The addresses that it may connect to.
    pub reach: Reach,
    /// The names of the recipes that other pages' recipes want for this page.
    pub recipes: Vec<Arc<str>>,
    /// What the list says about the request; shared, as most jobs have the same.
    pub request: Option<Arc<Request>>,
    /// Headers that a program's hook has set for the next request; removed when the job comes back.
    pub(crate) added: Option<Box<HeaderMap>>,
    /// The cookies of its last request, from those that servers set.
    pub(crate) cookie: Option<Box<HeaderValue>>,
    /// The cookies that were set on its chain of redirects, if each chain has its own.
    pub(crate) jar: Option<Box<Jar>>,
    /// The answer to a Digest challenge, in the request that was sent last.
    pub(crate) authorization: Option<HeaderValue>,
    /// The challenge that this is the answer to, or without one, the challenge to answer next.
    pub(crate) answered: Option<Box<Answered>>,
    /// The number of Digest challenges that it met.
    pub(crate) challenges: u8,
    /// The redirects that were followed, oldest first.
    pub hops: Vec<Hop>,
    /// Earlier failed attempts at this URL, oldest first.
    pub attempts: Vec<Attempt>,
    /// The number of the pass: its record replaces those of earlier passes. 0 for the first record; higher in a retry
    /// of failures, and for a page that was requested again because a recipe or a link led there after it had a
    /// record.
    pub pass: u32,
    /// Whether it already has a record, and is only read again for its links.
    pub(crate) is_reread: bool,
    /// When it was last sent, by the wall clock.
    pub sent: Option<SystemTime>,
    /// When it could first have been sent: its wait in the queue is measured from here.
    pub since: Instant,
    /// When an engine last took it; `None` before the first time.
    pub(crate) leased: Option<Instant>,
    /// Where its lane notes when it left, if its host has a delay.
    pub(crate) departed: Option<Arc<Departed>>,
    /// Its response, if that comes from an archive: then nothing is sent. It is never written to a job.
    pub(crate) stored: Option<Arc<Page>>,
    /// Whether what an earlier run has of its page is used without asking.
    pub(crate) reuse: Reuse,
    /// What it has to do with segments, if its body or that of another job is received in such.
    pub(crate) segments: Option<Segments>,
    /// Attempts that count against the allowed retries.
    pub(crate) retries: u8,
    /// Attempts that do not count: the host was paused, or the request was never processed.
    pub(crate) free_tries: u16,
}

/// The origin of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Via {
    /// The user's list has it.
    Seed,
    /// A response redirected to it.
    Redirect,
    /// A page links to it.
    Link,
    /// A sitemap or a robots.txt lists it.
    Sitemap,
}

/// What the response to a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// A page: it has a record, and its links may be followed.
    Page,
    /// An asset of a page: it has a record.
    Asset,
    /// The robots.txt of a host: it is read, and has no record.
    Robots,
    /// A sitemap: its URLs are followed, and it has no record.
    Sitemap,
    /// A link that leaves the crawl: it is checked, has a record, and its own links are not followed.
    External,
    /// A segment of a large file: it is joined with the others, and has no record.
    Segment,
}

/// Whether what an earlier run has of a page is used without asking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reuse {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// It is: it is still fresh, and no host is asked.
    Yes,
    /// It is not.
    No,
    /// It cannot be read, so the page is requested as if there were no earlier run.
    Unreadable,
}

/// How a link that leaves the crawl is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Probe {
    /// With HEAD.
    #[default]
    Head,
    /// With GET, because HEAD was refused; the body is not downloaded.
    Get,
    /// With GET, because the page is parsed.
    Read,
}

impl Role {
    /// Whether such a job gets a record: robots.txt and sitemaps do not.
    pub(crate) const fn has_record(self) -> bool {
        match self {
            Role::Page | Role::Asset | Role::External => true,
            Role::Robots | Role::Sitemap | Role::Segment => false,
        }
    }

    /// Whether such a job is sent even if no more records are wanted, because other jobs wait for it.
    pub(crate) const fn is_awaited(self) -> bool {
        matches!(self, Role::Robots | Role::Segment)
    }

    /// Whether robots.txt applies to such a job. It does not apply to itself; and RFC 9309 is about robots that go
    /// from link to link, while checking once whether a link is dead is what any reader of the page does.
    pub(crate) const fn heeds_robots(self) -> bool {
        !matches!(self, Role::Robots | Role::External)
    }
}

/// The addresses that a job may connect to: the user may name any, but a page may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Any, because the user's list names the host.
    Anywhere,
    /// Public ones, and this private one, which itself redirected here.
    PublicOr(Option<IpAddr>),
}

/// What a line of the list says about its request, besides the URL.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method, if it is not that of the run.
    pub method: Option<Method>,
    /// Headers of this request, which override those of the run.
    pub headers: HeaderMap,
    /// The body, if it is not that of the run.
    pub body: Option<bytes::Bytes>,
    /// The SHA-256 that the body of the response must have; otherwise it is a failure.
    pub checksum: Option<Checksum>,
    /// The other columns of the line, copied to the record.
    pub columns: Vec<(Arc<str>, serde_json::Value)>,
}

/// A Digest challenge, and which of the answers to it a job gives.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    /// The challenge.
    pub(crate) digest: Arc<Digest>,
    /// The number of the answer, from 1.
    pub(crate) count: u32,
}

/// One redirect that was followed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hop {
    /// The URL that redirected.
    pub url: PageUrl,
    /// The status of the redirect.
    pub status: u16,
    /// The whole response, if an output stores it. It is not sent to child processes, which only need the next hop.
    #[serde(skip)]
    pub answer: Option<Arc<Page>>,
    /// Whether no server sent it: its host had asked before to be reached over https only (RFC 6797).
    pub is_internal: bool,
    /// When its request was sent, by the wall clock; `None` if none was.
    pub sent: Option<SystemTime>,
    /// How long it took, from when it was sent to its end; `None` if no request was sent.
    pub took: Option<Duration>,
    /// How long the response asked to wait, if it did; not limited.
    pub asked_wait: Option<Duration>,
}

impl Hop {
    /// A redirect of which only URL and status are known.
    pub(crate) fn new(url: PageUrl, status: u16) -> Self {
        Self {
            url,
            status,
            answer: None,
            is_internal: false,
            sent: None,
            took: None,
            asked_wait: None,
        }
    }
}

/// Two hops are equal if URL and status are; the stored response does not count.
impl PartialEq for Hop {
    fn eq(&self, other: &Self) -> bool {
        (&self.url, self.status, self.is_internal) == (&other.url, other.status, other.is_internal)
    }
}

impl Eq for Hop {}

/// An attempt that was not the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Its HTTP status, if there was a response.
    pub status: Option<u16>,
    /// Its error, if there was none.
    pub error: Option<FetchError>,
    /// When it was sent, by the wall clock.
    pub sent: Option<SystemTime>,
    /// How long it took, from when it was sent to its end.
    pub took: Duration,
    /// How long its response asked to wait, if it did; not limited.
    pub asked_wait: Option<Duration>,
}

impl Request {
    /// Whether the request is fully described by its URL. Copied columns do not count.
    fn is_plain(&self) -> bool {
        self.method.is_none() && self.body.is_none() && self.headers.is_empty()
    }

    /// Passes on everything that distinguishes requests to the same URL, each piece after its length.
    fn identity(&self, take: &mut impl FnMut(&[u8])) {
        let mut piece = |bytes: &[u8]| {
            take(&(bytes.len() as u64).to_le_bytes());
            take(bytes);
        };
        piece(self.method.as_ref().map_or("", Method::as_str).as_bytes());
        for (name, value) in &self.headers {
            piece(name.as_str().as_bytes());
            piece(value.as_bytes());
        }
        piece(self.body.as_deref().unwrap_or_default());
    }

    /// Whether the line says anything besides the URL, columns included.
    pub(crate) fn says_something(&self) -> bool {
        self.method.is_some()
            || self.body.is_some()
            || self.checksum.is_some()
            || !(self.headers.is_empty() && self.columns.is_empty())
    }
}

impl Job {
    /// A line of the user's list.
    pub fn seed(row: u64, url: PageUrl) -> Self {
        let host = url.host_key();
        Self::seed_on(row, url, host)
    }

    /// A line of the user's list, with its host key.
    pub(crate) fn seed_on(row: u64, url: PageUrl, host: HostKey) -> Self {
        Self {
            id: 0,
            row: Some(row),
            url,
            host,
            via: Via::Seed,
            role: Role::Page,
            probe: Probe::Head,
            depth: 0,
            nesting: 0,
            found_on: None,
            reach: Reach::Anywhere,
            recipes: Vec::new(),
            request: None,
            added: None,
            cookie: None,
            jar: None,
            authorization: None,
            answered: None,
            challenges: 0,
            hops: Vec::new(),
            attempts: Vec::new(),
            pass: 0,
            is_reread: false,
            sent: None,
            since: Instant::now(),
            leased: None,
            departed: None,
            stored: None,
            reuse: Reuse::Unknown,
            segments: None,
            retries: 0,
            free_tries: 0,
        }
    }

    /// Whether it gets a record: robots.txt and sitemaps do not, nor does a page that already has one.
    pub(crate) fn has_record(&self) -> bool {
        self.role.has_record() && !self.is_reread
    }

    /// The method that checks a link that leaves the crawl; `None` for other jobs.
    pub(crate) fn probed_with(&self) -> Option<Method> {
        let method = match self.probe {
            Probe::Head => Method::HEAD,
            Probe::Get | Probe::Read => Method::GET,
        };
        (self.role == Role::External).then_some(method)
    }

    /// Notes that its connection is ready, and it leaves now.
    pub(crate) fn departs(&self) {
        if let Some(departed) = &self.departed {
            departed.note();
        }
    }

    /// Whether it was never sent.
    pub(crate) fn is_fresh(&self) -> bool {
        self.leased.is_none()
    }

    /// A job for the robots.txt of a host, with the same reach.
    pub(crate) fn robots(host: &HostKey, reach: Reach, now: Instant) -> Option<Box<Self>> {
        let url = PageUrl::parse(&format!("{host}/robots.txt")).ok()?;
        let mut job = Box::new(Self::seed_on(0, url, host.clone()));
        job.row = None;
        job.role = Role::Robots;
        job.reach = reach;
        job.since = now;
        Some(job)
    }

    /// Whether the request is fully described by its URL.
    pub(crate) fn is_plain(&self) -> bool {
        self.request.as_deref().is_none_or(Request::is_plain)
    }

    /// Passes everything that distinguishes this request: two jobs with the same pieces are the same request.
    ///
    /// For a plain request, that is its URL. For others, the method, body and headers of the list count too, and the
    /// URL in the list, so that a redirect does not make different requests the same.
    pub(crate) fn identity(&self, mut take: impl FnMut(&[u8])) {
        take(canonical(self.url.as_str()).as_bytes());
        let request = self.request.as_deref();
        if let Some(request) = request.filter(|request| !request.is_plain()) {
            take(b"\n");
            take(canonical(self.first_url().as_str()).as_bytes());
            take(b"\n");
            request.identity(&mut take);
        }
    }

    /// The fingerprint of the request; for a plain one that of its URL.
    ///
    /// Two rows that expect different bodies are both fetched, so that both are checked.
    pub(crate) fn fingerprint(&self, fingerprints: Fingerprints) -> u64 {
        let checksum = self.checksum();
        if self.is_plain() && checksum.is_none() {
            return fingerprints.of(self.url.as_str());
        }
        let mut hash = fingerprints.begin();
        self.identity(|piece| hash.update(piece));
        if let Some(checksum) = checksum {
            hash.update(checksum.bytes());
        }
        hash.digest()
    }

    /// Whether its URL is at an origin that the user named, and no redirect led to another one meanwhile.
    ///
    /// Only then is sent what the user attached to requests.
    pub(crate) fn is_own(&self) -> bool {
        // Like a redirect, a link of a crawl may lead to an origin that the user never named.
        // An internal hop stays on its host, and only makes the connection safer.
        let mut hops = self.hops.iter().filter(|hop| !hop.is_internal);
        self.reach == Reach::Anywhere && hops.all(|hop| hop.url.same_origin(&self.url))
    }

    /// The URL before any redirect: the first of the chain.
    pub fn first_url(&self) -> &PageUrl {
        self.hops.first().map_or(&self.url, |hop| &hop.url)
    }

    /// The URL that it was admitted as: the first of the chain, or its https form if its host is reached by that only.
    pub(crate) fn own_url(&self) -> &PageUrl {
        let own = self.hops.iter().find(|hop| !hop.is_internal);
        own.map_or(&self.url, |hop| &hop.url)
    }

    /// Whether the page that links here is on the same host.
    pub(crate) fn is_of_the_same_host(&self) -> bool {
        let page = self.found_on.as_deref().unwrap_or_default();
        page.strip_prefix(self.host.as_str())
            .is_some_and(|path| path.starts_with('/'))
    }

    /// The SHA-256 that the body of the response must have.
    pub(crate) fn checksum(&self) -> Option<&Checksum> {
        self.request.as_deref()?.checksum.as_ref()
    }

    /// The method in the list; `None` if it is that of the run.
    pub fn method(&self) -> Option<&Method> {
        self.request
            .as_ref()
            .and_then(|request| request.method.as_ref())
    }
}

/// Parses the name of a method. Methods are case-sensitive (RFC 9110 9.1), but the common ones are accepted in any
/// case: `head` as such is a method that no server knows, and haul would wait for a body that never comes.
pub(crate) fn method(name: &str) -> Option<Method> {
    let common = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
        Method::TRACE,
        Method::CONNECT,
    ];
    let meant = common
        .into_iter()
        .find(|method| method.as_str().eq_ignore_ascii_case(name));
    meant.or_else(|| Method::from_bytes(name.as_bytes()).ok())
}

/// Whether sending a request twice has the same effect as sending it once (RFC 9110 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}
