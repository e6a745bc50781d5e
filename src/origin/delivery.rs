//! Sending responses.
//!
//! A small response leaves in one write, head and body together; a large one in pieces that are never all in
//! memory. Invariant: the bytes sent are what the framing promised, or the connection ends. `HEAD`, 1xx, 204 and
//! 304 have no body (RFC 9112 6.3), whatever the reply contains.

use std::fmt::Write;
use std::io;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite};
use tokio::time::Instant;

use super::answer::{Body, Reply, Step, reason};
use super::intake::await_head;
use super::wire::{IDLE_WITHIN, PIECE_BYTES, Wire};

/// The period of the pattern: a prime, so that a shift by any round number shows.
const PATTERN_PERIOD: u64 = 65_521;

/// What happens to a connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Keep,
    Close,
    Reset,
}

/// A writer of replies that reuses its buffer and its date.
#[derive(Debug, Default)]
pub(crate) struct ReplyWriter {
    output: BytesMut,
    second: u64,
    date: String,
}

impl ReplyWriter {
    /// Sends a reply; `stays` is whether client and server want to keep the connection.
    pub(crate) async fn reply<S>(
        &mut self,
        wire: &mut Wire<'_, S>,
        reply: &Reply,
        is_head: bool,
        stays: bool,
    ) -> io::Result<Ending>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stays = stays && !reply.closes;
        let empty = reply.status < 200 || matches!(reply.status, 204 | 304);
        self.head(reply, stays, empty);
        if is_head || empty {
            wire.send(&self.output).await?;
        } else if let Some(bytes) = reply.chunks_of {
            self.chunks(wire, &reply.body, bytes).await?;
        } else {
            self.pieces(wire, &reply.body).await?;
        }
        Ok(if stays { Ending::Keep } else { Ending::Close })
    }

    fn head(&mut self, reply: &Reply, stays: bool, empty: bool) {
        self.refresh_date();
        self.output.clear();
        let output = &mut self.output;
        // Writing to memory cannot fail, so the results are ignored.
        let reason = reason(reply.status);
        let _ = write!(output, "HTTP/1.1 {} {reason}\r\n", reply.status);
        if !reply.is_recorded {
            let _ = write!(output, "Date: {}\r\nServer: haul\r\n", self.date);
        }
        for (name, value) in &reply.headers {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                output.put_slice(part);
            }
        }
        if reply.chunks_of.is_some() && !empty {
            output.put_slice(b"Transfer-Encoding: chunked\r\n");
        } else if !empty && !reply.states_length() {
            let _ = write!(output, "Content-Length: {}\r\n", reply.body.length());
        }
        output.put_slice(if stays {
            b"Connection: keep-alive\r\n\r\n"
        } else {
            b"Connection: close\r\n\r\n"
        });
    }

    fn refresh_date(&mut self) {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if second != self.second || self.date.is_empty() {
            self.second = second;
            self.date = httpdate::fmt_http_date(now);
        }
    }

    async fn pieces<S>(&mut self, wire: &mut Wire<'_, S>, body: &Body) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if let Body::Bytes(bytes) = body {
            if bytes.len() <= PIECE_BYTES {
                self.output.put_slice(bytes);
                return wire.send(&self.output).await;
            }
            wire.send(&self.output).await?;
            return wire.send(bytes).await;
        }
        let mut source = BodyReader::open(body).await?;
        while source.read(&mut self.output, PIECE_BYTES).await? {
            wire.send(&self.output).await?;
            self.output.clear();
        }
        if self.output.is_empty() {
            Ok(())
        } else {
            wire.send(&self.output).await
        }
    }

    async fn chunks<S>(
        &mut self,
        wire: &mut Wire<'_, S>,
        body: &Body,
        bytes: usize,
    ) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut source = BodyReader::open(body).await?;
        let mut piece = BytesMut::new();
        while source.read(&mut piece, bytes.min(PIECE_BYTES)).await? {
            let _ = write!(self.output, "{:x}\r\n", piece.len()); // writing to memory cannot fail
            self.output.put_slice(&piece);
            self.output.put_slice(b"\r\n");
            piece.clear();
            if self.output.len() >= PIECE_BYTES {
                wire.send(&self.output).await?;
                self.output.clear();
            }
        }
        self.output.put_slice(b"0\r\n\r\n");
        wire.send(&self.output).await
    }
}

