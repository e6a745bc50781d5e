//! The two halves of one job: fetching, which waits, and parsing, which computes.
//!
//! The fetch half is [`Fetcher::fetch`](crate::fetch); the parse half is [`parse`], a plain function that runs
//! wherever the engine has a core to spare. A [`Plan`] has everything that an engine needs for both.

use std::any::Any;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use encoding_rs::Encoding;
use http::{StatusCode, header};

use crate::archive::Bodies;
use crate::error::{Error, Result};
use crate::extract::{self, Extractor, PageFormat};
use crate::fetch::{self, FetchPlan};
use crate::job::{Job, Role};
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::page::memory::Memory;
use crate::page::snapshot::{Content, Known, Place, Snapshot};
pub(crate) use crate::parse::ParsePlan;
use crate::parse::media_type::{Kind, MediaType, sniff};
use crate::parse::{self, LinkPlan, Wants, Work};
use crate::visit::Parsed;
use crate::visit::compared::{Change, Compared};
use crate::visit::custom::Custom;
use crate::visit::fields::{Extraction, Miss};
use crate::visit::found::FoundLinks;

/// Extracts a value of the program's own type from a page.
pub(crate) type OwnExtractor =
    Arc<dyn Fn(&extract::Page<'_>) -> Box<dyn Any + Send + Sync> + Send + Sync>;

/// What the lanes of an engine share.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) shared: Arc<fetch::Shared>,
    pub(crate) parse: ParsePlan,
    /// The memory budget for decoded pages.
    pub(crate) memory: Memory,
    /// The extractor of typed fields, if any are wanted.
    extractor: Option<Arc<Extractor>>,
    /// The pages of an earlier run, if that is an archive.
    stored: Option<Arc<StoredPages>>,
    /// The program's own extractor.
    pub(crate) own: Option<OwnExtractor>,
    /// The binary that child processes run.
    pub(crate) program: PathBuf,
    /// The number of child processes.
    children: u64,
}

/// The pages of an earlier run that is an archive, read when they are needed.
struct StoredPages {
    bodies: Bodies,
    /// What is read out of a page that changed, to be compared: its digest and its text.
    compared: ParsePlan,
}

impl Plan {
    /// # Errors
    /// When a setting is invalid, or TLS cannot be set up.
    pub(crate) fn new(
        fetch: FetchPlan,
        parse: ParsePlan,
        program: Option<PathBuf>,
    ) -> Result<Self> {
        let this_one = || std::env::current_exe().unwrap_or_else(|_| PathBuf::from("haul"));
        let extractor = match parse.extract.is_empty() {
            true => None,
            false => Some(Arc::new(Extractor::compile(&parse.extract)?)),
        };
        let archive = fetch.past.as_ref().and_then(|past| past.archive.as_ref());
        let stored = archive.map(|path| StoredPages::open(path, &fetch, &parse));
        Ok(Self {
            stored: stored.transpose()?.map(Arc::new),
            shared: fetch::Shared::new(fetch)?,
            memory: Memory::new(parse.memory.0),
            parse,
            extractor,
            own: None,
            program: program.unwrap_or_else(this_one),
            children: 1,
        })
    }

    /// The plan for each of `children` processes that share a memory budget with this one, and the bandwidth.
    pub(crate) fn shared_by(&self, children: usize) -> Self {
        let mut plan = self.clone();
        plan.parse.memory.0 = (self.parse.memory.0 / (children as u64 + 1)).max(1);
        plan.memory = Memory::new(plan.parse.memory.0);
        plan.children = children as u64;
        plan
    }

    /// The plan of the fetch path of a child process.
    pub(crate) fn fetch_of_child(&self) -> FetchPlan {
        let mut fetch = self.shared.plan().clone();
        fetch.settings.bandwidth = fetch.settings.bandwidth.shared_by(self.children);
        fetch
    }

    /// Whether even a small page costs more than scanning it.
    pub(crate) fn computes(&self) -> bool {
        self.extractor.is_some() || self.own.is_some() || !self.parse.work.is_none()
    }
}

impl StoredPages {
    fn open(path: &Path, fetch: &FetchPlan, parse: &ParsePlan) -> Result<Self> {
        let bodies = Bodies::open(path, &fetch.spool.folder);
        let mut compared = parse.clone();
        compared.wants = Wants {
            digest: true,
            ..Wants::NOTHING
        };
        compared.work = Work::None;
        Ok(Self {
            bodies: bodies.map_err(|damage| Error::Setting(damage.to_string()))?,
            compared,
        })
    }
}

