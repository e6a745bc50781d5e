//! A connection with HTTP/1.1, driven by the request that uses it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

use super::buffers::Buffers;
use super::connect::{Opened, Stream};
use super::head::Head;
use super::room::Room;
use crate::fetch::fault::{self, Stage};
use crate::fetch::http1::{self, BodyReader, Form, HeadReader, Next};
use crate::fetch::phases::Phases;
use crate::fetch::settings::Deadlines;
use crate::job::outgoing::Outgoing;
use crate::page::failure::FetchError;
use crate::url::PageUrl;

/// The number of reads after which a request lets others go first, even if more has arrived.
const READS_IN_A_ROW: u8 = 16;

/// A connection with HTTP/1.1. Boxed, because it passes through many futures.
pub(super) struct Connection {
    stream: Stream,
    pub(super) remote: Option<SocketAddr>,
    /// The index of the client certificate that it was opened with.
    pub(super) identity: Option<usize>,
    phases: Phases,
    /// Whether a response has arrived on it.
    used: bool,
    /// Reads without a wait.
    reads: u8,
    _room: Room,
}

/// A response whose body is being received.
pub(in crate::fetch) struct Receiving {
    connection: Box<Connection>,
    body: BodyReader,
    /// Whether the connection may be kept once the body has ended.
    keeps: bool,
}

/// A request that is being sent.
struct Sending {
    bytes: Vec<u8>,
    sent: usize,
    flushed: bool,
    /// Why it cannot be sent further. The server may have responded before that.
    broken: Option<io::Error>,
}

impl Connection {
    pub(super) fn new(opened: Opened, room: Room) -> Box<Self> {
        Box::new(Self {
            stream: opened.stream,
            remote: opened.remote,
            identity: opened.identity,
            phases: opened.phases,
            used: false,
            reads: 0,
            _room: room,
        })
    }

    /// Whether the server has neither closed the connection nor sent anything on it.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        let read = Pin::new(&mut self.stream).poll_read(&mut context, &mut ReadBuf::new(&mut byte));
        read.is_pending()
    }

    /// Sends a request, and receives the head of its response.
    ///
    /// # Errors
    /// Why there is no response.
    pub(super) async fn ask(
        mut self: Box<Self>,
        buffers: &Buffers,
        outgoing: &Outgoing<'_>,
        (url, form): (&PageUrl, Form<'_>),
        deadlines: &Deadlines,
    ) -> Result<(Head, Receiving), FetchError> {
        let mut bytes = buffers.for_request();
        http1::serialize(outgoing, url, form, &mut bytes);
        let mut sending = Sending::new(bytes);
        let mut got_input = false;
        let arrived = self
            .head(&mut sending, buffers, &mut got_input, deadlines)
            .await;
        // A response that came before the whole request was sent leaves the connection in the middle of it.
        let is_sent = sending.flushed;
        buffers.give_back(sending.bytes);
        let (head, rest) = arrived.map_err(|error| {
            let died_idle = self.used && !got_input;
            fault::of_kept(error, &outgoing.method, died_idle)
        })?;
        let body = http1::Body::of(&outgoing.method, &head)?;
        let keeps = head.keeps_connection() && is_sent && !outgoing.wants_close();
        let kept = std::mem::replace(&mut self.used, true);
        let answered = Head {
            status: head.status,
            version: head.version,
            remote: self.remote,
            phases: match kept {
                true => Phases::default(),
                false => self.phases,
            },
            kept,
            headers: head.headers,
        };
        let receiving = Receiving {
            keeps,
            connection: self,
            body: BodyReader::new(body, rest),
        };
        Ok((answered, receiving))
    }

    /// Sends, and receives until the head is complete. Returns it with the bytes that arrived after it.
    async fn head(
        &mut self,
        sending: &mut Sending,
        buffers: &Buffers,
        got_input: &mut bool,
        deadlines: &Deadlines,
    ) -> Result<(http1::Head, Bytes), FetchError> {
        let failed = |error: &io::Error| fault::from_client(error, Stage::Head, deadlines);
        let mut reader = HeadReader::default();
        loop {
            let read = poll_fn(|context| {
                let _ = sending.poll(&mut self.stream, context); // whether or not all is sent, a response may come
                self.poll_read(buffers, None, context)
            });
            let arrived = match (read.await, &sending.broken) {
                (Ok(bytes), _) if !bytes.is_empty() => bytes,
                (_, Some(broken)) => return Err(failed(broken)),
                (Ok(_), None) => return Err(FetchError::Closed),
                (Err(error), None) => return Err(failed(&error)),
            };
            *got_input = true;
            if let Some(head) = reader.take(arrived)? {
                return Ok(head);
            }
        }
    }

    fn poll_read(
        &mut self,
        buffers: &Buffers,
        expected: Option<u64>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Bytes>> {
        if self.reads >= READS_IN_A_ROW {
            self.reads = 0;
            // Waking itself would not do: while a task is ready, the event loop hardly ever looks at its timers and at
            // the other connections.
            ready!(pin!(yield_now()).poll(context));
        }
        let read = buffers.poll_read(&mut self.stream, expected, context);
        self.reads = match read.is_pending() {
            true => 0,
            false => self.reads + 1,
        };
        read
    }
}

impl Sending {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            sent: 0,
            flushed: false,
            broken: None,
        }
    }

    /// Sends what the other side takes.
    fn poll(&mut self, stream: &mut Stream, context: &mut Context<'_>) -> Poll<()> {
        if self.flushed || self.broken.is_some() {
            return Poll::Ready(());
        }
        if let Err(error) = ready!(self.poll_send(stream, context)) {
            self.broken = Some(error);
        }
        Poll::Ready(())
    }

    fn poll_send(
        &mut self,
        stream: &mut Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.sent < self.bytes.len() {
            let unsent = &self.bytes[self.sent..];
            match ready!(Pin::new(&mut *stream).poll_write(context, unsent))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        ready!(Pin::new(stream).poll_flush(context))?;
        self.flushed = true;
        Poll::Ready(Ok(()))
    }
}

impl Receiving {
    /// Receives the next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// Why the body cannot be received further.
    pub(super) async fn chunk(
        &mut self,
        buffers: &Buffers,
        deadlines: &Deadlines,
    ) -> Result<Option<Bytes>, FetchError> {
        loop {
            match self.body.next()? {
                Next::Data(data) => return Ok(Some(data)),
                Next::End => return Ok(None),
                Next::Wait => {}
            }
            let (connection, expected) = (&mut self.connection, self.body.left());
            let read = poll_fn(|context| connection.poll_read(buffers, expected, context));
            let stage = self.body.stage();
            let failed = |error: io::Error| fault::from_client(&error, stage, deadlines);
            if !self.body.take(read.await.map_err(failed)?)? {
                return Ok(None);
            }
        }
    }

    /// The connection, if it may be used again.
    pub(super) fn into_connection(self) -> Option<Box<Connection>> {
        let reusable = self.keeps && self.body.leaves_the_connection();
        reusable.then_some(self.connection)
    }
}
