//! The first connection to an https host while it is being made.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::watch;

use super::pool::Pool;
use crate::url::HostKey;

/// The first connection to a host while it is being made: others wait for what it finds.
///
/// Dropping it reports a failure.
pub(super) struct Opening {
    pool: Rc<RefCell<Pool>>,
    host: HostKey,
    tell: watch::Sender<()>,
}

impl Opening {
    pub(super) fn new(pool: &Rc<RefCell<Pool>>, host: &HostKey, tell: watch::Sender<()>) -> Self {
        Self {
            pool: pool.clone(),
            host: host.clone(),
            tell,
        }
    }

    /// Reports that the host speaks HTTP/1.1: every request needs a connection.
    pub(super) fn found_http1(self) {
        self.pool.borrow_mut().found_http1(&self.host);
        self.tell.send_replace(());
    }

    /// Reports that the host speaks HTTP/2, and that the pool has the connection.
    pub(super) fn found_http2(self) {
        self.tell.send_replace(());
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.pool.borrow_mut().opened(&self.host);
    }
}
