//! How a response relates to a download: does it complete one, and can it be resumed?
//!
//! A partial response is trusted only if it is the requested part of the body that is on disk (RFC 9110 15.3.7);
//! and a download is complete only when it has the length that its first response announced. Knows the spool, not
//! the wire.

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Version, header};

use super::framing::{Framing, framing};
use super::plan::SpoolPlan;
use super::range::ContentRange;
use super::spool::{self, Partial, SpoolFile};
use crate::job::outgoing::Outgoing;
use crate::job::segments::Segments;
use crate::job::{Job, Reuse};
use crate::page::checksum::Claim;
use crate::page::failure::FetchError;
use crate::page::headers::Headers;
use crate::page::partial::Note;
use crate::page::snapshot::Known;
use crate::past::Lookup;

/// The length of the shortest segment, in bytes: a shorter one costs more requests than it saves time.
const SEGMENT: u64 = 1 << 20;

/// The parts of a request that are needed to judge its response.
pub(super) struct Asked {
    /// Whether the response has no body, because the method is `HEAD`.
    bodiless: bool,
    /// Whether the user requested a range.
    range: bool,
    /// The fingerprint of the request, if a broken download of it may be resumed.
    resumable: Option<u128>,
    /// The part of it that is on disk; boxed, because hardly any request has one.
    partial: Option<Box<Partial>>,
    /// What an earlier run kept of the page, and so whether the request asks only for what changed.
    pub(super) known: Option<Box<Known>>,
}

/// How a response relates to a partial download, and whether it can be resumed itself.
pub(super) struct Arrival {
    status: StatusCode,
    framing: Framing,
    resumed: Option<Resumed>,
    note: Option<Note>,
}

/// A download that a response continues.
struct Resumed {
    partial: Option<Box<Partial>>,
    path: PathBuf,
    /// Bytes that are on disk.
    from: u64,
    /// Bytes in this response.
    range: u64,
    /// Bytes of the whole.
    total: u64,
}

impl Asked {
    /// Reads a request, and makes it ask for the rest if a part of its response is on disk.
    ///
    /// # Errors
    /// When the file of a segment cannot be used.
    pub(super) fn of(
        outgoing: &mut Outgoing,
        job: &Job,
        spool: &SpoolPlan,
        past: Option<&Lookup>,
    ) -> Result<Self, FetchError> {
        match &job.segments {
            Some(Segments::One(_, note)) => return Self::segment(outgoing, note, spool),
            Some(Segments::Failed(notes)) => spool::remove_segments(&spool.folder, notes),
            Some(Segments::Complete(_)) | None => {}
        }
        let range = outgoing.headers.contains_key(header::RANGE);
        // RFC 9110 14.2: GET is the only method that has ranges.
        let resumable = (spool.resume && spool.keep && !range && outgoing.method == Method::GET)
            .then(|| outgoing.fingerprint(&job.url));
        let partial = resumable.and_then(|request| Partial::find(&spool.folder, &job.url, request));
        if let Some(partial) = &partial {
            outgoing.resume(&partial.note, partial.length);
        }
        let mut known = past
            .filter(|_| partial.is_none() && job.reuse != Reuse::Unreadable)
            .filter(|_| outgoing.may_be_conditional(job))
            .filter(|past| past.is_own() || is_anonymous(outgoing, job))
            .and_then(|past| past.find(&job.url));
        if let Some(known) = &mut known {
            known.fit(&job.recipes);
            outgoing.ask_if_changed(&known.then);
        }
        Ok(Self {
            bodiless: outgoing.method == Method::HEAD,
            range,
            resumable,
            partial: partial.map(Box::new),
            known,
        })
    }

    /// Makes a request ask for what is not yet on disk of a segment.
    fn segment(
        outgoing: &mut Outgoing,
        note: &Note,
        spool: &SpoolPlan,
    ) -> Result<Self, FetchError> {
        let partial = Partial::of_segment(&spool.folder, note)
            .map_err(|error| FetchError::Spool(error.to_string()))?;
        outgoing.resume(&partial.note, partial.length);
        Ok(Self {
            bodiless: false,
            range: false,
            resumable: None,
            partial: Some(Box::new(partial)),
            known: None,
        })
    }
}

/// Whether a request has nothing that may be a secret.
fn is_anonymous(outgoing: &Outgoing<'_>, job: &Job) -> bool {
    outgoing.is_harmless() && job.authorization.is_none() && job.cookie.is_none()
}

