//! Why a name has no addresses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Why a name has no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DnsError {
    /// The system said no.
    #[error("{0}")]
    Refused(Arc<str>),
    /// This machine could not ask: no thread, no file.
    #[error("{0}")]
    Shortage(Arc<str>),
    /// No answer in time.
    #[error("no answer within {}", crate::size::spelled(*.0))]
    Late(Duration),
    /// An address of the answer is private, and the name was not the user's.
    #[error("{0} is a private address")]
    Private(IpAddr),
}
