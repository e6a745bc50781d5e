//! The flags about connections: TLS, proxies, DNS.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use haul::fetch::{
    ClientIdentity, FetchSettings, Http2Connections, NoProxy, Override, Pin, Private, Proxy,
    TlsSettings, TlsVersion, Versions,
};
use haul::{Error, HostPattern};

use super::environment::Environment;
use super::given;

/// The value of --proxy that stands for the environment.
const ENVIRONMENT: &str = "env";

/// How a host is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "The connection")]
pub(super) struct Connection {
    /// Do not check certificates
    #[arg(short = 'k', long)]
    insecure: bool,

    /// Also trust the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,

    /// Accept only servers with one of these public keys, also with --insecure
    ///
    /// sha256//BASE64, several separated by ';', as in curl; or a FILE with the key or the certificate, in PEM or DER.
    #[arg(long, value_name = "HASHES|FILE", alias = "pinnedpubkey")]
    pinned_pubkey: Option<String>,

    /// Accept no version of TLS below this: 1.2 or 1.3
    #[arg(long, value_name = "VERSION", default_value = "1.2", value_parser = str::parse::<TlsVersion>)]
    tls_min: TlsVersion,

    /// Show this client certificate, in PEM, to the https hosts that you name
    ///
    /// The certificates of intermediate authorities follow it in the file. Hosts that a redirect or a link of a page leads
    /// to are not shown it.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// The key of --cert, in PEM [default: the key in the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Use this proxy: http, https, socks4, socks4a, socks5 or socks5h; several take turns
    ///
    /// The proxy resolves host names; with socks4 and socks5 haul does. -x '' means no proxy. Environment variables are
    /// ignored, unless the value is env: then http_proxy (in lower case), https_proxy, all_proxy and no_proxy mean what
    /// they mean to curl.
    #[arg(short = 'x', long, value_name = "URL|env")]
    proxy: Vec<String>,

    /// Connect directly to these hosts, as in example.org,10.0.0.0/8; * for all; overrides no_proxy
    ///
    /// A name includes the names below it. Addresses and ranges apply to URLs that contain an address. Separate them by
    /// commas.
    #[arg(long, value_name = "LIST")]
    noproxy: Option<String>,

    /// Connect to this Unix socket, whatever the host of a URL
    ///
    /// Host headers and the names in certificates stay those of the URLs. Redirects go to the socket too, wherever they
    /// lead. Not together with proxies.
    #[arg(long, value_name = "PATH")]
    unix_socket: Option<PathBuf>,

    /// Use HTTP/1.1 only
    #[arg(long)]
    http1: bool,

    /// Use HTTP/2 only, over plain http too, without asking the server whether it speaks it
    #[arg(long, conflicts_with = "http1")]
    http2_prior_knowledge: bool,

    /// Open up to N HTTP/2 connections to each host, for each event loop [default: one, or as many as the server's limit needs]
    #[arg(long, value_name = "N")]
    h2_connections: Option<NonZeroUsize>,

    /// Allow redirects from public to private addresses
    ///
    /// Hosts that the list itself names are always allowed.
    #[arg(long)]
    allow_private: bool,

    /// Serve DIR during the run, under every name below localhost, or ARCHIVE as all of its hosts
    ///
    /// The practice server listens on a free port; URLs such as http://shop.localhost/ lead to it without naming the port.
    /// An archive (.warc, .warc.gz, .wacz, a job, a folder of WARC files or of pages with their index.jsonl) has the responses of
    /// all URLs, http and https: requests are sent as to any server, and none of them leaves this machine. --from reads
    /// the pages of an archive without any request.
    #[arg(long, value_name = "DIR|ARCHIVE")]
    pub(super) serve: Option<PathBuf>,

    /// Connect to ADDRESS for HOST, as in example.org:443:127.0.0.1; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Override>,
}

