//! From a job to what is sent: to be sent, and to be archived.
//!
//! Invariant: what the user attached to a request (credentials, cookies, keys, any header of theirs) goes to
//! the origin the user named and to no other. A link or a redirect that leaves it takes along only headers that
//! every request has anyway, and with 307 and 308, as browsers and curl do, the body and the headers that describe it:
//! a body never travels without them.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Method};
use xxhash_rust::xxh3::Xxh3;

use crate::headers::Headers;
use crate::job::{Job, Reach};
use crate::url::PageUrl;

/// Headers that may follow a link or a redirect to another origin: they say what haul can read, not who is asking.
const ANYWHERE: [HeaderName; 4] = [
    header::USER_AGENT,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
];

/// Headers that describe a body, the request-body headers of the Fetch standard: they go where it goes, and not without.
const OF_BODY: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
];

/// What every request of a run has in common, checked once.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    method: Method,
    body: Option<Bytes>,
    /// For the origin that the user named.
    own: HeaderMap,
    /// For any other.
    anywhere: HeaderMap,
}

/// One request, ready for either client.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
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
        }
    }

    /// The request of a job.
    pub(crate) fn outgoing(&self, job: &Job) -> Outgoing {
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
            // RFC 9110 15.4: 303 becomes GET, and by long custom so does a POST answered by 301 or 302.
            if hop.status == 303 && method != Method::HEAD
                || matches!(hop.status, 301 | 302) && method == Method::POST
            {
                method = Method::GET;
                body = None;
            }
        }
        // A link of a crawl leads to origins that the user never named, as a redirect does.
        let own = job.reach == Reach::Anywhere
            && job.hops.iter().all(|hop| hop.url.same_origin(&job.url));
        let mut headers = if own {
            self.own.clone()
        } else {
            self.anywhere.clone()
        };
        if let Some(request) = request {
            for (name, value) in request
                .headers
                .iter()
                .filter(|(name, _)| own || may_go_anywhere(name))
            {
                headers.insert(name.clone(), value.clone());
            }
        }
        if body.is_none() {
            for name in OF_BODY {
                headers.remove(name);
            }
        }
        Outgoing {
            method,
            headers,
            body,
        }
    }
}

fn may_go_anywhere(name: &HeaderName) -> bool {
    ANYWHERE.contains(name) || OF_BODY.contains(name)
}

impl Outgoing {
    /// The request as a number: two that differ in method, URL, headers or body have different ones.
    pub(crate) fn fingerprint(&self, url: &PageUrl) -> u128 {
        let mut hash = Xxh3::new();
        let mut part = |bytes: &[u8]| {
            // With its length before it, so that no two lists of parts run into the same bytes.
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(self.method.as_str().as_bytes());
        part(url.as_str().as_bytes());
        for (name, value) in &self.headers {
            part(name.as_str().as_bytes());
            part(value.as_bytes());
        }
        part(self.body.as_deref().unwrap_or_default());
        hash.digest128()
    }

    /// Takes in what a program's hook has set for this send.
    pub(crate) fn add(&mut self, job: &Job) {
        for (name, value) in job.added.iter().flat_map(|added| added.iter()) {
            self.headers.insert(name.clone(), value.clone());
        }
    }

    /// Asks for the rest of a body of which `from` bytes are here, if it is still the same one (RFC 9110 13.1.5).
    pub(crate) fn resume(&mut self, from: u64, validator: &str) {
        let range =
            HeaderValue::try_from(format!("bytes={from}-")).expect("digits are a header value");
        self.headers.insert(header::RANGE, range);
        if let Ok(validator) = HeaderValue::try_from(validator) {
            self.headers.insert(header::IF_RANGE, validator);
        }
        // Bytes of an encoded body cannot be joined to bytes of a plain one.
        self.headers.insert(
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
            .map(|(url, status)| Hop {
                url: PageUrl::parse(url).unwrap(),
                status: *status,
                answer: None,
            })
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
        // Coming back does not bring the secrets back: the chain has been elsewhere.
        let back = template.outgoing(&job(
            "http://a.example/2",
            &[("http://a.example/1", 307), ("http://b.example/", 307)],
        ));
        assert!(!back.headers.contains_key("authorization"));
    }

    #[test]
    fn requests_that_differ_in_anything_have_different_fingerprints() {
        let one = job("http://a.example/1", &[]);
        let fingerprint = |change: fn(&mut Outgoing)| {
            let mut outgoing = template().outgoing(&one);
            change(&mut outgoing);
            outgoing.fingerprint(&one.url)
        };
        let mut all = vec![
            fingerprint(|_| ()),
            fingerprint(|outgoing| outgoing.method = Method::GET),
            fingerprint(|outgoing| outgoing.body = Some("y".into())),
            fingerprint(|outgoing| outgoing.body = None),
            fingerprint(|outgoing| drop(outgoing.headers.remove("cookie"))),
            template()
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
