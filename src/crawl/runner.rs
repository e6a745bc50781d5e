//! A run with what a program adds to its settings: sinks of its own, and the visits themselves.

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

/// Visits that wait to be taken, at the most: whoever takes none makes the run wait.
const WAITING: usize = 64;

/// A run with what a program adds to its settings.
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
    /// A run with these settings and nothing else.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            stop: Stop::new(),
            additions: Additions::default(),
        }
    }

    /// The run ends early when this says so.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Adds a sink, beside those of the settings: `wants` is what it needs to know of a page, and `open` is called where all
    /// outputs are opened, with where to begin. In a job its marks are kept under `name`, as those of any other sink, and
    /// when the job goes on `open` is handed the last of them. [`Sink`] says what it has to do.
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

    /// Takes seeds from a [`channel`](crate::seeds::channel) too, after those of the settings. The run ends when every sender
    /// was dropped and all seeds are settled.
    ///
    /// In a list, seeds are taken when the run has room for them, so that whoever sends too many waits. In a crawl they
    /// are taken as they come, and each widens the scope from then on: a link that was found before and was out of scope
    /// stays out, unless it is sent as a seed too. A URL that the crawl has already is not fetched again, and the record of
    /// the seed says so.
    ///
    /// In a job each seed needs a [number](crate::seeds::Seed::numbered), or the run fails. When the job is resumed, the
    /// program sends its seeds again, from the start or from anywhere later: those with numbers that the job has are skipped.
    #[must_use]
    pub fn seeds(mut self, seeds: SeedReceiver) -> Self {
        self.additions.seeds = Some(seeds);
        self
    }

    /// Reads a value of the program's own type out of each page, where pages are parsed: on the engine's own threads, many
    /// pages at a time. The visit has it in [`Parsed::custom`](crate::Parsed::custom), for sinks, the callback and the stream.
    ///
    /// Pages are those with a record, a status below 400 and a body that is text. A panic costs its own page, which is
    /// recorded as lost. Values are not counted against the run's memory: return what is needed, not the whole text.
    /// Only one extractor can be set, and the engine `processes` refuses it, as code cannot be sent to another process.
    ///
    /// ```
    /// # use haul::{Config, Runner};
    /// let runner = Runner::new(Config::urls(["http://example.org/"]))
    ///     .extractor(|page| page.text.matches("<img").count());
    /// // and of a visit: visit.parsed.custom.get::<usize>()
    /// ```
    #[must_use]
    pub fn extractor<T: Send + Sync + 'static>(
        mut self,
        extract: impl Fn(&extract::Page<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        self.additions.extractor = Some(Arc::new(move |page| Box::new(extract(page))));
        self
    }

    /// Asks this before each request is sent: it may set headers, to sign the request for example, or skip it. An error of it
    /// ends the run.
    ///
    /// It is called once for each send, with every engine: a redirect, a retry and a robots.txt ask it anew, so that what it
    /// sets for one origin never reaches another. Where it skips a robots.txt that is to be obeyed, nothing of that host is
    /// fetched. What it sets is in no record, job or archive. It runs where the run is polled, and the run waits for it: it
    /// should be quick.
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

    /// Runs to the end, and tells what happens on the way, as [`crawl()`](super::crawl()) does.
    ///
    /// # Errors
    /// As [`crawl()`](super::crawl()), and what a sink of the program says.
    pub async fn run(self, tell: impl FnMut(&Event<'_>)) -> Result<Outcome> {
        run(&self.config, self.stop, self.additions, tell).await
    }

    /// The visits as a stream, in the order in which they are written. Nothing happens unless it is polled, inside a tokio
    /// runtime; whoever is slow to take visits makes the run wait. Dropping it drops what is in flight.
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

/// The visits of a run, as a stream. After the last of them the error that ended the run, if one did.
pub struct Visits {
    // Dropped first: the writing thread, which the run waits for, may wait for room here.
    taken: mpsc::Receiver<Box<Visit>>,
    run: Option<Pin<Box<dyn Future<Output = Result<Outcome>>>>>,
    ended: Option<Result<Outcome>>,
}

impl Visits {
    /// The next visit, or the error that ended the run; `None` after the last. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Box<Visit>>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// How the run went, once there are no more visits; `None` before, and where it failed.
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
                // Who sent the visits is gone with the run: there are no more.
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
