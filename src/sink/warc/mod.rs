//! WARC 1.1 (ISO 28500:2017): every visit with its bytes as received.
//!
//! The archives are for other tools and for later runs. A file starts with a `warcinfo` record that describes it.
//! Each visit is a `response` with its `request` and `metadata`, preceded by a `response` with its `request` for
//! each redirect on the way. A visit without a response is a `metadata` record, plus the `request` if one was sent.
//! In `.warc.gz` each record is a gzip member of its own, so that reading can start at any of them. Invariant: at a
//! mark the files contain only whole records, and no byte of a page or a URL is ever taken for framing. A body in a
//! file is streamed. A body that was already written in this run or job is not written again: a `revisit` refers to
//! it. When a job resumes, the known bodies are read back from the files.

mod digest;
mod end;
mod fields;
mod head;
mod http;
mod member;
#[cfg(test)]
pub(super) mod strict;
#[cfg(test)]
mod tests;
mod volume;

use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

pub(super) use self::end::repair_end;

use self::digest::{Hash, Sum};
use self::fields::Fields;
use self::head::{Head, RecordId, RecordKind};
use self::volume::{BodyBytes, Volume};
use super::output::Output;
use super::plan::SinkPlan;
use super::{ArchiveSettings, Destination, Mark, Sink, Start};
use crate::archive::{self, SeenPayloads};
use crate::error::Result;
use crate::job::Job;
use crate::job::outgoing::Template;
use crate::page::Page;
use crate::page::body::Body;
use crate::page::failure::{FetchError, Phase};
use crate::page::snapshot::Snapshot;
use crate::parse::Wants;
use crate::text::moment;
use crate::visit::Visit;
use crate::visit::compared::Compared;

/// The reason why a body is not written again (ISO 28500 6.7.2).
const IDENTICAL: &str = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest";
/// The same, if the server said so.
const NOT_MODIFIED: &str = "http://netpreserve.org/warc/1.1/revisit/server-not-modified";

/// An archive that is being written.
pub(super) struct Warc {
    /// The name of its files in their records, if it differs from the file name.
    name: Option<String>,
    volume: Volume,
    /// What is said of each of its files.
    about: Vec<u8>,
    /// Whether a proxy is asked instead of the hosts.
    proxied: bool,
    template: Template,
    /// The payloads of this run or job, with their positions.
    seen: SeenPayloads,
}

/// What the records of one exchange share: the last of a visit, or a redirect on the way.
struct Capture<'v> {
    /// The request.
    job: &'v Job,
    /// The address that responded, if it is known.
    remote: Option<IpAddr>,
    date: String,
    /// The record that the others belong to.
    id: RecordId,
    /// The record of the visit, if this was a redirect on the way to it.
    part_of: Option<RecordId>,
}

/// The digests of a record.
struct Digests {
    block: Sum,
    payload: Sum,
    /// The length of the body.
    length: u64,
}

impl Warc {
    /// Opens an archive with files of its own.
    ///
    /// # Errors
    /// If a file cannot be opened or does not match its mark, or the method is invalid.
    pub(super) fn open(
        to: &Destination,
        settings: &ArchiveSettings,
        plan: &SinkPlan,
        start: Start<'_>,
    ) -> Result<Self> {
        let volume = Volume::open(to, settings.rotate.0, start)?;
        let fresh = volume.is_new() || !matches!(start, Start::At(_));
        Self::of(settings, plan, volume, None, fresh)
    }

    /// Opens an archive called `name` inside a file, after a header.
    ///
    /// # Errors
    /// The same as those of [`open`](Self::open).
    pub(super) fn within(
        settings: &ArchiveSettings,
        plan: &SinkPlan,
        path: &Path,
        header: &[u8],
        name: &str,
        start: Start<'_>,
    ) -> Result<Self> {
        let volume = Volume::within(path, header, start)?;
        let fresh = !matches!(start, Start::At(_));
        Self::of(settings, plan, volume, Some(name), fresh)
    }

