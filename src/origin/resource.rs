//! A resource for tests: content with its validators and its freshness (RFC 9111), and conditional requests for it.
//!
//! It is a route like any response, and in a sequence it is one version of a page that changes. Invariant: a 304 has
//! the headers of the 200, apart from those about the body (RFC 9110 15.4.5).

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::answer::{Body, Response};
use super::representation::{Representation, is_in_304};
use super::request::Request;
use super::validators::Validators;

/// A resource that answers conditional and range requests.
///
/// ```no_run
/// # fn main() -> Result<(), haul::origin::OriginError> {
/// use haul::origin::{Resource, Response, Site, Validators};
///
/// let before = Resource::page("<p>before").cache_control("max-age=60");
/// let after = Resource::page("<p>after").validators(Validators::Always304); // this server does not notice
/// let versions = vec![before.into(), after.into()];
/// let site = Site::builder().route("/page", Response::Sequence(versions)).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Resource {
    content_type: Cow<'static, str>,
    body: Bytes,
    version: String,
    modified: Option<SystemTime>,
    validators: Option<Validators>,
    headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    expires_after: Option<Duration>,
    responses: AtomicU64,
}

impl Resource {
    /// HTML in UTF-8.
    pub fn page(html: impl Into<Bytes>) -> Resource {
        Resource::new("text/html; charset=utf-8", html)
    }

    /// A body of this type, with a strong `ETag` made from its bytes.
    pub fn new(content_type: impl Into<Cow<'static, str>>, body: impl Into<Bytes>) -> Resource {
        let body = body.into();
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Resource {
            content_type: content_type.into(),
            body,
            version: format!("{:x}", hasher.finish()),
            modified: None,
            validators: None,
            headers: Vec::new(),
            expires_after: None,
            responses: AtomicU64::new(0),
        }
    }

    /// Sets what the `ETag` is made of: `v1` gives `"v1"`, or `W/"v1"` if it is weak.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Resource {
        self.version = version.into();
        self
    }

    /// Sets `Last-Modified`, which is sent in addition to the `ETag`.
    #[must_use]
    pub fn modified(mut self, modified: SystemTime) -> Resource {
        self.modified = Some(modified);
        self
    }

    /// Sets which validators it has, and how they lie.
    #[must_use]
    pub fn validators(mut self, validators: Validators) -> Resource {
        self.validators = Some(validators);
        self
    }

    /// Adds a header; headers are written as given, in the order given.
    #[must_use]
    pub fn header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Resource {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds `Cache-Control`, such as `max-age=60`, `no-store` or `no-cache`.
    #[must_use]
    pub fn cache_control(self, directives: impl Into<Cow<'static, str>>) -> Resource {
        self.header("Cache-Control", directives)
    }

    /// Adds `Expires`, this long after each response.
    #[must_use]
    pub fn expires_after(mut self, lifetime: Duration) -> Resource {
        self.expires_after = Some(lifetime);
        self
    }

    /// Adds `Age`, as a cache between server and client does; only its whole seconds count.
    #[must_use]
    pub fn age(self, age: Duration) -> Resource {
        self.header("Age", age.as_secs().to_string())
    }

    /// Adds `Vary`, such as `Accept-Language`.
    #[must_use]
    pub fn vary(self, names: impl Into<Cow<'static, str>>) -> Resource {
        self.header("Vary", names)
    }

    fn response(&self, request: &Request) -> Response {
        let usual = self.modified.map_or(Validators::Etag, |_| Validators::Both);
        let validators = self.validators.unwrap_or(usual);
        let changing = validators == Validators::ChangingEtag;
        let representation = Representation {
            body: Body::Bytes(self.body.clone()),
            content_type: self.content_type.clone(),
            version: self.version.clone(),
            nonce: changing.then(|| self.responses.fetch_add(1, Relaxed)),
            modified: self.modified,
            validators,
        };
        let mut reply = representation.reply(request);
        if reply.status >= 400 {
            return reply.into();
        }
        if let Some(lifetime) = self.expires_after {
            let expires = SystemTime::now() + lifetime;
            reply = reply.header("Expires", httpdate::fmt_http_date(expires));
        }
        let unchanged = reply.status == 304;
        for (name, value) in &self.headers {
            if !unchanged || is_in_304(name) {
                reply = reply.header(name.clone(), value.clone());
            }
        }
        reply.into()
    }
}

