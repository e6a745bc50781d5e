//! The fetch path of one event loop.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use super::answer::{Answer, Incoming, idle_timeout, is_idle_timeout, proxied_chunk};
use super::arrival::Asked;
use super::clearance::Clearance;
use super::direct::{self, Direct};
use super::download::{Answered, Download, Step};
use super::fault;
use super::guard::{admits, check_answer, check_url};
use super::patience::Patience;
use super::proxied::Proxied;
use super::proxy::Proxy;
use super::reused::reused;
use super::segments;
use super::shared::Shared;
use super::spool::Spooling;
use crate::error::Result;
use crate::job::segments::{Segments, Whole};
use crate::job::{Job, Reuse};
use crate::page::Page;
use crate::page::body::Spool;
use crate::page::failure::FetchError;
use crate::past::Lookup;

/// The fetch path of one event loop.
pub(crate) struct Fetcher {
    shared: Arc<Shared>,
    direct: Direct,
    /// By the index of the proxy.
    proxied: Vec<ByProxy>,
    past: Option<Lookup>,
}

/// The clients for one proxy.
struct ByProxy {
    /// For plain requests, if the proxy takes them itself.
    plain: Option<Direct>,
    /// For all others, by clearance.
    tunnelled: Vec<Proxied>,
}

/// The client for one request.
#[derive(Clone, Copy)]
enum Client<'a> {
    Direct(&'a Direct),
    /// By clearance.
    Tunnelled(&'a [Proxied]),
}

impl Fetcher {
    /// Builds the clients of one of `lanes` lanes, each with at most `in_flight` requests at a time.
    ///
    /// Must be called inside the runtime that will drive them.
    ///
    /// # Errors
    /// When a client cannot be built.
    pub(crate) fn new(shared: Arc<Shared>, lanes: usize, in_flight: usize) -> Result<Self> {
        let limit = (direct::limit() / lanes.max(1)).max(in_flight);
        let direct = Direct::new(&shared, limit);
        let proxies = shared.proxies.all().iter();
        let proxied = proxies.map(|proxy| {
            let clearances = Clearance::all(shared.plan.settings.identities.len());
            let clients =
                clearances.map(|clearance| Proxied::new(&shared, proxy, clearance, limit));
            Ok(ByProxy {
                plain: direct.through(proxy, limit),
                tunnelled: clients.collect::<Result<_>>()?,
            })
        });
        Ok(Self {
            proxied: proxied.collect::<Result<_>>()?,
            past: shared.lookup()?,
            direct,
            shared,
        })
    }

    /// Sends one request and receives its response.
    ///
    /// # Errors
    /// Why there is no page. It is data for the record, not a fault of the program.
    pub(crate) async fn fetch(&self, job: &Job) -> Result<Page, FetchError> {
        if let Some(Segments::Complete(whole)) = &job.segments {
            // Boxed, because hardly any job has segments.
            return Box::pin(self.join(job, whole.clone())).await;
        }
        if job.reuse == Reuse::Yes {
            return reused(job, self.past.as_ref());
        }
        let plan = &self.shared.plan;
        let patience = Patience::new(&plan.settings.deadlines);
        let proxied = self.shared.proxies.of(job);
        let proxy = proxied.map(|(_, proxy)| proxy);
        let guarded = self.shared.guards(job);
        let guarded = guarded && self.check(job, proxy).await?;
        let client = self.client(job, proxied.map(|(index, _)| index));
        let (asked, mut answer) = self.ask(job, client, guarded, &patience).await?;
        let answered = Instant::now();
        let head = &mut answer.head;
        if is_idle_timeout(head.status, &head.headers, head.kept) {
            return Err(idle_timeout());
        }
        let remote = head.remote;
        if self.shared.guards(job)
            && proxy.is_none()
            && let Some(address) = remote
                .map(|remote| remote.ip())
                .filter(|address| !admits(job, *address, None))
        {
            return Err(FetchError::Private { address });
        }
        let answered = Answered {
            started: patience.started(),
            answered,
            remote,
            phases: head.phases,
        };
        let headers = std::mem::take(&mut head.headers);
        let head = (head.status, head.version, headers);
        let mut download = Download::new(asked, job, head, answered, &self.shared)?;
        let file = self.receive(&mut answer, &mut download, &patience).await?;
        if let (Incoming::Direct(body), Client::Direct(direct)) = (answer.body, client) {
            direct.take_back(body, job);
        }
        Ok(download.page(job, file))
    }

    /// Joins the segments of a body, on a thread that may wait for the disk.
    async fn join(&self, job: &Job, whole: Arc<Whole>) -> Result<Page, FetchError> {
        let (shared, is_checked) = (self.shared.clone(), job.checksum().is_some());
        let joined = move || segments::join(&whole, &shared.plan.spool, is_checked);
        let joined = tokio::task::spawn_blocking(joined).await;
        joined.unwrap_or_else(|error| Err(FetchError::Spool(error.to_string())))
    }

    /// The client for a job that goes through the proxy of this index, if any.
    fn client(&self, job: &Job, proxy: Option<usize>) -> Client<'_> {
        match proxy.and_then(|index| self.proxied.get(index)) {
            None => Client::Direct(&self.direct),
            Some(proxy) => match &proxy.plain {
                Some(plain) if !job.url.is_secure() => Client::Direct(plain),
                _ => Client::Tunnelled(&proxy.tunnelled),
            },
        }
    }

    /// Sends the request of a job, and receives the head of its response.
    async fn ask(
        &self,
        job: &Job,
        client: Client<'_>,
        guarded: bool,
        patience: &Patience,
    ) -> Result<(Asked, Box<Answer>), FetchError> {
        let mut outgoing = self.shared.template.outgoing(job);
        let asked = Asked::of(
            &mut outgoing,
            job,
            &self.shared.plan.spool,
            self.past.as_ref(),
        )?;
        outgoing.add(job);
        let answer = match client {
            Client::Direct(direct) => {
                let answered = pin!(direct.ask(job, guarded, &outgoing));
                Answer::direct(patience.for_head(answered).await??)
            }
            Client::Tunnelled(proxied) => {
                let proxied = &proxied[self.shared.clearance(job, guarded).index()];
                // Boxed, because it is much larger than the other and rarely used.
                let answered = proxied.send(&self.shared, job, outgoing, patience.started());
                patience.for_head(Box::pin(answered).as_mut()).await??
            }
        };
        Ok((asked, answer))
    }

    /// Checks the literal host, or each address of its name, before anything is sent.
    async fn check(&self, job: &Job, proxy: Option<&Proxy>) -> Result<bool, FetchError> {
        if !check_url(job, proxy)? {
            return Ok(false);
        }
        let name = job.url.as_url().host_str().unwrap_or_default();
        let addresses = self
            .shared
            .resolver
            .addresses(name)
            .await
            .map_err(|error| fault::from_dns(&error))?;
        check_answer(job, &addresses, proxy)
    }

    /// Reads a body to its end. Returns the file that it is in, if it is too large for memory.
    async fn receive(
        &self,
        answer: &mut Answer,
        download: &mut Download<'_>,
        patience: &Patience,
    ) -> Result<Option<Spool>, FetchError> {
        let mut file: Option<Spooling> = None;
        if download.resumes() {
            file = Some(self.spool(download));
        }
        loop {
            match self.next(&mut answer.body, download, patience).await {
                Ok(Step::Read) => {}
                Ok(Step::Write(bytes)) => {
                    let file = file.get_or_insert_with(|| self.spool(download));
                    if file.write(bytes).await.is_err() {
                        break; // the file's own error is reported below
                    }
                }
                Ok(Step::End) => break,
                Err(error) => {
                    // The next attempt continues from the file, so all bytes must be in it and nothing may still write
                    // to it.
                    if let Some(file) = file {
                        file.give_up().await;
                    }
                    download.give_up();
                    return Err(error);
                }
            }
        }
        match file {
            Some(file) => {
                let finished = file.finish().await;
                finished.map_err(|error| FetchError::Spool(error.to_string()))
            }
            None => Ok(None),
        }
    }

    /// Receives the next chunk of a body, and returns what to do next.
    async fn next(
        &self,
        body: &mut Incoming,
        download: &mut Download<'_>,
        patience: &Patience,
    ) -> Result<Step, FetchError> {
        if download.is_over() {
            return Ok(Step::End);
        }
        let chunk = match body {
            Incoming::Direct(body) => {
                let chunk = pin!(self.direct.chunk(body));
                patience.for_chunk(chunk).await??
            }
            Incoming::Proxied(body) => {
                let deadlines = &self.shared.plan.settings.deadlines;
                let chunk = pin!(proxied_chunk(body, download.received(), deadlines));
                patience.for_chunk(chunk).await??
            }
        };
        if let Some(moment) = download.pay(chunk.as_ref()) {
            // Boxed, because hardly any run has a limit.
            download.waited(Box::pin(patience.until(moment)).await?);
        }
        download.take(chunk)
    }

    fn spool(&self, download: &mut Download<'_>) -> Spooling {
        let shared = self.shared.clone();
        let open = download.opener();
        Spooling::start(move || open(&shared.plan.spool))
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::FetchPlan;
    use super::*;
    use crate::url::PageUrl;

    #[tokio::test]
    async fn a_request_in_flight_takes_little_memory() {
        let fetcher = Fetcher::new(Shared::new(FetchPlan::default()).unwrap(), 1, 1).unwrap();
        let job = Job::seed(1, PageUrl::parse("http://a.example/").unwrap());
        let fetch = size_of_val(&fetcher.fetch(&job));
        assert!(fetch <= 2048, "{fetch} bytes");
    }
}
