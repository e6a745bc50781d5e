//! The proxies of a run, and which of them a request goes through.

use super::no_proxy::NoProxy;
use super::proxy::Proxy;
use crate::job::Job;

/// The proxies of a run.
pub(super) struct Proxies {
    all: Vec<Proxy>,
    /// Those for http URLs, by their index.
    http: Vec<usize>,
    /// Those for https URLs, by their index.
    https: Vec<usize>,
    direct: NoProxy,
}

impl Proxies {
    pub(super) fn new(proxies: &[Proxy], direct: &NoProxy) -> Self {
        let of = |scheme: &str| {
            let indexed = proxies.iter().enumerate();
            let suitable = indexed.filter(|(_, proxy)| proxy.urls().have(scheme));
            suitable.map(|(index, _)| index).collect()
        };
        Self {
            all: proxies.to_vec(),
            http: of("http"),
            https: of("https"),
            direct: direct.clone(),
        }
    }

    /// All of them, in the order of their indexes.
    pub(super) fn all(&self) -> &[Proxy] {
        &self.all
    }

    /// The proxy for a job, with its index; `None` if the job connects directly.
    ///
    /// Proxies are used in turn, and a job that is retried uses the next one.
    pub(super) fn of(&self, job: &Job) -> Option<(usize, &Proxy)> {
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
