//! The server behind `/metrics`.
//!
//! One request for each connection, a few connections at a time, and a few seconds for each: a client that is slow,
//! or floods it, only makes other clients wait. Names of other machines are refused on a loopback address, so that no web page in
//! a browser here can read the figures by pointing its own name at this machine (DNS rebinding).

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// The media type of the format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The most connections at a time; more of them wait to be accepted.
const CONNECTIONS: usize = 16;
/// How long a client may take for its request and for reading the response.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of a request head.
const HEAD: usize = 16 << 10;
/// How long to rest when the system is out of descriptors.
const REST: Duration = Duration::from_millis(100);

/// Serves what `text` makes until `ended` completes; then drops every connection.
pub(super) async fn serve(
    listener: TcpListener,
    text: impl Fn() -> String + Send + Sync + 'static,
    ended: oneshot::Receiver<()>,
) {
    let is_local = |address: SocketAddr| address.ip().is_loopback();
    let only_here = listener.local_addr().is_ok_and(is_local);
    let text = Arc::new(text);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let accept = async {
        // The semaphore is never closed.
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let text = Arc::clone(&text);
                    tokio::spawn(async move {
                        let _permit = permit;
                        // A client that is too slow, or talks nonsense, is not worth a word.
                        let _ = timeout(PATIENCE, converse(stream, &*text, only_here)).await;
                    });
                }
                Err(_) => sleep(REST).await,
            }
        }
    };
    tokio::select! { // neither is used again
        () = accept => {}
        _ = ended => {}
    }
}

async fn converse(stream: TcpStream, text: &impl Fn() -> String, only_here: bool) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(&request, text, only_here);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let _ = connection.await;
}

fn answer<B>(
    request: &Request<B>,
    text: &impl Fn() -> String,
    only_here: bool,
) -> Response<String> {
    let short = |status: StatusCode, sentence: &str| {
        let mut response = Response::new(format!("{sentence}\n"));
        *response.status_mut() = status;
        response
    };
    if only_here && !names_this_machine(request.headers()) {
        return short(
            StatusCode::FORBIDDEN,
            "ask for localhost, or for an IP address",
        );
    }
    if request.uri().path() != "/metrics" {
        return short(StatusCode::NOT_FOUND, "there is only /metrics here");
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response = short(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        let allowed = http::HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    let mut response = Response::new(text());
    let kind = http::HeaderValue::from_static(TEXT);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Whether a request names this machine as its host: by an IP address, or as localhost. Not at all is fine too: browsers
/// always do.
fn names_this_machine(headers: &HeaderMap) -> bool {
    headers.get_all(HOST).iter().all(|host| {
        let host = host.to_str().unwrap_or_default();
        if host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() {
            return true;
        }
        let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let name = name.to_ascii_lowercase();
        name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, path: &str, host: &[&str], only_here: bool) -> u16 {
        let mut request = Request::builder().method(method).uri(path);
        for host in host {
            request = request.header(HOST, *host);
        }
        let request = request.body(()).unwrap();
        answer(&request, &|| "text".to_owned(), only_here)
            .status()
            .as_u16()
    }

    #[test]
    fn a_name_that_may_be_any_machines_is_refused_on_loopback() {
        for host in [
            "localhost",
            "localhost:9100",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:9100",
            "[::1]",
            "a.localhost:1",
        ] {
            assert_eq!(status("GET", "/metrics", &[host], true), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9100",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil.example",
        ] {
            assert_eq!(status("GET", "/metrics", &[host], true), 403, "{host}");
            assert_eq!(status("GET", "/metrics", &[host], false), 200, "{host}");
        }
        assert_eq!(
            status("GET", "/metrics", &["localhost", "evil.example"], true),
            403
        );
        assert_eq!(status("GET", "/metrics", &[], true), 200);
    }

    #[test]
    fn there_is_one_page_that_can_only_be_read() {
        let here = ["localhost"];
        assert_eq!(status("HEAD", "/metrics", &here, true), 200);
        assert_eq!(status("GET", "/metrics?x=1", &here, true), 200);
        assert_eq!(status("POST", "/metrics", &here, true), 405);
        for path in ["/", "/metrics/", "/fault/", "/echo"] {
            assert_eq!(status("GET", path, &here, true), 404, "{path}");
        }
    }
}
