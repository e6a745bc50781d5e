//! How a login is shown to a server.

use serde::{Deserialize, Serialize};

/// When the password of a login is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authentication {
    /// With each request, by Basic authentication (RFC 7617), until a host challenges with Digest.
    #[default]
    Basic,
    /// Never: it is only proved, to hosts that challenge with Digest (RFC 7616).
    Digest,
}
