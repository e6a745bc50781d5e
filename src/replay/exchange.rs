//! What records beside a response say about it: the request that it was to, and how long it took.
//!
//! A response itself does not say whether it was to `GET`. Its request does, in a record that names the response or is
//! named by it (ISO 28500 5.7). Writers put the two next to each other, so only the last few are remembered: memory is
//! bounded. Edge: a response without a request counts as one to `GET`.

use std::collections::VecDeque;
use std::io::Read;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::index::Index;
use crate::archive::{Damage, Head, Records};
use crate::origin::Request;

/// How many records may be between a response and what is said about it.
const NEAR: usize = 64;
/// The longest head of a request that is read, and the most of a metadata record.
const HEAD: usize = 64 << 10;

/// The records that others may refer to.
#[derive(Default)]
pub(super) struct Exchanges {
    /// The number of each response, by the hash of its id.
    responses: VecDeque<(u64, usize)>,
    /// The exchange of each request that came before its response.
    requests: VecDeque<(u64, u64)>,
}

impl Exchanges {
    /// Notes a response, and what its request was if that came first.
    pub(super) fn response(&mut self, head: &Head, number: usize, index: &mut Index) {
        if let Some(exchange) = concurrent(head).and_then(|id| find(&self.requests, id)) {
            index.asked_by(number, exchange);
        }
        if let Some(id) = head.get("WARC-Record-ID") {
            push(&mut self.responses, (hash(id), number));
        }
    }

    /// Notes what another record says.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn other(
        &mut self,
        head: &Head,
        block: &mut Records,
        index: &mut Index,
    ) -> Result<(), Damage> {
        let response = concurrent(head).and_then(|id| find(&self.responses, id));
        match head.kind().as_str() {
            "request" => {
                let Ok(exchange) = exchange(block) else {
                    return Ok(()); // its reader meets the damage again, and reports it
                };
                match response {
                    _ if exchange == 0 => {}
                    Some(number) => index.asked_by(number, exchange),
                    None => {
                        if let Some(id) = head.get("WARC-Record-ID") {
                            push(&mut self.requests, (hash(id), exchange));
                        }
                    }
                }
            }
            "metadata" => {
                if let Some(number) = response
                    && let Some(took) = took(block)
                {
                    index.took(number, took);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What to look for, for a request: the same exchange, or else one that could be it.
pub(super) fn candidates(request: &Request) -> impl Iterator<Item = u64> {
    let (method, body) = (request.method(), request.body());
    let of_method = of(method.as_bytes(), None);
    // A `GET` has the fields that `HEAD` asks for, and a request whose body was not stored may be the same.
    let (first, second) = match method {
        "GET" => (0, None),
        "HEAD" => (0, Some(of_method)),
        _ if body.is_empty() => (of_method, None),
        _ => (of(method.as_bytes(), Some(xxh3_64(body))), Some(of_method)),
    };
    std::iter::once(first).chain(second)
}

/// Identifies a method and the body that was sent; 0 is a `GET`.
fn of(method: &[u8], body: Option<u64>) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(method);
    if let Some(body) = body {
        hash.update(&body.to_le_bytes());
    }
    hash.digest()
}

/// The exchange of a stored request.
fn exchange(block: &mut impl Read) -> std::io::Result<u64> {
    let mut start = Vec::with_capacity(1024);
    let mut end = None;
    while end.is_none() && start.len() < HEAD {
        let read = block.by_ref().take(4096).read_to_end(&mut start)?;
        if start.starts_with(b"GET ") {
            return Ok(0);
        }
        end = memchr::memmem::find(&start, b"\r\n\r\n");
        if read == 0 {
            break;
        }
    }
    let method = start.split(|byte| *byte == b' ').next().unwrap_or_default();
    let Some(end) = end else {
        return Ok(of(method, None));
    };
    let mut body = Xxh3::new();
    let mut is_empty = true;
    let mut piece = start[end + 4..].to_vec();
    loop {
        is_empty &= piece.is_empty();
        body.update(&piece);
        piece.clear();
        if block.by_ref().take(64 << 10).read_to_end(&mut piece)? == 0 {
            return Ok(of(method, (!is_empty).then(|| body.digest())));
        }
    }
}

/// How long a response took, in milliseconds, by a record about it.
fn took(block: &mut impl Read) -> Option<u32> {
    let mut fields = Vec::new();
    block
        .by_ref()
        .take(HEAD as u64)
        .read_to_end(&mut fields)
        .ok()?;
    let fields = String::from_utf8_lossy(&fields);
    let of = |wanted: &str| {
        let mut lines = fields.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        value.trim().parse().ok()
    };
    of("firstByteMs").or_else(|| of("fetchTimeMs"))
}

fn concurrent(head: &Head) -> Option<&str> {
    head.get("WARC-Concurrent-To")
}

fn hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

fn find<T: Copy>(recent: &VecDeque<(u64, T)>, id: &str) -> Option<T> {
    let id = hash(id);
    let mut recent = recent.iter().rev();
    recent.find(|(own, _)| *own == id).map(|(_, found)| *found)
}

fn push<T>(recent: &mut VecDeque<(u64, T)>, one: (u64, T)) {
    if recent.len() == NEAR {
        recent.pop_front();
    }
    recent.push_back(one);
}
