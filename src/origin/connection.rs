//! One connection: read a request, find its response, send it, and repeat.
//!
//! Requests get their responses one at a time, in the order in which they came, so pipelining is safe. Generic over
//! the stream, so that a test may use TLS. Invariant: however it ends, the log's guards are dropped, so nothing
//! stays in flight.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::answer::{Reply, Response};
use super::delivery::{Ending, ReplyWriter, play};
use super::intake;
use super::log::InFlight;
use super::pace::Fate;
use super::request::Request;
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
    talk(stream, peer, &site, |_| ()).await;
}

/// `converse` with a hook: `arm` makes the next close of the stream a reset.
pub(crate) async fn talk<S>(stream: S, peer: SocketAddr, site: &Site, arm: fn(&S))
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let open = site.log().connect();
    let mut wire = Wire::new(stream, site.log());
    let ended = match site.opening(open.number) {
        Opening::Script(steps) => play(&mut wire, steps).await,
        Opening::Converse => answer_all(&mut wire, peer, open.number, site).await,
    };
    match ended {
        Ok(Ending::Reset) => arm(wire.stream()),
        Ok(Ending::Keep | Ending::Close) => wire.close().await,
        Err(_) => {} // the client is gone, or stuck: there is nothing to close properly
    }
}

async fn answer_all<S>(
    wire: &mut Wire<'_, S>,
    peer: SocketAddr,
    connection: u64,
    site: &Site,
) -> io::Result<Ending>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut writer = ReplyWriter::default();
    loop {
        let request = match intake::take(wire, peer, connection).await {
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
        };
    }
    let lost = Reply::explained(500);
    in_flight.status(lost.status);
    writer
        .reply(wire, &lost, request.is_head(), request.stays())
        .await
}
