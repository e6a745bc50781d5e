//! The flags about connections: TLS, proxies, DNS.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use haul::Error;
use haul::fetch::{
    FetchSettings, Http2Connections, Override, Private, Proxy, TlsSettings, Versions,
};

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

    /// Use this proxy: http, https, socks4, socks4a, socks5 or socks5h; several take turns
    ///
    /// The proxy resolves host names; with socks4 and socks5 haul does. -x '' means no proxy. HTTP_PROXY and similar
    /// environment variables are ignored.
    #[arg(short = 'x', long, value_name = "URL")]
    proxy: Vec<String>,

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

    /// Serve DIR during the run, under every name below localhost
    ///
    /// The practice server listens on a free port; URLs such as http://shop.localhost/ lead to it without naming the port.
    #[arg(long, value_name = "DIR")]
    pub(super) serve: Option<PathBuf>,

    /// Connect to ADDRESS for HOST, as in example.org:443:127.0.0.1; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Override>,
}

impl Connection {
    /// Applies these flags to the settings of requests.
    ///
    /// # Errors
    /// When two flags cannot be combined.
    pub(super) fn apply(&self, fetch: &mut FetchSettings) -> haul::Result<()> {
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
        fetch.proxies = self.proxies()?;
        fetch.resolve.clone_from(&self.resolve);
        Ok(())
    }

    /// The proxies; a single empty value means none.
    ///
    /// # Errors
    /// When one cannot be parsed. clap does not parse them, because its errors would show their passwords.
    fn proxies(&self) -> haul::Result<Vec<Proxy>> {
        if let [only] = self.proxy.as_slice()
            && only.trim().is_empty()
        {
            return Ok(Vec::new());
        }
        let read = |text: &String| {
            text.parse()
                .map_err(|problem| Error::Setting(format!("--proxy: {problem}")))
        };
        self.proxy.iter().map(read).collect()
    }
}
