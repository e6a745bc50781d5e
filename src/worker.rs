//! The two halves of one job: fetching, which waits, and parsing, which computes.
//!
//! The fetch half is [`Fetcher::fetch`](crate::fetch); the parse half is [`parse`], a plain function that runs wherever
//! the engine has a core to spare. A [`Plan`] is all that an engine needs to know to do both.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use encoding_rs::Encoding;

use crate::error::Result;
use crate::extract::{self, Extractor, Source};
use crate::fetch::{self, FetchSettings};
use crate::fields::{Extraction, Miss};
use crate::found::Found;
use crate::job::{Job, Role};
use crate::page::Page;
pub(crate) use crate::parse::ParseSettings;
use crate::parse::media_type::{Kind, MediaType, sniff};
use crate::parse::{self, Follow};
use crate::visit::{FetchError, Parsed};

/// What the lanes of an engine share.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) shared: Arc<fetch::Shared>,
    pub(crate) parse: ParseSettings,
    /// What reads typed fields out of pages, where any are asked for.
    extractor: Option<Arc<Extractor>>,
    /// The binary that a child process is started from.
    pub(crate) program: PathBuf,
}

impl Plan {
    /// # Errors
    /// When a setting cannot hold, or TLS cannot be set up.
    pub(crate) fn new(
        fetch: FetchSettings,
        parse: ParseSettings,
        program: Option<PathBuf>,
    ) -> Result<Self> {
        let this_one = || std::env::current_exe().unwrap_or_else(|_| PathBuf::from("haul"));
        let extractor = match parse.extract.is_empty() {
            true => None,
            false => Some(Arc::new(Extractor::compile(&parse.extract)?)),
        };
        Ok(Self {
            shared: fetch::Shared::new(fetch)?,
            parse,
            extractor,
            program: program.unwrap_or_else(this_one),
        })
    }

    /// Whether a page costs more than looking through it, however small it is.
    pub(crate) fn computes(&self) -> bool {
        self.extractor.is_some() || !self.parse.work.is_none()
    }
}

/// The parse half.
pub(crate) fn parse(job: &Job, outcome: &Result<Page, FetchError>, plan: &Plan) -> Parsed {
    let Ok(page) = outcome else {
        return Parsed::default();
    };
    let started = Instant::now();
    let extractor = plan
        .extractor
        .as_deref()
        .filter(|extractor| reads(job, page, extractor));
    let mut parsed = parse::parse(job, page, &plan.parse, extractor.is_some());
    if let Some(extractor) = extractor {
        extract(job, extractor, plan.parse.follow.as_ref(), &mut parsed);
    }
    if !plan.parse.wants.text {
        parsed.text = None; // what was worked on is not handed on
    }
    parsed.took = Some(started.elapsed());
    parsed
}

/// Whether any field is for a page, whatever it turns out to be. Failures have none, and what has no record.
fn reads(job: &Job, page: &Page, extractor: &Extractor) -> bool {
    let recipe = job.recipe.as_deref();
    let sources = [Source::Html, Source::Json, Source::Text];
    job.role == Role::Page
        && page.status < 400
        && sources
            .iter()
            .any(|source| extractor.wants(&job.url, *source, recipe))
}

/// Reads the typed fields out of a page, and notes where its recipes lead.
fn extract(job: &Job, extractor: &Extractor, follow: Option<&Follow>, parsed: &mut Parsed) {
    let Some(text) = parsed.text.as_deref() else {
        return;
    };
    let media = parsed.media_type.as_deref().and_then(MediaType::parse);
    let kind = media.map_or_else(|| sniff(text.as_bytes()), |media| media.kind());
    let label = parsed.charset.as_deref().unwrap_or("utf-8");
    let found = extractor.extract(&extract::Page {
        url: &job.url,
        text,
        source: match kind {
            Kind::Html => Source::Html,
            Kind::Json => Source::Json,
            _ => Source::Text,
        },
        encoding: Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8),
        recipe: job.recipe.as_deref(),
    });
    if let Some(follow) = follow.filter(|_| !found.follow.is_empty()) {
        lead(&found.follow, follow, parsed.found.get_or_insert_default());
    }
    let metadata = found.metadata.as_ref().map(serde_json::to_string);
    let mut fields = found.fields;
    // What refused the page refused its article too, and is told once.
    if let Some(why) = found.refused.filter(|_| fields.refused.is_none()) {
        fields.misses.push(Miss::of_text(why));
    }
    if fields.more_misses > 0 {
        fields.misses.push(Miss::of_more(fields.more_misses));
    }
    parsed.fields = Some(Box::new(Extraction {
        metadata: metadata.and_then(Result::ok),
        article: found.article,
        markdown: found.markdown,
        ..Extraction::of(fields, extractor.tables())
    }));
}

/// Adds where recipes lead to what the page leads to.
fn lead(leads: &[extract::Follow], follow: &Follow, found: &mut Found) {
    let known: HashMap<u64, usize> = found
        .iter()
        .enumerate()
        .map(|(at, link)| (link.fingerprint, at))
        .collect();
    for lead in leads {
        let url = lead.url.as_str();
        let fingerprint = follow.fingerprints.of(url);
        let met = known.get(&fingerprint).copied();
        found.lead(met, url, fingerprint, lead.recipe.as_deref());
    }
}