/// Plays raw steps. Endless steps end with an error when the client disconnects.
pub(crate) async fn play<S>(wire: &mut Wire<'_, S>, steps: &[Step]) -> io::Result<Ending>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for step in steps {
        match step {
            Step::Send(bytes) => wire.send(bytes).await?,
            Step::Repeat(bytes, times) => wire.repeat(bytes, *times).await?,
            Step::Drip(bytes, every) => drip(wire, bytes, *every).await?,
            Step::Wait(wait) => wire.wait_until(Instant::now() + *wait).await?,
            Step::WaitFor(gate) => wire.wait_for(gate.pass()).await?,
            Step::WaitForever => wire.wait_for(std::future::pending()).await?,
            Step::ReadHead => {
                let read = await_head(wire, Instant::now() + IDLE_WITHIN).await;
                read.map_err(io::Error::other)?;
                wire.input.clear();
            }
            Step::Close => return Ok(Ending::Close),
            Step::Reset => return Ok(Ending::Reset),
        }
    }
    Ok(Ending::Keep)
}

async fn drip<S>(wire: &mut Wire<'_, S>, bytes: &Bytes, every: Duration) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for (count, byte) in bytes.chunks(1).enumerate() {
        if count > 0 {
            wire.wait_until(Instant::now() + every).await?;
        }
        wire.send(byte).await?;
    }
    Ok(())
}

/// The rest of a body: where it is read from, and how many bytes are left.
enum BodyReader<'a> {
    Bytes(&'a [u8]),
    File(tokio::fs::File, u64),
    Pattern(u64, u64),
}

impl BodyReader<'_> {
    async fn open(body: &Body) -> io::Result<BodyReader<'_>> {
        Ok(match body {
            Body::Bytes(bytes) => BodyReader::Bytes(bytes),
            Body::Pattern { from, length } => BodyReader::Pattern(*from, *length),
            Body::File { file, from, length } => {
                let mut file = tokio::fs::File::from_std(file.try_clone()?);
                file.seek(io::SeekFrom::Start(*from)).await?;
                BodyReader::File(file, *length)
            }
        })
    }

    /// Appends at most `most` bytes; false at the end.
    ///
    /// A file that became shorter is an error: its length was promised.
    async fn read(&mut self, output: &mut BytesMut, most: usize) -> io::Result<bool> {
        let fits = |left: u64| usize::try_from(left).unwrap_or(most).min(most);
        match self {
            BodyReader::Bytes(left) => {
                let (now, later) = left.split_at(left.len().min(most));
                output.put_slice(now);
                *left = later;
                Ok(!now.is_empty())
            }
            BodyReader::Pattern(from, left) => {
                let now = fits(*left);
                pattern(output, *from, now);
                *from += now as u64;
                *left -= now as u64;
                Ok(now > 0)
            }
            BodyReader::File(file, left) => {
                let now = fits(*left);
                if now == 0 {
                    return Ok(false);
                }
                output.reserve(now);
                let read = file.read_buf(&mut (&mut *output).limit(now)).await?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                *left -= read as u64;
                Ok(true)
            }
        }
    }
}

/// Appends `length` bytes of the pattern, starting at `from`.
fn pattern(output: &mut BytesMut, from: u64, length: usize) {
    static PERIOD: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..PATTERN_PERIOD).map(pattern_byte).collect());
    let mut at = usize::try_from(from % PATTERN_PERIOD).unwrap_or(0); // below 65,521, so it always fits
    let mut left = length;
    while left > 0 {
        let now = left.min(PERIOD.len() - at);
        output.put_slice(&PERIOD[at..at + now]);
        left -= now;
        at = 0;
    }
}

/// The byte at a position of the pattern of `/size/BYTES`: printable, and it looks random.
pub(crate) fn pattern_byte(at: u64) -> u8 {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mixed = (at % PATTERN_PERIOD).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    LETTERS[(mixed >> 58) as usize] // six bits
}