impl Arrival {
    /// Judges the head of a response.
    ///
    /// If the response completes a download, the head becomes that of the whole.
    ///
    /// # Errors
    /// When a partial response is not the requested part, or when the following bytes are not the body.
    pub(super) fn new(
        asked: Asked,
        job: &Job,
        status: StatusCode,
        version: Version,
        headers: &mut Headers,
    ) -> Result<Self, FetchError> {
        let framing = framing(asked.bodiless, status, version, headers)?;
        if let Some(partial) = asked.partial {
            if status == StatusCode::PARTIAL_CONTENT
                && let Some(range) = ContentRange::of(headers)
                && continues(&partial, &range, framing.length, headers)
            {
                return Ok(Self::resumed(partial, &range, framing, headers));
            }
            match status {
                // The server has another body, or no ranges: the retry starts over.
                StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                    partial.remove();
                    return Err(no_longer_fits());
                }
                // The whole body, which may be another one by now.
                StatusCode::OK => {
                    let is_segment = partial.note.segment.is_some();
                    partial.remove();
                    if is_segment {
                        return Err(no_longer_fits());
                    }
                }
                // The response is about something else: the part on disk stays for the next retry.
                _ => {}
            }
        } else if status == StatusCode::PARTIAL_CONTENT && !asked.range && !asked.bodiless {
            let whole = ContentRange::of(headers).is_some_and(|range| {
                range.is_whole() && framing.length.is_none_or(|length| length == range.length)
            });
            if !whole {
                let words = "206 Partial Content, without having been asked for a part";
                return Err(FetchError::Protocol(words.to_owned()));
            }
        }
        let note = asked
            .resumable
            .filter(|_| status == StatusCode::OK)
            .and_then(|request| note(job, request, framing, headers));
        Ok(Self {
            status,
            framing,
            resumed: None,
            note,
        })
    }

    fn resumed(
        partial: Box<Partial>,
        range: &ContentRange,
        framing: Framing,
        headers: &mut Headers,
    ) -> Self {
        let note = &partial.note;
        if note.segment.is_some() {
            headers.0.remove(Claim::ReprDigest.name()); // it is about the whole
        }
        // The record has the whole body, so its head is that of the whole (RFC 9110 15.3.7.3).
        headers.0.remove(header::CONTENT_RANGE);
        headers.0.remove(Claim::ContentDigest.name()); // it is about the part alone
        headers
            .0
            .insert(header::CONTENT_LENGTH, HeaderValue::from(note.total));
        if let Some(media_type) = &note.content_type
            && !headers.0.contains_key(header::CONTENT_TYPE)
            && let Ok(media_type) = HeaderValue::try_from(media_type)
        {
            headers.0.insert(header::CONTENT_TYPE, media_type);
        }
        Self {
            status: StatusCode::OK,
            framing,
            note: None,
            resumed: Some(Resumed {
                path: partial.path().to_owned(),
                from: partial.length,
                range: range.length,
                total: note.length(),
                partial: Some(partial),
            }),
        }
    }

    /// The segments in which the body is to be received, if it is long enough for at least two.
    ///
    /// Only if the server says that it has ranges.
    pub(super) fn segments(&self, most: NonZeroU8, headers: &Headers) -> Option<Box<[Note]>> {
        let ranges = headers.text(header::ACCEPT_RANGES)?.trim();
        let note = self.note.as_ref()?;
        let segments = note.segments(most.get().into(), SEGMENT)?;
        let has_ranges = ranges.eq_ignore_ascii_case("bytes");
        has_ranges.then(|| segments.into_boxed_slice())
    }

    /// Whether it continues what is on disk.
    pub(super) fn resumes(&self) -> bool {
        self.resumed.is_some()
    }

    /// Bytes of the body that are on disk, and bytes that the head announces.
    pub(super) fn announced(&self) -> (u64, Option<u64>) {
        let on_disk = self.resumed.as_ref().map_or(0, |resumed| resumed.from);
        (on_disk, self.framing.length)
    }

    /// The status to record: a download that was completed counts as a whole one.
    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Whether the body is complete although the connection stays open.
    pub(super) fn is_whole(&self, received: u64) -> bool {
        self.framing.counted && self.framing.length.is_some_and(|length| received >= length)
    }

    /// Cuts off what comes after the end of the body.
    pub(super) fn trim(&self, chunk: &mut Bytes, received: u64) {
        if self.framing.counted
            && let Some(length) = self.framing.length
        {
            let left = length.saturating_sub(received);
            chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
    }

    /// Checks what has arrived so far of a resumed download.
    ///
    /// # Errors
    /// When there is more of it than the head announced: then none of it can be trusted.
    pub(super) fn check(&self, received: u64) -> Result<(), FetchError> {
        match &self.resumed {
            Some(resumed) if received > resumed.range => Err(no_longer_fits()),
            _ => Ok(()),
        }
    }

    /// Checks a body that has ended.
    ///
    /// # Errors
    /// `Cut`, if it is shorter than announced. What has arrived stays on disk if it can be resumed.
    pub(super) fn finish(&self, received: u64) -> Result<(), FetchError> {
        let missing = match &self.resumed {
            Some(resumed) => resumed.from + received < resumed.total,
            None => self.framing.counted && self.framing.length.is_some_and(|all| received < all),
        };
        if missing {
            return Err(FetchError::Cut { received });
        }
        Ok(())
    }

    /// Removes the file of a download that turned out to be another one. Its writer is gone.
    pub(super) fn forget(&self) {
        if let Some(resumed) = &self.resumed {
            spool::remove(&resumed.path);
        }
    }

    /// A function that opens the file for the body; may be called once.
    ///
    /// `digest` asks for the SHA-256 of the body.
    pub(super) fn opener(
        &mut self,
        digest: bool,
    ) -> impl FnOnce(&SpoolPlan) -> std::io::Result<SpoolFile> + Send + 'static {
        let partial = self
            .resumed
            .as_mut()
            .and_then(|resumed| resumed.partial.take());
        let note = self.note.take();
        move |spool| match partial {
            Some(partial) => SpoolFile::append(spool, *partial, digest),
            None => SpoolFile::create(spool, note.as_ref(), digest),
        }
    }
}

