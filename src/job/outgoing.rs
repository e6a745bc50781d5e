//! The request of a job, as it is sent and archived.
//!
//! Invariant: what the user attached to a request (credentials, cookies, keys, any header of their own) only goes to
//! the origin that the user named. A link or a redirect to another origin keeps only the headers that every request
//! has, a login of the user's netrc file that is for its host, and with 307 and 308, as in browsers and curl, the body and the headers that describe it: a body is never
//! sent without them.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Method};
use xxhash_rust::xxh3::Xxh3;

use crate::job::authentication::Authentication;
use crate::job::netrc::Netrc;
use crate::job::{Job, basic};
use crate::page::headers::{Headers, is_harmless};
use crate::page::partial::Note;
use crate::url::{HostPattern, PageUrl, UserInfo};

/// Headers that may be sent to another origin after a link or a redirect: they say what haul can read, not who the
/// user is.
const ANYWHERE: [HeaderName; 4] = [
    header::USER_AGENT,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
];

/// Headers that describe a body, and are only sent with one (request-body headers in the Fetch standard).
const OF_BODY: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
];

/// What every request of a run has in common, checked once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    method: Method,
    body: Option<Bytes>,
    /// Headers for the origin that the user named.
    own: HeaderMap,
    /// Headers for any other origin.
    anywhere: HeaderMap,
    /// Headers for some hosts, the most specific patterns last.
    hosts: Vec<(HostPattern, HeaderMap)>,
    /// Logins for hosts to which no other `Authorization` is sent.
    netrc: Option<Netrc>,
    authentication: Authentication,
}

/// One request, for either HTTP client.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    /// Those that all requests of the run share, unless this one has its own.
    pub(crate) headers: Cow<'a, HeaderMap>,
    pub(crate) body: Option<Bytes>,
}

impl Template {
    pub(crate) fn new(method: &Method, headers: &Headers, body: Option<Bytes>) -> Self {
        let own = headers.0.clone();
        let anywhere = own
            .iter()
            .filter(|(name, _)| may_go_anywhere(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self {
            method: method.clone(),
            body,
            own,
            anywhere,
            hosts: Vec::new(),
            netrc: None,
            authentication: Authentication::Basic,
        }
    }

    /// Adds headers for some hosts. Of two patterns that are equally specific, the first one counts.
    pub(crate) fn with_hosts<'h>(
        mut self,
        hosts: impl DoubleEndedIterator<Item = (&'h HostPattern, &'h Headers)>,
    ) -> Self {
        let hosts = hosts.filter(|(_, headers)| !headers.0.is_empty()).rev();
        self.hosts = hosts
            .map(|(hosts, headers)| (hosts.clone(), headers.0.clone()))
            .collect();
        self.hosts.sort_by_key(|(hosts, _)| hosts.rank());
        self
    }

    /// The same, with the logins of a netrc file, and another way to log in.
    pub(crate) fn with_logins(self, netrc: Option<Netrc>, authentication: Authentication) -> Self {
        Self {
            netrc,
            authentication,
            ..self
        }
    }

    /// The method and the login of a job; `None` if it has no login.
    pub(crate) fn login(&self, job: &Job) -> Option<(Method, UserInfo)> {
        let outgoing = self.with_password(job);
        let login = basic::user_info(outgoing.headers.get(header::AUTHORIZATION)?)?;
        Some((outgoing.method, login))
    }

    /// The request of a job.
    pub(crate) fn outgoing(&self, job: &Job) -> Outgoing<'_> {
        let mut outgoing = self.with_password(job);
        if self.authentication == Authentication::Digest
            && let Some(value) = outgoing.headers.get(header::AUTHORIZATION)
            && basic::user_info(value).is_some()
        {
            outgoing.headers.to_mut().remove(header::AUTHORIZATION);
        }
        outgoing
    }

    /// The request of a job, with its login as Basic authentication.
    fn with_password(&self, job: &Job) -> Outgoing<'_> {
        let request = job.request.as_deref();
        let probe = job.probed_with();
        let is_probe = probe.is_some();
        let mut method = probe
            .or_else(|| request.and_then(|request| request.method.clone()))
            .unwrap_or_else(|| self.method.clone());
        let mut body = request
            .and_then(|request| request.body.clone())
            .or_else(|| self.body.clone())
            .filter(|_| !is_probe);
        for hop in &job.hops {
            // RFC 9110 15.4: 303 becomes GET, and by long-standing practice so does a POST after 301 or 302.
            if hop.status == 303 && method != Method::HEAD
                || matches!(hop.status, 301 | 302) && method == Method::POST
            {
                method = Method::GET;
                body = None;
            }
        }
        let own = job.is_own();
        let mut headers = Cow::Borrowed(if own { &self.own } else { &self.anywhere });
        if !self.hosts.is_empty() {
            self.add_for_host(&job.url, own, &mut headers);
        }
        if let Some(request) = request {
            for (name, value) in request
                .headers
                .iter()
                .filter(|(name, _)| own || may_go_anywhere(name))
            {
                headers.to_mut().insert(name.clone(), value.clone());
            }
        }
        if let Some(netrc) = &self.netrc {
            log_in(netrc, job, &mut headers);
        }
        if body.is_none() {
            for name in OF_BODY {
                if headers.contains_key(&name) {
                    headers.to_mut().remove(name);
                }
            }
        }
        Outgoing {
            method,
            headers,
            body,
        }
    }
}

