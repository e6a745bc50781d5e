//! A request as bytes (RFC 9112 3).

use http::{HeaderName, header};

use super::route::PlainProxy;
use crate::job::outgoing::Outgoing;
use crate::url::PageUrl;

/// The bytes of a request.
///
/// A request to the proxy itself, rather than through a tunnel, has the absolute form (3.2.2).
pub(super) fn serialize(outgoing: &Outgoing, url: &PageUrl, proxy: Option<&PlainProxy>) -> Vec<u8> {
    let body = outgoing.body.as_deref().unwrap_or_default();
    let mut out = Vec::with_capacity(512 + body.len());
    out.extend_from_slice(outgoing.method.as_str().as_bytes());
    out.push(b' ');
    if proxy.is_some() {
        out.extend_from_slice(url.origin_text().as_bytes());
    }
    out.extend_from_slice(url.target().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut field = |name: &HeaderName, value: &[u8]| {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    if !outgoing.headers.contains_key(header::HOST) {
        let (_, authority) = url.origin_text().split_once("://").unwrap_or_default();
        field(&header::HOST, authority.as_bytes());
    }
    for (name, value) in &outgoing.headers {
        // The body is framed by its own length, regardless of the user's headers.
        let framing = *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING;
        if !(framing && outgoing.body.is_some()) {
            field(name, value.as_bytes());
        }
    }
    if let Some(credentials) = proxy.and_then(PlainProxy::credentials) {
        field(&header::PROXY_AUTHORIZATION, credentials.as_bytes());
    }
    if outgoing.body.is_some() {
        field(&header::CONTENT_LENGTH, body.len().to_string().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}
