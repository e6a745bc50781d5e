//! The other end of the pipe: what this binary does as a child process.
//!
//! It reads its orders and then jobs from standard input, writes visits to standard output and nothing else anywhere,
//! and ends when its input does. It has its own crew: an event loop, or one request at a time.

use std::io::{BufReader, BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::thread;

use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;

use super::frame::{self, JobFrame, Orders, Ready, VisitFrame};
use super::{Crew, Engine};
use crate::error::{Error, Result};
use crate::visit::Visit;
use crate::worker::Plan;

/// The signals that end a run. A child ignores them: the parent drains it.
const SIGNALS: [fn() -> SignalKind; 4] = [
    SignalKind::interrupt,
    SignalKind::terminate,
    SignalKind::hangup,
    SignalKind::quit,
];

/// Serves a parent over standard input and output until it closes them.
///
/// # Errors
/// When the pipes break, or the crew cannot be started.
pub fn serve_parent() -> Result<()> {
    // A parent that is gone expects no report: end quietly.
    let pipe_error = |source: std::io::Error| Error::output("the pipe to the parent", source);
    let mut input = BufReader::with_capacity(64 << 10, std::io::stdin());
    let mut buffer = Vec::new();
    let Some(orders) = frame::read::<Orders>(&mut input, &mut buffer).map_err(pipe_error)? else {
        return Ok(());
    };
    let mut output = BufWriter::with_capacity(256 << 10, std::io::stdout());
    let mut report = |ready: &Ready| {
        frame::write(&mut output, &mut Vec::new(), ready).and_then(|()| output.flush())
    };
    let Setup {
        plan,
        mut crew,
        mut jobs,
        runtime,
    } = match Setup::start(orders, input) {
        Ok(setup) => {
            report(&Ok(())).map_err(pipe_error)?;
            setup
        }
        // The parent reports this to the user.
        Err(error) => return report(&Err(with_causes(&error))).map_err(pipe_error),
    };
    runtime.block_on(async {
        // Signals from the terminal or a service manager reach the whole process group; the parent decides what to do.
        let _ignored = SIGNALS.map(|kind| tokio::signal::unix::signal(kind()).ok());
        let mut open = true;
        loop {
            tokio::select! {
                // Cancel-safe: receiving loses nothing.
                job = jobs.recv(), if open && crew.has_room() => match job {
                    Some(job) => crew.send(job.into_job())?,
                    None => open = false,
                },
                Some(visit) = crew.next(), if !crew.is_idle() => {
                    let mut next = Some(visit);
                    while let Some(visit) = next {
                        let connections = plan.shared.connections().take();
                        send_visit(&mut output, &mut buffer, visit, connections).map_err(pipe_error)?;
                        next = crew.try_next();
                    }
                    output.flush().map_err(pipe_error)?;
                }
                else => break,
            }
            if !open && crew.is_idle() {
                break;
            }
        }
        Ok::<(), Error>(())
    })?;
    crew.dismiss();
    Ok(())
}

/// Everything that a child needs to run.
struct Setup {
    plan: Plan,
    crew: Crew,
    jobs: mpsc::Receiver<JobFrame>,
    runtime: Runtime,
}

impl Setup {
    /// Starts the crew and the thread that reads jobs.
    ///
    /// # Errors
    /// When a setting is invalid, or a thread cannot be started.
    fn start(orders: Orders, mut input: impl Read + Send + 'static) -> Result<Self> {
        let plan = Plan::new(orders.fetch, orders.parse, None)?;
        let in_flight = NonZeroUsize::new(orders.in_flight).unwrap_or(NonZeroUsize::MIN);
        let engine = if in_flight == NonZeroUsize::MIN {
            Engine::Sequential
        } else {
            Engine::Async(in_flight)
        };
        let crew = Crew::hire_alone(engine, &plan)?;
        let (sender, jobs) = mpsc::channel::<JobFrame>(in_flight.get());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| Error::setup("an event loop", source))?;
        let reader = thread::Builder::new().name("orders".into()).spawn(move || {
            let mut buffer = Vec::new();
            while let Ok(Some(job)) = frame::read::<JobFrame>(&mut input, &mut buffer) {
                if sender.blocking_send(job).is_err() {
                    break;
                }
            }
        });
        reader.map_err(|source| Error::setup("a thread", source))?;
        Ok(Self {
            plan,
            crew,
            jobs,
            runtime,
        })
    }
}

/// Returns an error and its causes in one line.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(&format!(": {source}"));
        cause = source.source();
    }
    text
}

fn send_visit(
    output: &mut impl Write,
    buffer: &mut Vec<u8>,
    visit: Box<Visit>,
    connections: u64,
) -> std::io::Result<()> {
    let visit = *visit;
    let frame = VisitFrame {
        number: visit.job.row.unwrap_or_default(),
        outcome: visit.outcome,
        parsed: visit.parsed,
        connections,
    };
    let written = frame::write(output, buffer, &frame);
    // Spooled files belong to the parent from here on.
    for body in frame
        .outcome
        .into_iter()
        .map(|page| page.body)
        .chain(frame.parsed.content)
    {
        body.hand_over();
    }
    written
}
