//! An event loop that may be dropped anywhere.
//!
//! tokio panics when a runtime is dropped inside another one, because dropping waits for its threads. A lane is
//! started from inside the caller's runtime, and starting it may fail at any step: so until its own thread takes it
//! over, a loop is wrapped in this type.

use tokio::runtime::{Builder, EnterGuard, Runtime};

use crate::error::{Error, Result};

/// An event loop that its thread has not taken over yet.
pub(super) struct EventLoop(Option<Runtime>);

impl EventLoop {
    /// Builds an event loop.
    ///
    /// # Errors
    /// When the system has no file descriptors left for it.
    pub(super) fn build(blocking_threads: usize) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(blocking_threads)
            .build()
            .map_err(|source| Error::setup("an event loop", source))?;
        Ok(Self(Some(runtime)))
    }

    /// Enters the loop: whatever is created while the guard lives belongs to it.
    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Runtime::enter)
    }

    /// Returns the runtime, for the thread that drives it.
    pub(super) fn into_runtime(mut self) -> Option<Runtime> {
        self.0.take()
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_without_a_thread_can_be_dropped_inside_another() {
        drop(EventLoop::build(1).unwrap());
    }
}
