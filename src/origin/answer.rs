//! What a server may send: well-formed responses, and everything that is not.
//!
//! A [`Reply`] is framed by the server and keeps the connection open. [`Response::Raw`] is bytes and waits, exactly
//! as written: with it a hostile server is two lines. Data only; `delivery.rs` sends it.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::gate::Gate;
use super::request::Request;

/// The response to one request.
#[derive(Clone)]
pub enum Response {
    /// A well-formed response.
    Reply(Reply),
    /// These steps and nothing else. If none of them closes, the connection stays open.
    Raw(Vec<Step>),
    /// The n-th request to the route gets the n-th response; the last one repeats.
    ///
    /// If empty, it is a 404. A sequence within a sequence counts the same requests.
    Sequence(Vec<Response>),
    /// A delayed response.
    After(Duration, Box<Response>),
    /// A response that waits until a gate is open.
    Held(Gate, Box<Response>),
    /// Decided when the request arrives; see [`Response::call`].
    Call(Decision),
    /// Decided on a thread that may wait for files; see [`Response::read`].
    Read(Decision),
}

/// A function from a request to its response.
pub type Decision = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// One step of a raw response, or of a scripted connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Send these bytes.
    Send(Bytes),
    /// Send these bytes N times; without a number, until the client disconnects.
    Repeat(Bytes, Option<u64>),
    /// Send one byte after the other, with this pause between them.
    Drip(Bytes, Duration),
    /// Wait.
    Wait(Duration),
    /// Wait until a gate is open.
    WaitFor(Gate),
    /// Neither send nor close; ends when the client gives up.
    WaitForever,
    /// Read up to a blank line, so that a scripted connection responds only to a request.
    ReadHead,
    /// Close the connection properly.
    Close,
    /// Reset it (or close it if the stream is not TCP).
    Reset,
}

impl Step {
    /// A step that sends this text.
    pub fn send(bytes: impl Into<Bytes>) -> Step {
        Step::Send(bytes.into())
    }
}

impl Response {
    /// 200 with HTML in UTF-8.
    pub fn page(html: impl Into<Bytes>) -> Response {
        Response::body("text/html; charset=utf-8", html)
    }

    /// 200 with a body of this type.
    pub fn body(content_type: &'static str, body: impl Into<Bytes>) -> Response {
        Reply::new(200)
            .header("Content-Type", content_type)
            .body(body)
            .into()
    }

    /// A status, with its name as the body.
    #[must_use]
    pub fn status(status: u16) -> Response {
        Reply::explained(status).into()
    }

    /// A redirect with this status and `Location`, as written.
    pub fn redirect(status: u16, location: impl Into<Cow<'static, str>>) -> Response {
        Reply::explained(status).header("Location", location).into()
    }

    /// These bytes as they are, and then the connection is closed.
    pub fn raw(bytes: impl Into<Bytes>) -> Response {
        Response::Raw(vec![Step::send(bytes), Step::Close])
    }

    /// A response that is decided when the request arrives.
    pub fn call(decide: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Response {
        Response::Call(Arc::new(decide))
    }

    /// A response that is read from files when the request arrives, on a thread where that may take its time.
    pub fn read(decide: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Response {
        Response::Read(Arc::new(decide))
    }

    /// This response, delayed.
    #[must_use]
    pub fn after(self, wait: Duration) -> Response {
        Response::After(wait, Box::new(self))
    }

    /// This response, once `gate` is open.
    #[must_use]
    pub fn held(self, gate: &Gate) -> Response {
        Response::Held(gate.clone(), Box::new(self))
    }
}

impl From<Reply> for Response {
    fn from(reply: Reply) -> Response {
        Response::Reply(reply)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Response::Reply(reply) => reply.fmt(formatter),
            Response::Raw(steps) => formatter.debug_tuple("Raw").field(steps).finish(),
            Response::Sequence(answers) => {
                formatter.debug_tuple("Sequence").field(answers).finish()
            }
            Response::After(wait, then) => formatter
                .debug_tuple("After")
                .field(wait)
                .field(then)
                .finish(),
            Response::Held(gate, then) => formatter
                .debug_tuple("Held")
                .field(gate)
                .field(then)
                .finish(),
            Response::Call(_) => formatter.write_str("Call"),
            Response::Read(_) => formatter.write_str("Read"),
        }
    }
}

/// A well-formed response. The server adds `Date`, `Server`, `Connection` and the framing.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(Cow<'static, str>, Cow<'static, [u8]>)>,
    pub(crate) body: Body,
    pub(crate) chunks_of: Option<usize>,
    pub(crate) closes: bool,
    /// Whether it speaks for another server, whose `Date` and `Server` it has, or lacks.
    pub(crate) is_recorded: bool,
}

impl Reply {
    /// A response without a body.
    #[must_use]
    pub fn new(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: Body::Bytes(Bytes::new()),
            chunks_of: None,
            closes: false,
            is_recorded: false,
        }
    }

    /// What another server once responded: neither `Date` nor `Server` is added.
    #[must_use]
    pub fn recorded(status: u16) -> Reply {
        Reply {
            is_recorded: true,
            ..Reply::new(status)
        }
    }

    /// A status, with its name as the body.
    #[must_use]
    pub fn explained(status: u16) -> Reply {
        let text = format!("{status} {}\n", reason(status));
        Reply::new(status)
            .header("Content-Type", "text/plain; charset=utf-8")
            .body(text)
    }

    /// Adds a header; headers are written as given, in the order given.
    #[must_use]
    pub fn header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Reply {
        let value = match value.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        self.headers.push((name.into(), value));
        self
    }

    /// Adds a header whose value may be any bytes that do not end its line (RFC 9110 5.5).
    #[must_use]
    pub fn header_bytes(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Vec<u8>>,
    ) -> Reply {
        self.headers.push((name.into(), Cow::Owned(value.into())));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Reply {
        self.body = Body::Bytes(body.into());
        self
    }

    /// Sets the body to the `length` bytes of a file; they are read while they are sent.
    #[must_use]
    pub fn file(mut self, file: File, length: u64) -> Reply {
        self.body = Body::File {
            file: Arc::new(file),
            from: 0,
            length,
        };
        self
    }

    /// Whether it has the length of a body that was never recorded: that of a response to `HEAD`.
    pub(crate) fn states_length(&self) -> bool {
        let is_length = |name: &str| name.eq_ignore_ascii_case("content-length");
        self.is_recorded && self.headers.iter().any(|(name, _)| is_length(name))
    }

    /// Frames the body in chunks of at most `bytes` each, instead of by its length.
    #[must_use]
    pub fn chunked(mut self, bytes: usize) -> Reply {
        self.chunks_of = Some(bytes.max(1));
        self
    }

    /// Closes the connection after this response.
    #[must_use]
    pub fn closing(mut self) -> Reply {
        self.closes = true;
        self
    }
}

/// A body, or the part of one that a range requests.
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

    /// The `length` bytes that start at `skip`; the caller has checked both against the length.
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

/// The reason phrase of RFC 9110 15 and its companions; empty for an unknown status.
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
        412 => "Precondition Failed",
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
