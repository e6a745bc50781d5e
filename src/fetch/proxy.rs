//! A proxy, checked when it is parsed.
//!
//! People use proxies for privacy: one that cannot be used is an error before anything is sent, and never a reason
//! to send a request directly. Invariant: a [`Proxy`] has one of the six schemes that every engine supports, and a
//! host.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::job::basic;
use crate::text::secret::without_password;
use crate::url::PageUrl;

/// A proxy that requests go through.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proxy {
    scheme: ProxyScheme,
    /// The whole URL, with the user and password.
    url: String,
    /// The host as it is passed to a resolver.
    host: String,
    urls: ProxyUrls,
}

/// The URLs that a proxy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProxyUrls {
    /// All of them.
    All,
    /// Only http URLs.
    Http,
    /// Only https URLs.
    Https,
}

impl ProxyUrls {
    /// Whether URLs of this scheme are among them.
    pub(crate) fn have(self, scheme: &str) -> bool {
        match self {
            Self::All => true,
            Self::Http => scheme == "http",
            Self::Https => scheme == "https",
        }
    }
}

/// The protocol of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProxyScheme {
    /// HTTP, and CONNECT for encrypted requests.
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS 4: it gets addresses, so this machine resolves names.
    Socks4,
    /// SOCKS 4a: it gets names.
    Socks4a,
    /// SOCKS 5 as curl means it: it gets addresses, so this machine resolves names.
    Socks5,
    /// SOCKS 5 that gets names.
    Socks5h,
}

impl ProxyScheme {
    const ALL: [Self; 6] = [
        Self::Http,
        Self::Https,
        Self::Socks4,
        Self::Socks4a,
        Self::Socks5,
        Self::Socks5h,
    ];

    /// The name of the scheme in a URL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    /// The port of a proxy whose URL has none.
    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks4 | Self::Socks4a | Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

impl Proxy {
    /// The protocol of the proxy.
    pub const fn scheme(&self) -> ProxyScheme {
        self.scheme
    }

    /// The same proxy, but only for these URLs.
    #[must_use]
    pub fn only_for(self, urls: ProxyUrls) -> Self {
        Self { urls, ..self }
    }

    /// The URLs that it is for; all of them unless [`only_for`](Self::only_for) says otherwise.
    pub const fn urls(&self) -> ProxyUrls {
        self.urls
    }

    /// Whether this machine resolves the names of hosts, and the proxy gets addresses.
    pub const fn is_given_addresses(&self) -> bool {
        matches!(self.scheme, ProxyScheme::Socks4 | ProxyScheme::Socks5)
    }

    /// The whole URL with the user and password, for a client.
    pub(crate) fn secret_url(&self) -> &str {
        &self.url
    }

    /// The host as it is passed to a resolver.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Its own URL and the value of `Proxy-Authorization`, if requests for http URLs are sent to itself, in absolute form
    /// (RFC 9112 3.2.2).
    pub(crate) fn for_plain_requests(&self) -> Option<(PageUrl, Option<HeaderValue>)> {
        let (url, user) = PageUrl::parse_with_user(&self.url).ok()?; // the scheme of a SOCKS proxy is not accepted
        Some((url, user.as_ref().map(basic::header)))
    }
}

impl FromStr for Proxy {
    type Err = String;

    /// Parses `SCHEME://[USER:PASSWORD@]HOST[:PORT]`; the default scheme is `http`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let refuse =
            |problem: &str| format!("{:?} is not a proxy: {problem}", without_password(text));
        let (name, rest) = text.split_once("://").unwrap_or(("http", text));
        let scheme = ProxyScheme::ALL
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let known = ProxyScheme::ALL.map(ProxyScheme::name);
                let meant = crate::text::nearest::nearest(&name.to_ascii_lowercase(), &known);
                let meant = meant.map_or(String::new(), |name| format!("; did you mean {name}?"));
                refuse(&format!(
                    "its scheme is none of {}{meant}",
                    known.join(", ")
                ))
            })?;
        // Only in an http URL is the host checked and converted to its DNS form.
        let url =
            Url::parse(&format!("http://{rest}")).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it has a path, and only a host and a port are used"));
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        // `http://` drops its own port 80 from a URL, but other schemes have other default ports.
        let port = match (url.port(), said_port_80(rest)) {
            (Some(0), _) => return Err(refuse("port 0 is no port")),
            (Some(port), _) => port,
            (None, true) => 80,
            (None, false) => scheme.port(),
        };
        let user = match (url.username(), url.password()) {
            ("", None) => String::new(),
            (user, None) => format!("{user}@"),
            (user, Some(password)) => format!("{user}:{password}@"),
        };
        Ok(Self {
            scheme,
            url: format!("{}://{user}{host}:{port}", scheme.name()),
            host: host.trim_matches(['[', ']']).to_owned(),
            urls: ProxyUrls::All,
        })
    }
}

