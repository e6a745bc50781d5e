//! The two keys of the whole program: the URL of a page and its host.
//!
//! Invariant: a [`PageUrl`] is an absolute `http` or `https` URL in WHATWG form, without a fragment and without user
//! information; a [`HostKey`] is only ever made from one. Secrets in a URL (`user:password@`) are removed when it is
//! parsed; they are passed on in the request, and never appear in a record or a log.

pub(crate) mod address;
pub(crate) mod fingerprint;
mod host_pattern;
mod site;

pub use host_pattern::HostPattern;

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use encoding_rs::{Encoding, UTF_8};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A URL that can be fetched: absolute, http or https, no fragment, no user information.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PageUrl(Url);

/// The reason why a text is not a [`PageUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text is not a URL by the WHATWG rules.
    #[error("not a URL: {0}")]
    Malformed(url::ParseError),
    /// The text is a URL, but not one that is fetched over HTTP.
    #[error("scheme {0}: is not http: or https:")]
    Scheme(String),
    /// The text is longer than [`PageUrl::LONGEST`] bytes.
    #[error("longer than {} bytes", PageUrl::LONGEST)]
    TooLong,
}

/// The user name and password from a URL.
#[derive(Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// The user name, percent-decoded.
    pub user: String,
    /// The password, percent-decoded; empty if there was none.
    pub password: String,
}

impl PageUrl {
    /// The longest URL that is accepted, in bytes.
    pub const LONGEST: usize = 16 * 1024;

    /// A placeholder for the URL of a line that has none.
    ///
    /// Its host can never exist (RFC 2606), so it is never fetched.
    pub fn placeholder() -> Self {
        static NOWHERE: LazyLock<PageUrl> =
            LazyLock::new(|| PageUrl::parse("http://line.invalid/").expect("a valid URL"));
        NOWHERE.clone()
    }

    /// Parses an absolute URL.
    ///
    /// A text without a scheme but with a host (`example.org/page`) gets `http://`.
    ///
    /// # Errors
    /// The text is not a URL, is too long, or has a scheme other than http and https.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::parse_with_user(text).map(|(url, _)| url)
    }

    /// Like [`parse`](Self::parse), but also returns the user information that was removed.
    ///
    /// # Errors
    /// Like [`parse`](Self::parse).
    pub fn parse_with_user(text: &str) -> Result<(Self, Option<UserInfo>), UrlError> {
        if text.len() > Self::LONGEST {
            return Err(UrlError::TooLong);
        }
        let url = match Url::parse(text) {
            Err(url::ParseError::RelativeUrlWithoutBase) if looks_like_host(text) => {
                Url::parse(&format!("http://{text}")).map_err(UrlError::Malformed)?
            }
            // `localhost:8080/x` and `example.org:80` parse as a URL whose scheme is the host name.
            Ok(url) if !url.has_host() && port_follows(text) => {
                Url::parse(&format!("http://{text}")).map_err(UrlError::Malformed)?
            }
            parsed => parsed.map_err(UrlError::Malformed)?,
        };
        Self::from_url_with_user(url)
    }

    /// Resolves a reference from this page, for example from a `Location` header.
    ///
    /// # Errors
    /// Like [`parse`](Self::parse).
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        if reference.len() > Self::LONGEST {
            return Err(UrlError::TooLong);
        }
        let url = resolved(&self.0, reference, UTF_8).map_err(UrlError::Malformed)?;
        // A secret in a reference from elsewhere is not the user's, so it is dropped.
        Self::from_url_with_user(url).map(|(url, _)| url)
    }

    /// Like [`join`](Self::join), for a page in this encoding.
    ///
    /// The query of a reference is sent in that encoding (WHATWG URL 4.4).
    ///
    /// # Errors
    /// Like [`parse`](Self::parse).
    pub(crate) fn join_with_encoding(
        &self,
        reference: &str,
        encoding: &'static Encoding,
    ) -> Result<Self, UrlError> {
        if reference.len() > Self::LONGEST {
            return Err(UrlError::TooLong);
        }
        let url = resolved(&self.0, reference, encoding).map_err(UrlError::Malformed)?;
        Self::from_url_with_user(url).map(|(url, _)| url)
    }

    fn from_url_with_user(mut url: Url) -> Result<(Self, Option<UserInfo>), UrlError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme(url.scheme().to_owned()));
        }
        if url.fragment().is_some() {
            url.set_fragment(None);
        }
        let user = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let user = percent_decode(url.username());
            let password = percent_decode(url.password().unwrap_or_default());
            UserInfo { user, password }
        });
        if user.is_some() {
            let cleared = url.set_username("").and_then(|()| url.set_password(None));
            debug_assert!(
                cleared.is_ok(),
                "an http URL has a host, so it can be cleared"
            );
        }
        Ok((Self(url), user))
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The URL as a parsed [`Url`].
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The unit of politeness that this page belongs to.
    pub fn host_key(&self) -> HostKey {
        HostKey(Arc::from(self.origin_text()))
    }

    /// Path and query: what an HTTP request asks the host for.
    pub fn target(&self) -> &str {
        &self.0[url::Position::BeforePath..]
    }

    /// The origin `scheme://host[:port]`, as a slice of the URL's own text.
    ///
    /// A URL without user information starts with its origin.
    pub fn origin_text(&self) -> &str {
        &self.0[..url::Position::AfterPort]
    }

    /// The host and, if the URL has one, its port: what the `Host` field says.
    pub(crate) fn authority(&self) -> &str {
        &self.0[url::Position::BeforeHost..url::Position::AfterPort]
    }

    /// Whether both URLs have the same scheme, host and port.
    pub fn same_origin(&self, other: &PageUrl) -> bool {
        self.origin_text() == other.origin_text()
    }

    /// The host's IP address, if the URL has one instead of a name; it needs no DNS look-up.
    pub fn literal_address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// Whether its scheme is https.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(80)
    }
}

