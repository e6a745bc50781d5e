//! What all fetchers of a run share: the expensive parts.

use std::sync::Arc;

use super::connections::Connections;
use super::dns::Resolver;
use super::plan::FetchPlan;
use super::proxy::Proxy;
use super::settings::Private;
use super::{fault, tls};
use crate::error::Result;
use crate::failure::FetchError;
use crate::job::{Job, Reach};
use crate::outgoing::{Outgoing, Template};

/// What all fetchers of a run share: the expensive parts.
pub(crate) struct Shared {
    pub(super) plan: FetchPlan,
    pub(super) template: Template,
    pub(super) resolver: Resolver,
    pub(super) tls: rustls::ClientConfig,
    /// Counted where the settings ask for it.
    pub(super) connections: Connections,
}

impl Shared {
    /// # Errors
    /// When a setting cannot hold, or TLS cannot be set up.
    pub(crate) fn new(plan: FetchPlan) -> Result<Arc<Self>> {
        let settings = &plan.settings;
        let template = Template::new(&settings.method, &settings.headers, settings.body.clone());
        let resolver = Resolver::new(settings.resolve.clone(), settings.deadlines.connect);
        let tls = tls::config(&settings.tls, settings.versions)?;
        Ok(Arc::new(Self {
            plan,
            template,
            resolver,
            tls,
            connections: Connections::default(),
        }))
    }

    /// The request of a job, before a hook of the program adds to it.
    pub(crate) fn outgoing(&self, job: &Job) -> Outgoing {
        self.template.outgoing(job)
    }

    /// Connections that were opened, where the settings ask for it.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// What the fetch path is handed.
    pub(crate) fn plan(&self) -> &FetchPlan {
        &self.plan
    }

    /// The place of the proxy that a job goes through, and the proxy; `None` where it goes straight to its host.
    ///
    /// Proxies take turns, and a job that is tried again goes through the next one.
    pub(super) fn proxy(&self, job: &Job) -> (usize, Option<&Proxy>) {
        let proxies = &self.plan.settings.proxies;
        if proxies.is_empty() {
            return (0, None);
        }
        let turn = match job.id {
            0 => xxhash_rust::xxh3::xxh3_64(job.host.as_str().as_bytes()),
            id => id,
        };
        let turn = turn.wrapping_add(job.attempts.len() as u64);
        let place = (turn % proxies.len() as u64) as usize;
        (place, proxies.get(place))
    }

    /// Whose fault it is, with a proxy between.
    pub(super) fn blame(&self, fault: FetchError) -> FetchError {
        if self.plan.settings.proxies.is_empty() {
            fault
        } else {
            fault::by_proxy(fault)
        }
    }

    /// Checks where a job that a page named would lead. `Ok(true)`: the client must guard each DNS answer too.
    pub(super) fn guards(&self, job: &Job) -> bool {
        self.plan.settings.private == Private::Refuse && !matches!(job.reach, Reach::Anywhere)
    }
}