    fn of(
        settings: &ArchiveSettings,
        plan: &SinkPlan,
        volume: Volume,
        name: Option<&str>,
        fresh: bool,
    ) -> Result<Self> {
        let mut warc = Self {
            name: name.map(str::to_owned),
            volume,
            about: Fields::of_file(settings, plan).into_bytes(),
            proxied: plan.proxied,
            template: plan.template.clone(),
            seen: SeenPayloads::default(),
        };
        if fresh {
            warc.write_warcinfo()?;
        } else {
            warc.volume.load_payloads(&mut warc.seen);
        }
        Ok(warc)
    }

    /// The output, for writing what follows the records.
    pub(super) fn into_output(self) -> Output {
        self.volume.into_output()
    }

    /// Writes the description of a file.
    fn write_warcinfo(&mut self) -> Result<()> {
        let date = moment::to_microsecond(SystemTime::now());
        let mut head = Head::new(RecordKind::Warcinfo, RecordId::new(), &date);
        if let Some(name) = self.name.clone().or_else(|| self.volume.name()) {
            head.field("WARC-Filename", &name);
        }
        let head = head.finish(self.about.len() as u64);
        let body = BodyBytes::Memory(b"");
        self.volume.write_record(&head, &self.about, body, 0)
    }

    /// Writes each redirect on the way, or what is known of it.
    fn write_redirects(&mut self, capture: &Capture<'_>) -> Result<()> {
        let job = capture.job;
        let targets = job
            .hops
            .iter()
            .skip(1)
            .map(|hop| &hop.url)
            .chain([&job.url]);
        for (index, (hop, target)) in job.hops.iter().zip(targets).enumerate() {
            if let Some(page) = hop.answer.as_deref() {
                // The request as it was made, with the effects of the hops before it.
                let mut request_job = job.clone();
                request_job.url = hop.url.clone();
                request_job.hops.truncate(index);
                let hop_capture = self.capture(&request_job, Some(page), Some(capture.id));
                self.write_response(&hop_capture, page)?;
                self.write_request(&hop_capture, None)?;
                continue;
            }
            if hop.is_internal {
                continue; // no server sent it
            }
            let mut head = Head::new(RecordKind::Response, RecordId::new(), &capture.date);
            head.uri("WARC-Target-URI", hop.url.as_str());
            head.field("WARC-Truncated", "unspecified");
            head.record("WARC-Concurrent-To", capture.id);
            let block = http::hop(hop.status, target);
            self.write_record(head, &block, BodyBytes::Memory(b""), 0)?;
        }
        Ok(())
    }

    fn write_response(&mut self, capture: &Capture<'_>, page: &Page) -> Result<()> {
        let (source, length) = match &page.body {
            Body::Memory(bytes) => (BodyBytes::Memory(bytes), Some(bytes.len() as u64)),
            Body::Spooled(spool) => (BodyBytes::File(spool.path()), Some(page.body.len())),
            Body::Dropped(_) => (BodyBytes::Memory(b""), None),
        };
        let block = http::response(page, length);
        let digests = Digests::of(&block, source)?;
        let payload = digests.payload.label();
        if digests.length > 0
            && let Some(earlier) = self.volume.find(&self.seen, &payload)?
        {
            return self.write_revisit(capture, &block, &payload, &earlier);
        }
        let mut head = self.head(RecordKind::Response, capture, capture.id);
        head.field("WARC-Block-Digest", &digests.block.label());
        match length {
            Some(_) => head.field("WARC-Payload-Digest", &payload),
            None => head.field("WARC-Truncated", "unspecified"),
        }
        let position = self.volume.position();
        self.write_record(head, &block, source, digests.length)?;
        if let Some(position) = position.filter(|_| digests.length > 0) {
            self.seen.note(&payload, position);
        }
        Ok(())
    }

