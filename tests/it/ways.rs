//! The ways to a server: straight to it or through a proxy, plain or encrypted.

use std::net::SocketAddr;

use haul::Config;
use haul::fetch::TlsSettings;
use haul::origin::{Origin, SiteBuilder};

use crate::certificates::self_signed;
use crate::relay::forwarder;
use crate::run::{ENGINES, at_once, config};

/// A way to a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    is_encrypted: bool,
    proxy: Proxy,
}

#[derive(Debug, Clone, Copy)]
enum Proxy {
    None,
    Http(SocketAddr),
    Socks(SocketAddr),
}

impl Way {
    /// Whether a proxy gets the requests themselves.
    pub(crate) fn has_reading_proxy(self) -> bool {
        matches!(self.proxy, Proxy::Http(_)) && !self.is_encrypted
    }

    /// Whether a proxy connects to the server and then only passes bytes on.
    pub(crate) fn has_tunnel(self) -> bool {
        !matches!(self.proxy, Proxy::None) && !self.has_reading_proxy()
    }

    pub(crate) fn is_encrypted(self) -> bool {
        self.is_encrypted
    }

    /// The scheme of URLs that lead this way.
    pub(crate) fn scheme(self) -> &'static str {
        match self.is_encrypted {
            true => "https",
            false => "http",
        }
    }

    /// Starts a site as this way needs it.
    pub(crate) fn start(self, site: SiteBuilder) -> Origin {
        match self.is_encrypted {
            true => self_signed(site),
            false => site.start().unwrap(),
        }
    }

    /// A run of these URLs on this engine, this way, with default settings.
    pub(crate) fn config<T: Into<String>>(
        self,
        engine: &str,
        urls: impl IntoIterator<Item = T>,
    ) -> Config {
        let mut config = config(engine, urls);
        config.fetch.tls = TlsSettings::Insecure;
        let proxy = match self.proxy {
            Proxy::None => return config,
            Proxy::Http(address) => format!("http://{address}"),
            Proxy::Socks(address) => format!("socks5h://{address}"),
        };
        config.fetch.proxies = vec![proxy.parse().unwrap()];
        config
    }
}

/// All ways.
pub(crate) fn ways() -> impl Iterator<Item = Way> {
    let proxy = forwarder();
    let proxies = [Proxy::None, Proxy::Http(proxy), Proxy::Socks(proxy)].into_iter();
    proxies.flat_map(|proxy| {
        [false, true].map(|is_encrypted| Way {
            is_encrypted,
            proxy,
        })
    })
}

/// Calls `test` for all engines and all ways at once, and reports those that failed.
pub(crate) fn on_every_engine_and_way(test: impl Fn(&str, Way) + Sync) {
    let cases = ways().flat_map(|way| ENGINES.map(|engine| (engine, way)));
    at_once(cases, |(engine, way)| test(engine, way));
}
