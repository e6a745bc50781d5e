//! The route to a server: direct, or through a proxy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::config::Config;
use ureq::{Agent, Proxy, ProxyProtocol};

use crate::error::{Error, Result};
use crate::fetch::proxy;
use crate::url::PageUrl;

/// The route to a server: direct, or through one proxy.
pub(super) struct Route {
    /// For connections to the server itself, through the proxy if there is one.
    pub(super) config: Config,
    /// The proxy, if requests for plain http are sent to the proxy itself.
    pub(super) plain: Option<PlainProxy>,
}

/// A proxy that receives requests for plain http itself.
pub(super) struct PlainProxy {
    pub(super) proxy: Proxy,
    pub(super) config: Config,
    credentials: Option<String>,
}

impl PlainProxy {
    /// The value of `Proxy-Authorization`.
    pub(super) fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }
}

impl Route {
    /// # Errors
    /// When ureq rejects the proxy.
    pub(super) fn new(proxy: Option<&proxy::Proxy>) -> Result<Self> {
        let proxy = proxy
            .map(|proxy| Proxy::new(proxy.secret_url()))
            .transpose()
            .map_err(|source| Error::setup("the proxy", source))?;
        let config =
            |proxy: Option<Proxy>| Agent::config_builder().user_agent("").proxy(proxy).build();
        let asks_itself =
            |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        let plain = proxy.clone().filter(asks_itself).map(|proxy| PlainProxy {
            credentials: credentials(&proxy),
            config: config(None),
            proxy,
        });
        Ok(Self {
            config: config(proxy),
            plain,
        })
    }

    /// The proxy to which the request for this page is sent in absolute form, if any.
    pub(super) fn proxy_of(&self, url: &PageUrl) -> Option<&PlainProxy> {
        let is_plain = url.as_url().scheme() == "http";
        self.plain.as_ref().filter(|_| is_plain)
    }
}

fn credentials(proxy: &Proxy) -> Option<String> {
    if proxy.username().is_none() && proxy.password().is_none() {
        return None;
    }
    let (user, password) = (proxy.username(), proxy.password());
    let both = format!(
        "{}:{}",
        user.unwrap_or_default(),
        password.unwrap_or_default()
    );
    Some(format!("Basic {}", STANDARD.encode(both)))
}
