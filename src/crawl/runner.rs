//! A run with what a program adds to its settings: sinks of its own, and the visits themselves.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc;

use super::{Outcome, run};
use crate::config::Config;
use crate::error::Result;
use crate::event::Event;
use crate::parse::Wants;
use crate::sink::{Sink, Start};
use crate::stop::Stop;
use crate::visit::Visit;

/// Visits that wait to be taken, at the most: whoever takes none makes the run wait.
const WAITING: usize = 64;

/// Opens a sink of a program where it begins.
pub(super) type Open = Box<dyn FnOnce(Start<'_>) -> Result<Box<dyn Sink>>>;

/// A run with what a program adds to its settings.
///
/// ```no_run
/// use futures::StreamExt;
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

/// What a program adds to the settings of a run.
#[derive(Default)]
pub(super) struct Additions {
    /// What its own sinks want of a page.
    pub(super) wants: Wants,
    /// Its own sinks, by the names of their marks.
    pub(super) sinks: Vec<(String, Open)>,
    /// Who takes the visits when they are written.
    pub(super) taker: Option<mpsc::Sender<Box<Visit>>>,
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
