//! Why a name has no addresses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Why a name has no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DnsError {
    /// The system's resolver returned an error.
    #[error("{0}")]
    Refused(Arc<str>),
    /// This machine lacks the resources to look the name up: a thread or a file.
    #[error("{0}")]
    Shortage(Arc<str>),
    /// No answer in time.
    #[error("no answer within {}", crate::text::size::spelled(*.0))]
    Late(Duration),
    /// The name has a private address, and it was a page that named it, not the user.
    #[error("{0} is a private address")]
    Private(IpAddr),
}