/// Parses the outcome of a fetch, and extracts fields from it if wanted.
///
/// A page whose body does not have the checksum that it should have becomes an error.
pub(crate) fn parse(job: &Job, outcome: &mut Result<Page, FetchError>, plan: &Plan) -> Parsed {
    let parsed = match outcome {
        // Its body is still to be received.
        Ok(page) if page.segments.is_some() => return Parsed::default(),
        Ok(page) => {
            let known = page.known.take();
            parse_page(job, page, known, plan)
        }
        Err(_) => return Parsed::default(),
    };
    parsed.unwrap_or_else(|error| {
        *outcome = Err(error);
        Parsed::default()
    })
}

/// Parses a page, or what an earlier run has in its place if it did not change, and compares the two.
fn parse_page(
    job: &Job,
    page: &mut Page,
    known: Option<Box<Known>>,
    plan: &Plan,
) -> Result<Parsed, FetchError> {
    let is_unchanged = page.status == StatusCode::NOT_MODIFIED
        && known
            .as_ref()
            .is_some_and(|known| known.then.has_validator());
    let mut known = known.filter(|_| is_unchanged || page.status == StatusCode::OK);
    let mut parsed = match known.as_deref_mut() {
        Some(known) if is_unchanged => unchanged(job, page, known, plan)?,
        Some(known) => {
            // Before the page takes its share of memory: one that waits must not have any.
            measure(job, known, plan);
            parse_body(job, page, plan)?
        }
        None => parse_body(job, page, plan)?,
    };
    if plan.parse.keeps
        && matches!(job.role, Role::Page | Role::Asset)
        && (is_unchanged || page.status == StatusCode::OK && parsed.fault.is_none())
    {
        parsed.snapshot = snapshot(job, page, &parsed, known.as_deref()).map(Arc::new);
    }
    if let Some(known) = known
        && let Some(change) = Change::between(&known.then, parsed.digest, parsed.simhash)
    {
        parsed.compared = Some(Box::new(Compared {
            change,
            is_unchanged,
            then: known.then,
            record: match known.content {
                Content::Stored(place) => place.record,
                Content::Packed(_) => None,
            },
        }));
    }
    let carried = parsed.carried();
    parsed.held.shrink_to(carried);
    Ok(parsed)
}

/// What is read out of a page that did not change, from what an earlier run had.
///
/// If that is its body, the page gets it: then it is as if it had been sent, but for its head.
fn unchanged(
    job: &Job,
    page: &mut Page,
    known: &mut Known,
    plan: &Plan,
) -> Result<Parsed, FetchError> {
    let place = match &known.content {
        Content::Packed(content) => return carried_over(content, &known.then, plan),
        Content::Stored(place) => place,
    };
    let stored = stored(job, place, plan).map_err(|problem| {
        let problem = format!("the page did not change, and its body cannot be read: {problem}");
        FetchError::Decode(problem)
    })?;
    let parsed = parse_body(job, &stored, plan)?;
    (known.then.sha256, known.then.simhash) = (parsed.digest, parsed.simhash);
    page.body = stored.body;
    Ok(parsed)
}

/// Adds the digest and the simhash of a page that may have changed, if its body is in an archive.
///
/// If it cannot be read, nothing is said about the change.
fn measure(job: &Job, known: &mut Known, plan: &Plan) {
    if let Content::Stored(place) = &known.content
        && let Some(pages) = plan.stored.as_deref()
        && let Ok(page) = stored(job, place, plan)
        && let Ok(parsed) = parse::parse(job, &page, &pages.compared, false, &plan.memory)
    {
        (known.then.sha256, known.then.simhash) = (parsed.digest, parsed.simhash);
    }
}

/// The page that an archive has of a job.
fn stored(job: &Job, place: &Place, plan: &Plan) -> Result<Page, String> {
    let pages = plan.stored.as_deref().ok_or("there is no archive")?;
    let page = pages.bodies.page(&job.url, place);
    page.map_err(|damage| damage.to_string())
}

