//! Settings of requests to some hosts only.

use serde::{Deserialize, Serialize};

use super::proxy::Proxy;
use crate::page::headers::Headers;
use crate::url::HostPattern;

/// How requests to some hosts differ from all others.
///
/// If several patterns match a host, each setting is that of the most specific pattern that has it; headers count one by
/// one. Of two patterns that are equally specific, the first one counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostSettings {
    /// The hosts.
    pub hosts: HostPattern,
    /// Headers for every request to these hosts, whoever led there: a line of the list, a link, or a redirect.
    ///
    /// Those that may be secret are sent over https only, unless the user named the http origin itself.
    pub headers: Headers,
    /// How to connect.
    pub way: Option<HostWay>,
    /// Whether they are asked over HTTP/1.1 only. Not for connections through a proxy.
    pub http1: Option<bool>,
}

/// How to connect to a host, whatever proxies other hosts have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostWay {
    /// Directly.
    Direct,
    /// Through this proxy.
    Through(Proxy),
}

impl HostSettings {
    /// No settings for these hosts.
    pub fn new(hosts: HostPattern) -> Self {
        Self {
            hosts,
            headers: Headers::default(),
            way: None,
            http1: None,
        }
    }

    /// The proxy of these hosts, if they have one of their own.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        match &self.way {
            Some(HostWay::Through(proxy)) => Some(proxy),
            Some(HostWay::Direct) | None => None,
        }
    }
}