    /// Writes the head of a response whose body has already been written.
    fn write_revisit(
        &mut self,
        capture: &Capture<'_>,
        block: &[u8],
        payload: &str,
        earlier: &archive::Head,
    ) -> Result<()> {
        let digests = Digests::of(block, BodyBytes::Memory(b""))?;
        let mut head = self.head(RecordKind::Revisit, capture, capture.id);
        head.field("WARC-Profile", IDENTICAL);
        head.field("WARC-Block-Digest", &digests.block.label());
        head.field("WARC-Payload-Digest", payload);
        for (name, of_earlier) in [
            ("WARC-Refers-To", "WARC-Record-ID"),
            ("WARC-Refers-To-Target-URI", "WARC-Target-URI"),
            ("WARC-Refers-To-Date", "WARC-Date"),
        ] {
            if let Some(value) = earlier.get(of_earlier) {
                head.field(name, value);
            }
        }
        self.write_record(head, block, BodyBytes::Memory(b""), 0)
    }

    /// Writes that a page did not change since an earlier run, by its server's word.
    fn write_not_modified(
        &mut self,
        capture: &Capture<'_>,
        page: &Page,
        compared: &Compared,
    ) -> Result<()> {
        let block = http::response(page, Some(0));
        let digests = Digests::of(&block, BodyBytes::Memory(b""))?;
        let mut head = self.head(RecordKind::Revisit, capture, capture.id);
        head.field("WARC-Profile", NOT_MODIFIED);
        head.field("WARC-Block-Digest", &digests.block.label());
        if let Some(record) = &compared.record {
            head.field("WARC-Refers-To", record);
        }
        head.uri("WARC-Refers-To-Target-URI", capture.job.url.as_str());
        if let Some(sent) = compared.then.sent {
            head.field("WARC-Refers-To-Date", &moment::to_microsecond(sent));
        }
        self.write_record(head, &block, BodyBytes::Memory(b""), 0)
    }

    /// Writes the request; returns the names of the parts that are withheld.
    ///
    /// `then` is what an earlier run had of the page, if the request asked whether it changed.
    fn write_request(
        &mut self,
        capture: &Capture<'_>,
        then: Option<&Snapshot>,
    ) -> Result<Vec<String>> {
        let job = capture.job;
        let mut outgoing = self.template.outgoing(job);
        if let Some(then) = then {
            outgoing.ask_if_changed(then);
        }
        outgoing.add(job); // its secrets are withheld
        let (block, mut withheld) = http::request(&outgoing.method, &job.url, &outgoing.headers);
        let id = RecordId::new();
        let mut head = self.head(RecordKind::Request, capture, id);
        head.record("WARC-Concurrent-To", capture.id);
        if outgoing.body.is_some() {
            head.field("WARC-Truncated", "unspecified");
            withheld.push("the body".to_owned());
        }
        let digests = Digests::of(&block, BodyBytes::Memory(b""))?;
        head.field("WARC-Block-Digest", &digests.block.label());
        self.write_record(head, &block, BodyBytes::Memory(b""), 0)?;
        Ok(withheld)
    }

    /// Writes the metadata of a visit; `id` is the record's own name.
    fn write_metadata(
        &mut self,
        capture: &Capture<'_>,
        id: RecordId,
        visit: &Visit,
        withheld: &[String],
    ) -> Result<()> {
        let mut head = Head::new(RecordKind::Metadata, id, &capture.date);
        head.uri("WARC-Target-URI", capture.job.url.as_str());
        if id != capture.id {
            head.record("WARC-Concurrent-To", capture.id);
        }
        let block = Fields::of_visit(visit, withheld).into_bytes();
        let digests = Digests::of(&block, BodyBytes::Memory(b""))?;
        head.field("WARC-Block-Digest", &digests.block.label());
        self.write_record(head, &block, BodyBytes::Memory(b""), 0)
    }