/// What an earlier run read out of a page that did not change.
fn carried_over(content: &[u8], then: &Snapshot, plan: &Plan) -> Result<Parsed, FetchError> {
    let parsed = Parsed::unpack(content, plan.parse.fingerprints);
    let parsed = parsed.ok_or_else(|| {
        let problem = "the page did not change, and what the earlier run kept of it cannot be read";
        FetchError::Decode(problem.to_owned())
    })?;
    Ok(Parsed {
        digest: then.sha256,
        simhash: then.simhash,
        ..parsed
    })
}

/// What a later run needs to know about a page. Validators that a 304 does not repeat are those of before.
fn snapshot(job: &Job, page: &Page, parsed: &Parsed, known: Option<&Known>) -> Option<Snapshot> {
    let known = known.filter(|_| page.status == StatusCode::NOT_MODIFIED);
    let before = known.map(|known| &known.then);
    let validator = |name, before: Option<&String>| {
        Snapshot::validator(page.headers.text(name)).or_else(|| before.cloned())
    };
    let mut snapshot = Snapshot {
        etag: validator(header::ETAG, before.and_then(|before| before.etag.as_ref())),
        last_modified: validator(
            header::LAST_MODIFIED,
            before.and_then(|before| before.last_modified.as_ref()),
        ),
        sent: page.timing.sent,
        sha256: parsed.digest,
        simhash: parsed.simhash,
        recipes: match known {
            Some(known) if !known.is_stored() => known.then.recipes.clone(),
            _ => job.recipes.iter().map(ToString::to_string).collect(),
        },
        content: Box::default(),
    };
    // Without a validator the page is sent again, and its links with it.
    snapshot.content = parsed.pack(snapshot.has_validator())?;
    Some(snapshot)
}

fn parse_body(job: &Job, page: &Page, plan: &Plan) -> Result<Parsed, FetchError> {
    let started = Instant::now();
    let extractor = plan
        .extractor
        .as_deref()
        .filter(|extractor| reads(job, page, extractor));
    let own = plan.own.as_ref().filter(|_| is_read(job, page));
    let text = extractor.is_some() || own.is_some();
    let mut parsed = parse::parse(job, page, &plan.parse, text, &plan.memory)?;
    if let Some(extractor) = extractor {
        let _tree = plan
            .memory
            .tree(parsed.text.as_deref().map_or(0, extract::weight));
        extract(job, extractor, plan.parse.follow.as_ref(), &mut parsed);
    }
    if let Some(own) = own
        && let Some(page) = readable(job, &parsed)
    {
        parsed.custom = Custom::of(own(&page));
    }
    if !plan.parse.wants.text {
        parsed.text = None; // needed only here
    }
    parsed.took = Some(started.elapsed());
    Ok(parsed)
}

/// Whether anything is extracted from a page: not from failures, nor from responses that have no record.
fn is_read(job: &Job, page: &Page) -> bool {
    job.role == Role::Page && page.status < 400
}

/// Whether any field applies to a page, whatever its type turns out to be.
fn reads(job: &Job, page: &Page, extractor: &Extractor) -> bool {
    let recipes = &job.recipes;
    let sources = [
        PageFormat::Html,
        PageFormat::Xhtml,
        PageFormat::Json,
        PageFormat::Text,
    ];
    is_read(job, page)
        && sources
            .iter()
            .any(|source| extractor.wants(&job.url, *source, recipes))
}

/// Extracts the typed fields of a page, and adds the links that its recipes follow.
fn extract(job: &Job, extractor: &Extractor, follow: Option<&LinkPlan>, parsed: &mut Parsed) {
    let Some(page) = readable(job, parsed) else {
        return;
    };
    let extracted = extractor.extract(&page);
    if let Some(follow) = follow.filter(|_| !extracted.follow.is_empty()) {
        add_followed_links(
            &extracted.follow,
            follow,
            parsed.found.get_or_insert_default(),
        );
    }
    let metadata = extracted.metadata.as_ref().map(serde_json::to_string);
    let mut fields = extracted.fields;
    // If the page was refused, its article was refused for the same reason, which is reported once.
    if let Some(why) = extracted.refused.filter(|_| fields.refused.is_none()) {
        fields.misses.push(Miss::of_text(why));
    }
    if fields.more_misses > 0 {
        fields.misses.push(Miss::of_more(fields.more_misses));
    }
    parsed.fields = Some(Box::new(Extraction {
        metadata: metadata.and_then(Result::ok),
        article: extracted.article,
        markdown: extracted.markdown,
        ..Extraction::of(fields, extractor.tables())
    }));
}

