//! A gate that a test opens: what waits at it waits for an event, not for a time.

use std::sync::Arc;

use tokio::sync::watch;

/// A gate, shut at first. Clones are the same gate; once open it stays open.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Gate(Arc::new(watch::Sender::new(false)))
    }
}

impl Gate {
    /// A gate that is shut.
    #[must_use]
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Lets through whoever waits, and whoever comes.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until the gate is open.
    pub async fn pass(&self) {
        // The sender is held by `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}