impl fmt::Debug for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserInfo(…)")
    }
}

/// Scheme, host and port: the unit of politeness.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostKey(Arc<str>);

impl HostKey {
    /// Recreates a key from its text; `None` if the text is not such a key.
    pub(crate) fn kept(text: &str) -> Option<Self> {
        let url = PageUrl::parse(text).ok()?;
        (url.origin_text() == text).then(|| url.host_key())
    }

    /// The key of the placeholder [`PageUrl::placeholder`].
    pub(crate) fn placeholder() -> Self {
        static NOWHERE: LazyLock<HostKey> = LazyLock::new(|| PageUrl::placeholder().host_key());
        NOWHERE.clone()
    }

    /// `scheme://host[:port]`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host alone.
    pub(crate) fn name(&self) -> &str {
        let authority = self.0.split_once("://").map_or(&*self.0, |(_, rest)| rest);
        match authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => name,
            _ => authority,
        }
    }
}

impl std::borrow::Borrow<str> for HostKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text starts with a host name.
///
/// That is a dotted name or `localhost`, as in `example.org/page`.
fn looks_like_host(text: &str) -> bool {
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let ends_there = rest.is_empty() || rest.starts_with(['/', '?', '#', ':']);
        return ends_there && address.parse::<Ipv6Addr>().is_ok();
    }
    let name = text.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let is_dotted = name.contains('.') && !name.starts_with('.') && !name.ends_with("..");
    (is_dotted || name == "localhost")
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "-._".contains(c))
}

