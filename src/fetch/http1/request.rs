//! A request as bytes (RFC 9112 3).

use http::{HeaderName, HeaderValue, header};

use crate::job::outgoing::Outgoing;
use crate::url::PageUrl;

/// The form of a request's target (RFC 9112 3.2).
#[derive(Debug, Clone, Copy)]
pub(in crate::fetch) enum Form<'a> {
    /// Path and query, for the host itself or through a tunnel.
    Origin,
    /// The whole URL, for a proxy that passes the request on, with the value of `Proxy-Authorization` if there is one.
    Absolute(Option<&'a HeaderValue>),
}

/// Appends the bytes of a request.
pub(in crate::fetch) fn serialize(
    outgoing: &Outgoing<'_>,
    url: &PageUrl,
    form: Form<'_>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(outgoing.method.as_str().as_bytes());
    out.push(b' ');
    if let Form::Absolute(_) = form {
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
        field(&header::HOST, url.authority().as_bytes());
    }
    let has_body = outgoing.body.is_some();
    for (name, value) in outgoing.headers.iter() {
        // The body is framed by its own length, regardless of the user's headers.
        let framing = *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING;
        if !(framing && has_body) {
            field(name, value.as_bytes());
        }
    }
    if let Form::Absolute(Some(credentials)) = form {
        field(&header::PROXY_AUTHORIZATION, credentials.as_bytes());
    }
    let body = outgoing.body.as_deref().unwrap_or_default();
    if has_body {
        field(&header::CONTENT_LENGTH, body.len().to_string().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}
