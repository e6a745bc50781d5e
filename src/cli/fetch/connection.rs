//! The flags that say how a host is reached: TLS, proxies, names.

use std::path::PathBuf;

use clap::Args;
use haul::Error;
use haul::fetch::{FetchSettings, Override, Private, Proxy, TlsSettings, Versions};

/// How a host is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "The connection")]
pub(super) struct Connection {
    /// Do not check certificates
    #[arg(short = 'k', long)]
    insecure: bool,

    /// Trust the certificates in this PEM file too
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,

    /// Go through this proxy: http, https, socks4, socks4a, socks5 or socks5h; repeated ones take turns
    ///
    /// Names are resolved by the proxy; with socks4 and socks5 they are resolved here. -x '' is no proxy. The proxies of
    /// the environment (HTTP_PROXY) are not used.
    #[arg(short = 'x', long, value_name = "URL")]
    proxy: Vec<String>,

    /// Speak HTTP/1.1 alone
    #[arg(long)]
    http1: bool,

    /// Let redirects lead from a public address to a private one
    ///
    /// Hosts that the list itself names are always asked.
    #[arg(long)]
    allow_private: bool,

    /// Serve DIR for the length of the run: every name under localhost is there
    ///
    /// The practice server listens on a free port; http://shop.localhost/ and the like lead to it, on no port of their own.
    #[arg(long, value_name = "DIR")]
    pub(super) serve: Option<PathBuf>,

    /// Use ADDRESS for HOST, as in example.org:443:127.0.0.1; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Override>,
}

impl Connection {
    /// Fills in how hosts are reached.
    ///
    /// # Errors
    /// When two flags contradict each other.
    pub(super) fn apply(&self, fetch: &mut FetchSettings) -> haul::Result<()> {
        if self.insecure && self.cacert.is_some() {
            return Err(Error::Setting(
                "--insecure and --cacert contradict each other: certificates are checked or they are not".into(),
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
        if self.allow_private {
            fetch.private = Private::Allow;
        }
        fetch.proxies = self.proxies()?;
        fetch.resolve.clone_from(&self.resolve);
        Ok(())
    }

    /// The proxies; an empty one alone says that there is none.
    ///
    /// # Errors
    /// Which is no proxy. They are not read by clap, whose errors would show their passwords.
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
