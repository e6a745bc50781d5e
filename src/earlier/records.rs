//! The pages of an output with records.

use std::ops::ControlFlow;

use super::kept::Kept;
use super::page::{Page, PageVisitor, Text, Wants};
use super::saved::Texts;
use crate::error::Result;
use crate::recorded::{Choice, Item, Output, Recorded, Visitor, Wanted};

/// Where there is more about the pages than their records say.
pub(super) struct Sources<'f> {
    pub(super) texts: Texts<'f>,
    pub(super) kept: Option<Kept>,
}

/// Passes the chosen pages of an output to the visitor; returns the number of items that are not records.
///
/// # Errors
/// If the output cannot be read to its end.
pub(super) fn each(
    output: &Output,
    sources: &Sources<'_>,
    wants: Wants,
    visitor: &mut dyn PageVisitor,
) -> Result<u64> {
    let wanted = Wanted {
        columns: false,
        response: wants.response || wants.validators || wants.text,
        values: wants.values,
        body: wants.text,
        timing: false,
    };
    let mut pages = Pages {
        visitor,
        sources,
        wants,
        foreign: 0,
    };
    output.each(wanted, &mut pages)?;
    Ok(pages.foreign)
}

struct Pages<'v> {
    visitor: &'v mut dyn PageVisitor,
    sources: &'v Sources<'v>,
    wants: Wants,
    foreign: u64,
}

impl Visitor for Pages<'_> {
    fn choose(&mut self, number: u64) -> Choice {
        self.visitor.choose(number)
    }

    fn take(&mut self, number: u64, item: Item) -> ControlFlow<()> {
        let Some(record) = item else {
            self.foreign += 1;
            return ControlFlow::Continue(());
        };
        // Another record has the response.
        if record.duplicate_of.is_some() {
            return ControlFlow::Continue(());
        }
        let mut record = *record;
        let charset = record.charset.take();
        let mut page = page(record);
        if let Some(kept) = &self.sources.kept {
            kept.fill(&mut page, self.wants);
        }
        if self.wants.text && page.text.is_none() {
            self.sources.texts.find(&mut page, charset.as_deref());
        }
        self.visitor.take(number, page)
    }
}

fn page(mut record: Recorded) -> Page {
    let content_type = record.content_type;
    let text = record
        .body
        .and_then(|body| Text::of(body, content_type.as_deref()));
    Page {
        row: record.row,
        url: record.url,
        method: record.method,
        final_url: record.final_url,
        location: record.location,
        status: record.status,
        error: record.error.filter(|class| !class.is_empty()),
        sha256: record.sha256,
        content_type,
        title: record.title,
        etag: record.headers.remove("etag"),
        last_modified: record.headers.remove("last-modified"),
        fields: record.fields,
        items: record.items,
        depth: record.depth,
        found_on: record.found_on,
        file: record.file,
        pass: record.pass,
        external: record.external,
        text,
        recorded_simhash: record.simhash,
    }
}
