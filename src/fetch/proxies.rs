//! The proxies of a run, and which of them a request goes through.

use std::cmp::Reverse;

use super::host_settings::{HostSettings, HostWay};
use super::no_proxy::NoProxy;
use super::proxy::Proxy;
use super::settings::{FetchSettings, Versions};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::url::HostPattern;

/// The proxies of a run.
pub(super) struct Proxies {
    all: Vec<Proxy>,
    /// Those for http URLs, by their index.
    http: Vec<usize>,
    /// Those for https URLs, by their index.
    https: Vec<usize>,
    direct: NoProxy,
    /// Hosts with a way of their own, the most specific patterns first; `None` is a direct connection.
    hosts: Vec<(HostPattern, Option<usize>)>,
}

impl Proxies {
    /// # Errors
    /// When settings of single hosts cannot be combined with proxies.
    pub(super) fn new(settings: &FetchSettings) -> Result<Self> {
        let proxies = &settings.proxies;
        let of = |scheme: &str| {
            let indexed = proxies.iter().enumerate();
            let suitable = indexed.filter(|(_, proxy)| proxy.urls().have(scheme));
            suitable.map(|(index, _)| index).collect()
        };
        let (http, https) = (of("http"), of("https"));
        let mut all = proxies.clone();
        let mut hosts = Vec::new();
        for one in &settings.hosts {
            let index = match &one.way {
                None => continue,
                Some(HostWay::Direct) => None,
                Some(HostWay::Through(proxy)) => {
                    all.push(proxy.clone());
                    Some(all.len() - 1)
                }
            };
            hosts.push((one.hosts.clone(), index));
        }
        hosts.sort_by_key(|(hosts, _)| Reverse(hosts.rank()));
        let http1 = |one: &&HostSettings| one.http1 == Some(true);
        if !all.is_empty()
            && settings.versions != Versions::Http1
            && let Some(one) = settings.hosts.iter().find(http1)
        {
            return Err(Error::Setting(format!(
                "HTTP/1.1 for {} alone cannot be combined with proxies: use it for all hosts",
                one.hosts
            )));
        }
        if let Some(path) = settings.unix_socket.as_ref().filter(|_| !all.is_empty()) {
            return Err(Error::Setting(format!(
                "the Unix socket {} and proxies cannot be combined: a connection goes to one of them",
                path.display()
            )));
        }
        Ok(Self {
            all,
            http,
            https,
            direct: settings.no_proxy.clone(),
            hosts,
        })
    }

    /// All of them, in the order of their indexes.
    pub(super) fn all(&self) -> &[Proxy] {
        &self.all
    }

    /// The proxy for a job, with its index; `None` if the job connects directly.
    ///
    /// Proxies are used in turn, and a job that is retried uses the next one.
    pub(super) fn of(&self, job: &Job) -> Option<(usize, &Proxy)> {
        if !self.hosts.is_empty() {
            let name = job.url.as_url().host_str().unwrap_or_default();
            if let Some((_, index)) = self.hosts.iter().find(|(hosts, _)| hosts.matches(name)) {
                return index.and_then(|index| Some((index, self.all.get(index)?)));
            }
        }
        let turns = match job.url.as_url().scheme() {
            "https" => &self.https,
            _ => &self.http,
        };
        if turns.is_empty() || self.direct.covers(&job.url) {
            return None;
        }
        let turn = match job.id {
            0 => xxhash_rust::xxh3::xxh3_64(job.host.as_str().as_bytes()),
            id => id,
        };
        let turn = turn.wrapping_add(job.attempts.len() as u64);
        let index = *turns.get((turn % turns.len() as u64) as usize)?;
        Some((index, self.all.get(index)?))
    }
}
