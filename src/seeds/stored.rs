//! The pages of archives as a list: each is a row, and its job comes with the page.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::entry::{Entry, JobBuilder, bad};
use super::feeder::{Enough, Feeder};
use super::settings::SeedSettings;
use crate::archive::{Archive, Damage, Stored};
use crate::error::{Error, Result};
use crate::job::{Job, Request};

/// The number of archive records that are not pages, by kind.
pub(crate) type LeftOut = BTreeMap<&'static str, u64>;

/// Opens all archives among the inputs.
///
/// # Errors
/// When one does not exist, or is not an archive.
pub(super) fn open(settings: &SeedSettings) -> Result<Vec<Archive>> {
    let open = |path| Archive::open(path).map_err(|damage| Error::Setting(damage.to_string()));
    settings.archives().map(Path::new).map(open).collect()
}

/// Feeds every wanted page of an archive; damaged records are rows too.
pub(super) fn feed(
    mut archive: Archive,
    jobs: &mut JobBuilder,
    feeder: &mut Feeder<'_>,
    left_out: &mut LeftOut,
) -> Result<(), Enough> {
    let fed = feed_each(&mut archive, jobs, feeder);
    for (kind, count) in archive.left_out() {
        *left_out.entry(kind).or_default() += count;
    }
    fed
}

fn feed_each(
    archive: &mut Archive,
    jobs: &mut JobBuilder,
    feeder: &mut Feeder<'_>,
) -> Result<(), Enough> {
    for (page, line) in archive.zip(1..) {
        if !feeder.wants(line)? {
            continue;
        }
        let entry = match page {
            Ok(stored) => {
                feeder.bytes += stored.page.body.len();
                entry(feeder.row, stored, jobs)
            }
            Err(damage) => damaged(feeder.row, &damage),
        };
        feeder.feed(entry)?;
    }
    Ok(())
}

fn entry(row: u64, stored: Stored, jobs: &mut JobBuilder) -> Entry {
    let host = jobs.host(&stored.url);
    let mut job = Box::new(Job::seed_on(row, stored.url, host));
    job.request = stored.method.map(|method| {
        Arc::new(Request {
            method: Some(method),
            ..Request::default()
        })
    });
    job.stored = Some(Arc::new(stored.page));
    Entry::Job(job)
}

fn damaged(row: u64, damage: &Damage) -> Entry {
    let path = damage.path.display().to_string();
    bad(row, &path, damage.to_string(), None)
}
