//! The log of requests: what a job keeps of when each of its requests was sent, and to which host.
//!
//! A run collects one entry of about a dozen bytes for each request that came back, and each commit adds them as one
//! block. Invariant: every request is in it, with a record or without: robots.txt, sitemaps, segments, the answers to
//! challenges. Times are microseconds from the begin of the session, by the clock that delays are measured by, so that
//! nobody can set it in between. Edge: what a process sent after its last commit is not known if it was killed.
//!
//! A block begins with the hosts that it is about, each with the address that responded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use super::departure::Departure;
use super::retry;
use crate::job::Role;
use crate::job::segments::Segments;
use crate::page::failure::FetchError;
use crate::url::HostKey;
use crate::visit::Visit;

/// The bits of the first byte of an entry: its role, and what follows.
const ROLE: u8 = 0b0111;
const HAS_WAIT: u8 = 0b1000;
const HAS_URL: u8 = 0b1_0000;
/// The most hosts of a block: more than a process commits at a time.
const MOST_PEERS: u64 = 1 << 24;

/// One request, as a job remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedRequest {
    /// The index of its host among those of the block.
    pub(crate) peer: u32,
    /// When it was sent to a lane, in microseconds from the begin of the session.
    pub(crate) begun: u64,
    /// How long it took until its connection was ready, in microseconds.
    pub(crate) until_ready: u64,
    /// How long it took after that, in microseconds.
    pub(crate) took: u64,
    /// What it was for.
    pub(crate) role: Role,
    /// The status of the response; 0 if there was none.
    pub(crate) status: u16,
    /// The number of the URL in the job; 0 if it has none, as a robots.txt.
    pub(crate) id: u64,
    /// How long the response asked to wait, in milliseconds, and how long after its end haul had read it, in microseconds.
    pub(crate) wait: Option<(u64, u64)>,
    /// The URL, if it is not that of the number: the target of a redirect.
    pub(crate) url: Option<String>,
}

/// A host, and the address that responded.
pub(crate) type Peer = (HostKey, Option<IpAddr>);

/// The requests of one commit, read back.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) peers: Vec<Peer>,
    pub(crate) requests: Vec<LoggedRequest>,
}

/// The requests that came back since the last commit.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    indexes: HashMap<Peer, u32>,
    peers: Vec<u8>,
    entries: Vec<u8>,
    count: usize,
    last_begun: u64,
    last_id: u64,
}

impl RequestLog {
    /// The number of requests.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the request of a visit that came back now, if one was sent.
    pub(crate) fn add(&mut self, visit: &Visit, epoch: Instant, now: Instant) {
        let Some(departure) = sent(visit, now) else {
            return;
        };
        let job = &visit.job;
        let page = visit.outcome.as_ref().ok();
        let address = page.and_then(|page| page.remote).map(|from| from.ip());
        let begun = microseconds(departure.begun.saturating_duration_since(epoch));
        let (until_ready, took) = (departure.until_ready, departure.took);
        let ended = departure.at() + took;
        let wait = page.and_then(retry::asked_wait).map(|wait| {
            let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            (wait, microseconds(now.saturating_duration_since(ended)))
        });
        let id = match &job.segments {
            Some(Segments::One(of, _)) => *of,
            _ => job.id,
        };
        let has_moved = !job.hops.is_empty() && job.role != Role::Robots;
        let peer = self.peer(&job.host, address);
        self.write(&LoggedRequest {
            peer,
            begun,
            until_ready: microseconds(until_ready),
            took: microseconds(took),
            role: job.role,
            status: page.map_or(0, |page| page.status),
            id,
            wait,
            url: has_moved.then(|| job.url.as_str().to_owned()),
        });
    }

    fn peer(&mut self, host: &HostKey, address: Option<IpAddr>) -> u32 {
        let index = self.indexes.len() as u32;
        let peer = (host.clone(), address);
        *self.indexes.entry(peer).or_insert_with(|| {
            put_bytes(&mut self.peers, host.as_str().as_bytes());
            match address {
                None => put_bytes(&mut self.peers, &[]),
                Some(IpAddr::V4(address)) => put_bytes(&mut self.peers, &address.octets()),
                Some(IpAddr::V6(address)) => put_bytes(&mut self.peers, &address.octets()),
            }
            index
        })
    }

    fn write(&mut self, request: &LoggedRequest) {
        let out = &mut self.entries;
        let mut first = code_of(request.role);
        if request.wait.is_some() {
            first |= HAS_WAIT;
        }
        if request.url.is_some() {
            first |= HAS_URL;
        }
        out.push(first);
        put(out, request.peer.into());
        put_signed(out, request.begun.wrapping_sub(self.last_begun));
        put(out, request.until_ready);
        put(out, request.took);
        put(out, request.status.into());
        put_signed(out, request.id.wrapping_sub(self.last_id));
        if let Some((wait, noticed)) = request.wait {
            put(out, wait);
            put(out, noticed);
        }
        if let Some(url) = &request.url {
            put_bytes(out, url.as_bytes());
        }
        (self.last_begun, self.last_id) = (request.begun, request.id);
        self.count += 1;
    }

    /// The block for a commit.
    pub(crate) fn block(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(self.peers.len() + self.entries.len() + 5);
        put(&mut block, self.indexes.len() as u64);
        block.extend_from_slice(&self.peers);
        block.extend_from_slice(&self.entries);
        block
    }
}

