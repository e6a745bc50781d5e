//! Cookies: what servers ask a client to send back (RFC 6265bis).
//!
//! A jar takes the `Set-Cookie` fields of each response and answers which cookies go with a request. Invariant: a
//! cookie is only sent to the site that set it, a `Secure` one only over TLS, and a jar is bounded in count and bytes.
//! Edge: haul has no page that a request could belong to, so every request counts as one that the user made, and
//! `SameSite` restricts nothing.

mod cookie;
mod date;
mod domain;
mod file;
mod jar;
mod netscape;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use file::{CookieFile, check_writable, write};
pub(crate) use jar::{Jar, seconds};
pub use settings::{CookieSettings, Cookies, OwnCookies};
