//! HTTP/1.1 (RFC 9112) without sockets: a request as bytes, and a response out of bytes as they arrive.
//!
//! Both clients use it, the one for event loops and the one for threads that block, so the same bytes have the same
//! result on every engine. It is as lenient with heads as browsers are, and strict with what says where a body ends.
//! Invariant: what is kept of a response that has not ended is bounded. Knows no connection and no clock.

mod body;
mod chunks;
mod head;
mod reader;
mod request;

pub(super) use body::Body;
pub(super) use head::{Head, HeadReader};
pub(super) use reader::{BodyReader, Next};
pub(super) use request::{Form, serialize};
