//! WARC 1.1 (ISO 28500:2017): every visit with its bytes as received, for other tools and for later runs.
//!
//! A file begins with what is said of it (`warcinfo`). Each visit is a `response` with the `request` and the
//! `metadata` that belong to it, behind a `response` with its `request` for each redirect on the way. What got no
//! answer is `metadata`, and the `request` where one was sent. In `.warc.gz` each record is a gzip member, so that a
//! reader can begin at any of them. Invariant: at a mark the files hold whole records alone, and no byte of a page or
//! a URL is ever taken for framing. A body that is in a file streams through. One that was written before in this run
//! or job is not written again: a `revisit` says where it is. Which those are is read back out of the files when a
//! job goes on.

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

pub(super) use self::end::mend;

use self::digest::{Hash, Sum};
use self::fields::Fields;
use self::head::{Head, Kind, RecordId};
use self::volume::{Source, Volume};
use super::opener::SinkPlan;
use super::output::Output;
use super::{ArchiveSettings, Destination, Mark, Sink, Start};
use crate::archive::{self, Seen, date};
use crate::body::Body;
use crate::error::Result;
use crate::job::Job;
use crate::outgoing::Template;
use crate::page::Page;
use crate::parse::Wants;
use crate::visit::{FetchError, Phase, Visit};

/// Why a body is not written again (ISO 28500 6.7.2).
const IDENTICAL: &str = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest";

/// An archive that is written.
pub(super) struct Warc {
    /// What its files are called, where that is not their own name.
    name: Option<String>,
    volume: Volume,
    /// What is said of each of its files.
    about: Vec<u8>,
    /// Whether a proxy is asked instead of the hosts.
    proxied: bool,
    template: Template,
    /// Payloads of this run or job, and where they are.
    seen: Seen,
}

/// What the records of one exchange have in common: the last of a visit, or one on the way to it.
struct Capture<'v> {
    /// What was asked.
    job: &'v Job,
    /// Who answered, where that is known and somebody did.
    remote: Option<IpAddr>,
    date: String,
    /// The record that the others belong to.
    id: RecordId,
    /// The record of the visit that it was on the way to.
    part_of: Option<RecordId>,
}

/// What a block hashes to.
struct Sums {
    block: Sum,
    payload: Sum,
    /// How long the body is.
    length: u64,
}

impl Warc {
    /// # Errors
    /// When a file cannot be opened, or is not what its mark says; when the method is none.
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

