//! The second reading of both runs: details of the old pages are kept, and those of the new ones are compared with
//! them and reported at once.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::absent::Absent;
use super::change::{Change, ChangeKind};
use super::compare::{self, Comparing};
use super::counts::Counts;
use super::detail::Detail;
use super::lines::side_by_side;
use super::moved;
use super::plan::{Purpose, Task};
use super::settings::DiffSettings;
use super::store::{Store, Waiting};
use super::values::{Keyed, Values};
use crate::earlier::{Choice, EarlierRun, Page, PageVisitor, Wants};
use crate::error::Result;

/// The most changes whose texts are kept, to be shown side by side.
const MOST_TEXTS: usize = 500;

/// The details that wait, the changes, and their counts.
pub(super) struct Ledger<'s> {
    pub(super) store: Store,
    pub(super) counts: Counts,
    pub(super) settings: &'s DiffSettings,
    pub(super) comparing: Comparing,
    /// Gone and new pages by the fingerprints of their texts, each with the number of its details.
    gone: Vec<(u64, u32)>,
    added: Vec<(u64, u32)>,
    /// Those of the gone pages whose URLs are not found any more: they are reported already, as broken.
    not_found: HashSet<u32>,
    /// The next number of a page that waits for such a match.
    next: u32,
    texts: usize,
}

/// Which run is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// An item that waits.
#[derive(Debug, Serialize, Deserialize)]
struct WaitingItem {
    url: String,
    fields: Map<String, Value>,
}

/// Reads the pages of one run that have tasks.
struct Reader<'r, 's> {
    ledger: &'r mut Ledger<'s>,
    side: Side,
    absent: &'r Absent,
    tasks: std::iter::Peekable<std::slice::Iter<'r, Task>>,
    failed: Option<crate::error::Error>,
}

impl<'s> Ledger<'s> {
    pub(super) fn new(settings: &'s DiffSettings, comparing: Comparing) -> Result<Self> {
        Ok(Self {
            store: Store::new()?,
            counts: Counts::default(),
            settings,
            comparing,
            gone: Vec::new(),
            added: Vec::new(),
            not_found: HashSet::new(),
            next: u32::MAX,
            texts: 0,
        })
    }

    /// Reads the pages with tasks again; `absent` has the reasons of those that only this run has.
    ///
    /// # Errors
    /// When the run cannot be read, or the temporary file cannot be written.
    pub(super) fn read(
        &mut self,
        side: Side,
        run: &EarlierRun,
        tasks: &[Task],
        absent: &Absent,
    ) -> Result<()> {
        if tasks.is_empty() {
            return Ok(());
        }
        let wants = Wants {
            response: true,
            validators: false,
            values: true,
            text: true,
        };
        let mut reader = Reader {
            ledger: self,
            side,
            absent,
            tasks: tasks.iter().peekable(),
            failed: None,
        };
        run.pages(wants, &mut reader)?;
        reader.failed.map_or(Ok(()), Err)
    }

    /// Reports the pages that waited for one with the same text.
    ///
    /// # Errors
    /// When the temporary file cannot be read or written.
    pub(super) fn settle(&mut self) -> Result<()> {
        let (mut gone, mut added) = (
            std::mem::take(&mut self.gone),
            std::mem::take(&mut self.added),
        );
        let mut moved = moved::pairs(&mut gone, &mut added);
        for (one, other) in &moved {
            if let (Some(old), Some(new)) = (self.page(*one)?, self.page(*other)?) {
                self.moved(&old, &new, "same text")?;
            }
        }
        moved.sort_unstable();
        let is_moved = |id: u32| moved.binary_search_by_key(&id, |(one, _)| *one).is_ok();
        let gone = gone.into_iter().map(|(_, id)| id);
        let not_found = std::mem::take(&mut self.not_found);
        for id in gone.filter(|id| !is_moved(*id) && !not_found.contains(id)) {
            if let Some(page) = self.page(id)? {
                self.add(alone(ChangeKind::Gone, &page))?;
            }
        }
        moved.sort_unstable_by_key(|(_, other)| *other);
        let is_moved = |id: u32| moved.binary_search_by_key(&id, |(_, other)| *other).is_ok();
        for (_, id) in added.into_iter().filter(|(_, id)| !is_moved(*id)) {
            if let Some(page) = self.page(id)? {
                self.add(alone(ChangeKind::Added, &page))?;
            }
        }
        Ok(())
    }

    fn page(&self, id: u32) -> Result<Option<Detail>> {
        self.store.get(Waiting::Page, id)
    }

    fn moved(&mut self, old: &Detail, new: &Detail, why: &str) -> Result<()> {
        let mut change = Change::of(ChangeKind::Moved, &old.url).because(why);
        change.new_url = Some(new.url.clone());
        self.add(change).map(|_| ())
    }

    fn add(&mut self, change: Change) -> Result<i64> {
        if !self.settings.takes(change.kind) {
            return Ok(0);
        }
        self.counts.add(&change);
        self.store.add(&change)
    }