/// The page as extractors see it; `None` if it is not text.
fn readable<'p>(job: &'p Job, parsed: &'p Parsed) -> Option<extract::Page<'p>> {
    let text = parsed.text.as_deref()?;
    let media = parsed.media_type.as_deref().and_then(MediaType::parse);
    let kind = media.map_or_else(|| sniff(text.as_bytes()), |media| media.kind());
    let label = parsed.charset.as_deref().unwrap_or("utf-8");
    Some(extract::Page {
        url: &job.url,
        text,
        source: match kind {
            Kind::Html => PageFormat::Html,
            Kind::Xhtml => PageFormat::Xhtml,
            Kind::Xml if parse::is_xhtml(text) => PageFormat::Xhtml,
            Kind::Json => PageFormat::Json,
            _ => PageFormat::Text,
        },
        encoding: Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8),
        recipes: &job.recipes,
    })
}

/// Adds the links that recipes follow to the links found on the page.
fn add_followed_links(followed: &[extract::FollowRule], follow: &LinkPlan, found: &mut FoundLinks) {
    let known: HashMap<u64, usize> = found
        .iter()
        .enumerate()
        .map(|(at, link)| (link.fingerprint, at))
        .collect();
    for link in followed {
        let url = link.url.as_str();
        let fingerprint = follow.fingerprints.of(url);
        let index = known.get(&fingerprint).copied();
        found.lead(index, url, fingerprint, link.recipe.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::channel;
    use std::thread;

    use flate2::write::GzEncoder;
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::page::body::Body;
    use crate::page::headers::Headers;
    use crate::parse::ParseSettings;
    use crate::text::size::ByteSize;
    use crate::url::PageUrl;
    use crate::visit::Visit;

    const MIB: u64 = 1 << 20;
    /// The decoded size of a page in these tests, in bytes.
    const PAGE: u64 = 2 * MIB;

    fn plan(memory: u64, text: bool) -> Plan {
        let mut parse = ParseSettings::default();
        parse.wants.text = text;
        parse.memory = ByteSize(memory);
        parse.extract.fields = vec!["title=title".parse().unwrap()];
        Plan::new(FetchPlan::default(), ParsePlan::of(&parse), None).unwrap()
    }

    /// A visit to a page of [`PAGE`] bytes that was sent compressed.
    fn visit(plan: &Plan) -> Visit {
        let text = "<title>t</title>".to_owned() + &"word ".repeat(PAGE as usize / 5);
        let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        let fields = [("content-type", "text/html"), ("content-encoding", "gzip")];
        let fields = fields.map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let body = Body::Memory(packed.finish().unwrap().into());
        let page = Page {
            headers: Headers(fields.into_iter().collect()),
            ..Page::plain(200, body)
        };
        let job = Box::new(Job::seed(1, PageUrl::parse("http://a.example/").unwrap()));
        let mut outcome = Ok(page);
        let parsed = parse(&job, &mut outcome, plan);
        assert_eq!(parsed.fault, None);
        assert!(parsed.fields.is_some());
        Visit {
            job,
            outcome,
            parsed,
        }
    }

    #[test]
    fn pages_decoded_at_the_same_time_stay_within_the_memory_budget() {
        let plan = plan(16 * MIB, false);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| drop(visit(&plan)));
            }
        });
        let peak = plan.memory.peak();
        assert!((3 * PAGE..=16 * MIB).contains(&peak), "{peak} bytes");
        assert_eq!(
            plan.memory.taken(),
            0,
            "memory that no visit uses is released"
        );
    }

    #[test]
    fn text_that_stays_in_a_visit_is_counted_until_the_visit_is_dropped() {
        let plan = plan(8 * MIB, true);
        let first = visit(&plan);
        assert!((PAGE..PAGE + MIB).contains(&plan.memory.taken()));
        let (sender, second) = channel();
        thread::scope(|scope| {
            scope.spawn(|| sender.send(visit(&plan)).unwrap());
            // Only once the first page is dropped is there certainly room for the 6 MiB of the second.
            drop(first);
            drop(second.recv().unwrap());
        });
        assert_eq!(plan.memory.taken(), 0);
        assert!(plan.memory.peak() <= 8 * MIB);
    }
}
