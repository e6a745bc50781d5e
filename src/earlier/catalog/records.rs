//! The pages of an output: what its records say about their pages.
//!
//! Records have neither links nor bodies, and do not say by which selectors their values were read. So only what every
//! record has is carried over: the digest, the title, the type.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use super::needs::Needs;
use super::table::{FinishedTable, Table};
use crate::error::{Error, Result};
use crate::page::snapshot::Snapshot;
use crate::recorded::{Item, Output, Recorded, Visitor, Wanted};
use crate::url::PageUrl;
use crate::visit::Parsed;

/// Makes a table of an output.
///
/// # Errors
/// When it cannot be read to its end, has no page, or the run needs what no output has.
pub(super) fn table(path: &Path, needs: &Needs) -> Result<FinishedTable> {
    let name = path.display();
    let lack = match needs {
        Needs { links: true, .. } => {
            "an output has no links, so whatever only an unchanged page leads to would be lost"
        }
        Needs { bodies: true, .. } => {
            "an output has no bodies: those of pages that did not change cannot be saved or written again"
        }
        Needs {
            freshness: true, ..
        } => "an output does not say how long its pages are fresh",
        Needs { values: true, .. } => {
            "an output does not say by which selectors and recipes its values were read, so they cannot be carried over"
        }
        _ => {
            let mut records = RecordsToKeep::new(Table::create()?);
            let output = Output::open(path)?;
            let wanted = Wanted {
                response: true,
                ..Wanted::default()
            };
            output.each(wanted, &mut records)?;
            return records.finish(path);
        }
    };
    let advice = "compare with the job of that run, or with an archive";
    Err(Error::Setting(format!("{name}: {lack}; {advice}")))
}

/// The records of pages, on their way to a table.
struct RecordsToKeep {
    table: Table,
    pages: u64,
    failure: Option<Error>,
}

impl RecordsToKeep {
    fn new(table: Table) -> Self {
        Self {
            table,
            pages: 0,
            failure: None,
        }
    }

    fn keep(&mut self, record: Recorded) -> Result<()> {
        // 304 is the record of a page that did not change since a run before.
        let is_page = matches!(record.status, Some(200 | 304)) && !record.external;
        let is_get = record
            .method
            .as_deref()
            .is_none_or(|method| method == "GET");
        let url = record.final_url.as_deref().map(PageUrl::parse);
        if let Some(Ok(url)) = url
            && is_page
            && is_get
            && record.sha256.is_some()
            && record.error.is_none()
        {
            self.pages += 1;
            let snapshot = kept(record).unwrap_or_default();
            self.table.add(self.pages, &url, &snapshot)?;
        }
        Ok(())
    }

    fn finish(self, path: &Path) -> Result<FinishedTable> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.pages == 0 {
            let problem = "no record in it is of a page with status 200 and a digest";
            return Err(Error::Setting(format!("{}: {problem}", path.display())));
        }
        self.table.finish(None)
    }
}

impl Visitor for RecordsToKeep {
    fn take(&mut self, _number: u64, item: Item) -> ControlFlow<()> {
        let kept = item.map_or(Ok(()), |record| self.keep(*record));
        match kept {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// What a record says about its page; `None` if that is too much.
fn kept(mut record: Recorded) -> Option<Snapshot> {
    let mut header = |name| Snapshot::validator(record.headers.remove(name).as_deref());
    let (etag, last_modified) = (header("etag"), header("last-modified"));
    let date = record
        .sent
        .filter(|_| etag.is_none() && last_modified.is_none());
    let parsed = Parsed {
        media_type: record.content_type,
        charset: record.charset,
        title: record.title,
        ..Parsed::default()
    };
    Some(Snapshot {
        // RFC 9110 13.1.3: without a Last-Modified, it may be asked what was modified since the response. A date has no
        // parts of seconds, so a change in the same second would be missed if it were not a second earlier.
        last_modified: last_modified.or_else(|| {
            let before = date?.checked_sub(Duration::from_secs(1))?;
            Some(httpdate::fmt_http_date(before))
        }),
        etag,
        sent: record.sent,
        sha256: record.sha256,
        content: parsed.pack(false)?,
        ..Snapshot::default()
    })
}
