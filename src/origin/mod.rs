//! The practice server: a small HTTP/1.1 server for `haul serve` and for the tests.
//!
//! It must misbehave byte by byte on demand, so it uses sockets and not an HTTP library. A [`Site`] has the content
//! (routes, faults, a folder, generated pages) and remembers what it saw in its [`Log`]; [`serve`] puts it behind a
//! listener; an [`Origin`] does so on a thread of its own. Invariant: a client, however hostile, costs a bounded
//! amount of memory and at most a minute of silence. It is for practice: no HTTP/2, no uploads, and TLS only if it is
//! given a [`Seal`].

mod answer;
mod bombs;
mod calendar;
mod coding;
mod connection;
mod delivery;
mod dice;
mod editions;
mod error;
mod faults;
mod fitted;
mod folder;
mod gate;
mod gazette;
mod generated;
mod grounds;
mod intake;
mod log;
mod media;
mod nonces;
mod pace;
mod practice;
mod preconditions;
mod prose;
mod representation;
mod request;
mod resource;
mod revisions;
mod rules;
mod seal;
mod settings;
mod site;
mod sitemap;
mod validators;
#[cfg(test)]
mod visitor;
mod wire;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};

use self::request::Channel;

pub use self::answer::{Decision, Reply, Response, Step};
pub use self::connection::converse;
pub use self::editions::Changes;
pub use self::error::OriginError;
pub use self::gate::Gate;
pub use self::log::{Counts, Hit, Log, LogLevel};
pub use self::request::Request;
pub use self::resource::Resource;
pub use self::rules::RulesError;
pub use self::seal::Seal;
pub use self::settings::OriginSettings;
pub use self::site::{Opening, Site, SiteBuilder};
pub use self::sitemap::Lastmod;
pub use self::validators::Validators;

/// How long the listener pauses when it is out of file descriptors.
const REST: Duration = Duration::from_millis(50);

/// Connections that may wait to be accepted; the system may lower this.
const BACKLOG: u32 = 4096;

/// Threads that read what is served from files, each with one response.
const READERS: usize = 32;

/// A free port of the loopback interface.
const HOME: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A future that completes when the server should stop.
type Shutdown = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves a site on a listener until `shutdown` completes; then drops every connection.
///
/// Several listeners may share a site.
///
/// # Panics
/// At the end, with the first panic of a connection (in a route's closure, for example), if there was one.
pub async fn serve(listener: TcpListener, site: Arc<Site>, shutdown: impl Future<Output = ()>) {
    accept(listener, shutdown, move |stream, peer| {
        let site = Arc::clone(&site);
        async move { talk_tcp(stream, peer, &site).await }
    })
    .await;
}

/// [`serve`] with each stream wrapped first, in TLS for example.
///
/// A stream that cannot be wrapped is dropped.
///
/// # Panics
/// As [`serve`].
pub async fn serve_dressed<S, D, F>(
    listener: TcpListener,
    site: Arc<Site>,
    shutdown: impl Future<Output = ()>,
    dress: D,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    D: Fn(TcpStream) -> F,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    accept(listener, shutdown, move |stream, peer| {
        let (site, dressing) = (Arc::clone(&site), dress(stream));
        async move {
            if let Ok(Ok(stream)) = tokio::time::timeout(wire::IDLE_WITHIN, dressing).await {
                converse(stream, peer, site).await;
            }
        }
    })
    .await;
}

/// Serves one client, over TLS if it begins with a handshake and the site has a seal.
async fn talk_tcp(mut stream: TcpStream, peer: SocketAddr, site: &Site) {
    let open = site.log().connect();
    let mut channel = Channel::default();
    let mut name = stream.local_addr().map_or_else(
        |_| "localhost".to_owned(),
        |address| address.ip().to_string(),
    );
    loop {
        if let Some(seal) = site.seal()
            && wants_tls(&stream).await
        {
            channel.is_encrypted = true;
            let sealing = tokio::time::timeout(wire::IDLE_WITHIN, seal.accept(stream, &name));
            if let Ok(Ok(stream)) = sealing.await {
                connection::talk(stream, peer, site, (channel, &open), |_| ()).await;
            }
            return;
        }
        let left = connection::talk(stream, peer, site, (channel, &open), |stream| {
            let _ = stream.set_zero_linger(); // if the system refuses, the connection closes normally
        });
        let Some(tunnel) = left.await else {
            return;
        };
        channel.is_tunnelled = true;
        (stream, name) = tunnel;
    }
}

