//! The number of connections that a lane has open.

use std::cell::Cell;
use std::rc::Rc;

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub(super) struct Room(Rc<Cell<usize>>);

impl Room {
    /// Counts one more.
    pub(super) fn new(open: &Rc<Cell<usize>>) -> Self {
        open.set(open.get() + 1);
        Self(open.clone())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
