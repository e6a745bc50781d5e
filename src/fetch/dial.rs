//! A TCP connection to one of the addresses of a host.
//!
//! A simplified RFC 8305: address families take turns, the next address is tried when one fails or has not
//! responded for a moment, and the first connection wins.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long an address has before the next one is tried too (RFC 8305 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that responds.
///
/// # Errors
/// The last failure, with its address.
pub(super) async fn dial(
    addresses: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), (io::Error, Option<SocketAddr>)> {
    if let [only] = addresses {
        return connect(*only)
            .await
            .map_err(|(error, at)| (error, Some(at)));
    }
    let mut waiting = interleaved(addresses).into_iter();
    let mut tried = FuturesUnordered::new();
    let mut last = (io::Error::from(io::ErrorKind::NotFound), None);
    loop {
        match waiting.next() {
            Some(next) => tried.push(connect(next)),
            None if tried.is_empty() => return Err(last),
            None => {}
        }
        let more = waiting.len() > 0;
        tokio::select! {
            // Cancel-safe: an attempt lives in `tried`.
            Some(done) = tried.next() => match done {
                Ok(connected) => return Ok(connected),
                Err((error, at)) => last = (error, Some(at)),
            },
            () = sleep(HEAD_START), if more => {}
        }
    }
}

async fn connect(address: SocketAddr) -> Result<(TcpStream, SocketAddr), (io::Error, SocketAddr)> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| (error, address))?;
    // A request is one write, and must not wait for the acknowledgement of the previous one.
    let _ = stream.set_nodelay(true); // without it the connection is slower, not wrong
    Ok((stream, address))
}

/// The addresses with the families taking turns, starting with that of the first.
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let same = |address: &&SocketAddr| address.is_ipv4() == first.is_ipv4();
    let mut one = addresses.iter().filter(same);
    let mut other = addresses.iter().filter(|address| !same(address));
    let mut order = Vec::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(one.next());
        order.extend(other.next());
    }
    order
}

/// Whether there is no route to an address at all, as for IPv6 on a machine without it.
///
/// The error for that is the same as for "no free local port"; a UDP socket, which sends nothing, tells the two
/// apart.
pub(super) fn is_unroutable(address: SocketAddr) -> bool {
    let from = if address.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    UdpSocket::bind(from)
        .and_then(|socket| socket.connect(address))
        .is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let read = |text: &str| text.parse::<SocketAddr>().unwrap();
        let addresses = ["[::1]:1", "[::2]:1", "1.1.1.1:1", "[::3]:1"].map(read);
        let order = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(read);
        assert_eq!(interleaved(&addresses), order);
    }

    #[tokio::test]
    async fn a_dead_address_does_not_keep_a_host_from_being_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = [
            SocketAddr::from(([127, 0, 0, 2], port)),
            SocketAddr::from(([127, 0, 0, 1], port)),
        ];
        let (_, remote) = dial(&addresses).await.unwrap();
        assert_eq!(remote, addresses[1]);
        assert!(!is_unroutable(addresses[1]));
    }
}
