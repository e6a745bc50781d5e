//! One request and its response over HTTP/2 (RFC 9113).

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::header::{self, HeaderName};
use http::uri::{Authority, Parts};
use http::{HeaderMap, Method, Request, Uri};

use super::head::Head;
use super::session::InUse;
use crate::fetch::fault::{self, Stage};
use crate::fetch::framing::content_length;
use crate::fetch::http1::Form;
use crate::fetch::phases::Phases;
use crate::fetch::settings::Deadlines;
use crate::job::outgoing::Outgoing;
use crate::page::failure::FetchError;
use crate::url::PageUrl;

/// Fields that are about an HTTP/1.1 connection, and must not be sent (RFC 9113 8.2.2).
const OF_CONNECTIONS: [HeaderName; 5] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A connection that takes a request.
pub(super) struct Ready {
    send: SendRequest<Bytes>,
    in_use: InUse,
}

/// A response whose body is being received.
pub(in crate::fetch) struct Streaming {
    body: RecvStream,
    length: Option<u64>,
    received: u64,
    _in_use: InUse,
}

/// A request without a response.
pub(super) struct Failed {
    pub(super) error: h2::Error,
    /// Whether the connection had responded before.
    was_answered: bool,
}

impl Ready {
    /// Waits until a connection takes a request; `None` if it has ended.
    pub(super) async fn wait(in_use: InUse) -> Option<Self> {
        match in_use.0.send.clone().ready().await {
            Ok(send) => Some(Self { send, in_use }),
            Err(_) => {
                in_use.0.end();
                None
            }
        }
    }

    /// Sends a request, and receives the head of its response.
    ///
    /// # Errors
    /// Why there is no response.
    pub(super) async fn ask(
        self,
        outgoing: &Outgoing<'_>,
        (url, form): (&PageUrl, Form<'_>),
        phases: Phases,
    ) -> Result<(Head, Streaming), Failed> {
        let Self { mut send, in_use } = self;
        let session = in_use.0.clone();
        let failed = |error| Failed {
            error,
            was_answered: session.answered.get(),
        };
        let (request, body) = request(outgoing, url, form).map_err(failed)?;
        let (response, mut sending) = send.send_request(request, body.is_none()).map_err(failed)?;
        if let Some(body) = body {
            // h2 keeps what the server does not take yet.
            sending.send_data(body, true).map_err(failed)?;
        }
        let (head, body) = response.await.map_err(failed)?.into_parts();
        let kept = session.answered.replace(true);
        let has_length = outgoing.method != Method::HEAD;
        let streaming = Streaming {
            body,
            length: content_length(&head.headers).filter(|_| has_length),
            received: 0,
            _in_use: in_use,
        };
        let head = Head {
            status: head.status,
            version: head.version,
            headers: head.headers,
            remote: session.remote,
            phases,
            kept,
        };
        Ok((head, streaming))
    }
}

impl Failed {
    /// Why there is no response.
    pub(super) fn fault(&self, method: &Method, deadlines: &Deadlines) -> FetchError {
        let fault = fault::from_client(&self.error, Stage::Head, deadlines);
        let died = self.was_answered && !fault::is_stream_reset(&self.error);
        fault::of_kept(fault, method, died)
    }
}

impl Streaming {
    /// Receives the next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// Why the body cannot be received further.
    pub(super) async fn chunk(
        &mut self,
        deadlines: &Deadlines,
    ) -> Result<Option<Bytes>, FetchError> {
        let stage = Stage::Body(self.received);
        match self.body.data().await {
            Some(Ok(data)) => {
                self.received += data.len() as u64;
                // It fails only if the stream is over.
                let _ = self.body.flow_control().release_capacity(data.len());
                Ok(Some(data))
            }
            None => Ok(None),
            // RFC 9113 8.1: the response is complete, and the server needs no more of the request.
            Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) && self.is_whole() => {
                Ok(None)
            }
            Some(Err(error)) => Err(fault::from_client(&error, stage, deadlines)),
        }
    }

    fn is_whole(&self) -> bool {
        self.length.is_none_or(|length| self.received >= length)
    }
}

/// The head of a request, and its body.
fn request(
    outgoing: &Outgoing<'_>,
    url: &PageUrl,
    form: Form<'_>,
) -> Result<(Request<()>, Option<Bytes>), h2::Error> {
    let mut headers: HeaderMap = outgoing.headers.clone().into_owned();
    for name in OF_CONNECTIONS {
        headers.remove(name);
    }
    // The name that the user wants the host to be asked by (RFC 9113 8.3.1).
    let name = headers.remove(header::HOST);
    let name = name.and_then(|name| Authority::try_from(name.as_bytes()).ok());
    let malformed = |_| h2::Error::from(Reason::PROTOCOL_ERROR);
    let mut uri = Uri::try_from(url.as_str()).map_err(malformed)?;
    if name.is_some() {
        let mut parts = Parts::from(uri);
        parts.authority = name;
        uri = Uri::from_parts(parts).map_err(|_| h2::Error::from(Reason::PROTOCOL_ERROR))?;
    }
    if let Form::Absolute(Some(credentials)) = form {
        headers.insert(header::PROXY_AUTHORIZATION, credentials.clone());
    }
    let body = outgoing.body.clone();
    if let Some(body) = &body {
        headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    let mut request = Request::new(());
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    *request.version_mut() = http::Version::HTTP_2;
    Ok((request, body))
}