/// Whether a part follows what is on disk, and is of the same body.
fn continues(
    partial: &Partial,
    range: &ContentRange,
    length: Option<u64>,
    headers: &Headers,
) -> bool {
    let note = &partial.note;
    let is_next = range.first == note.first() + partial.length
        && range.total.is_none_or(|total| total == note.total)
        && range.length <= note.length() - partial.length
        && length.is_none_or(|length| length == range.length);
    // A weak ETag means that two bodies are equivalent, not that they are the same bytes.
    let same_tag = match &note.etag {
        Some(etag) => headers.text(header::ETAG) == Some(etag),
        None => !headers.0.contains_key(header::ETAG),
    };
    // It need not be repeated, because If-Range was sent (RFC 9110 15.3.7).
    let same_date = match (&note.last_modified, headers.text(header::LAST_MODIFIED)) {
        (Some(was), Some(is)) => was == is,
        _ => true,
    };
    let multipart = headers
        .text(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("multipart/byteranges"));
    is_next && same_tag && same_date && !multipart && !headers.is_encoded()
}

fn no_longer_fits() -> FetchError {
    FetchError::Spool("the partial download no longer fits what the server has".into())
}

/// The note for a later retry; needs a length, a strong validator and no coding.
fn note(job: &Job, request: u128, framing: Framing, headers: &Headers) -> Option<Note> {
    if headers.is_encoded() || headers.text(header::ACCEPT_RANGES) == Some("none") {
        return None;
    }
    let owned = |name| headers.text(name).map(str::to_owned);
    let (etag, last_modified) = (owned(header::ETAG), owned(header::LAST_MODIFIED));
    let strong = etag.as_ref().is_some_and(|etag| is_strong(etag))
        || last_modified
            .as_ref()
            .is_some_and(|modified| is_settled(modified, headers));
    strong.then_some(Note {
        url: job.url.to_string(),
        request: Note::name(request),
        etag,
        last_modified,
        content_type: owned(header::CONTENT_TYPE),
        total: framing.length?,
        segment: None,
    })
}

fn is_strong(etag: &str) -> bool {
    !etag.starts_with("W/")
}

/// Whether a body is old enough for its date to be a strong validator.
///
/// A later change would then have another date: a second is enough (RFC 9110 8.8.2.2).
fn is_settled(modified: &str, headers: &Headers) -> bool {
    let Ok(modified) = httpdate::parse_http_date(modified) else {
        return false;
    };
    let sent = headers
        .text(header::DATE)
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(SystemTime::now);
    sent.duration_since(modified)
        .is_ok_and(|passed| passed.as_secs() >= 1)
}