    fn compare(&mut self, old: &Detail, new: &Detail) -> Result<()> {
        let changes = self.comparing.page(old, new);
        self.counts.unchanged += u64::from(changes.is_empty());
        for change in changes {
            let is_of_text = matches!(change.kind, ChangeKind::Content | ChangeKind::Shell);
            let number = self.add(change)?;
            let is_known = !old.lines.is_empty() && !new.lines.is_empty();
            if is_of_text && is_known && number > 0 && self.texts < MOST_TEXTS {
                let rows = side_by_side(&old.lines, &new.lines);
                self.store.add_texts(number, &rows)?;
                self.texts += 1;
            }
        }
        Ok(())
    }

    /// Keeps a page until all are read, because its text may be that of a page at another URL; returns its number.
    fn wait(&mut self, side: Side, simhash: u64, detail: &Detail) -> Result<u32> {
        let id = self.next;
        self.next -= 1;
        self.store.put(Waiting::Page, id, detail)?;
        match side {
            Side::Old => self.gone.push((simhash, id)),
            Side::New => self.added.push((simhash, id)),
        }
        Ok(id)
    }
}

impl PageVisitor for Reader<'_, '_> {
    fn choose(&mut self, number: u64) -> Choice {
        match self.tasks.peek() {
            None => Choice::Stop,
            Some(task) if u64::from(task.number) == number => Choice::Read,
            Some(_) => Choice::Skip,
        }
    }

    fn take(&mut self, number: u64, mut page: Page) -> ControlFlow<()> {
        let key = self.ledger.settings.key.as_deref();
        let mut values = Values::take(&mut page, key);
        let items = std::mem::take(&mut values.keyed);
        let detail = Detail::of(&page, values, self.ledger.settings.texts);
        while let Some(task) = self.tasks.next_if(|task| u64::from(task.number) == number) {
            let done = match task.ordinal {
                0 => self.page(task.purpose, &detail),
                ordinal => match items.get(ordinal as usize - 1) {
                    Some(item) => self.item(task.purpose, &detail.url, item),
                    None => Ok(()),
                },
            };
            if let Err(error) = done {
                self.failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

impl Reader<'_, '_> {
    fn page(&mut self, purpose: Purpose, detail: &Detail) -> Result<()> {
        match (purpose, self.side) {
            (Purpose::Compare(id) | Purpose::Move(id), Side::Old) => {
                self.ledger.store.put(Waiting::Page, id, detail)
            }
            (Purpose::Compare(id), Side::New) => {
                let Some(old) = self.ledger.page(id)? else {
                    return Ok(());
                };
                let is_not_found = matches!(detail.status, Some(404 | 410));
                if let Some(simhash) = old.simhash.filter(|_| is_not_found && old.class.is_none()) {
                    let id = self.ledger.wait(Side::Old, simhash, &old)?;
                    self.ledger.not_found.insert(id);
                }
                self.ledger.compare(&old, detail)
            }
            (Purpose::Move(id), Side::New) => match self.ledger.page(id)? {
                Some(old) => self.ledger.moved(&old, detail, "same bytes"),
                None => Ok(()),
            },
            (Purpose::Alone(kind, reason), side) => {
                let may_have_moved = matches!(kind, ChangeKind::Gone | ChangeKind::Added);
                if let Some(simhash) = detail
                    .simhash
                    .filter(|_| may_have_moved && detail.class.is_none())
                {
                    return self.ledger.wait(side, simhash, detail).map(|_| ());
                }
                let mut change = alone(kind, detail);
                if reason > 0 {
                    change = change.because(self.absent.text(reason));
                }
                self.ledger.add(change).map(|_| ())
            }
        }
    }

    fn item(&mut self, purpose: Purpose, url: &str, item: &Keyed) -> Result<()> {
        let mut template = Change::of(ChangeKind::Value, url);
        template.recipe = Some(item.recipe.clone());
        template.key = Some(item.key.clone());
        match (purpose, self.side) {
            (Purpose::Compare(id) | Purpose::Move(id), Side::Old) => {
                let waiting = WaitingItem {
                    url: url.to_owned(),
                    fields: item.fields.clone(),
                };
                self.ledger.store.put(Waiting::Item, id, &waiting)
            }
            (Purpose::Compare(id) | Purpose::Move(id), Side::New) => {
                let Some(old) = self.ledger.store.get::<WaitingItem>(Waiting::Item, id)? else {
                    return Ok(());
                };
                template.new_url = (old.url != url).then(|| url.to_owned());
                template.url = old.url;
                let mut changes = Vec::new();
                compare::values(&template, &old.fields, &item.fields, &mut changes);
                for change in changes {
                    self.ledger.add(change)?;
                }
                Ok(())
            }
            (Purpose::Alone(kind, _), side) => {
                template.kind = kind;
                let value = Value::Object(item.fields.clone());
                let change = match side {
                    Side::Old => template.between(value, Value::Null),
                    Side::New => template.between(Value::Null, value),
                };
                self.ledger.add(change).map(|_| ())
            }
        }
    }
}

/// The report of a page that only one run has.
fn alone(kind: ChangeKind, page: &Detail) -> Change {
    let change = Change::of(kind, &page.url);
    let change = match kind {
        ChangeKind::Gone | ChangeKind::NotAsked => change.between(page.outcome(), Value::Null),
        _ => change.between(Value::Null, page.outcome()),
    };
    match page.is_external {
        true => change.because("external"),
        false => change,
    }
}
