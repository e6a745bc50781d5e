//! The pages of an archive: the place of each page, and its validators.

use std::collections::VecDeque;
use std::path::Path;

use http::{HeaderMap, header};

use super::needs::Needs;
use super::table::{FinishedTable, Table};
use crate::archive::{Found, Placed, Places};
use crate::earlier::archive::damaged;
use crate::error::{Error, Result};
use crate::page::freshness::{Exchange, Freshness};
use crate::page::snapshot::Snapshot;

/// The latest pages, whose requests may follow.
const LATEST: usize = 256;

/// Makes a table of an archive.
///
/// # Errors
/// When it is damaged, is of another site, or has no pages that can be looked up.
pub(super) fn table(path: &Path, needs: &Needs) -> Result<FinishedTable> {
    let name = path.display();
    let Some(mut places) = Places::open(path).map_err(damaged)? else {
        let problem = "saved pages have no validators, so nobody can be asked whether they changed";
        return Err(Error::Setting(format!("{name}: {problem}")));
    };
    let mut table = Table::create()?;
    let mut latest: VecDeque<Box<Placed>> = VecDeque::new();
    let (mut pages, mut is_of_site) = (0_u64, needs.hosts.is_empty());
    while let Some(found) = places.next().map_err(damaged)? {
        match found {
            Found::Page(page) => {
                is_of_site = is_of_site || needs.hosts.contains(&page.url.host_key());
                pages += 1;
                table.add(page.number, &page.url, &snapshot(&page, None))?;
                if latest.len() == LATEST {
                    latest.pop_front();
                }
                latest.push_back(page);
            }
            Found::Request(number, fields) => {
                let page = latest.iter().find(|page| page.number == number);
                if let Some(page) = page
                    && let Some(fresh) = freshness(page, &fields)
                {
                    table.add(number, &page.url, &snapshot(page, Some(fresh)))?;
                }
            }
            Found::Withheld(number) => {
                if let Some(page) = latest.iter().find(|page| page.number == number) {
                    table.add(number, &page.url, &snapshot(page, None))?;
                }
                latest.retain(|page| page.number != number);
            }
            Found::NoPages(numbers) => {
                for number in numbers {
                    pages -= 1;
                    table.remove(number)?;
                }
            }
        }
    }
    if pages == 0 {
        let problem = "the archive has no page: no whole response with status 200";
        return Err(Error::Setting(format!("{name}: {problem}")));
    }
    if !is_of_site {
        return Err(Error::Setting(format!(
            "the archive {name} is of another site: it has no page of {}",
            needs.hosts[0]
        )));
    }
    table.finish(Some(path))
}

/// What an archive says about a page.
fn snapshot(page: &Placed, fresh: Option<Freshness>) -> Snapshot {
    let validator = |name| Snapshot::validator(page.headers.text(name));
    Snapshot {
        etag: validator(header::ETAG),
        last_modified: validator(header::LAST_MODIFIED),
        sent: page.sent,
        fresh,
        content: postcard::to_stdvec(&page.place).unwrap_or_default().into(),
        ..Snapshot::default()
    }
}

/// Until when a page may be used without asking, if these were the fields of its request.
///
/// How long the response took is not in the archive.
fn freshness(page: &Placed, request: &HeaderMap) -> Option<Freshness> {
    let sent = page.sent?;
    let exchange = Exchange {
        sent,
        answered: sent,
    };
    Freshness::of(&page.headers.0, request, exchange)
}
