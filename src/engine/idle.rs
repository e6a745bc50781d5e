//! The workers of a lane that have nothing to do.
//!
//! Invariant: a worker is listed at most once, even if it is woken by something else, such as the end of a connection
//! that it used before.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

/// The workers that have nothing to do; the one that was last to finish comes first, as its memory is warm.
#[derive(Debug, Default)]
pub(super) struct Idle(RefCell<Vec<(Rc<Desk>, Waker)>>);

/// The place of one worker.
#[derive(Debug, Default)]
pub(super) struct Desk {
    is_idle: Cell<bool>,
}

impl Idle {
    /// The number of them.
    pub(super) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// Wakes one; `false` if there is none.
    pub(super) fn wake_one(&self) -> bool {
        let Some((desk, waker)) = self.0.borrow_mut().pop() else {
            return false;
        };
        desk.is_idle.set(false);
        waker.wake();
        true
    }

    /// Lists a worker as idle.
    pub(super) fn enter(&self, desk: &Rc<Desk>, context: &Context<'_>) {
        if !desk.is_idle.replace(true) {
            let waker = context.waker().clone();
            self.0.borrow_mut().push((desk.clone(), waker));
        }
    }

    /// Removes a worker that got a job without having been woken for it.
    pub(super) fn leave(&self, desk: &Rc<Desk>) {
        if desk.is_idle.replace(false) {
            self.0
                .borrow_mut()
                .retain(|(other, _)| !Rc::ptr_eq(other, desk));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_listed_once_and_the_last_one_is_woken_first() {
        let idle = Idle::default();
        let context = Context::from_waker(Waker::noop());
        let [first, second] = [Rc::<Desk>::default(), Rc::<Desk>::default()];
        idle.enter(&first, &context);
        idle.enter(&first, &context);
        idle.enter(&second, &context);
        assert_eq!(idle.count(), 2);
        assert!(idle.wake_one() && !second.is_idle.get() && first.is_idle.get());
        idle.leave(&first);
        assert!(!idle.wake_one());
    }
}
