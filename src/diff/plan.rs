//! Which pages and items are read again for their details, and what for.
//!
//! Everything here is decided by numbers and hashes alone. Invariant: tasks are in the order in which a run's pages
//! are read.

use super::absent::Absent;
use super::change::ChangeKind;
use super::join::{self, Joined, may_differ};
use super::moved;
use super::trace::{ItemTrace, State, Trace, Traces};

/// What a page, or an item on it, is read again for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// To be compared with the page of the other run that has the same number.
    Compare(u32),
    /// As a page that moved: the same number has it at its other URL.
    Move(u32),
    /// To be reported on its own, for a reason.
    Alone(ChangeKind, u16),
}

/// A page or item to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Task {
    /// The number of the page.
    pub(super) number: u32,
    /// The position of the item among those with a key, from 1; 0 for the page itself.
    pub(super) ordinal: u32,
    pub(super) purpose: Purpose,
}

/// The tasks for both runs.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) old: Vec<Task>,
    pub(super) new: Vec<Task>,
    /// Pages that are the same in both runs.
    pub(super) unchanged: u64,
    /// Numbers in use.
    pairs: u32,
}

/// The two runs.
#[derive(Clone, Copy)]
pub(super) struct Both<'t> {
    pub(super) old: &'t Traces,
    pub(super) new: &'t Traces,
}

impl Plan {
    /// Plans the comparison of pages; `gone` and `added` are those that only one run has.
    pub(super) fn of(both: Both<'_>, joined: &Joined, gone: &Absent, added: &Absent) -> Self {
        let mut plan = Self::default();
        let (mut lost, mut found) = (Vec::new(), Vec::new());
        for (one, other) in &joined.both {
            let (old, new) = (both.old_page(*one), both.new_page(*other));
            let classes = (both.old.class(old), both.new.class(new));
            if !may_differ(old, new, classes) {
                plan.unchanged += u64::from(old.state != State::Unasked);
                continue;
            }
            if old.state == State::Answered && matches!(new.status, 404 | 410) {
                lost.push((old.digest, *one));
            }
            plan.compare(old, new);
        }
        lost.extend(missing(gone, both.old));
        found.extend(missing(added, both.new));
        let moved = moved::pairs(&mut lost, &mut found);
        let (mut from, mut to): (Vec<_>, Vec<_>) = moved.iter().copied().unzip();
        from.sort_unstable();
        to.sort_unstable();
        for (one, other) in moved {
            let id = plan.next();
            let (old, new) = (both.old_page(one), both.new_page(other));
            plan.old.push(task(old, Purpose::Move(id)));
            plan.new.push(task(new, Purpose::Move(id)));
        }
        for (index, reason) in gone.pages() {
            if from.binary_search(&index).is_err() {
                let kind = ChangeKind::Gone;
                let purpose = alone(both.old_page(index), reason, kind, ChangeKind::NotAsked);
                plan.old
                    .extend(purpose.map(|purpose| task(both.old_page(index), purpose)));
            }
        }
        for (index, reason) in added.pages() {
            if to.binary_search(&index).is_err() {
                let kind = ChangeKind::Added;
                let purpose = alone(
                    both.new_page(index),
                    reason,
                    kind,
                    ChangeKind::NotAskedBefore,
                );
                plan.new
                    .extend(purpose.map(|purpose| task(both.new_page(index), purpose)));
            }
        }
        plan
    }

    /// Adds the comparison of items that have a key.
    pub(super) fn add_items(&mut self, both: Both<'_>, gone: &Absent, added: &Absent) {
        let old_absent: Vec<_> = gone.pages().collect();
        let new_absent: Vec<_> = added.pages().collect();
        join::items(
            &both.old.items,
            &both.new.items,
            &mut |old, new| match (old, new) {
                (Some(old), Some(new)) if old.values == new.values => {}
                (Some(old), Some(new)) => {
                    let id = self.next();
                    self.old.push(item(old, Purpose::Compare(id)));
                    self.new.push(item(new, Purpose::Compare(id)));
                }
                (Some(old), None) if is_judged(old, both.old, both.new, &old_absent) => {
                    self.old
                        .push(item(old, Purpose::Alone(ChangeKind::ItemGone, 0)));
                }
                (None, Some(new)) if is_judged(new, both.new, both.old, &new_absent) => {
                    self.new
                        .push(item(new, Purpose::Alone(ChangeKind::ItemAdded, 0)));
                }
                // Its page was not requested, or failed: nobody knows whether it is still there.
                _ => {}
            },
        );
    }

    /// Puts the tasks in order. Numbers of pairs rise with the pages of the old run, so that details are written in
    /// the order in which they are found.
    pub(super) fn sort(&mut self) {
        self.old.sort_unstable();
        let mut renumbered = vec![0_u32; self.pairs as usize];
        let mut next = 0;
        for task in &mut self.old {
            if let Purpose::Compare(id) | Purpose::Move(id) = &mut task.purpose {
                renumbered[*id as usize] = next;
                *id = next;
                next += 1;
            }
        }
        for task in &mut self.new {
            if let Purpose::Compare(id) | Purpose::Move(id) = &mut task.purpose {
                *id = renumbered[*id as usize];
            }
        }
        self.new.sort_unstable();
    }

    fn compare(&mut self, old: &Trace, new: &Trace) {
        let id = self.next();
        self.old.push(task(old, Purpose::Compare(id)));
        self.new.push(task(new, Purpose::Compare(id)));
    }

    fn next(&mut self) -> u32 {
        self.pairs += 1;
        self.pairs - 1
    }
}

impl<'t> Both<'t> {
    fn old_page(self, index: u32) -> &'t Trace {
        &self.old.pages[index as usize]
    }

    fn new_page(self, index: u32) -> &'t Trace {
        &self.new.pages[index as usize]
    }
}

/// The pages that are not there, each with its digest, if it answered.
fn missing<'a>(absent: &'a Absent, own: &'a Traces) -> impl Iterator<Item = (u64, u32)> {
    let pages = absent.pages().filter(|(_, reason)| reason.is_none());
    pages.filter_map(|(index, _)| {
        let page = &own.pages[index as usize];
        (page.state == State::Answered).then_some((page.digest, index))
    })
}

/// The report of a page that only one run has; `None` if that run did not request it either.
fn alone(
    page: &Trace,
    reason: Option<u16>,
    missing: ChangeKind,
    not_asked: ChangeKind,
) -> Option<Purpose> {
    let purpose = match reason {
        None => Purpose::Alone(missing, 0),
        Some(reason) => Purpose::Alone(not_asked, reason),
    };
    (page.state != State::Unasked).then_some(purpose)
}

/// Whether the other run would have the item if it were there: it has its page, or the page is not there either.
fn is_judged(
    item: &ItemTrace,
    own: &Traces,
    other: &Traces,
    absent: &[(u32, Option<u16>)],
) -> bool {
    if let Some(page) = other.find(item.page) {
        return matches!(page.state, State::Answered | State::Redirect)
            || matches!(page.status, 404 | 410);
    }
    let request = |index: &u32| own.pages[*index as usize].request;
    let at = absent.binary_search_by_key(&item.page, |(index, _)| request(index));
    at.is_ok_and(|at| absent[at].1.is_none())
}

fn task(page: &Trace, purpose: Purpose) -> Task {
    Task {
        number: page.number,
        ordinal: 0,
        purpose,
    }
}

fn item(item: &ItemTrace, purpose: Purpose) -> Task {
    Task {
        number: item.number,
        ordinal: item.ordinal,
        purpose,
    }
}