/// Adds the login of a netrc file for the host of a job, unless there is an `Authorization` already.
///
/// One without a password is a user in the URL, and gets the password of that user.
fn log_in(netrc: &Netrc, job: &Job, headers: &mut Cow<'_, HeaderMap>) {
    let in_url = job
        .request
        .as_deref()
        .and_then(|request| request.headers.get(header::AUTHORIZATION))
        .filter(|value| headers.get(header::AUTHORIZATION) == Some(value))
        .and_then(basic::user_info)
        .filter(|user| user.password.is_empty());
    if headers.contains_key(header::AUTHORIZATION) && in_url.is_none() || is_downgraded(job) {
        return;
    }
    let host = job.url.as_url().host_str().unwrap_or_default();
    let user = in_url.as_ref().map(|login| login.user.as_str());
    if let Some(login) = netrc.login(host, user, job.is_own()) {
        let headers = headers.to_mut();
        headers.insert(header::AUTHORIZATION, basic::header(&login));
    }
}

/// Whether a link or a redirect led from https to plain http, where everybody on the way can read what is sent.
fn is_downgraded(job: &Job) -> bool {
    let page = job.found_on.as_deref().unwrap_or_default();
    let from_https = page.starts_with("https:")
        || job
            .hops
            .iter()
            .any(|hop| hop.url.as_url().scheme() == "https");
    from_https && job.url.as_url().scheme() == "http"
}

impl Template {
    /// Adds the headers for a host.
    ///
    /// The user named the host, so it gets them whoever led to it. But no page decides that a secret is sent without
    /// encryption: over http, it only goes to an origin that the user named.
    fn add_for_host(&self, url: &PageUrl, own: bool, headers: &mut Cow<'_, HeaderMap>) {
        let is_safe = own || url.as_url().scheme() == "https";
        let host = url.as_url().host_str().unwrap_or_default();
        for (_, fields) in self.hosts.iter().filter(|(hosts, _)| hosts.matches(host)) {
            for name in fields.keys() {
                if is_safe || is_harmless(name.as_str()) {
                    let headers = headers.to_mut();
                    headers.remove(name);
                    for value in fields.get_all(name) {
                        headers.append(name.clone(), value.clone());
                    }
                }
            }
        }
    }
}

fn may_go_anywhere(name: &HeaderName) -> bool {
    ANYWHERE.contains(name) || OF_BODY.contains(name)
}

