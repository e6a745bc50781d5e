//! The body of a page: its text, its links, its fields.

use std::collections::HashMap;
use std::time::Instant;

use encoding_rs::Encoding;

use super::plan::Plan;
use crate::extract::{self, Extractor, PageFormat};
use crate::job::{Job, Role};
use crate::page::Page;
use crate::page::failure::FetchError;
use crate::parse::media_type::{Kind, MediaType, sniff};
use crate::parse::{self, LinkPlan};
use crate::visit::Parsed;
use crate::visit::custom::Custom;
use crate::visit::fields::{Extraction, Miss};
use crate::visit::found::FoundLinks;

/// Parses the body of a page, and extracts fields from it if wanted.
///
/// # Errors
/// When it does not have the checksum that it should have.
pub(super) fn parse_body(job: &Job, page: &Page, plan: &Plan) -> Result<Parsed, FetchError> {
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
