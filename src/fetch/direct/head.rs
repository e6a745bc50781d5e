//! The head of a response, and what is known about its connection.

use std::net::SocketAddr;

use http::{HeaderMap, StatusCode, Version};

use crate::fetch::phases::Phases;

/// The head of a response, and what is known about its connection.
pub(in crate::fetch) struct Head {
    pub(in crate::fetch) status: StatusCode,
    pub(in crate::fetch) version: Version,
    pub(in crate::fetch) headers: HeaderMap,
    /// The address that responded, if known.
    pub(in crate::fetch) remote: Option<SocketAddr>,
    /// How long the connection took to open, if it was opened for this request.
    pub(in crate::fetch) phases: Phases,
    /// Whether the connection had been used before.
    pub(in crate::fetch) kept: bool,
}
