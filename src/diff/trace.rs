//! What the comparison keeps of each page of a run in memory: hashes and numbers, 64 bytes a page.
//!
//! Invariant: after reading, pages are sorted by their requests, and only the newest record of each is left.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::site::host;
use super::target::target;
use super::values::Values;
use crate::earlier::{EarlierRun, Page, PageVisitor, Wants};
use crate::error::Result;
use crate::url::fingerprint::Fingerprints;

/// The most names of hosts that are kept, to tell whether two runs are of the same site.
const MAX_HOSTS: usize = 10_000;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// With a page.
    Answered,
    /// With a redirect that was not followed.
    Redirect,
    /// With a failure; a status of 400 and above is one.
    Failed,
    /// It was not sent.
    Unasked,
}

/// A page, as far as it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    /// The fingerprint of its request.
    pub(super) request: u64,
    /// The fingerprint of the page that it was found on; 0 if that is unknown, and for a seed.
    pub(super) found_on: u64,
    /// The beginning of its digest; 0 if that is unknown.
    pub(super) digest: u64,
    /// The fingerprint of the URL that a redirect leads to; 0 without one.
    pub(super) target: u64,
    /// A hash of the values of its fields.
    pub(super) values: u64,
    /// A hash of its title.
    pub(super) title: u32,
    /// Its number in its run.
    pub(super) number: u32,
    /// Links from the seed; the highest number if that is unknown.
    pub(super) depth: u16,
    pub(super) status: u16,
    /// The index of the class of its error; 0 for none.
    pub(super) class: u16,
    pub(super) state: State,
    /// Whether the list of the run has it.
    pub(super) is_seed: bool,
}

/// An item with a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemTrace {
    /// The hash of its recipe and key.
    pub(super) identity: u64,
    /// The request of its page.
    pub(super) page: u64,
    /// The hash of its values.
    pub(super) values: u64,
    /// The number of its page.
    pub(super) number: u32,
    /// Its position among the items of the page with a key, from 1.
    pub(super) ordinal: u32,
}

/// The pages and items of a run.
#[derive(Debug, Default)]
pub(super) struct Traces {
    pub(super) pages: Vec<Trace>,
    pub(super) items: Vec<ItemTrace>,
    /// The classes of errors; the first is none.
    pub(super) classes: Vec<String>,
    /// The names of the hosts of its pages.
    pub(super) hosts: BTreeSet<String>,
    /// Items of its output that are not records.
    pub(super) foreign: u64,
    /// Whether any page has fields or items.
    pub(super) has_values: bool,
    /// The most links from a seed, if any depth is known.
    pub(super) deepest: Option<u16>,
}

impl Traces {
    /// Reads the pages of a run.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub(super) fn read(
        run: &EarlierRun,
        fingerprints: Fingerprints,
        key: Option<&str>,
    ) -> Result<Self> {
        let mut reading = Reading {
            traces: Self {
                classes: vec![String::new()],
                ..Self::default()
            },
            classes: HashMap::new(),
            last_host: String::new(),
            fingerprints,
            key,
        };
        let wants = Wants {
            response: true,
            validators: false,
            values: true,
            text: false,
        };
        let foreign = run.pages(wants, &mut reading)?;
        let mut traces = reading.traces;
        traces.foreign = foreign;
        traces.keep_newest();
        Ok(traces)
    }

    /// The page with this request.
    pub(super) fn find(&self, request: u64) -> Option<&Trace> {
        let at = self
            .pages
            .binary_search_by_key(&request, |page| page.request);
        at.ok().map(|at| &self.pages[at])
    }

    /// The class of a page's error.
    pub(super) fn class(&self, page: &Trace) -> &str {
        &self.classes[usize::from(page.class)]
    }

    fn keep_newest(&mut self) {
        self.pages
            .sort_unstable_by_key(|page| (page.request, std::cmp::Reverse(page.number)));
        self.pages.dedup_by_key(|page| page.request);
        self.pages.shrink_to_fit();
        let items = std::mem::take(&mut self.items);
        let is_newest = |item: &ItemTrace| {
            let page = self.find(item.page);
            page.is_some_and(|page| page.number == item.number)
        };
        self.items = items.into_iter().filter(is_newest).collect();
        self.items
            .sort_unstable_by_key(|item| (item.identity, item.page, item.number, item.ordinal));
    }
}

struct Reading<'k> {
    traces: Traces,
    classes: HashMap<String, u16>,
    /// The host of the last page: the next one is likely of the same.
    last_host: String,
    fingerprints: Fingerprints,
    key: Option<&'k str>,
}

impl PageVisitor for Reading<'_> {
    fn take(&mut self, number: u64, mut page: Page) -> ControlFlow<()> {
        let request = page.request(self.fingerprints);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let values = Values::take(&mut page, self.key);
        self.note_host(&page);
        let traces = &mut self.traces;
        traces.has_values |= !values.own.is_empty() || !values.keyed.is_empty();
        traces.deepest = traces.deepest.max(page.depth);
        for (item, ordinal) in values.keyed.iter().zip(1..) {
            traces.items.push(ItemTrace {
                identity: item.identity(self.fingerprints),
                page: request,
                values: item.hash(),
                number,
                ordinal,
            });
        }
        let fingerprints = self.fingerprints;
        let of = |url: &str| fingerprints.of(url).max(1);
        let class = self.class(page.error.as_deref());
        self.traces.pages.push(Trace {
            request,
            found_on: page.found_on.as_deref().map_or(0, of),
            digest: page.sha256.as_ref().map_or(0, beginning),
            target: target(&page).as_deref().map_or(0, of),
            values: values.hash(),
            title: page
                .title
                .as_deref()
                .map_or(0, |title| xxh3_64(title.as_bytes()) as u32),
            number,
            depth: page.depth.unwrap_or(u16::MAX),
            status: outcome(&page).unwrap_or_default(),
            class,
            state: state(&page),
            is_seed: page.row.is_some(),
        });
        ControlFlow::Continue(())
    }
}

impl Reading<'_> {
    fn class(&mut self, class: Option<&str>) -> u16 {
        let Some(class) = class else {
            return 0;
        };
        if let Some(known) = self.classes.get(class) {
            return *known;
        }
        let classes = &mut self.traces.classes;
        // There are some forty; a foreign file may have more.
        let Ok(number) = u16::try_from(classes.len()) else {
            return 1;
        };
        classes.push(class.to_owned());
        self.classes.insert(class.to_owned(), number);
        number
    }

    fn note_host(&mut self, page: &Page) {
        let host = host(&page.url);
        if page.external || host.is_empty() || host == self.last_host {
            return;
        }
        host.clone_into(&mut self.last_host);
        let hosts = &mut self.traces.hosts;
        if hosts.len() < MAX_HOSTS && !hosts.contains(host) {
            hosts.insert(host.to_owned());
        }
    }
}

/// The status of a page; that of a page that did not change since a run before is the status that it had then.
pub(super) fn outcome(page: &Page) -> Option<u16> {
    match page.is_not_modified() {
        true => Some(200),
        false => page.status,
    }
}

/// How the request of a page ended.
pub(super) fn state(page: &Page) -> State {
    if page.unasked().is_some() {
        State::Unasked
    } else if page.failure().is_some() {
        State::Failed
    } else if matches!(page.status, Some(300..400)) && page.location.is_some() {
        State::Redirect
    } else {
        State::Answered
    }
}

/// The beginning of a digest; never 0, which stands for none.
pub(super) fn beginning(digest: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest;
    u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1)
}