    /// An archive that is called `name` inside a file, behind a header.
    ///
    /// # Errors
    /// As [`open`](Self::open).
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
        let template = Template::new(&plan.method, &plan.headers, plan.body.clone());
        let mut warc = Self {
            name: name.map(str::to_owned),
            volume,
            about: Fields::of_file(settings, plan).into_bytes(),
            proxied: plan.proxied,
            template,
            seen: Seen::default(),
        };
        if fresh {
            warc.begin()?;
        } else {
            warc.volume.recall(&mut warc.seen);
        }
        Ok(warc)
    }

    /// What was written to, for what comes behind the records.
    pub(super) fn into_output(self) -> Output {
        self.volume.into_output()
    }

    /// Writes what is said of a file.
    fn begin(&mut self) -> Result<()> {
        let date = date::spelled(SystemTime::now());
        let mut head = Head::new(Kind::Warcinfo, RecordId::new(), &date);
        if let Some(name) = self.name.clone().or_else(|| self.volume.name()) {
            head.field("WARC-Filename", &name);
        }
        let head = head.finish(self.about.len() as u64);
        self.volume.put(&head, &self.about, Source::Memory(b""), 0)
    }

    /// Writes each redirect on the way, or what is kept of it.
    fn hops(&mut self, capture: &Capture<'_>) -> Result<()> {
        let job = capture.job;
        let targets = job
            .hops
            .iter()
            .skip(1)
            .map(|hop| &hop.url)
            .chain([&job.url]);
        for (index, (hop, target)) in job.hops.iter().zip(targets).enumerate() {
            if let Some(page) = hop.answer.as_deref() {
                // As it was asked for: with what the hops before it made of the request.
                let mut asked = job.clone();
                asked.url = hop.url.clone();
                asked.hops.truncate(index);
                let own = self.capture(&asked, Some(page), Some(capture.id));
                self.page(&own, page)?;
                self.request(&own)?;
                continue;
            }
            let mut head = Head::new(Kind::Response, RecordId::new(), &capture.date);
            head.uri("WARC-Target-URI", hop.url.as_str());
            head.field("WARC-Truncated", "unspecified");
            head.record("WARC-Concurrent-To", capture.id);
            let block = http::hop(hop.status, target);
            self.put(head, &block, Source::Memory(b""), 0)?;
        }
        Ok(())
    }

    fn page(&mut self, capture: &Capture<'_>, page: &Page) -> Result<()> {
        let (source, length) = match &page.body {
            Body::Memory(bytes) => (Source::Memory(bytes), Some(bytes.len() as u64)),
            Body::Spooled(spool) => (Source::File(spool.path()), Some(page.body.len())),
            Body::Dropped(_) => (Source::Memory(b""), None),
        };
        let block = http::response(page, length);
        let sums = Sums::of(&block, source)?;
        let payload = sums.payload.label();
        if sums.length > 0
            && let Some(earlier) = self.volume.find(&self.seen, &payload)?
        {
            return self.revisit(capture, &block, &payload, &earlier);
        }
        let mut head = self.head(Kind::Response, capture, capture.id);
        head.field("WARC-Block-Digest", &sums.block.label());
        match length {
            Some(_) => head.field("WARC-Payload-Digest", &payload),
            None => head.field("WARC-Truncated", "unspecified"),
        }
        let place = self.volume.place();
        self.put(head, &block, source, sums.length)?;
        if let Some(place) = place.filter(|_| sums.length > 0) {
            self.seen.note(&payload, place);
        }
        Ok(())
    }

    /// Writes the head of an answer whose body is there already.
    fn revisit(
        &mut self,
        capture: &Capture<'_>,
        block: &[u8],
        payload: &str,
        earlier: &archive::Head,
    ) -> Result<()> {
        let sums = Sums::of(block, Source::Memory(b""))?;
        let mut head = self.head(Kind::Revisit, capture, capture.id);
        head.field("WARC-Profile", IDENTICAL);
        head.field("WARC-Block-Digest", &sums.block.label());
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
        self.put(head, block, Source::Memory(b""), 0)
    }

    /// Writes the request, and answers what it does not show.
    fn request(&mut self, capture: &Capture<'_>) -> Result<Vec<String>> {
        let job = capture.job;
        let outgoing = self.template.outgoing(job);
        let (block, mut withheld) = http::request(&outgoing.method, &job.url, &outgoing.headers);
        let id = RecordId::new();
        let mut head = self.head(Kind::Request, capture, id);
        head.record("WARC-Concurrent-To", capture.id);
        if outgoing.body.is_some() {
            head.field("WARC-Truncated", "unspecified");
            withheld.push("the body".to_owned());
        }
        let sums = Sums::of(&block, Source::Memory(b""))?;
        head.field("WARC-Block-Digest", &sums.block.label());
        self.put(head, &block, Source::Memory(b""), 0)?;
        Ok(withheld)
    }

    /// Writes what is said of a visit; `id` is its own name.
    fn metadata(
        &mut self,
        capture: &Capture<'_>,
        id: RecordId,
        visit: &Visit,
        withheld: &[String],
    ) -> Result<()> {
        let mut head = Head::new(Kind::Metadata, id, &capture.date);
        head.uri("WARC-Target-URI", capture.job.url.as_str());
        if id != capture.id {
            head.record("WARC-Concurrent-To", capture.id);
        }
        let block = Fields::of_visit(visit, withheld).into_bytes();
        let sums = Sums::of(&block, Source::Memory(b""))?;
        head.field("WARC-Block-Digest", &sums.block.label());
        self.put(head, &block, Source::Memory(b""), 0)
    }

    /// The head of a record of an answer, or of what asked for it.
    fn head(&self, kind: Kind, capture: &Capture<'_>, id: RecordId) -> Head {
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
            date: date::spelled(sent.unwrap_or_else(SystemTime::now)),
            id: RecordId::new(),
            part_of,
        }
    }

    fn put(&mut self, head: Head, block: &[u8], body: Source<'_>, length: u64) -> Result<()> {
        let head = head.finish(block.len() as u64 + length);
        self.volume.put(&head, block, body, length)
    }
}

impl Sink for Warc {
    fn wants(&self) -> Wants {
        super::format::ARCHIVED
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        if self.volume.is_full() {
            self.volume.turn()?;
            self.begin()?;
        }
        let capture = self.capture(&visit.job, visit.outcome.as_ref().ok(), None);
        self.hops(&capture)?;
        match &visit.outcome {
            Ok(page) => {
                self.page(&capture, page)?;
                let withheld = self.request(&capture)?;
                self.metadata(&capture, RecordId::new(), visit, &withheld)
            }
            Err(error) => {
                let withheld = match was_sent(error) {
                    true => self.request(&capture)?,
                    false => Vec::new(),
                };
                self.metadata(&capture, capture.id, visit, &withheld)
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

/// Whether a request that failed was sent, or so much of it that the server may have seen it. Of a deadline for the
/// whole fetch that is not known.
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

impl Sums {
    /// # Errors
    /// When the file of a body cannot be read.
    fn of(block: &[u8], body: Source<'_>) -> Result<Self> {
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
