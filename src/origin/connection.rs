//! One connection: read a request, find its response, send it, and repeat.
//!
//! Requests get their responses one at a time, in the order in which they came, so pipelining is safe. Generic over
//! the stream, so that a test may use TLS. Invariant: however it ends, the log's guards are dropped, so nothing
//! stays in flight.

use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinError;
use tokio::time::Instant;

use super::answer::{Reply, Response};
use super::delivery::{Ending, ReplyWriter, play};
use super::intake;
use super::log::{InFlight, Open};
use super::pace::Fate;
use super::request::{Channel, Request};
use super::site::{Opening, Site, SiteAnswer};
use super::wire::Wire;

/// The most decisions in a row that a response may need; more of them are an endless loop.
const TURNS_LIMIT: usize = 32;

/// Serves one client until either side closes.
///
/// Errors of the connection end it and are not reported.
pub async fn converse<S>(stream: S, peer: SocketAddr, site: Arc<Site>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let open = site.log().connect();
    talk(stream, peer, &site, (Channel::default(), &open), |_| ()).await;
}

/// `converse` on a connection that is counted already. `arm` makes the next close of the stream a reset.
///
/// Returns the stream, and the host at its other end, once the client has opened a tunnel.
pub(crate) async fn talk<S>(
    stream: S,
    peer: SocketAddr,
    site: &Site,
    (channel, open): (Channel, &Open<'_>),
    arm: fn(&S),
) -> Option<(S, String)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut wire = Wire::new(stream, site.log());
    let mut tunnel = None;
    let ended = match site.opening(open.number) {
        Opening::Script(steps) => play(&mut wire, steps).await,
        Opening::Converse => {
            answer_all(&mut wire, peer, open.number, channel, site, &mut tunnel).await
        }
    };
    match ended {
        Ok(Ending::Keep) if tunnel.is_some() => {
            return Some(wire.into_stream()).zip(tunnel);
        }
        Ok(Ending::Reset) => arm(wire.stream()),
        Ok(Ending::Keep | Ending::Close) => wire.close().await,
        Err(_) => {} // the client is gone, or stuck: there is nothing to close properly
    }
    None
}

async fn answer_all<S>(
    wire: &mut Wire<'_, S>,
    peer: SocketAddr,
    connection: u64,
    channel: Channel,
    site: &Site,
    tunnel: &mut Option<String>,
) -> io::Result<Ending>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut writer = ReplyWriter::default();
    loop {
        let mut request = match intake::take(wire, peer, connection).await {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(Ending::Close),
            Err(refused) => {
                if let Some(status) = refused.status() {
                    let reply = Reply::new(status).body(format!("{refused}\n"));
                    writer.reply(wire, &reply, false, false).await?;
                }
                return Ok(Ending::Close);
            }
        };
        request.channel = channel;
        // A client that goes on before the tunnel is there would be misunderstood (RFC 9110 9.3.6).
        let opens = request.method() == "CONNECT" && site.seal().is_some() && !channel.is_tunnelled;
        if opens && wire.input.is_empty() {
            wire.send(b"HTTP/1.1 200 Connection Established\r\n\r\n")
                .await?;
            let (host, _) = request.target().rsplit_once(':').unwrap_or_default();
            *tunnel = Some(host.trim_matches(['[', ']']).to_owned());
            return Ok(Ending::Keep);
        }
        let in_flight = site.log().arrive(&request);
        let ending = answer(wire, &mut writer, &request, site, &in_flight).await?;
        drop(in_flight);
        if ending != Ending::Keep {
            return Ok(ending);
        }
    }
}

async fn answer<S>(
    wire: &mut Wire<'_, S>,
    writer: &mut ReplyWriter,
    request: &Request,
    site: &Site,
    in_flight: &InFlight<'_>,
) -> io::Result<Ending>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let SiteAnswer {
        mut answer,
        turn,
        paced,
        throttled,
    } = site.find(request);
    wire.bandwidth = site.bandwidth().filter(|_| throttled);
    if paced {
        let now = Instant::now();
        let (wait, fate) = site
            .pace()
            .next(request.peer().ip(), &request.host(), now.into_std());
        wire.wait_until(now + wait).await?;
        answer = match fate {
            Fate::Response => answer,
            Fate::Reset => return Ok(Ending::Reset),
            Fate::Unavailable => Response::status(503),
            Fate::TooMany(after) => {
                // Rounded up, because earlier would be too early.
                let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
                Reply::explained(429)
                    .header("Retry-After", seconds.to_string())
                    .into()
            }
        };
    }
    for _ in 0..TURNS_LIMIT {
        answer = match answer {
            Response::Reply(reply) => {
                in_flight.status(reply.status);
                return writer
                    .reply(wire, &reply, request.is_head(), request.stays())
                    .await;
            }
            Response::Raw(steps) => return play(wire, &steps).await,
            Response::Sequence(answers) => {
                let last = answers.len().saturating_sub(1);
                let index = usize::try_from(turn).unwrap_or(last).min(last);
                answers
                    .into_iter()
                    .nth(index)
                    .unwrap_or_else(|| Response::status(404))
            }
            Response::After(wait, then) => {
                wire.wait_until(Instant::now() + wait).await?;
                *then
            }
            Response::Held(gate, then) => {
                wire.wait_for(gate.pass()).await?;
                *then
            }
            Response::Call(decide) => decide(request),
            Response::Read(decide) => {
                let request = request.clone();
                let reading = tokio::task::spawn_blocking(move || decide(&request));
                match reading.await.map_err(JoinError::try_into_panic) {
                    Ok(answer) => answer,
                    Err(Ok(panicked)) => resume_unwind(panicked),
                    Err(Err(_)) => return Ok(Ending::Close), // the server stops
                }
            }
        };
    }
    let lost = Reply::explained(500);
    in_flight.status(lost.status);
    writer
        .reply(wire, &lost, request.is_head(), request.stays())
        .await
}
