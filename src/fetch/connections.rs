//! The number of connections that a run opened, counted on demand.
//!
//! Counted when a client connects, so that a request on an existing connection costs nothing; failed attempts count
//! too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

/// A count of connections, shared by all clients of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<AtomicU64>);

/// A connector that counts.
#[derive(Debug, Clone)]
pub(crate) struct Counting<S> {
    connections: Connections,
    inner: S,
}

impl Connections {
    /// Counts connections that were opened.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The number of connections since the last call.
    pub(crate) fn take(&self) -> u64 {
        self.0.swap(0, Relaxed)
    }
}

impl<S> Layer<S> for Connections {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Counting<S> {
        Counting {
            connections: self.clone(),
            inner,
        }
    }
}

impl<S: Service<R>, R> Service<R> for Counting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: R) -> S::Future {
        self.connections.add(1);
        self.inner.call(to)
    }
}