impl From<Resource> for Response {
    fn from(resource: Resource) -> Response {
        Response::call(move |request| resource.response(request))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::visitor::{Response as Seen, Visitor};
    use super::super::{Origin, Site};
    use super::*;

    fn serve(resource: Resource) -> Origin {
        Site::builder().route("/x", resource).start().unwrap()
    }

    fn again(visitor: &mut Visitor, seen: &Seen) -> Seen {
        let mut headers = String::new();
        for (asks, has) in [
            ("If-None-Match", "etag"),
            ("If-Modified-Since", "last-modified"),
        ] {
            if !seen.header(has).is_empty() {
                headers += &format!("{asks}: {}\r\n", seen.header(has));
            }
        }
        visitor.get("/x", &headers)
    }

    #[test]
    fn a_304_has_the_headers_that_a_cache_needs_and_none_about_the_body() {
        let resource = Resource::page("<p>x")
            .modified(UNIX_EPOCH + Duration::from_secs(784_111_777))
            .cache_control("max-age=60")
            .expires_after(Duration::from_secs(60))
            .age(Duration::from_millis(7_900))
            .vary("Accept-Language")
            .header("Content-Location", "/x.en")
            .header("Content-Language", "en");
        let origin = serve(resource);
        let mut visitor = Visitor::of(&origin);
        let whole = visitor.get("/x", "");
        assert_eq!((whole.status, whole.text().as_str()), (200, "<p>x"));
        let date = httpdate::parse_http_date(whole.header("date")).unwrap();
        let expires = httpdate::parse_http_date(whole.header("expires")).unwrap();
        let lifetime = expires.duration_since(date).unwrap().as_secs();
        assert!((59..=61).contains(&lifetime), "{lifetime}");
        assert_eq!(
            (whole.header("age"), whole.header("content-language")),
            ("7", "en")
        );
        assert_eq!(
            whole.header("last-modified"),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        let unchanged = again(&mut visitor, &whole);
        assert_eq!(unchanged.status, 304);
        for name in ["etag", "cache-control", "vary", "content-location", "age"] {
            assert_eq!(unchanged.header(name), whole.header(name), "{name}");
            assert_ne!(unchanged.header(name), "", "{name}");
        }
        assert_ne!(
            (unchanged.header("date"), unchanged.header("expires")),
            ("", "")
        );
        for name in ["content-type", "content-language", "content-length"] {
            assert_eq!(unchanged.header(name), "", "{name}");
        }
        let etag = whole.header("etag");
        visitor.send(format!(
            "HEAD /x HTTP/1.1\r\nHost: a\r\nIf-None-Match: {etag}\r\n\r\n"
        ));
        let head = visitor.response_to("HEAD").unwrap();
        assert_eq!((head.status, head.header("etag")), (304, etag));
    }

    #[test]
    fn a_server_sends_the_validators_that_it_is_told_to() {
        let modified = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (validators, etag, last_modified, status) in [
            (Validators::Etag, "\"v1\"", "", 304),
            (Validators::WeakEtag, "W/\"v1\"", "", 304),
            (Validators::LastModified, "", date, 304),
            (Validators::Both, "\"v1\"", date, 304),
            (Validators::None, "", "", 200),
            (Validators::Always304, "\"v1\"", "", 304),
            (Validators::ChangingEtag, "\"v1-0\"", "", 200),
            (Validators::UnquotedEtag, "v1", "", 304),
            (Validators::OtherEtagIn304, "\"v1\"", "", 304),
            (
                Validators::FutureDate,
                "",
                "Sat, 06 Nov 2094 08:49:37 GMT",
                304,
            ),
            (
                Validators::MalformedDate,
                "",
                "Mon, 32 Jan 2025 25:61:00 GMT",
                200,
            ),
        ] {
            let resource = Resource::page("x").version("v1").modified(modified);
            let origin = serve(resource.validators(validators));
            let mut visitor = Visitor::of(&origin);
            let first = visitor.get("/x", "");
            assert_eq!(
                (
                    first.status,
                    first.header("etag"),
                    first.header("last-modified")
                ),
                (200, etag, last_modified),
                "{validators:?}"
            );
            assert_eq!(again(&mut visitor, &first).status, status, "{validators:?}");
        }
    }

    #[test]
    fn a_server_that_lies_confirms_what_has_changed_and_denies_what_has_not() {
        let versions = |validators| {
            let page = |text: &'static str| Resource::page(text).validators(validators).into();
            let pages = vec![page("one"), page("two")];
            let origin = Site::builder()
                .route("/x", Response::Sequence(pages))
                .start()
                .unwrap();
            let mut visitor = Visitor::of(&origin);
            let first = visitor.get("/x", "");
            let second = again(&mut visitor, &first);
            (first, second)
        };
        let (_, honest) = versions(Validators::Etag);
        assert_eq!((honest.status, honest.text().as_str()), (200, "two"));
        let (first, stuck) = versions(Validators::Always304);
        assert_eq!(
            (stuck.status, stuck.header("etag")),
            (304, first.header("etag"))
        );

        let origin = serve(Resource::page("same").validators(Validators::ChangingEtag));
        let mut visitor = Visitor::of(&origin);
        let first = visitor.get("/x", "");
        let second = again(&mut visitor, &first);
        assert_eq!((second.status, second.text()), (200, first.text()));
        assert_ne!(second.header("etag"), first.header("etag"));

        let origin = serve(Resource::page("same").validators(Validators::OtherEtagIn304));
        let mut visitor = Visitor::of(&origin);
        let first = visitor.get("/x", "");
        let second = again(&mut visitor, &first);
        assert_eq!((second.status, second.header("etag")), (304, "\"other\""));
    }

    #[test]
    fn a_precondition_that_fails_gets_a_412() {
        let origin = serve(Resource::page("x").version("v1"));
        let response = Visitor::of(&origin).get("/x", "If-Match: \"v0\"\r\n");
        assert_eq!((response.status, response.header("etag")), (412, ""));
    }
}
