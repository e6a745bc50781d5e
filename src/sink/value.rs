//! The value of a field, written as JSON or as the text of a cell.
//!
//! Invariant: both say the same. `null` in JSON is an empty cell, text in a cell has no quotes, lists are JSON in
//! both. This is the hot path of the writing thread: it writes the same as serde (a test compares them) in less than
//! half the time.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::kept::Kept;
use super::record::{Attempts, Columns, Hops, hex_text};
use crate::job::{Attempt, Hop};
use crate::text::moment;

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Null,
    Text(&'a str),
    /// Text that is already JSON.
    Json(&'a str),
    Number(u64),
    Flag(bool),
    Milliseconds(Duration),
    /// A time of day that RFC 3339 can write.
    Moment(SystemTime),
    Headers(Kept<'a>),
    Digest(&'a [u8; 32]),
    Address(SocketAddr),
    Hops(&'a [Hop]),
    Attempts(&'a [Attempt]),
    Columns(&'a [(Arc<str>, serde_json::Value)]),
}

impl Value<'_> {
    /// Appends the value to a buffer as JSON.
    pub(super) fn json(self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Text(text) if is_plain(text) => {
                out.push(b'"');
                out.extend_from_slice(text.as_bytes());
                out.push(b'"');
            }
            Self::Text(text) => serialize(out, text),
            Self::Digest(_) | Self::Address(_) | Self::Moment(_) => {
                out.push(b'"');
                self.cell(out);
                out.push(b'"');
            }
            _ => self.cell(out),
        }
    }

    /// Appends the value to a buffer as the text of a cell.
    pub(super) fn cell(self, out: &mut Vec<u8>) {
        match self {
            Self::Null => {}
            Self::Text(text) | Self::Json(text) => out.extend_from_slice(text.as_bytes()),
            Self::Number(number) => serialize(out, &number),
            Self::Flag(flag) => serialize(out, &flag),
            Self::Milliseconds(duration) => milliseconds(out, duration),
            Self::Moment(time) => put(out, format_args!("{}", moment::to_millisecond(time))),
            Self::Headers(headers) => serialize(out, &headers),
            Self::Digest(digest) => {
                out.extend_from_slice(hex_text(digest, &mut [0; 64]).as_bytes());
            }
            Self::Address(address) => self::address(out, address),
            Self::Hops(&[]) | Self::Attempts(&[]) => out.extend_from_slice(b"[]"),
            Self::Hops(hops) => serialize(out, &Hops(hops)),
            Self::Attempts(attempts) => serialize(out, &Attempts(attempts)),
            Self::Columns(columns) => serialize(out, &Columns(columns)),
        }
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl From<Option<u64>> for Value<'_> {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }
}

impl From<Option<Duration>> for Value<'_> {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::Null, Self::Milliseconds)
    }
}

/// Appends formatted text to a buffer, which cannot fail.
pub(super) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
}

/// Whether a text needs no escapes in JSON.
///
/// It does not return early, so that it can be vectorized.
fn is_plain(text: &str) -> bool {
    !text.bytes().fold(false, |needs_escape, byte| {
        needs_escape | (byte < 0x20) | (byte == b'"') | (byte == b'\\')
    })
}

fn milliseconds(out: &mut Vec<u8>, duration: Duration) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    serialize(out, &(micros / 1000));
    let rest = (micros % 1000) as u16;
    let digit = |value: u16| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
}

fn address(out: &mut Vec<u8>, address: SocketAddr) {
    let SocketAddr::V4(address) = address else {
        return put(out, format_args!("{address}"));
    };
    for (index, octet) in address.ip().octets().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        serialize(out, &octet);
    }
    out.push(b':');
    serialize(out, &address.port());
}

fn serialize(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(
        written.is_ok(),
        "lists of texts and numbers can be written as JSON"
    );
}
