//! The two halves of one job: fetching, which waits, and parsing, which computes.
//!
//! The fetch half is [`Fetcher::fetch`](crate::fetch); the parse half is [`parse`], a plain function that runs wherever
//! the engine has a core to spare. A [`Plan`] is all that an engine needs to know to do both.

use std::path::PathBuf;
use std::sync::Arc;

use encoding_rs::Encoding;

use crate::error::Result;
use crate::extract::{self, Extractor, Source};
use crate::fetch::{self, FetchSettings};
use crate::fields::Extraction;
use crate::job::{Job, Role};
use crate::page::Page;
use crate::parse;
pub(crate) use crate::parse::ParseSettings;
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
    let mut parsed = parse::parse(job, page, &plan.parse);
    if let Some(extractor) = &plan.extractor {
        extract(job, page, extractor, &mut parsed);
    }
    if !plan.parse.wants.text {
        parsed.text = None; // what was worked on is not handed on
    }
    parsed
}

/// Reads the typed fields out of a page that has any business with them: failures have not.
fn extract(job: &Job, page: &Page, extractor: &Extractor, parsed: &mut Parsed) {
    let Some(text) = parsed.text.as_deref() else {
        return;
    };
    if job.role != Role::Page || page.status >= 400 {
        return;
    }
    let media = parsed.media_type.as_deref().unwrap_or_default();
    let source = match media {
        html if html.contains("html") => Source::Html,
        json if json == "application/json" || json.ends_with("+json") => Source::Json,
        "" if text.trim_start().starts_with('<') => Source::Html,
        _ => Source::Text,
    };
    let label = parsed.charset.as_deref().unwrap_or("utf-8");
    let found = extractor.extract(&extract::Page {
        url: &job.url,
        text,
        source,
        encoding: Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::UTF_8),
        recipe: None,
    });
    parsed.fields = Some(Box::new(Extraction::of(found.fields, extractor.tables())));
}
