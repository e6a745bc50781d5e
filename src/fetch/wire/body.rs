//! The body of a response, read to the end that its head announces (RFC 9112 6.3).

use bytes::Bytes;
use http::{Method, StatusCode, Version, header};

use super::chunks::Chunks;
use super::clock::Clock;
use super::head::Head;
use super::source::Source;
use crate::fetch::fault::{Stage, from_ureq};
use crate::fetch::framing::content_length;
use crate::page::failure::FetchError;

/// The part of a body that has not been read yet.
#[derive(Debug)]
pub(super) enum Body {
    /// Another N bytes.
    Length(u64),
    /// Up to the last chunk.
    Chunked(Chunks),
    /// Up to the end of the connection.
    Close,
}

impl Body {
    /// Determines where the body of a response ends.
    ///
    /// # Errors
    /// `Protocol`, if the head contradicts itself.
    pub(super) fn of(method: &Method, head: &Head) -> Result<Self, FetchError> {
        let headers = &head.headers;
        let bodiless = *method == Method::HEAD
            || head.status.is_informational()
            || matches!(
                head.status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            );
        if bodiless {
            return Ok(Self::Length(0));
        }
        // Whether these codings are allowed, in this version, is up to `framing`.
        if let Some(codings) = headers
            .get_all(header::TRANSFER_ENCODING)
            .iter()
            .next_back()
        {
            let last = codings.as_bytes().rsplit(|byte| *byte == b',').next();
            let chunked =
                last.is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            return Ok(match chunked && head.version == Version::HTTP_11 {
                true => Self::Chunked(Chunks::default()),
                false => Self::Close,
            });
        }
        if !headers.contains_key(header::CONTENT_LENGTH) {
            return Ok(Self::Close);
        }
        let length = content_length(headers);
        let wrong = || FetchError::Protocol("Content-Length is not a length".to_owned());
        length.map(Self::Length).ok_or_else(wrong)
    }

    /// Reads the next piece; `None` at the end.
    pub(super) fn next(
        &mut self,
        source: &mut Source,
        clock: &Clock,
        stage: Stage,
    ) -> Result<Option<Bytes>, FetchError> {
        loop {
            if self.is_over() {
                return Ok(None);
            }
            let input = source
                .fill(clock.for_chunk())
                .map_err(|error| from_ureq(&error, stage, &clock.deadlines))?;
            if input.is_empty() {
                return match (&self, stage) {
                    (Self::Close, _) => Ok(None),
                    (_, Stage::Body(received)) => Err(FetchError::Cut { received }),
                    (_, Stage::Head) => Err(FetchError::Closed),
                };
            }
            let (used, piece) = match self {
                Self::Close => (input.len(), Bytes::copy_from_slice(input)),
                Self::Length(left) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX);
                    let count = input.len().min(most);
                    *left -= count as u64;
                    (count, Bytes::copy_from_slice(&input[..count]))
                }
                Self::Chunked(chunks) => chunks.read(input)?,
            };
            source.consume(used);
            // Otherwise there were only chunk sizes and no data yet.
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// Whether it has ended while the connection stays open.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_over(),
            Self::Close => false,
        }
    }
}
