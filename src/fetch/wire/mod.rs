//! HTTP/1.1 on blocking sockets, for the threads of the `blocking` engine.
//!
//! ureq opens the connections: TCP, TLS, SOCKS and tunnels. The HTTP on them is here and not ureq's, because ureq
//! reads heads and bodies differently from the other client, and has no settings for that: folded lines, more than
//! 128 fields, lines that end in LF, bodies that end in a reset, plain http through a proxy. The same bytes must
//! have the same result on every engine. Invariant: every wait has a deadline; a connection is reused only after a
//! body that ended where its framing says.

mod body;
mod chunks;
mod clock;
mod dial;
mod exchange;
mod head;
mod kept;
mod request;
mod route;
mod source;
mod tls;

pub(super) use clock::Clock;
pub(super) use dial::Dialer;
pub(super) use exchange::{Answer, Wire};
pub(super) use kept::Kept;
pub(super) use route::Route;
