//! What a server may answer: well-formed replies, and everything that is not.
//!
//! A [`Reply`] is framed by the server and keeps the connection. [`Answer::Raw`] is bytes and waits, exactly as
//! written: with it a hostile server is two lines. Data only; `delivery.rs` puts it on a wire.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::gate::Gate;
use super::request::Request;

/// What is answered to one request.
#[derive(Clone)]
pub enum Answer {
    /// A well-formed answer.
    Reply(Reply),
    /// These steps and nothing else. If none of them closes, the connection is kept.
    Raw(Vec<Step>),
    /// The n-th request to the route gets the n-th answer; the last one repeats. Empty, it is a 404.
    /// A sequence within a sequence counts the same requests.
    Sequence(Vec<Answer>),
    /// The answer, so much later.
    After(Duration, Box<Answer>),
    /// The answer, once a gate is open.
    Held(Gate, Box<Answer>),
    /// Decided when the request is there; see [`Answer::call`].
    Call(Decision),
}

/// A decision made when the request is there.
pub type Decision = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// One step of a raw answer, or of a scripted connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Send these bytes.
    Send(Bytes),
    /// Send these bytes so many times over; without a number, until the client has had enough.
    Repeat(Bytes, Option<u64>),
    /// Send one byte after the other, each so long after the last.
    Drip(Bytes, Duration),
    /// Wait.
    Wait(Duration),
    /// Wait until a gate is open.
    WaitFor(Gate),
    /// Neither send nor close; ends when the client gives up.
    WaitForever,
    /// Read up to a blank line: a scripted connection that answers only when asked.
    ReadHead,
    /// End the connection in good order.
    Close,
    /// End it with a reset (plain close where the stream is not TCP).
    Reset,
}

impl Step {
    /// Send this text.
    pub fn send(bytes: impl Into<Bytes>) -> Step {
        Step::Send(bytes.into())
    }
}

impl Answer {
    /// 200 with HTML in UTF-8.
    pub fn page(html: impl Into<Bytes>) -> Answer {
        Answer::body("text/html; charset=utf-8", html)
    }

    /// 200 with a body of that type.
    pub fn body(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
        Reply::new(200)
            .header("Content-Type", content_type)
            .body(body)
            .into()
    }

    /// A status with a short text that names it.
    #[must_use]
    pub fn status(status: u16) -> Answer {
        Reply::explained(status).into()
    }

    /// A redirect with that status and `Location`, as written.
    pub fn redirect(status: u16, location: impl Into<Cow<'static, str>>) -> Answer {
        Reply::explained(status).header("Location", location).into()
    }

    /// These bytes as they are, then the end of the connection.
    pub fn raw(bytes: impl Into<Bytes>) -> Answer {
        Answer::Raw(vec![Step::send(bytes), Step::Close])
    }

    /// Decided when the request is there.
    pub fn call(decide: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Answer {
        Answer::Call(Arc::new(decide))
    }

    /// This answer, so much later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Answer {
        Answer::After(wait, Box::new(self))
    }

    /// This answer, once `gate` is open.
    #[must_use]
    pub fn held(self, gate: &Gate) -> Answer {
        Answer::Held(gate.clone(), Box::new(self))
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer::Reply(reply)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Reply(reply) => reply.fmt(formatter),
            Answer::Raw(steps) => formatter.debug_tuple("Raw").field(steps).finish(),
            Answer::Sequence(answers) => formatter.debug_tuple("Sequence").field(answers).finish(),
            Answer::After(wait, then) => formatter
                .debug_tuple("After")
                .field(wait)
                .field(then)
                .finish(),
            Answer::Held(gate, then) => formatter
                .debug_tuple("Held")
                .field(gate)
                .field(then)
                .finish(),
            Answer::Call(_) => formatter.write_str("Call"),
        }
    }
}

/// A well-formed answer. The server adds `Date`, `Server`, `Connection` and the framing.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(crate) body: Body,
    pub(crate) chunks_of: Option<usize>,
    pub(crate) closes: bool,
}

impl Reply {
    /// An answer without body.
    #[must_use]
    pub fn new(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: Body::Bytes(Bytes::new()),
            chunks_of: None,
            closes: false,
        }
    }

    /// A status with a short text that names it.
    #[must_use]
    pub fn explained(status: u16) -> Reply {
        let text = format!("{status} {}\n", reason(status));
        Reply::new(status)
            .header("Content-Type", "text/plain; charset=utf-8")
            .body(text)
    }

    /// With this header besides; written as given, in the order given.
    #[must_use]
    pub fn header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Reply {
        self.body = Body::Bytes(body.into());
        self
    }

    /// Framed in chunks of at most `bytes` each, instead of by its length.
    #[must_use]
    pub fn chunked(mut self, bytes: usize) -> Reply {
        self.chunks_of = Some(bytes.max(1));
        self
    }

    /// The last answer of its connection.
    #[must_use]
    pub fn closing(mut self) -> Reply {
        self.closes = true;
        self
    }
}

/// A body, or the part of one that a range asks for.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Bytes(Bytes),
    /// Part of a file, read as it is sent.
    File {
        file: Arc<File>,
        from: u64,
        length: u64,
    },
    /// Part of the pattern of `/size/BYTES`.
    Pattern {
        from: u64,
        length: u64,
    },
}

impl Body {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File { length, .. } | Body::Pattern { length, .. } => *length,
        }
    }

    /// The part that begins `skip` bytes in and is `length` long; the caller has checked both against the length.
    pub(crate) fn part(self, skip: u64, length: u64) -> Body {
        match self {
            Body::Bytes(bytes) => {
                let start = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
                let end = start
                    .saturating_add(usize::try_from(length).unwrap_or(usize::MAX))
                    .min(bytes.len());
                Body::Bytes(bytes.slice(start..end))
            }
            Body::File { file, from, .. } => Body::File {
                file,
                from: from + skip,
                length,
            },
            Body::Pattern { from, .. } => Body::Pattern {
                from: from + skip,
                length,
            },
        }
    }
}

/// The words of RFC 9110 15 and its companions; empty for a number that nobody named.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