impl Outgoing<'_> {
    /// A hash of the request: of its method, URL, headers and body.
    pub(crate) fn fingerprint(&self, url: &PageUrl) -> u128 {
        let mut hash = Xxh3::new();
        let mut part = |bytes: &[u8]| {
            // Each part follows its length, so that different lists of parts never give the same bytes.
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(self.method.as_str().as_bytes());
        part(url.as_str().as_bytes());
        for (name, value) in self.headers.iter() {
            part(name.as_str().as_bytes());
            part(value.as_bytes());
        }
        part(self.body.as_deref().unwrap_or_default());
        hash.digest128()
    }

    /// Adds what only this request has: the answer to a challenge, the cookies that servers set, before the user's own, and
    /// what a program's hook has set.
    pub(crate) fn add(&mut self, job: &Job) {
        if let Some(value) = &job.authorization {
            let headers = self.headers.to_mut();
            headers.insert(header::AUTHORIZATION, value.clone());
        }
        if let Some(cookie) = &job.cookie {
            let mut value = HeaderValue::clone(cookie);
            if let Some(own) = self.headers.get(header::COOKIE) {
                let both = [cookie.as_bytes(), b"; ", own.as_bytes()].concat();
                // Two values that are valid give a valid one.
                value = HeaderValue::from_maybe_shared(Bytes::from(both)).unwrap_or(value);
                value.set_sensitive(true);
            }
            self.headers.to_mut().insert(header::COOKIE, value);
        }
        for (name, value) in job.added.iter().flat_map(|added| added.iter()) {
            self.headers.to_mut().insert(name.clone(), value.clone());
        }
    }

    /// Whether the user wants the connection closed after the response (RFC 9112 9.6).
    pub(crate) fn wants_close(&self) -> bool {
        let connection = self.headers.get(header::CONNECTION);
        connection.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
    }

    /// Requests the rest of a body or of a segment of it, after the bytes that are there.
    ///
    /// The condition is that it is still the same body (RFC 9110 13.1.5).
    pub(crate) fn resume(&mut self, note: &Note, received: u64) {
        let first = note.first() + received;
        let range = match note.segment {
            Some(segment) => format!("bytes={first}-{}", segment.first + segment.length - 1),
            None => format!("bytes={first}-"),
        };
        let range = HeaderValue::try_from(range).expect("digits are a valid header value");
        let headers = self.headers.to_mut();
        headers.insert(header::RANGE, range);
        if let Ok(validator) = HeaderValue::try_from(note.validator()) {
            headers.insert(header::IF_RANGE, validator);
        }
        // The bytes of an encoded body cannot be appended to those of a plain one.
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Hop, Via};

    fn template() -> Template {
        let mut headers = Headers::default();
        for (name, value) in [
            ("user-agent", "haul/1"),
            ("authorization", "Basic eA=="),
            ("x-api-key", "k"),
            ("cookie", "a=b"),
            ("content-type", "text/plain"),
        ] {
            headers.0.insert(name, HeaderValue::from_static(value));
        }
        Template::new(&Method::POST, &headers, Some(Bytes::from("x")))
    }

    fn job(to: &str, hops: &[(&str, u16)]) -> Job {
        let mut job = Job::seed(1, PageUrl::parse(to).unwrap());
        job.hops = hops
            .iter()
            .map(|(url, status)| Hop::new(PageUrl::parse(url).unwrap(), *status))
            .collect();
        job.via = if hops.is_empty() {
            Via::Seed
        } else {
            Via::Redirect
        };
        job
    }

    #[test]
    fn what_the_user_attached_stays_with_the_origin_the_user_named() {
        let template = template();
        let same = template.outgoing(&job("http://a.example/2", &[("http://a.example/1", 307)]));
        assert!(
            ["authorization", "cookie", "x-api-key"]
                .iter()
                .all(|name| same.headers.contains_key(*name))
        );
        for to in [
            "http://b.example/",
            "https://a.example/",
            "http://a.example:8080/",
            "http://www.a.example/",
        ] {
            let other = template.outgoing(&job(to, &[("http://a.example/1", 307)]));
            assert!(
                !["authorization", "cookie", "x-api-key"]
                    .iter()
                    .any(|name| other.headers.contains_key(*name)),
                "{to}"
            );
            assert!(other.headers.contains_key("user-agent"));
            assert!(other.body.is_some() && other.headers.contains_key("content-type"));
        }
        // The secrets do not come back when the chain returns, because it has been elsewhere.
        let back = template.outgoing(&job(
            "http://a.example/2",
            &[("http://a.example/1", 307), ("http://b.example/", 307)],
        ));
        assert!(!back.headers.contains_key("authorization"));
    }

    #[test]
    fn a_login_of_netrc_is_not_sent_in_clear_after_https() {
        let netrc = Netrc::parse("machine b.example login ann password x").unwrap();
        let template = Template::default().with_logins(Some(netrc), Authentication::Basic);
        let has_login = |job: &Job| {
            let outgoing = template.outgoing(job);
            outgoing.headers.contains_key(header::AUTHORIZATION)
        };
        assert!(has_login(&job("http://b.example/", &[])));
        assert!(has_login(&job(
            "http://b.example/",
            &[("http://a.example/", 302)]
        )));
        assert!(has_login(&job(
            "https://b.example/",
            &[("https://a.example/", 302)]
        )));
        assert!(!has_login(&job(
            "http://b.example/",
            &[("https://a.example/", 302)]
        )));
        let mut link = job("http://b.example/", &[]);
        link.reach = crate::job::Reach::PublicOr(None);
        link.found_on = Some("http://a.example/".into());
        assert!(has_login(&link));
        link.found_on = Some("https://a.example/".into());
        assert!(!has_login(&link));
    }

    #[test]
    fn requests_that_differ_in_anything_have_different_fingerprints() {
        let one = job("http://a.example/1", &[]);
        let template = template();
        let fingerprint = |change: fn(&mut Outgoing<'_>)| {
            let mut outgoing = template.outgoing(&one);
            change(&mut outgoing);
            outgoing.fingerprint(&one.url)
        };
        let mut all = vec![
            fingerprint(|_| ()),
            fingerprint(|outgoing| outgoing.method = Method::GET),
            fingerprint(|outgoing| outgoing.body = Some("y".into())),
            fingerprint(|outgoing| outgoing.body = None),
            fingerprint(|outgoing| drop(outgoing.headers.to_mut().remove("cookie"))),
            template
                .outgoing(&one)
                .fingerprint(&job("http://a.example/2", &[]).url),
        ];
        assert_eq!(all[0], fingerprint(|_| ()));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn a_redirected_post_becomes_a_get_unless_the_status_forbids_it() {
        let template = template();
        for (status, method) in [
            (301, Method::GET),
            (302, Method::GET),
            (303, Method::GET),
            (307, Method::POST),
            (308, Method::POST),
        ] {
            let outgoing = template.outgoing(&job(
                "http://a.example/2",
                &[("http://a.example/1", status)],
            ));
            assert_eq!(outgoing.method, method, "{status}");
            assert_eq!(outgoing.body.is_some(), method == Method::POST);
            assert_eq!(
                outgoing.headers.contains_key("content-type"),
                method == Method::POST
            );
        }
    }
}