/// Whether an authority ends in port 80.
fn said_port_80(authority: &str) -> bool {
    let authority = authority.trim_end_matches('/');
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse() == Ok(80_u16) && !port.ends_with(']'))
}

impl fmt::Display for Proxy {
    /// Shows the URL without the user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.url))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// Whether a name is private, so that no page may lead to it through a proxy.
///
/// Asking DNS here would reveal what the proxy is meant to hide. These names never lead to the public internet:
/// `localhost` (RFC 6761), `local` (RFC 6762), `home.arpa` (RFC 8375), `internal` (reserved by ICANN in 2024, and used
/// by clouds for their metadata), `localdomain` by custom, and names without a dot.
pub(crate) fn is_private_name(url: &PageUrl) -> bool {
    let Some(name) = url.as_url().domain() else {
        return false; // an address, which is checked elsewhere
    };
    let name = name.trim_end_matches('.');
    let below = |suffix: &str| {
        name.strip_suffix(suffix)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    !name.contains('.')
        || ["localhost", "local", "home.arpa", "internal", "localdomain"]
            .into_iter()
            .any(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Proxy, String> {
        text.parse()
    }

    #[test]
    fn a_proxy_has_a_scheme_that_every_engine_knows_a_host_and_a_port() {
        for (text, url) in [
            ("127.0.0.1:3128", "http://127.0.0.1:3128"),
            ("HTTP://Proxy.example", "http://proxy.example:80"),
            ("https://proxy.example", "https://proxy.example:443"),
            ("https://proxy.example:80/", "https://proxy.example:80"),
            ("socks4://proxy.example", "socks4://proxy.example:1080"),
            ("socks5h://[::1]:9050", "socks5h://[::1]:9050"),
            ("socks5://ann:s%40cret@p", "socks5://ann:s%40cret@p:1080"),
            (
                "socks4a://b\u{fc}cher.example:80",
                "socks4a://xn--bcher-kva.example:80",
            ),
        ] {
            assert_eq!(read(text).unwrap().secret_url(), url);
        }
        assert_eq!(read("socks5h://[::1]:9050").unwrap().host(), "::1");
    }

    #[test]
    fn plain_requests_are_sent_to_a_proxy_of_http_itself_with_its_user_decoded() {
        let plain = |text: &str| read(text).unwrap().for_plain_requests();
        let (url, credentials) = plain("https://ann:s%40cret@p").unwrap();
        assert_eq!(url.as_str(), "https://p/");
        assert_eq!(credentials.unwrap(), "Basic YW5uOnNAY3JldA==");
        assert_eq!(plain("127.0.0.1:3128").unwrap().1, None);
        assert!(plain("socks5h://ann:s%40cret@p").is_none());
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_its_password_not_told() {
        for text in [
            "",
            "http://",
            "socks://ann:s3cret@127.0.0.1:1",
            "sock5://ann:s3cret@h:1",
            "tor://h:1",
            "ftp://ann:s3cret@h",
            "http:/ann:s3cret@h",
            "http://ann:s3/cret@h",
            "http://ann:s3cret@h:99999",
            "http://h:0",
            "http://h/path",
            "http://h?query",
            "socks5://a b",
        ] {
            let problem = read(text).unwrap_err();
            assert!(!problem.contains("s3"), "{problem}");
        }
        assert!(
            read("sock5://h")
                .unwrap_err()
                .contains("did you mean socks5?")
        );
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let proxy = read("http://ann:s3cret@h:1").unwrap();
        assert_eq!(
            format!("{proxy} {proxy:?}"),
            "http://…@h:1 Proxy(http://…@h:1)"
        );
    }

    #[test]
    fn a_name_says_itself_that_it_is_private() {
        let is_private =
            |name: &str| is_private_name(&PageUrl::parse(&format!("http://{name}/")).unwrap());
        for name in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "metadata.google.internal",
            "printer.local",
            "nas.home.arpa",
            "intranet",
        ] {
            assert!(is_private(name), "{name}");
        }
        for name in [
            "example.org",
            "notlocalhost.example",
            "internal.example",
            "8.8.8.8",
        ] {
            assert!(!is_private(name), "{name}");
        }
    }
}
