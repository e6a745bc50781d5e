//! The pages of an archive: each response, parsed as a run would parse it.

use std::ops::ControlFlow;

use http::header;

use super::page::{Page, PageVisitor, Text, Wants};
use crate::archive::{Archive, Damage, Stored};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::page;
use crate::page::memory::Memory;
use crate::parse::{self, FollowSettings, LinkPlan, ParsePlan, ParseSettings};
use crate::recorded::Choice;
use crate::url::PageUrl;

/// Parses stored pages.
pub(super) struct Reader {
    plan: ParsePlan,
    memory: Memory,
}

/// Passes the chosen pages of an archive to the visitor; returns how many there are.
///
/// # Errors
/// If the archive is damaged.
pub(super) fn each(archive: Archive, wants: Wants, visitor: &mut dyn PageVisitor) -> Result<u64> {
    let reader = Reader::new(wants);
    let mut number = 0;
    for stored in archive {
        let stored = stored.map_err(damaged)?;
        number += 1;
        match visitor.choose(number) {
            Choice::Read => {}
            Choice::Skip => continue,
            Choice::Stop => break,
        }
        if let ControlFlow::Break(()) = visitor.take(number, reader.page(stored)) {
            break;
        }
    }
    Ok(number)
}

/// The error of a damaged archive.
pub(super) fn damaged(damage: Damage) -> Error {
    Error::Table {
        name: damage.path.display().to_string(),
        problem: format!("damaged: {}, at byte {}", damage.problem, damage.offset),
    }
}

impl Reader {
    pub(super) fn new(wants: Wants) -> Self {
        let settings = ParseSettings::default();
        let mut plan = ParsePlan::of(&settings);
        plan.wants.digest = wants.response;
        plan.wants.title = wants.response || wants.text;
        plan.wants.text = wants.text;
        // As a crawl computes it.
        plan.follow = wants.text.then(|| LinkPlan {
            similar: true,
            ..LinkPlan::of(FollowSettings::default())
        });
        Self {
            memory: Memory::new(settings.memory.0),
            plan,
        }
    }

    fn page(&self, stored: Stored) -> Page {
        let method = stored.method.as_ref().map(ToString::to_string);
        let mut page = self.parse(stored.url, &stored.page);
        page.method = method;
        if stored.truncated || page.is_not_modified() {
            // Its digest would be that of a part, or of nothing.
            (page.sha256, page.text, page.recorded_simhash) = (None, None, None);
        }
        page
    }

    /// The page in a response.
    pub(super) fn parse(&self, url: PageUrl, response: &page::Page) -> Page {
        let text = |name| response.headers.text(name).map(str::to_owned);
        let job = Job::seed(0, url);
        let parsed = parse::parse(&job, response, &self.plan, false, &self.memory);
        let parsed = parsed.unwrap_or_default(); // there is no checksum that it could lack
        let error = match (response.status, &parsed.fault) {
            (500.., _) => Some("http-5xx"),
            (400.., _) => Some("http-4xx"),
            (_, Some(_)) => Some("decode"),
            (_, None) => None,
        };
        let content = parsed.text.clone();
        Page {
            final_url: Some(job.url.as_str().to_owned()),
            url: job.url.as_str().to_owned(),
            location: response.location().map(str::to_owned),
            status: Some(response.status),
            error: error.map(str::to_owned),
            sha256: parsed.digest,
            title: parsed.title.clone(),
            etag: text(header::ETAG),
            last_modified: text(header::LAST_MODIFIED),
            text: content.and_then(|content| Text::of(content, parsed.media_type.as_deref())),
            content_type: parsed.media_type.clone(),
            recorded_simhash: parsed.simhash,
            ..Page::default()
        }
    }
}