/// Reads a block; `None` if it is damaged.
pub(crate) fn read_block(block: &[u8]) -> Option<Block> {
    let mut rest = block;
    let count = take(&mut rest).filter(|count| *count <= MOST_PEERS)?;
    let mut peers = Vec::new();
    for _ in 0..count {
        let host = HostKey::kept(std::str::from_utf8(take_bytes(&mut rest)?).ok()?)?;
        let address = match take_bytes(&mut rest)? {
            [] => None,
            octets => Some(match <[u8; 4]>::try_from(octets) {
                Ok(octets) => IpAddr::from(octets),
                Err(_) => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
            }),
        };
        peers.push((host, address));
    }
    let mut requests = Vec::new();
    let (mut begun, mut id) = (0_u64, 0_u64);
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let peer = u32::try_from(take(&mut rest)?).ok()?;
        begun = begun.wrapping_add(take_signed(&mut rest)?);
        let (until_ready, took) = (take(&mut rest)?, take(&mut rest)?);
        let status = u16::try_from(take(&mut rest)?).ok()?;
        id = id.wrapping_add(take_signed(&mut rest)?);
        let wait = match first & HAS_WAIT != 0 {
            true => Some((take(&mut rest)?, take(&mut rest)?)),
            false => None,
        };
        let url = match first & HAS_URL != 0 {
            true => Some(std::str::from_utf8(take_bytes(&mut rest)?).ok()?.to_owned()),
            false => None,
        };
        if peer as usize >= peers.len() {
            return None;
        }
        requests.push(LoggedRequest {
            peer,
            begun,
            until_ready,
            took,
            role: role_of(first & ROLE)?,
            status,
            id,
            wait,
            url,
        });
    }
    Some(Block { peers, requests })
}

/// When the request of a visit was sent; `None` if its host was not contacted.
///
/// Whether a failed one has reached its host is not always known: then it has.
fn sent(visit: &Visit, now: Instant) -> Option<Departure> {
    if matches!(visit.job.segments, Some(Segments::Complete(_))) {
        return None; // its segments are joined
    }
    match &visit.outcome {
        Err(
            FetchError::Dns(_)
            | FetchError::Private { .. }
            | FetchError::Skipped(_)
            | FetchError::Shortage(_),
        ) => None,
        _ => Departure::of(visit, now),
    }
}

/// Microseconds since 1970.
pub(crate) fn since_1970(moment: SystemTime) -> i64 {
    let since = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

const ROLES: [Role; 6] = [
    Role::Page,
    Role::Asset,
    Role::Robots,
    Role::Sitemap,
    Role::External,
    Role::Segment,
];

fn code_of(role: Role) -> u8 {
    ROLES.iter().position(|known| *known == role).unwrap_or(0) as u8
}

fn role_of(code: u8) -> Option<Role> {
    ROLES.get(usize::from(code)).copied()
}

/// Writes a number, seven bits in a byte.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes a difference, so that small ones of either sign are short.
fn put_signed(out: &mut Vec<u8>, difference: u64) {
    let signed = difference.cast_signed();
    put(out, ((signed << 1) ^ (signed >> 63)).cast_unsigned());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_signed(rest: &mut &[u8]) -> Option<u64> {
    let number = take(rest)?;
    Some((number >> 1) ^ (number & 1).wrapping_neg())
}

fn take_bytes<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(take(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;

    fn request(begun: u64, id: u64) -> LoggedRequest {
        LoggedRequest {
            peer: 0,
            begun,
            until_ready: 0,
            took: 1_200,
            role: Role::Page,
            status: 200,
            id,
            wait: None,
            url: None,
        }
    }

    #[test]
    fn a_block_is_read_as_it_was_written_and_an_entry_is_small() {
        let mut log = RequestLog::default();
        let host = PageUrl::parse("https://h.example:8/").unwrap().host_key();
        assert_eq!(log.peer(&host, Some([192, 0, 2, 7].into())), 0);
        assert_eq!(log.peer(&host, None), 1);
        assert_eq!(log.peer(&host, Some([192, 0, 2, 7].into())), 0);
        let mut written = vec![
            request(90_000_000, 7),
            LoggedRequest {
                peer: 1,
                until_ready: 250_000,
                role: Role::Robots,
                status: 0,
                wait: Some((u64::MAX, 17)),
                url: Some("https://h.example:8/moved".to_owned()),
                ..request(0, u64::MAX)
            },
        ];
        written.extend((0..1000).map(|id| request(91_000_000 + id * 1_000, id + 8)));
        for request in &written {
            log.write(request);
        }
        let block = log.block();
        assert!(block.len() < 1002 * 12, "{} bytes", block.len());
        let Block {
            peers,
            requests: read,
        } = read_block(&block).unwrap();
        assert_eq!(peers.len(), 2);
        assert_eq!(peers[1], (host, None));
        assert_eq!(read, written);
    }

    #[test]
    fn a_damaged_block_is_refused_or_read_without_harm() {
        let mut log = RequestLog::default();
        let host = PageUrl::parse("http://h.example/").unwrap().host_key();
        log.peer(&host, None);
        (0..9).for_each(|id| log.write(&request(id, id)));
        let block = log.block();
        assert!(read_block(&block[..block.len() - 1]).is_none());
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let mut torn = block.clone();
            torn[random.usize(..block.len())] = random.u8(..);
            torn.truncate(random.usize(..=block.len()));
            let _ = read_block(&torn);
        }
    }
}
