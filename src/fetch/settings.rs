//! Settings of the fetch path: what to send, how long to wait, how much to accept.

use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};

use super::host_settings::HostSettings;
use super::no_proxy::NoProxy;
use super::pin::Pin;
use super::proxy::Proxy;
use super::types::MediaTypes;
use crate::job;
use crate::job::authentication::Authentication;
use crate::job::netrc::Netrc;
use crate::job::outgoing::Template;
use crate::page::headers::Headers;
use crate::text::size::ByteSize;
use crate::url::HostPattern;

/// The settings of the fetch path. Plain data, because it is sent to child processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FetchSettings {
    /// The method, unless a line of the list has its own.
    #[serde(with = "as_text")]
    pub method: Method,
    /// The body to send, unless a line has its own.
    pub body: Option<Bytes>,
    /// Headers for every request, including `User-Agent` and `Accept-Encoding`.
    pub headers: Headers,
    /// When the password of a login is sent.
    pub authentication: Authentication,
    /// Logins for hosts to which no other `Authorization` is sent.
    pub netrc: Option<Netrc>,
    /// Deadlines and the least rate.
    pub deadlines: Deadlines,
    /// How fast bodies are received.
    pub bandwidth: Bandwidth,
    /// The largest body, as received; larger ones end as `too-large`.
    pub body_limit: ByteSize,
    /// The media types whose bodies are read; other responses are pages without a body.
    pub types: MediaTypes,
    /// How to treat bodies that are too large for memory.
    pub spool: SpoolSettings,
    /// The HTTP versions to offer.
    pub versions: Versions,
    /// The connections with HTTP/2 to one host, for each lane.
    pub http2_connections: Http2Connections,
    /// How certificates are checked.
    pub tls: TlsSettings,
    /// The public keys that servers may have, even if certificates are not checked; if empty, any.
    pub pins: Vec<Pin>,
    /// The lowest version of TLS to accept.
    pub tls_min: TlsVersion,
    /// A file to which the secrets of TLS connections are appended, with which recordings of them can be decrypted.
    pub key_log: Option<PathBuf>,
    /// Client certificates; a host is shown the first one that is for it.
    ///
    /// Only the origins that the user named are shown any, and none that a link or a redirect led to.
    pub identities: Vec<ClientIdentity>,
    /// Proxies; those for the scheme of a URL are used in turn, and without one the connection is direct.
    pub proxies: Vec<Proxy>,
    /// Hosts to which connections are direct in any case.
    pub no_proxy: NoProxy,
    /// A Unix socket that every connection goes to, whatever the host; names are not resolved.
    ///
    /// `Host` headers and the names in certificates stay those of the URLs. Pages have no `remote` then, and
    /// [`private`](Self::private) has no meaning, because no connection goes to an address. Not with proxies.
    pub unix_socket: Option<PathBuf>,
    /// Other settings for some hosts.
    pub hosts: Vec<HostSettings>,
    /// Names for which the user gave addresses; the first match wins.
    pub resolve: Vec<Override>,
    /// Whether redirects may lead from a public address to a private one.
    pub private: Private,
    /// Whether connections are counted.
    pub count_connections: bool,
}

/// How long to wait. Zero means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// For TCP and TLS, and for a DNS lookup.
    pub connect: Duration,
    /// From sending the request to the end of the response's head.
    pub first_byte: Duration,
    /// For the next piece of a body.
    pub between_chunks: Duration,
    /// For the whole fetch.
    pub total: Duration,
    /// The least rate of a body, in bytes per second; zero for none.
    pub least_rate: u64,
    /// The time over which the least rate is measured.
    pub least_rate_over: Duration,
}

/// The most bytes of bodies to receive in a second, as they are sent: compressed. Zero means no limit.
///
/// The engine `processes` gives each child process an equal part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// In the whole run.
    pub in_all: ByteSize,
    /// From each host.
    pub per_host: ByteSize,
}

/// How to treat bodies that are too large for memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolSettings {
    /// The size above which bodies go to a file.
    pub over: ByteSize,
    /// The folder for those files, where partial downloads stay and are resumed.
    ///
    /// `None` is the system's folder for temporary files, where nothing stays. A run that saves its bodies writes them
    /// to the folder that it saves them to.
    pub folder: Option<PathBuf>,
    /// The most segments of a large file that are received at the same time; 1 receives each file as a whole.
    ///
    /// Each of them counts as a request to its host. Only for bodies that stay in the folder when they are partial, and
    /// only if the server names their length, a strong validator, and that it has ranges (RFC 9110 14.3).
    pub segments: NonZeroU8,
}