impl Connection {
    /// Applies these flags to the settings of requests. Returns what the user should know.
    ///
    /// # Errors
    /// When two flags cannot be combined, or a proxy is not valid.
    pub(super) fn apply(&self, fetch: &mut FetchSettings) -> haul::Result<Vec<String>> {
        if self.insecure && self.cacert.is_some() {
            return Err(Error::Setting(
                "--insecure and --cacert cannot be combined: certificates are either checked or not".into(),
            ));
        }
        fetch.tls = if self.insecure {
            TlsSettings::Insecure
        } else {
            TlsSettings::Verify {
                roots: self.cacert.clone(),
            }
        };
        fetch.pins = self.pins()?;
        fetch.tls_min = self.tls_min;
        let identity = self.cert.as_ref().map(|certificate| ClientIdentity {
            hosts: HostPattern::all(),
            certificate: certificate.clone(),
            key: self.key.clone(),
        });
        fetch.identities.extend(identity);
        if self.http1 {
            fetch.versions = Versions::Http1;
        }
        if self.http2_prior_knowledge {
            fetch.versions = Versions::Http2;
        }
        if let Some(most) = self.h2_connections {
            fetch.http2_connections = Http2Connections::UpTo(most);
        }
        if self.allow_private {
            fetch.private = Private::Allow;
        }
        fetch.resolve.clone_from(&self.resolve);
        fetch.unix_socket.clone_from(&self.unix_socket);
        let mut environment = Environment::default();
        fetch.proxies = match self.proxy.as_slice() {
            [only] if only.trim().is_empty() => Vec::new(),
            [only] if only.trim() == ENVIRONMENT => {
                environment = Environment::read(|name| std::env::var_os(name))?;
                std::mem::take(&mut environment.proxies)
            }
            urls => proxies(urls)?,
        };
        if self.unix_socket.is_some() && !fetch.proxies.is_empty() {
            return Err(Error::Setting(
                "--unix-socket and --proxy cannot be combined: a connection goes to one of them"
                    .into(),
            ));
        }
        let mut notices = environment.notices;
        if let Some(list) = &self.noproxy {
            let (direct, problems) = NoProxy::parse(list);
            if let Some(problem) = problems.first() {
                return Err(Error::Setting(format!("--noproxy: {problem}")));
            }
            fetch.no_proxy = direct;
        } else if let Some(list) = environment.no_proxy {
            let (direct, problems) = NoProxy::parse(&list);
            notices.extend(
                problems
                    .iter()
                    .map(|problem| format!("no_proxy: {problem}")),
            );
            fetch.no_proxy = direct;
        }
        Ok(notices)
    }

    /// The pinned keys.
    ///
    /// # Errors
    /// When one is not a hash, or the file has no public key.
    fn pins(&self) -> haul::Result<Vec<Pin>> {
        let Some(text) = &self.pinned_pubkey else {
            return Ok(Vec::new());
        };
        if text.starts_with("sha256//") {
            return Pin::parse(text)
                .map_err(|problem| Error::Setting(format!("--pinned-pubkey: {problem}")));
        }
        let pin = Pin::of_file(&given::bytes("--pinned-pubkey", Path::new(text))?);
        let pin =
            pin.map_err(|problem| Error::Setting(format!("--pinned-pubkey: {text}: {problem}")))?;
        Ok(vec![pin])
    }
}

/// The proxies with these URLs.
///
/// # Errors
/// When one cannot be parsed. clap does not parse them, because its errors would show their passwords.
fn proxies(urls: &[String]) -> haul::Result<Vec<Proxy>> {
    if urls.iter().any(|url| url.trim() == ENVIRONMENT) {
        return Err(Error::Setting(
            "--proxy env reads the environment, and cannot be combined with other proxies".into(),
        ));
    }
    let read = |text: &String| {
        text.parse()
            .map_err(|problem| Error::Setting(format!("--proxy: {problem}")))
    };
    urls.iter().map(read).collect()
}
