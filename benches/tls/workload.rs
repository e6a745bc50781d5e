//! What is fetched: 5,000 URLs on 500 hosts, and how the connections to these hosts behave.
//!
//! A host is an address of the loopback network, all of which leads to this machine. So no name needs to be resolved,
//! and every host has a certificate of its own.

use std::net::{IpAddr, Ipv4Addr};

/// The number of hosts.
pub(crate) const HOSTS: usize = 500;
/// The number of URLs.
pub(crate) const URLS: usize = 5_000;
/// The size of each body, in bytes.
pub(crate) const BODY: usize = 10 << 10;
/// The number of requests in flight.
pub(crate) const IN_FLIGHT: usize = 64;
/// Hosts for each value of the third byte of the address.
const ROW: usize = 250;

/// How the connections behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// HTTP/1.1 on connections that are kept.
    Kept,
    /// HTTP/1.1, a connection for each request, with sessions that can be resumed.
    Resumed,
    /// HTTP/1.1, a connection and a full handshake for each request.
    Full,
    /// HTTP/2.
    Http2,
}

impl Workload {
    /// All of them, in the order of the tables and of the server's ports.
    pub(crate) const ALL: [Self; 4] = [Self::Kept, Self::Resumed, Self::Full, Self::Http2];

    /// The word that selects it on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Resumed => "resumed",
            Self::Full => "full",
            Self::Http2 => "http2",
        }
    }

    /// The title of its table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Kept => "HTTP/1.1, connections are kept",
            Self::Resumed => {
                "HTTP/1.1, the server closes after each response, sessions can be resumed"
            }
            Self::Full => {
                "HTTP/1.1, the server closes after each response, sessions cannot be resumed"
            }
            Self::Http2 => "HTTP/2",
        }
    }

    /// The protocol that the server agrees to.
    pub(crate) fn protocol(self) -> &'static [u8] {
        match self {
            Self::Http2 => b"h2",
            _ => b"http/1.1",
        }
    }

    /// Whether the server closes a connection after its first response.
    pub(crate) fn closes(self) -> bool {
        matches!(self, Self::Resumed | Self::Full)
    }
}

/// The address of a host.
pub(crate) fn address(host: usize) -> IpAddr {
    let byte = |value: usize| u8::try_from(value).unwrap();
    Ipv4Addr::new(127, 0, byte(1 + host / ROW), byte(1 + host % ROW)).into()
}

/// The host that has this address.
pub(crate) fn host_at(address: IpAddr) -> Option<usize> {
    let IpAddr::V4(address) = address else {
        return None;
    };
    let [127, 0, row, place] = address.octets() else {
        return None;
    };
    let (row, place) = (
        usize::from(row).checked_sub(1)?,
        usize::from(place).checked_sub(1)?,
    );
    let host = row * ROW + place;
    (place < ROW && host < HOSTS).then_some(host)
}

/// The URLs on a port. Each host has its turn before any has its second.
pub(crate) fn urls(port: u16) -> impl Iterator<Item = String> {
    (0..URLS).map(move |id| format!("https://{}:{port}/n/{id}", address(id % HOSTS)))
}

/// The number of the URL with this path on this host.
pub(crate) fn url_at(host: usize, path: &str) -> Option<usize> {
    let id = path.strip_prefix("/n/")?.parse().ok()?;
    (id < URLS && id % HOSTS == host).then_some(id)
}