async fn wants_tls(stream: &TcpStream) -> bool {
    let mut first = [0];
    let peeking = tokio::time::timeout(wire::IDLE_WITHIN, stream.peek(&mut first));
    matches!(peeking.await, Ok(Ok(1))) && first[0] == seal::HANDSHAKE
}

async fn accept<F>(
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    converse: impl Fn(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let mut panicked = None;
    let mut note = |ended: Result<(), JoinError>| {
        if let Some(cause) = ended.err().and_then(|error| error.try_into_panic().ok()) {
            panicked.get_or_insert(cause);
        }
    };
    tokio::pin!(shutdown);
    loop {
        tokio::select! { // each is cancel-safe: accepting and joining lose nothing, shutdown is pinned outside
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => note(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true); // without it a drip arrives in lumps, nothing worse
                    connections.spawn(converse(stream, peer));
                }
                Err(_) => tokio::time::sleep(REST).await, // out of descriptors, or the client left the queue
            },
        }
    }
    connections.abort_all();
    while let Some(ended) = connections.join_next().await {
        note(ended);
    }
    if let Some(cause) = panicked {
        resume_unwind(cause);
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?; // a port in TIME_WAIT is free enough
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A running server on a thread of its own.
///
/// Dropping it stops and joins the thread, and resumes any panic of it.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    site: Arc<Site>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Origin {
    /// Starts a site with these settings on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// As [`Site::new`] and [`Origin::at`].
    pub fn start(settings: OriginSettings) -> Result<Origin, OriginError> {
        Origin::of(Site::new(settings)?)
    }

    /// Starts a site on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// As [`Origin::at`].
    pub fn of(site: impl Into<Arc<Site>>) -> Result<Origin, OriginError> {
        Origin::at(HOME, site)
    }

    /// Starts a site on this address; port 0 is a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the thread does not start.
    pub fn at(address: SocketAddr, site: impl Into<Arc<Site>>) -> Result<Origin, OriginError> {
        Origin::listen(address, site.into(), serve)
    }

    /// Starts a site on a free port of 127.0.0.1, its streams wrapped; see [`serve_dressed`].
    ///
    /// # Errors
    /// As [`Origin::at`].
    pub fn dressed<S, D, F>(site: impl Into<Arc<Site>>, dress: D) -> Result<Origin, OriginError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        D: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        let serving = |listener, site, shutdown| serve_dressed(listener, site, shutdown, dress);
        Origin::listen(HOME, site.into(), serving)
    }

    fn listen<F>(
        address: SocketAddr,
        site: Arc<Site>,
        serving: impl FnOnce(TcpListener, Arc<Site>, Shutdown) -> F,
    ) -> Result<Origin, OriginError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let fails = |source| OriginError::Listen { address, source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(READERS)
            .build()
            .map_err(fails)?;
        // Only entered, because the caller may be inside a runtime of its own, where blocking would panic.
        let listener = {
            let _inside = runtime.enter();
            bind(address).map_err(fails)?
        };
        let bound = listener.local_addr().map_err(fails)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = Box::pin(async {
            let _ = stopped.await; // sent or dropped: both mean the end
        });
        let serving = serving(listener, Arc::clone(&site), shutdown);
        let thread = thread::Builder::new().name("origin".to_owned());
        let thread = thread
            .spawn(move || runtime.block_on(serving))
            .map_err(fails)?;
        Ok(Origin {
            address: bound,
            site,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, `http://127.0.0.1:PORT/path`; `https` if the site is encrypted.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!(
            "{}://{}/{}",
            self.site.scheme(),
            self.address,
            path.trim_start_matches('/')
        )
    }

    /// The `Host` header for its URLs, `127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The log of what it saw.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.site.log()
    }

    /// The site that it serves.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }
}

impl SiteBuilder {
    /// Builds the site and starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// As [`SiteBuilder::build`] and [`Origin::of`].
    pub fn start(self) -> Result<Origin, OriginError> {
        Origin::of(self.build()?)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        if let Err(cause) = ended
            && !thread::panicking()
        {
            resume_unwind(cause);
        }
    }
}

#[cfg(test)]
mod tests;
