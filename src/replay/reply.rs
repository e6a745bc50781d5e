//! A stored response as it is sent again.
//!
//! Fields are as they were stored, except for those that were only true of the connection it came over (RFC 9110 7.6.1)
//! or of the way it was stored. A body is sent as it was stored: compressed if it is.

use std::fs::File;
use std::io;

use http::header::{self, HeaderMap, HeaderName};

use crate::archive::Held;
use crate::origin::Reply;
use crate::page::body::Body;

/// Fields about a connection, or about what haul changed when it stored the response.
const LEFT_OUT: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-orig-transfer-encoding",
    "x-orig-content-length",
    "x-orig-content-range",
];

/// The stored response; `None` for a status that no whole response has, such as 304.
pub(super) fn of(held: Held) -> Option<io::Result<Reply>> {
    let page = held.stored.page;
    if page.status < 200 || page.status == 304 {
        return None;
    }
    let headers = &page.headers.0;
    // A response to `HEAD` has the length of a body that it does not have.
    let has_body = held.file.is_some() || !page.body.is_empty();
    let mut reply = Reply::recorded(page.status);
    for (name, value) in headers {
        let is_length = name == header::CONTENT_LENGTH;
        if is_length && has_body || is_left_out(name, headers) {
            continue;
        }
        reply = reply.header_bytes(name.as_str().to_owned(), value.as_bytes());
    }
    let with_file = |path: &std::path::Path, reply: Reply| {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(reply.file(file, length))
    };
    Some(match (&held.file, page.body) {
        (Some(path), _) => with_file(path, reply),
        (None, Body::Memory(bytes)) => Ok(reply.body(bytes)),
        // Its file is removed here, and stays readable until it is closed.
        (None, Body::Spooled(spool)) => with_file(spool.path(), reply),
        (None, Body::Dropped(_)) => Ok(reply),
    })
}

fn is_left_out(name: &HeaderName, headers: &HeaderMap) -> bool {
    let mut named = headers.get_all(header::CONNECTION).iter();
    LEFT_OUT.contains(&name.as_str())
        || named.any(|value| {
            let mut words = value.as_bytes().split(|byte| *byte == b',');
            words.any(|word| {
                word.trim_ascii()
                    .eq_ignore_ascii_case(name.as_str().as_bytes())
            })
        })
}