    /// The head of a record for a response or its request.
    fn head(&self, kind: RecordKind, capture: &Capture<'_>, id: RecordId) -> Head {
        let mut head = Head::new(kind, id, &capture.date);
        head.uri("WARC-Target-URI", capture.job.url.as_str());
        if let Some(remote) = capture.remote.filter(|_| !self.proxied) {
            head.field("WARC-IP-Address", &remote.to_canonical().to_string());
        }
        if let Some(last) = capture.part_of.filter(|_| id == capture.id) {
            head.record("WARC-Concurrent-To", last);
        }
        head
    }

    fn capture<'v>(
        &self,
        job: &'v Job,
        page: Option<&Page>,
        part_of: Option<RecordId>,
    ) -> Capture<'v> {
        let sent = page.and_then(|page| page.timing.sent).or(job.sent);
        Capture {
            job,
            remote: page.and_then(|page| page.remote).map(|remote| remote.ip()),
            date: moment::to_microsecond(sent.unwrap_or_else(SystemTime::now)),
            id: RecordId::new(),
            part_of,
        }
    }

    fn write_record(
        &mut self,
        head: Head,
        block: &[u8],
        body: BodyBytes<'_>,
        length: u64,
    ) -> Result<()> {
        let head = head.finish(block.len() as u64 + length);
        self.volume.write_record(&head, block, body, length)
    }
}

impl Sink for Warc {
    fn wants(&self) -> Wants {
        super::wants::ARCHIVED
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        if self.volume.is_full() {
            self.volume.open_next()?;
            self.write_warcinfo()?;
        }
        let capture = self.capture(&visit.job, visit.outcome.as_ref().ok(), None);
        self.write_redirects(&capture)?;
        match &visit.outcome {
            // Nothing was sent, and nothing received.
            Ok(_) if visit.parsed.cached => self.write_metadata(&capture, capture.id, visit, &[]),
            Ok(page) => {
                let compared = visit.parsed.compared.as_deref();
                match compared.filter(|compared| compared.is_unchanged) {
                    Some(compared) => self.write_not_modified(&capture, page, compared)?,
                    None => self.write_response(&capture, page)?,
                }
                let then = compared.map(|compared| &compared.then);
                let withheld = self.write_request(&capture, then)?;
                self.write_metadata(&capture, RecordId::new(), visit, &withheld)
            }
            Err(error) => {
                let withheld = match was_sent(error) {
                    true => self.write_request(&capture, None)?,
                    false => Vec::new(),
                };
                self.write_metadata(&capture, capture.id, visit, &withheld)
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.volume.flush()
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        self.volume.checkpoint()
    }

    fn finish(self: Box<Self>) -> Result<Option<Mark>> {
        self.volume.finish()
    }
}

/// Whether a failed request was sent, at least so far that the server may have seen it.
///
/// For a deadline of the whole fetch, that is not known.
fn was_sent(error: &FetchError) -> bool {
    match error {
        FetchError::Timeout { phase, .. } => matches!(phase, Phase::FirstByte | Phase::Body),
        FetchError::Closed
        | FetchError::Cut { .. }
        | FetchError::TooSlow { .. }
        | FetchError::TooLarge { .. }
        | FetchError::Protocol(_)
        | FetchError::HeadTooLarge
        | FetchError::TooManyRedirects { .. }
        | FetchError::BadRedirect { .. }
        | FetchError::Decode(_) => true,
        _ => false,
    }
}

impl Digests {
    /// Computes the digests of a record.
    ///
    /// # Errors
    /// If the file of a body cannot be read.
    fn of(block: &[u8], body: BodyBytes<'_>) -> Result<Self> {
        let (mut whole, mut payload, mut length) = (Hash::default(), Hash::default(), 0);
        whole.add(block);
        body.each(|chunk| {
            whole.add(chunk);
            payload.add(chunk);
            length += chunk.len() as u64;
            Ok(())
        })?;
        Ok(Self {
            block: whole.sum(),
            payload: payload.sum(),
            length,
        })
    }
}
