//! The memory for decoded pages: one budget for the whole run, however many threads decode.
//!
//! Before a page is decoded, a share of the budget is taken for it, which waits while there is not enough. Whatever
//! the visit keeps, its text for example, stays taken until the visit is dropped, after its record is written. Small
//! pages take nothing.
//!
//! Invariant: nobody who has a share waits for another one, so each wait ends. A page larger than the whole budget
//! waits until it can take all of it. A tree is built while the share of the page's text is taken, so it does not
//! wait for a share: a tree that does not fit only waits for other trees that do not fit, and those are built one at
//! a time.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Pages up to this size are not counted: their memory is bounded by the number of pages in flight.
const SMALL: u64 = 64 << 10;

/// The budget. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    limit: u64,
    free: AtomicU64,
    /// Threads in the queue. While there are any, nobody may overtake them, so that a large page gets its turn.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
    returned: Condvar,
    /// Locked while a tree that does not fit is built.
    alone: Mutex<()>,
    /// The most bytes that were ever taken at once.
    #[cfg(test)]
    peak: AtomicU64,
}

/// The queue of waiting threads, by the numbers that they drew.
#[derive(Debug, Default)]
struct Queue {
    drawn: u64,
    served: u64,
}

/// A share of a run's memory, returned when it is dropped.
#[derive(Debug, Default)]
pub struct Held {
    bytes: u64,
    of: Option<Memory>,
}

/// Permission to build a tree.
#[derive(Debug)]
pub(crate) struct Tree<'m> {
    _share: Held,
    _alone: Option<MutexGuard<'m, ()>>,
}

impl Memory {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self(Arc::new(Budget {
            limit,
            free: AtomicU64::new(limit),
            waiting: AtomicUsize::new(0),
            queue: Mutex::default(),
            returned: Condvar::new(),
            alone: Mutex::default(),
            #[cfg(test)]
            peak: AtomicU64::new(0),
        }))
    }

    /// Takes a share, and waits until there is enough. Must not be called by a thread that already has a share.
    pub(crate) fn take(&self, bytes: u64) -> Held {
        let budget = &*self.0;
        let bytes = bytes.min(budget.limit);
        if bytes <= SMALL {
            return Held::default();
        }
        if budget.waiting.load(Ordering::SeqCst) == 0
            && let Some(held) = self.try_take(bytes)
        {
            return held;
        }
        budget.waiting.fetch_add(1, Ordering::SeqCst);
        let mut queue = budget.queue();
        let number = queue.drawn;
        queue.drawn += 1;
        let held = loop {
            if queue.served == number
                && let Some(held) = self.try_take(bytes)
            {
                break held;
            }
            let woken = budget.returned.wait(queue);
            queue = woken.unwrap_or_else(PoisonError::into_inner);
        };
        queue.served += 1;
        budget.waiting.fetch_sub(1, Ordering::SeqCst);
        budget.returned.notify_all(); // the next in the queue may fit too
        held
    }

    /// Waits until a tree of about this size may be built.
    pub(crate) fn tree(&self, bytes: u64) -> Tree<'_> {
        let share = match bytes {
            0..=SMALL => Some(Held::default()),
            _ => self.try_take(bytes),
        };
        let alone = match share {
            Some(_) => None,
            None => Some(self.0.alone.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        Tree {
            _share: share.unwrap_or_default(),
            _alone: alone,
        }
    }

    fn try_take(&self, bytes: u64) -> Option<Held> {
        let taken = self
            .0
            .free
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| {
                free.checked_sub(bytes)
            });
        let _free = taken.ok()?;
        #[cfg(test)]
        self.0
            .peak
            .fetch_max(self.0.limit - (_free - bytes), Ordering::SeqCst);
        let of = Some(self.clone());
        Some(Held { bytes, of })
    }

    fn give_back(&self, bytes: u64) {
        self.0.free.fetch_add(bytes, Ordering::SeqCst);
        // A thread that starts to wait after this load checks the free bytes once more before it sleeps.
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.0.queue());
            self.0.returned.notify_all();
        }
    }

    /// The most bytes that were ever taken at once.
    #[cfg(test)]
    pub(crate) fn peak(&self) -> u64 {
        self.0.peak.load(Ordering::SeqCst)
    }

    /// The bytes that are taken now.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        self.0.limit - self.0.free.load(Ordering::SeqCst)
    }
}

impl Budget {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Returns all but this many bytes to the budget.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let bytes = if bytes <= SMALL { 0 } else { bytes };
        if let Some(memory) = &self.of
            && bytes < self.bytes
        {
            memory.give_back(self.bytes - bytes);
            self.bytes = bytes;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Waits until `count` threads are in the queue.
    fn until_waiting(memory: &Memory, count: usize) {
        while memory.0.waiting.load(Ordering::SeqCst) < count {
            thread::yield_now();
        }
    }

    #[test]
    fn many_threads_never_hold_more_than_the_budget_and_all_come_through() {
        let memory = Memory::new(8 * MIB);
        let held = AtomicU64::new(0);
        thread::scope(|scope| {
            for thread in 0..16 {
                let (memory, held) = (&memory, &held);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = (1 + (thread + round) % 9) * MIB;
                        let mut share = memory.take(bytes);
                        let bytes = bytes.min(8 * MIB);
                        let sum = held.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        assert!(sum <= 8 * MIB, "{sum} bytes at once");
                        held.fetch_sub(bytes, Ordering::SeqCst);
                        share.shrink_to(bytes / 2);
                        drop(memory.tree(bytes));
                    }
                });
            }
        });
        assert_eq!((memory.taken(), memory.peak()), (0, 8 * MIB));
    }

    #[test]
    fn a_page_larger_than_the_budget_goes_alone_and_is_not_overtaken() {
        let memory = Memory::new(4 * MIB);
        let first = memory.take(MIB);
        let (sender, order) = channel();
        thread::scope(|scope| {
            let (memory, large) = (&memory, sender.clone());
            scope.spawn(move || {
                let share = memory.take(100 * MIB);
                large.send("large").unwrap();
                drop(share);
            });
            until_waiting(memory, 1);
            scope.spawn(move || {
                let _share = memory.take(MIB);
                sender.send("small").unwrap();
            });
            until_waiting(memory, 2);
            assert!(order.try_recv().is_err(), "there is room for neither");
            drop(first);
        });
        assert_eq!(order.iter().collect::<Vec<_>>(), ["large", "small"]);
    }

    #[test]
    fn trees_that_do_not_fit_are_built_one_at_a_time() {
        let memory = Memory::new(4 * MIB);
        let _text = memory.take(3 * MIB);
        let built = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _tree = memory.tree(2 * MIB);
                    assert_eq!(built.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                    thread::yield_now();
                    built.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(memory.taken(), 3 * MIB);
    }

    #[test]
    fn small_pages_take_nothing() {
        let memory = Memory::new(MIB);
        let (_page, _tree) = (memory.take(SMALL), memory.tree(SMALL));
        assert_eq!(memory.taken(), 0);
        let mut share = memory.take(SMALL + 1);
        share.shrink_to(SMALL);
        assert_eq!((memory.taken(), memory.peak()), (0, SMALL + 1));
    }
}
