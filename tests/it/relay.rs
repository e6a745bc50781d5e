//! Proxies that change nothing: a response arrives exactly as it was sent, with its end.
//!
//! Each is an HTTP proxy and a SOCKS 5 one, and runs as long as the test binary.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;

/// A proxy that forwards every connection to the same server.
pub(crate) fn relay(to: SocketAddr) -> SocketAddr {
    start(move |_| Some(to))
}

/// The same, with the hosts that it was asked to connect to.
pub(crate) fn noting_relay(to: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let hosts = Arc::<Mutex<Vec<String>>>::default();
    let noted = hosts.clone();
    let address = start(move |host| {
        noted.lock().unwrap().push(host.to_owned());
        Some(to)
    });
    (address, hosts)
}

/// A proxy that forwards each connection to the address that it is asked for; it knows no names.
pub(crate) fn forwarder() -> SocketAddr {
    start(|host| host.parse().ok())
}

/// Starts a proxy that asks where to connect for a host and port.
fn start(to: impl Fn(&str) -> Option<SocketAddr> + Clone + Send + 'static) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    on_a_thread(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        sender.send(listener.local_addr().unwrap()).unwrap();
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(talk(client, to.clone()));
        }
    });
    receiver.recv().unwrap()
}

fn on_a_thread(server: impl Future<Output = ()> + Send + 'static) {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(server);
    });
}

/// Relays one connection until either side ends it.
async fn talk(mut client: TcpStream, to: impl Fn(&str) -> Option<SocketAddr>) -> io::Result<()> {
    let mut first = [0];
    client.peek(&mut first).await?;
    let server = match first {
        [5] => by_socks(&mut client, to).await?,
        _ => by_http(&mut client, to).await?,
    };
    match server {
        Some(server) => join(client, server).await,
        None => Ok(()),
    }
}

/// RFC 9112 3.2.2 and RFC 9110 9.3.6: a request in absolute form, which is passed on as it is, or CONNECT.
async fn by_http(
    client: &mut TcpStream,
    to: impl Fn(&str) -> Option<SocketAddr>,
) -> io::Result<Option<TcpStream>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head);
    let target = text.split(' ').nth(1).unwrap_or_default();
    let host = target.trim_start_matches("http://").split('/').next();
    let Some(mut server) = connect(to(host.unwrap_or_default())).await else {
        let refusal = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        client.write_all(refusal.as_bytes()).await?;
        return Ok(None);
    };
    match head.starts_with(b"CONNECT ") {
        true => client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?,
        false => server.write_all(&head).await?,
    }
    Ok(Some(server))
}

/// RFC 1928: a greeting without authentication, then a CONNECT with an address or a name.
async fn by_socks(
    client: &mut TcpStream,
    to: impl Fn(&str) -> Option<SocketAddr>,
) -> io::Result<Option<TcpStream>> {
    client.read_u8().await?;
    let methods = client.read_u8().await?;
    client.read_exact(&mut vec![0; methods.into()]).await?;
    client.write_all(&[5, 0]).await?;
    client.read_exact(&mut [0; 3]).await?;
    let host = match client.read_u8().await? {
        1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
        _ => {
            let mut name = vec![0; client.read_u8().await?.into()];
            client.read_exact(&mut name).await?;
            String::from_utf8(name).unwrap()
        }
    };
    let port = client.read_u16().await?;
    let server = connect(to(&format!("{host}:{port}"))).await;
    let reply = if server.is_some() { 0 } else { 5 };
    client
        .write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
        .await?;
    Ok(server)
}

async fn connect(to: Option<SocketAddr>) -> Option<TcpStream> {
    TcpStream::connect(to?).await.ok()
}

/// Copies both ways until either side ends, and ends the other one in the same way.
async fn join(mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let ended = select! {
        ended = copy(&mut from_server, &mut to_client) => ended,
        ended = copy(&mut from_client, &mut to_server) => ended,
    };
    match ended {
        Ok(_) => Ok(()),
        Err(_) => client.set_zero_linger(),
    }
}
