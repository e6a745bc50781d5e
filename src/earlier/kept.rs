//! What a job kept of its pages for later runs: validators, the fingerprint of the text, and what was read out of them.

use super::page::{Page, Wants};
use crate::error::Result;
use crate::page::snapshot::{Content, Known};
use crate::past::{Past, PastPlan, RunLookup};
use crate::url::PageUrl;
use crate::url::fingerprint::Fingerprints;
use crate::visit::Parsed;

/// The snapshots of a job's pages.
pub(super) struct Kept(RunLookup);

impl Kept {
    /// Opens them.
    ///
    /// # Errors
    /// When the database of the job cannot be read.
    pub(super) fn open(past: PastPlan) -> Result<Self> {
        Past::open(past)?.lookup().map(Self)
    }

    /// Adds what the record of a page does not have.
    pub(super) fn fill(&self, page: &mut Page, wants: Wants) {
        let lacks_validators = page.etag.is_none() && page.last_modified.is_none();
        let lacks_text = page.recorded_simhash.is_none() && page.text.is_none();
        let is_needed = wants.validators && lacks_validators || wants.text && lacks_text;
        if is_needed
            && let Some(kept) = self.find(page).map(|kept| kept.then)
            && (page.sha256.is_none() || kept.sha256 == page.sha256)
        {
            page.recorded_simhash = page.recorded_simhash.or(kept.simhash);
            if lacks_validators {
                (page.etag, page.last_modified) = (kept.etag, kept.last_modified);
            }
        }
    }

    /// Adds everything to a page of which nothing but the outcome is known.
    pub(super) fn fill_all(&self, page: &mut Page, wants: Wants) {
        let Some(kept) = self.find(page) else {
            return;
        };
        let Known {
            then: kept,
            content,
            ..
        } = *kept;
        if let Content::Packed(content) = content
            && (wants.response || wants.values)
        {
            let parsed = Parsed::unpack(&content, Fingerprints::default());
            let parsed = parsed.unwrap_or_default();
            (page.title, page.content_type) = (parsed.title.clone(), parsed.media_type.clone());
            if let Some(extraction) = parsed.fields.as_deref().filter(|_| wants.values) {
                let json = |text: &Option<String>| serde_json::from_str(text.as_deref()?).ok();
                (page.fields, page.items) = (json(&extraction.selected), json(&extraction.items));
            }
        }
        page.sha256 = kept.sha256;
        page.recorded_simhash = kept.simhash;
        (page.etag, page.last_modified) = (kept.etag, kept.last_modified);
    }

    fn find(&self, page: &Page) -> Option<Box<Known>> {
        let url = page.final_url.as_deref().unwrap_or(&page.url);
        self.0.find(&PageUrl::parse(url).ok()?)
    }
}
