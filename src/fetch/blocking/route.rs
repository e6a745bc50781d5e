//! The route to a server: direct, or through a proxy.

use http::HeaderValue;
use ureq::config::Config;
use ureq::{Agent, Proxy};

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
    credentials: Option<HeaderValue>,
}

impl PlainProxy {
    /// The value of `Proxy-Authorization`.
    pub(super) fn credentials(&self) -> Option<&HeaderValue> {
        self.credentials.as_ref()
    }
}

impl Route {
    /// # Errors
    /// When ureq rejects the proxy.
    pub(super) fn new(proxy: Option<&proxy::Proxy>) -> Result<Self> {
        let plain = proxy.and_then(proxy::Proxy::for_plain_requests);
        let proxy = proxy
            .map(|proxy| Proxy::new(proxy.secret_url()))
            .transpose()
            .map_err(|source| Error::setup("the proxy", source))?;
        let config =
            |proxy: Option<Proxy>| Agent::config_builder().user_agent("").proxy(proxy).build();
        let plain = plain.zip(proxy.clone());
        let plain = plain.map(|((_, credentials), proxy)| PlainProxy {
            credentials,
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