/// The HTTP versions to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versions {
    /// HTTP/2 if TLS negotiates it, else HTTP/1.1.
    Any,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only, over plain http too, without asking the server first (RFC 9113 3.3: prior knowledge).
    ///
    /// The `blocking` engine, which speaks HTTP/1.1, refuses it.
    Http2,
}

/// The number of connections with HTTP/2 to one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Http2Connections {
    /// One, and another one only while the server allows no more requests on the others (RFC 9113 5.1.2); at most
    /// [`MOST`](Self::MOST).
    #[default]
    AsNeeded,
    /// Up to this number, with the requests spread over them.
    UpTo(NonZeroUsize),
}

impl Http2Connections {
    /// The most connections that [`AsNeeded`](Self::AsNeeded) makes.
    pub const MOST: usize = 8;
}

/// How certificates are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsSettings {
    /// Against the system's roots, and those in a PEM file if there is one.
    Verify {
        /// A PEM file with more roots.
        roots: Option<PathBuf>,
    },
    /// Not at all (`--insecure`).
    Insecure,
}

impl Bandwidth {
    /// The part for each of `count` processes that share it.
    pub(crate) fn shared_by(self, count: u64) -> Self {
        let part = |ByteSize(limit): ByteSize| ByteSize(limit.div_ceil(count.max(1)));
        Self {
            in_all: part(self.in_all),
            per_host: part(self.per_host),
        }
    }
}

impl TlsSettings {
    /// The file with more roots, if there is one.
    pub fn roots(&self) -> Option<&Path> {
        match self {
            TlsSettings::Verify { roots } => roots.as_deref(),
            TlsSettings::Insecure => None,
        }
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl std::str::FromStr for TlsVersion {
    type Err = String;

    /// Parses `1.2` or `1.3`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            _ => Err(format!("{text:?} is neither 1.2 nor 1.3")),
        }
    }
}

/// A client certificate, and the hosts that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientIdentity {
    /// The hosts; of several patterns that match a host, the most specific one counts.
    pub hosts: HostPattern,
    /// A PEM file with the certificate, followed by those of intermediate authorities if there are any.
    pub certificate: PathBuf,
    /// A PEM file with the key; `None` if it is in the file of the certificate.
    pub key: Option<PathBuf>,
}

/// A name and the addresses to use for it instead of a DNS lookup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// A host name, `*.suffix`, or `*` for all.
    pub name: String,
    /// The addresses; port 0 stands for the URL's own port.
    pub addresses: Vec<SocketAddr>,
}

/// Whether redirects may lead from a public address to a private one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Private {
    /// They are refused, unless the user's own list names the host.
    Refuse,
    /// They are followed.
    Allow,
}

impl FetchSettings {
    /// What every request has in common.
    pub(crate) fn template(&self) -> Template {
        let of_hosts = self.hosts.iter().map(|one| (&one.hosts, &one.headers));
        Template::new(&self.method, &self.headers, self.body.clone())
            .with_hosts(of_hosts)
            .with_logins(self.netrc.clone(), self.authentication)
    }
}

/// Parses the name of a method. Common ones are recognized in any letter case.
///
/// # Errors
/// When it is not the name of a method.
pub fn method(name: &str) -> Result<Method, String> {
    job::method(name).ok_or_else(|| format!("{name:?} is not an HTTP method"))
}

