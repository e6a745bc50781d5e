//! A run as a program starts it: with its own sinks, seeds and hooks, and its visits as a stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc;

use super::additions::{Additions, Open};
use super::hook::{Decision, PendingRequest};
use super::outcome::Outcome;
use super::start::run;
use crate::config::Config;
use crate::error::Result;
use crate::extract;
use crate::parse::Wants;
use crate::run::event::Event;
use crate::run::stop::Stop;
use crate::seeds::SeedReceiver;
use crate::sink::{Sink, Start};
use crate::visit::Visit;

/// The most visits that wait in the stream; if the program takes none, the run waits.
const WAITING: usize = 64;

/// A run, with what a program adds to its settings.
///
/// ```no_run
/// use haul::{Config, Runner};
///
/// # async fn titles() -> haul::Result<()> {
/// let mut config = Config::urls(["http://example.org/"]);
/// config.parse.wants.title = true;
/// let mut visits = Runner::new(config).visits();
/// while let Some(visit) = visits.next().await {
///     let visit = visit?;
///     println!("{} {:?}", visit.job.url, visit.parsed.title);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Runner {
    config: Config,
    stop: Stop,
    additions: Additions,
}

impl Runner {
    /// A run with these settings, and nothing added.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            stop: Stop::new(),
            additions: Additions::default(),
        }
    }

    /// Ends the run early when `stop` is triggered.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Adds a sink, in addition to those of the settings.
    ///
    /// `wants` is what the sink needs from each page. `open` is called when the run opens its outputs, and is told where to
    /// start: in a job, the marks of the sink are stored under `name`, and when the job is resumed, `open` gets the last
    /// one. See [`Sink`] for what a sink has to do.
    #[must_use]
    pub fn sink<S: Sink + 'static>(
        mut self,
        name: &str,
        wants: Wants,
        open: impl FnOnce(Start<'_>) -> Result<S> + 'static,
    ) -> Self {
        self.additions.wants = self.additions.wants.and(wants);
        let open: Open = Box::new(|start| Ok(Box::new(open(start)?)));
        self.additions.sinks.push((format!("own:{name}"), open));
        self
    }

    /// Also takes seeds from a [`channel`](crate::seeds::channel), after those of the settings.
    ///
    /// The run ends when all senders are dropped and all seeds are settled.
    ///
    /// A list takes seeds when it has room for them, so a program that sends too many has to wait. A crawl takes them as
    /// they arrive, and each widens the scope from then on: a link that was out of scope before stays out, unless it is
    /// sent as a seed too. A URL that the crawl already has is not fetched again, and the record of the seed says so.
    ///
    /// In a job, each seed needs a [number](crate::seeds::Seed::numbered), or the run fails. When the job is resumed, the
    /// program sends its seeds again, from the first or any later one; numbers that the job already has are skipped.
    #[must_use]
    pub fn seeds(mut self, seeds: SeedReceiver) -> Self {
        self.additions.seeds = Some(seeds);
        self
    }

    /// Extracts a value of the program's own type from each page.
    ///
    /// The extractor runs where pages are parsed: on the threads of the engine, on many pages at a time. The value is in
    /// [`Parsed::custom`](crate::Parsed::custom) of the visit, for sinks, the callback and the stream.
    ///
    /// It is called for pages with a record, a status below 400 and a text body. A panic costs only its own page, which is
    /// recorded as lost. Values do not count towards the memory limit: return what you need, not the whole text. Only one
    /// extractor can be set. The engine `processes` refuses it, because code cannot be sent to another process.
    ///
    /// ```
    /// # use haul::{Config, Runner};
    /// let runner = Runner::new(Config::urls(["http://example.org/"]))
    ///     .extractor(|page| page.text.matches("<img").count());
    /// // later: visit.parsed.custom.get::<usize>()
    /// ```
    #[must_use]
    pub fn extractor<T: Send + Sync + 'static>(
        mut self,
        extract: impl Fn(&extract::Page<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        self.additions.extractor = Some(Arc::new(move |page| Box::new(extract(page))));
        self
    }

    /// Calls a hook before each request: it can set headers, for example to sign the request, or skip the request.
    ///
    /// If the hook returns an error, the run ends. It is called for every request that is sent, with every engine, and again
    /// for each redirect, retry and robots.txt, so what it sets for one origin never reaches another. If it skips a
    /// robots.txt that has to be obeyed, nothing else is fetched from that host. What it sets is never stored in a record,
    /// job or archive. The run waits for the hook, so it should be fast.
    ///
    /// ```
    /// # use haul::{Config, Decision, Runner};
    /// let runner = Runner::new(Config::urls(["http://example.org/"])).before_each(|request| {
    ///     if request.url().as_str().contains("/private/") {
    ///         return Ok(Decision::Skip("private".into()));
    ///     }
    ///     request.set_header("x-request-time", "12:00")?;
    ///     Ok(Decision::Send)
    /// });
    /// ```
    #[must_use]
    pub fn before_each(
        mut self,
        hook: impl FnMut(&mut PendingRequest<'_>) -> Result<Decision> + 'static,
    ) -> Self {
        self.additions.hook = Some(Box::new(hook));
        self
    }

    /// Runs to the end, and reports events to `tell`, as [`crawl()`](super::crawl()) does.
    ///
    /// # Errors
    /// As [`crawl()`](super::crawl()), and the errors of the program's own sinks and hook.
    pub async fn run(self, tell: impl FnMut(&Event<'_>)) -> Result<Outcome> {
        run(&self.config, self.stop, self.additions, tell).await
    }

    /// The visits as a stream, in the order in which they are written.
    ///
    /// The run makes progress only while the stream is polled, inside a tokio runtime, and waits if visits are taken
    /// slowly. Dropping the stream drops the requests in flight.
    pub fn visits(mut self) -> Visits {
        let (taker, taken) = mpsc::channel(WAITING);
        self.additions.taker = Some(taker);
        Visits {
            taken,
            run: Some(Box::pin(self.run(|_| ()))),
            ended: None,
        }
    }
}

/// The visits of a run as a stream; its last item is the error that ended the run, if there was one.
pub struct Visits {
    // Dropped first: the run waits for the writing thread, which may be waiting for room here.
    taken: mpsc::Receiver<Box<Visit>>,
    run: Option<Pin<Box<dyn Future<Output = Result<Outcome>>>>>,
    ended: Option<Result<Outcome>>,
}

impl Visits {
    /// The next visit, or the error that ended the run; `None` after the last. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Box<Visit>>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// How the run went; `None` until the stream has ended, or if the run failed.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.ended.as_ref()?.as_ref().ok()
    }
}

impl Stream for Visits {
    type Item = Result<Box<Visit>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let taken = self.taken.poll_recv(context);
            if let Poll::Ready(Some(visit)) = taken {
                return Poll::Ready(Some(Ok(visit)));
            }
            let Some(run) = &mut self.run else {
                // The run has ended, so there are no more visits.
                return match self.ended.take() {
                    Some(Err(error)) => Poll::Ready(Some(Err(error))),
                    outcome => {
                        self.ended = outcome;
                        Poll::Ready(None)
                    }
                };
            };
            match run.as_mut().poll(context) {
                Poll::Ready(ended) => {
                    self.run = None;
                    self.ended = Some(ended);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
