//! ureq's transport, with one rule of ours: how long a read may take depends on what is being read.
//!
//! ureq has one deadline for every read. A server may think before it answers for longer than it may pause in a body, so
//! that deadline holds for bodies alone; the head has one of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::connections::Connections;
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

/// Whether a body is being read now; one for each thread, as a thread has one request at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct InBody(Arc<AtomicBool>);

/// Connects as ureq does, and minds what is being read.
#[derive(Debug)]
pub(super) struct Connect {
    pub(super) in_body: InBody,
    pub(super) connections: Connections,
    pub(super) inner: DefaultConnector,
}

#[derive(Debug)]
pub(super) struct Connection {
    in_body: InBody,
    inner: Box<dyn Transport>,
}

impl InBody {
    pub(super) fn set(&self, in_body: bool) {
        self.0.store(in_body, Ordering::Relaxed);
    }
}

impl Connector for Connect {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Connection>, Error> {
        self.connections.add(1);
        let connected = self.inner.connect(details, chained)?;
        Ok(connected.map(|inner| Connection {
            in_body: self.in_body.clone(),
            inner,
        }))
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, mut timeout: NextTimeout) -> Result<bool, Error> {
        if !self.in_body.0.load(Ordering::Relaxed) {
            timeout.per_read = None;
        }
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
