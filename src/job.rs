//! One thing to fetch: a URL, what to send, and how it came to be asked for.
//!
//! A job is made from a line of the user's list, or from an answer (a link, a redirect, a retry). Whatever
//! happens to it, at most one record comes of its `id`. It knows nothing of time-outs or limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};

use crate::failure::FetchError;
use crate::fingerprint::{Fingerprints, canonical};
use crate::page::Page;
use crate::url::{HostKey, PageUrl};

/// One thing to fetch.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number in this run or job, from 1 in the order of admission; 0 before it is admitted.
    pub id: u64,
    /// The line (or argument) of the input that names it, counted from 1 over all inputs; `None` for what a page led to.
    pub row: Option<u64>,
    /// What to ask for now; after a redirect no longer what the list said.
    pub url: PageUrl,
    /// The host that `url` is on.
    pub host: HostKey,
    /// How it came to be asked for.
    pub via: Via,
    /// What the answer is for.
    pub role: Role,
    /// How it is asked for, where its link leaves the crawl.
    pub(crate) probe: Probe,
    /// Links from the seed to here.
    pub depth: u16,
    /// Sitemaps that led to this sitemap, or redirects of a crawl that led to this page, one from the other.
    pub(crate) nesting: u16,
    /// The page that first led here.
    pub found_on: Option<Arc<str>>,
    /// Which addresses it may lead to.
    pub reach: Reach,
    /// The recipes that pages want for what is here, by their names.
    pub recipes: Vec<Arc<str>>,
    /// What the user wants sent and carried, where the list said so; shared, as most jobs have the same.
    pub request: Option<Arc<Request>>,
    /// Headers that a program's hook has set for the request that is about to be sent; gone when the job comes back.
    pub(crate) added: Option<Box<HeaderMap>>,
    /// The answers on the way here, oldest first: redirects followed.
    pub hops: Vec<Hop>,
    /// Tries of this URL that failed before this one, oldest first.
    pub attempts: Vec<Attempt>,
    /// Which pass this is: its record replaces the earlier ones of its URL. 0 for the first record; another for a pass over
    /// the failures, and for a page that was asked again, as a recipe or a link led there after it had a record.
    pub pass: u32,
    /// Whether it has its record, and is read again for what it leads to alone.
    pub(crate) is_reread: bool,
    /// When it was last handed on to be sent, by the wall clock.
    pub sent: Option<SystemTime>,
    /// When it could first have been sent: the queue wait is counted from here.
    pub since: Instant,
    /// When it was last handed to an engine; `None` before the first time.
    pub(crate) leased: Option<Instant>,
    /// Its answer, where that was stored: it is not asked for. No store keeps it.
    pub(crate) stored: Option<Arc<Page>>,
    /// Tries that count against the settings' retries.
    pub(crate) retries: u8,
    /// Tries that do not count: its host was paused, or the request was never processed.
    pub(crate) free_tries: u16,
}

/// How a job came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Via {
    /// The user's own list named it.
    Seed,
    /// An answer redirected here.
    Redirect,
    /// A page linked here.
    Link,
    /// A sitemap, or a robots.txt, named it.
    Sitemap,
}

/// What the answer to a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// A page: it has a record, and its links may be followed.
    Page,
    /// A part of a page: it has a record.
    Asset,
    /// A host's robots.txt: it is read and has no record.
    Robots,
    /// A sitemap: its URLs are followed, and it has no record.
    Sitemap,
    /// Where a link leaves the crawl: it is asked whether it is there, has a record, and its links are not followed.
    External,
}

/// How it is asked whether what a link leads to is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Probe {
    /// With HEAD.
    #[default]
    Head,
    /// With GET, as HEAD was refused; the body is not taken.
    Get,
    /// With GET, as the page is looked into.
    Read,
}

impl Role {
    /// Whether the end of such a job is a record: robots.txt and sitemaps have none.
    pub(crate) const fn has_record(self) -> bool {
        match self {
            Role::Page | Role::Asset | Role::External => true,
            Role::Robots | Role::Sitemap => false,
        }
    }

    /// Whether a robots.txt speaks of such a job. It does not speak of itself; and RFC 9309 is about robots that go from link
    /// to link, while to ask once whether a link is dead is what each of the page's readers does.
    pub(crate) const fn heeds_robots(self) -> bool {
        !matches!(self, Role::Robots | Role::External)
    }
}

/// Which addresses a job may lead to: the user may name any, a page may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Any: the user's list names the host.
    Anywhere,
    /// Public ones, and the private one that itself redirected here.
    PublicOr(Option<IpAddr>),
}

/// What a line of the list says about its request, beyond the URL.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method, where it is not the run's.
    pub method: Option<Method>,
    /// Headers for this request alone; they win over the run's.
    pub headers: HeaderMap,
    /// The body to send, where it is not the run's.
    pub body: Option<bytes::Bytes>,
    /// The other columns of the line, handed through to the record.
    pub columns: Vec<(Arc<str>, serde_json::Value)>,
}

