//! The body of a response, read to the end that its head announces (RFC 9112 6.3).

use bytes::Bytes;
use http::{Method, StatusCode, Version, header};

use super::chunks::Chunks;
use super::head::Head;
use crate::fetch::framing::content_length;
use crate::page::failure::FetchError;

/// The part of a body that has not been read yet.
#[derive(Debug)]
pub(in crate::fetch) enum Body {
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
    pub(in crate::fetch) fn of(method: &Method, head: &Head) -> Result<Self, FetchError> {
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

    /// Takes data of the body out of the bytes that arrived; what is left of them comes after its end.
    ///
    /// The data is empty if the bytes were only the frames of chunks.
    ///
    /// # Errors
    /// `Protocol`, if it is not a chunked body.
    pub(super) fn take(&mut self, input: &mut Bytes) -> Result<Bytes, FetchError> {
        match self {
            Self::Close => Ok(std::mem::take(input)),
            Self::Length(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let data = input.split_to(input.len().min(most));
                *left -= data.len() as u64;
                Ok(data)
            }
            Self::Chunked(chunks) => chunks.take(input),
        }
    }

    /// Handles the end of the connection, after `received` bytes of the body.
    ///
    /// # Errors
    /// `Cut`, if the body had not ended.
    pub(super) fn end(&self, received: u64) -> Result<(), FetchError> {
        match self {
            Self::Close => Ok(()),
            _ if self.is_over() => Ok(()),
            _ => Err(FetchError::Cut { received }),
        }
    }

    /// The bytes that are left, if their number is known.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunked(_) | Self::Close => None,
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
