//! The least of HTTP/1.1 and HTTP/2 that serves the URLs of a host.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::counts::Counter;
use crate::workload::{BODY, url_at};

static WORDS: [u8; BODY] = [b'x'; BODY];
/// How long a client may take to close a connection, too.
const LINGER: Duration = Duration::from_secs(5);

/// Serves a connection until one side closes it.
pub(crate) async fn http1(
    mut stream: TlsStream<TcpStream>,
    host: usize,
    closes: bool,
    counter: &Counter,
) -> io::Result<()> {
    let connection = if closes { "Connection: close\r\n" } else { "" };
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {BODY}\r\n{connection}\r\n"
    )
    .into_bytes();
    response.extend_from_slice(&WORDS);
    let mut request = BytesMut::with_capacity(4 << 10);
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let path = request
            .strip_prefix(b"GET ")
            .and_then(|rest| rest.split(|byte| *byte == b' ').next());
        let path = path.and_then(|path| str::from_utf8(path).ok());
        let Some(id) = path.and_then(|path| url_at(host, path)) else {
            counter.count(|counts| counts.strange += 1);
            let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(missing).await?;
            continue;
        };
        stream.write_all(&response).await?;
        stream.flush().await?;
        counter.responded(id);
        if closes {
            stream.shutdown().await?;
            // Closed while bytes of the client are on their way, the connection would be reset.
            let rest = async { while stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {} };
            let _ = timeout(LINGER, rest).await;
            return Ok(());
        }
    }
}

/// Serves a connection until the client closes it.
pub(crate) async fn http2(
    stream: TlsStream<TcpStream>,
    host: usize,
    counter: &Counter,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        let Some(id) = url_at(host, request.uri().path()) else {
            counter.count(|counts| counts.strange += 1);
            let missing = http::Response::builder().status(404);
            respond.send_response(missing.body(()).unwrap(), true)?;
            continue;
        };
        let response = http::Response::builder()
            .header("content-type", "text/plain")
            .header("content-length", BODY);
        let mut body = respond.send_response(response.body(()).unwrap(), false)?;
        body.send_data(Bytes::from_static(&WORDS), true)?;
        counter.responded(id);
    }
    Ok(())
}