/// One redirect that was followed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hop {
    /// The URL that answered.
    pub url: PageUrl,
    /// With which status.
    pub status: u16,
    /// The whole answer, where an output keeps it. It stays where the job waits: whoever fetches the next hop needs
    /// none of it.
    #[serde(skip)]
    pub answer: Option<Arc<Page>>,
}

/// Two hops are the same that came from the same place with the same status.
impl PartialEq for Hop {
    fn eq(&self, other: &Self) -> bool {
        (&self.url, self.status) == (&other.url, other.status)
    }
}

impl Eq for Hop {}

/// One try that was not the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Its HTTP status, where it got one.
    pub status: Option<u16>,
    /// Its error, where it got no page.
    pub error: Option<FetchError>,
    /// How long it took, from being sent to its end.
    pub took: Duration,
}

impl Request {
    /// Whether it asks for nothing but the URL. Columns that are carried through ask for nothing.
    fn is_plain(&self) -> bool {
        self.method.is_none() && self.body.is_none() && self.headers.is_empty()
    }

    /// Hands over all that tells this request from others to the same URL, each piece behind its length.
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

    /// Whether it asks for anything but the URL, or carries anything.
    pub(crate) fn says_something(&self) -> bool {
        self.method.is_some()
            || self.body.is_some()
            || !(self.headers.is_empty() && self.columns.is_empty())
    }
}

impl Job {
    /// A line of the user's list.
    pub fn seed(row: u64, url: PageUrl) -> Self {
        let host = url.host_key();
        Self::seed_on(row, url, host)
    }

    /// A line of the user's list, its host key already at hand.
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
            hops: Vec::new(),
            attempts: Vec::new(),
            pass: 0,
            is_reread: false,
            sent: None,
            since: Instant::now(),
            leased: None,
            stored: None,
            retries: 0,
            free_tries: 0,
        }
    }

    /// Whether its end is a record: robots.txt and sitemaps have none, and what has one gets no second.
    pub(crate) fn has_record(&self) -> bool {
        self.role.has_record() && !self.is_reread
    }

    /// The method that it is asked with whatever the run's is, where its link leaves the crawl.
    pub(crate) fn probed_with(&self) -> Option<Method> {
        let method = match self.probe {
            Probe::Head => Method::HEAD,
            Probe::Get | Probe::Read => Method::GET,
        };
        (self.role == Role::External).then_some(method)
    }

    /// Whether it was never sent.
    pub(crate) fn is_fresh(&self) -> bool {
        self.leased.is_none()
    }

    /// The robots.txt of this job's host, under the same reach.
    pub(crate) fn robots(host: &HostKey, reach: Reach, now: Instant) -> Option<Box<Self>> {
        let url = PageUrl::parse(&format!("{host}/robots.txt")).ok()?;
        let mut job = Box::new(Self::seed_on(0, url, host.clone()));
        job.row = None;
        job.role = Role::Robots;
        job.reach = reach;
        job.since = now;
        Some(job)
    }

    /// Whether the list says nothing of the request but its URL.
    pub(crate) fn is_plain(&self) -> bool {
        self.request.as_deref().is_none_or(Request::is_plain)
    }

    /// Hands over all that tells this request from others: two jobs with the same pieces ask for the same.
    ///
    /// A plain request is its URL. Of any other, method, body and headers of the list count too, and the URL that the
    /// list named, as a redirect does not make two different requests one.
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

    /// The fingerprint of the request: of a plain one it is that of its URL.
    pub(crate) fn fingerprint(&self, fingerprints: Fingerprints) -> u64 {
        if self.is_plain() {
            return fingerprints.of(self.url.as_str());
        }
        let mut hash = fingerprints.begin();
        self.identity(|piece| hash.update(piece));
        hash.digest()
    }

    /// The URL that the list named: the first of the chain.
    pub fn first_url(&self) -> &PageUrl {
        self.hops.first().map_or(&self.url, |hop| &hop.url)
    }

    /// Whether the page that led here is on the same host.
    pub(crate) fn is_of_the_same_host(&self) -> bool {
        let page = self.found_on.as_deref().unwrap_or_default();
        page.strip_prefix(self.host.as_str())
            .is_some_and(|path| path.starts_with('/'))
    }

    /// The method that the list asks for here, `None` where it is the run's.
    pub fn method(&self) -> Option<&Method> {
        self.request
            .as_ref()
            .and_then(|request| request.method.as_ref())
    }
}

/// Reads the name of a method. They are told apart by case (RFC 9110 9.1), so the common ones are taken to be meant
/// however they are written: `head` is a method that no server knows, and its answer would be waited for in vain.
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

/// Whether sending a request twice means the same as sending it once (RFC 9110 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}
