//! The expensive parts of fetching, which all fetchers of a run share.

use std::sync::Arc;

use super::bandwidth::Meters;
use super::clearance::Clearance;
use super::connections::Connections;
use super::dns::Resolver;
use super::plan::FetchPlan;
use super::proxies::Proxies;
use super::proxy::{Proxy, ProxyScheme};
use super::settings::{FetchSettings, Private};
use super::tls::Tls;
use crate::cache::Reader;
use crate::error::{Error, Result, Setting};
use crate::job::outgoing::{Outgoing, Template};
use crate::job::{Job, Reach};
use crate::past::{Lookup, Past};

/// The expensive parts of fetching, which all fetchers of a run share.
pub(crate) struct Shared {
    pub(super) plan: FetchPlan,
    pub(super) template: Template,
    pub(super) proxies: Proxies,
    pub(super) resolver: Resolver,
    pub(super) tls: Tls,
    /// The limits of the rate at which bodies are received.
    pub(super) meters: Meters,
    /// Counts connections, if the settings ask for it.
    pub(super) connections: Connections,
    /// The pages of an earlier run, if only what changed since is wanted.
    past: Option<Past>,
}

impl Shared {
    /// # Errors
    /// When a setting is invalid, or TLS cannot be set up.
    pub(crate) fn new(plan: FetchPlan) -> Result<Arc<Self>> {
        let settings = &plan.settings;
        let template = settings.template();
        let proxies = Proxies::new(settings)?;
        let resolver = Resolver::new(settings.resolve.clone(), settings.deadlines.connect);
        check_proxies(settings)?;
        let tls = Tls::new(settings)?;
        let past = plan.past.clone().map(Past::open).transpose()?;
        Ok(Arc::new(Self {
            past,
            meters: Meters::new(plan.settings.bandwidth),
            plan,
            template,
            proxies,
            resolver,
            tls,
            connections: Connections::default(),
        }))
    }

    /// The request of a job, before the program's own hook changes it.
    pub(crate) fn outgoing(&self, job: &Job) -> Outgoing<'_> {
        self.template.outgoing(job)
    }

    /// The request of a job, if its response may be used again without asking.
    pub(crate) fn reusable(&self, job: &Job) -> Option<Outgoing<'_>> {
        self.template.reusable(job)
    }

    /// The count of opened connections, if the settings ask for it.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Earlier pages, for one thread.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn lookup(&self) -> Result<Option<Lookup>> {
        Ok(match (&self.past, &self.plan.cache) {
            (Some(past), _) => Some(Lookup::Run(past.lookup()?)),
            (None, Some(cache)) => Some(Lookup::Cache(Reader::open(cache)?)),
            (None, None) => None,
        })
    }

    /// The plan of the fetch path.
    pub(crate) fn plan(&self) -> &FetchPlan {
        &self.plan
    }

    /// What a connection for a job may reach and show. `guarded`: only public addresses.
    pub(super) fn clearance(&self, job: &Job, guarded: bool) -> Clearance {
        let identities = &self.plan.settings.identities;
        if guarded {
            return Clearance::Public;
        }
        if identities.is_empty() || !job.is_own() || job.url.as_url().scheme() != "https" {
            return Clearance::Anywhere;
        }
        let name = job.url.as_url().host_str().unwrap_or_default();
        let matching = identities.iter().enumerate().rev();
        let matching = matching.filter(|(_, identity)| identity.hosts.matches(name));
        let best = matching.max_by_key(|(_, identity)| identity.hosts.rank());
        best.map_or(Clearance::Anywhere, |(index, _)| {
            Clearance::Identified(index)
        })
    }

    /// Whether a job's host is asked over HTTP/1.1 only, because the settings for it say so.
    pub(super) fn wants_http1(&self, job: &Job) -> bool {
        let hosts = &self.plan.settings.hosts;
        if hosts.is_empty() {
            return false;
        }
        let name = job.url.as_url().host_str().unwrap_or_default();
        let named = hosts.iter().filter(|one| one.http1.is_some());
        let matching = named.filter(|one| one.hosts.matches(name)).rev();
        let best = matching.max_by_key(|one| one.hosts.rank());
        best.is_some_and(|one| one.http1 == Some(true))
    }

    /// Whether the addresses that a job leads to must be checked, because a page named it and not the user.
    pub(super) fn guards(&self, job: &Job) -> bool {
        let settings = &self.plan.settings;
        settings.private == Private::Refuse
            && !matches!(job.reach, Reach::Anywhere)
            && settings.unix_socket.is_none()
    }
}

/// Checks that nothing meant for servers would be used for the connection to an encrypted proxy.
fn check_proxies(settings: &FetchSettings) -> Result<()> {
    let is_encrypted = |proxy: &&Proxy| proxy.scheme() == ProxyScheme::Https;
    let Some(proxy) = settings.all_proxies().find(is_encrypted) else {
        return Ok(());
    };
    let problem = |setting, why| {
        let advice = "use an http or a socks5h proxy";
        let problem = format!("cannot be combined with the proxy {proxy}, {why}; {advice}");
        Err(Error::invalid(setting, problem))
    };
    if !settings.identities.is_empty() {
        return problem(Setting::ClientCertificate, "which would be shown it too");
    }
    if !settings.pins.is_empty() {
        return problem(Setting::Pins, "whose key would be checked too");
    }
    Ok(())
}