/// Serializes a method as text, for child processes.
mod as_text {
    use http::Method;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(method: &Method, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(method.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Method, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl FetchSettings {
    /// Every proxy, of all hosts and of some.
    pub(crate) fn all_proxies(&self) -> impl Iterator<Item = &Proxy> {
        let of_hosts = self.hosts.iter().filter_map(HostSettings::proxy);
        self.proxies.iter().chain(of_hosts)
    }
}

impl Default for FetchSettings {
    fn default() -> Self {
        let mut headers = Headers::default();
        let fields = [
            ("user-agent", concat!("haul/", env!("CARGO_PKG_VERSION"))),
            ("accept", "*/*"),
            ("accept-encoding", "gzip, br, zstd, deflate"),
        ];
        for (name, value) in fields {
            headers
                .0
                .insert(name, http::HeaderValue::from_static(value));
        }
        Self {
            method: Method::GET,
            body: None,
            headers,
            authentication: Authentication::Basic,
            netrc: None,
            deadlines: Deadlines::default(),
            bandwidth: Bandwidth::default(),
            body_limit: ByteSize::mib(32),
            types: MediaTypes::default(),
            spool: SpoolSettings::default(),
            versions: Versions::Any,
            http2_connections: Http2Connections::AsNeeded,
            tls: TlsSettings::Verify { roots: None },
            pins: Vec::new(),
            tls_min: TlsVersion::Tls12,
            key_log: None,
            identities: Vec::new(),
            proxies: Vec::new(),
            no_proxy: NoProxy::default(),
            unix_socket: None,
            hosts: Vec::new(),
            resolve: Vec::new(),
            private: Private::Refuse,
            count_connections: false,
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(30),
            between_chunks: Duration::from_secs(15),
            total: Duration::from_secs(300),
            least_rate: 100,
            least_rate_over: Duration::from_secs(20),
        }
    }
}

impl Default for SpoolSettings {
    fn default() -> Self {
        Self {
            over: ByteSize::mib(1),
            folder: None,
            segments: NonZeroU8::MIN,
        }
    }
}

impl std::str::FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl Override {
    /// Parses `HOST:PORT:ADDRESS[,ADDRESS…]` like curl's `--resolve`; `*` matches every host.
    ///
    /// The port is accepted only for compatibility with curl: the addresses apply to the name on every port.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape =
            || format!("{text:?} is not HOST:PORT:ADDRESS, as in example.org:443:127.0.0.1");
        let (name, rest) = text.split_once(':').ok_or_else(shape)?;
        let (port, addresses) = rest.split_once(':').ok_or_else(shape)?;
        if name.is_empty() || (port != "*" && port.parse::<u16>().is_err()) {
            return Err(shape());
        }
        let read = |address: &str| {
            let bare = address.trim().trim_start_matches('[').trim_end_matches(']');
            let ip = bare
                .parse()
                .map_err(|_| format!("{address:?} in {text:?} is not an IP address"))?;
            Ok(SocketAddr::new(ip, 0))
        };
        let addresses = addresses
            .split(',')
            .map(read)
            .collect::<Result<_, String>>()?;
        // Names are looked up in their DNS form: `bücher.example` is xn--bcher-kva.example.
        let (wild, bare) = match name.strip_prefix('*') {
            Some(suffix) => ("*", suffix),
            None => ("", name),
        };
        let (dot, bare) = match bare.strip_prefix('.') {
            Some(bare) => (".", bare),
            None => ("", bare),
        };
        let bare = match url::Host::parse(bare) {
            Ok(host) => host.to_string(),
            Err(_) if bare.is_empty() => String::new(),
            Err(error) => return Err(format!("{name:?} in {text:?} is not a host name: {error}")),
        };
        Ok(Self {
            name: format!("{wild}{dot}{bare}"),
            addresses,
        })
    }

    /// Whether this applies to `name`.
    pub fn matches(&self, name: &str) -> bool {
        match self.name.strip_prefix('*') {
            Some("") => true,
            Some(suffix) => {
                name.len() > suffix.len() && name.to_ascii_lowercase().ends_with(suffix)
            }
            None => self.name.eq_ignore_ascii_case(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolve_overrides_are_parsed_like_curls() {
        let one = Override::parse("Example.org:443:127.0.0.1,[::1]").unwrap();
        assert_eq!(one.addresses.len(), 2);
        assert!(one.matches("example.ORG") && !one.matches("www.example.org"));
        assert!(
            Override::parse("*:80:10.0.0.1")
                .unwrap()
                .matches("anything")
        );
        assert!(
            Override::parse("*.localhost:*:127.0.0.1")
                .unwrap()
                .matches("shop.localhost")
        );
        let idn = Override::parse("B\u{fc}cher.example:80:127.0.0.1").unwrap();
        assert!(idn.matches("xn--bcher-kva.example"));
        let below = Override::parse("*.b\u{fc}cher.example:80:127.0.0.1").unwrap();
        assert!(below.matches("a.xn--bcher-kva.example"));
        for wrong in [
            "a b:80:127.0.0.1",
            "example.org",
            "a:b:1.2.3.4",
            "a:80:example.org",
            ":80:1.2.3.4",
        ] {
            assert!(Override::parse(wrong).is_err(), "{wrong}");
        }
    }
}
