//! The two halves of one job: fetching, which waits, and parsing, which computes.
//!
//! The fetch half is [`Fetcher::fetch`](crate::fetch); the parse half is [`parse`], a plain function that runs
//! wherever the engine has a core to spare. A [`Plan`] has everything that an engine needs for both.

mod body;
mod known;
mod plan;

use std::sync::Arc;

use http::StatusCode;

use crate::job::{Job, Role};
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::page::snapshot::{Content, Known};
pub(crate) use crate::parse::ParsePlan;
use crate::visit::Parsed;
use crate::visit::compared::{Change, Compared};
use body::parse_body;
use known::{measure, snapshot, unchanged};
pub(crate) use plan::{OwnExtractor, Plan};

/// Parses the outcome of a fetch, and extracts fields from it if wanted.
///
/// A page whose body does not have the checksum that it should have becomes an error.
pub(crate) fn parse(job: &Job, outcome: &mut Result<Page, FetchError>, plan: &Plan) -> Parsed {
    let needs_earlier;
    let parsed = match outcome {
        // Its body is still to be received.
        Ok(page) if page.segments.is_some() => return Parsed::default(),
        Ok(page) => {
            let known = page.known.take();
            needs_earlier = known.as_ref().is_some_and(|known| replaces(known, page));
            parse_page(job, page, known, plan)
        }
        Err(_) => return Parsed::default(),
    };
    parsed.unwrap_or_else(|error| {
        *outcome = Err(error);
        Parsed {
            lacks_earlier: needs_earlier,
            ..Parsed::default()
        }
    })
}

/// Whether what an earlier run has takes the place of a page's body.
fn replaces(known: &Known, page: &Page) -> bool {
    let is_unchanged = page.status == StatusCode::NOT_MODIFIED && known.then.has_validator();
    known.is_reused || is_unchanged
}

/// Parses a page, or what an earlier run has in its place if it did not change, and compares the two.
fn parse_page(
    job: &Job,
    page: &mut Page,
    known: Option<Box<Known>>,
    plan: &Plan,
) -> Result<Parsed, FetchError> {
    let is_reused = known.as_ref().is_some_and(|known| known.is_reused);
    let is_unchanged = !is_reused && known.as_ref().is_some_and(|known| replaces(known, page));
    let mut known = known.filter(|_| is_unchanged || page.status == StatusCode::OK);
    let mut parsed = match known.as_deref_mut() {
        Some(known) if is_unchanged || is_reused => unchanged(job, page, known, plan)?,
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
        parsed.snapshot = snapshot(job, page, &parsed, known.as_deref(), plan).map(Arc::new);
    }
    parsed.cached = is_reused;
    // Nobody was asked whether a page changed that is still fresh.
    if let Some(known) = known.filter(|_| !is_reused)
        && let Some(change) = Change::between(&known.then, parsed.digest, parsed.simhash)
    {
        parsed.compared = Some(Box::new(Compared {
            change,
            is_unchanged,
            then: known.then,
            record: match known.content {
                Content::Stored(place) => place.record,
                Content::Packed(_) | Content::Cached(_) => None,
            },
        }));
    }
    let carried = parsed.carried();
    parsed.held.shrink_to(carried);
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::channel;
    use std::thread;

    use flate2::write::GzEncoder;
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::fetch::FetchPlan;
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