/// Whether a port follows the first colon, as in `name:80…`, so that a host precedes it.
fn port_follows(text: &str) -> bool {
    text.split_once(':').is_some_and(|(name, rest)| {
        let port = rest.split(['/', '?', '#']).next().unwrap_or_default();
        looks_like_host(name) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
    })
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte =
            pair.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Resolves a reference against an http or https base. Its query is sent in this encoding.
///
/// # Errors
/// The error of the URL parser.
pub(crate) fn resolved(
    base: &Url,
    reference: &str,
    encoding: &'static Encoding,
) -> Result<Url, url::ParseError> {
    let reference = with_two_slashes(reference);
    let options = Url::options().base_url(Some(base));
    if encoding == UTF_8 || reference.is_ascii() {
        return options.parse(&reference);
    }
    options
        .encoding_override(Some(&|query| encoding.encode(query).0))
        .parse(&reference)
}

/// Reduces three or more slashes before the host of a reference to two.
///
/// WHATWG URL 4.4, "special authority ignore slashes state", ignores all but two. The parser only does so after a
/// scheme.
fn with_two_slashes(reference: &str) -> Cow<'_, str> {
    let start = reference.trim_start_matches(|c: char| c <= ' ');
    // Tabs and line ends are removed from anywhere in a URL.
    let rest = start.trim_start_matches(['/', '\\', '\t', '\n', '\r']);
    let slashes = start[..start.len() - rest.len()]
        .bytes()
        .filter(|byte| matches!(byte, b'/' | b'\\'));
    if slashes.count() > 2 {
        format!("//{rest}").into()
    } else {
        reference.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_and_a_secret_are_removed_from_the_url() {
        let (url, user) = PageUrl::parse_with_user("http://ann:p%40ss@example.org/a?b#c").unwrap();
        assert_eq!(url.as_str(), "http://example.org/a?b");
        let user = user.unwrap();
        assert_eq!(
            (user.user.as_str(), user.password.as_str()),
            ("ann", "p@ss")
        );
        assert!(!format!("{user:?}").contains("p@ss"));
    }

    #[test]
    fn a_host_without_a_scheme_gets_http() {
        for (text, url) in [
            ("example.org", "http://example.org/"),
            ("example.org/x y", "http://example.org/x%20y"),
            ("localhost:8080/x", "http://localhost:8080/x"),
            ("example.org:81", "http://example.org:81/"),
            ("[::1]", "http://[::1]/"),
            ("[::1]:8080/x", "http://[::1]:8080/x"),
            ("[2001:DB8::1]?q", "http://[2001:db8::1]/?q"),
        ] {
            assert_eq!(PageUrl::parse(text).unwrap().as_str(), url);
        }
    }

    #[test]
    fn extra_slashes_before_a_host_are_ignored() {
        let base = PageUrl::parse("https://h.example/a/b").unwrap();
        for reference in [
            "//x.example/p",
            "///x.example/p",
            "/////x.example/p",
            " \n/\t/\\/x.example/p",
            "\\\\\\x.example/p",
            "https:///x.example/p",
        ] {
            let joined = base.join(reference).unwrap();
            assert_eq!(joined.as_str(), "https://x.example/p", "{reference:?}");
        }
        assert_eq!(
            base.join("/p//q").unwrap().as_str(),
            "https://h.example/p//q"
        );
        assert!(base.join("///").is_err());
        let latin = base.join_with_encoding("///x.example/?é", encoding_rs::WINDOWS_1252);
        assert_eq!(latin.unwrap().as_str(), "https://x.example/?%E9");
    }

    #[test]
    fn other_schemes_and_nonsense_are_rejected() {
        assert_eq!(
            PageUrl::parse("file:///etc/passwd"),
            Err(UrlError::Scheme("file".into()))
        );
        assert_eq!(
            PageUrl::parse("mailto:a@b.example"),
            Err(UrlError::Scheme("mailto".into()))
        );
        assert!(matches!(
            PageUrl::parse("just words"),
            Err(UrlError::Malformed(_))
        ));
        assert!(matches!(
            PageUrl::parse("http://"),
            Err(UrlError::Malformed(_))
        ));
        assert!(PageUrl::parse("htp:/not a url").is_err());
    }

    #[test]
    fn a_host_key_is_scheme_host_and_port() {
        let key = |text| PageUrl::parse(text).unwrap().host_key();
        assert_eq!(
            key("HTTP://Example.org:80/x").as_str(),
            "http://example.org"
        );
        assert_eq!(key("https://example.org/x").as_str(), "https://example.org");
        assert_eq!(key("http://[::1]:8080/").as_str(), "http://[::1]:8080");
    }
}
