//! The binary: parse, listen for Ctrl-C, run, say how it went, end with the right code.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may"))]

mod cli;
mod progress;

use std::io::Write;
use std::process::ExitCode;

use cli::{Exit, Failure, Interrupts, Plan, Resume, Task};
use haul::{Error, Stop};
use progress::{Progress, Voice};

fn main() -> ExitCode {
    let ended = if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == haul::engine::CHILD_ARGUMENT)
    {
        haul::engine::serve_parent()
            .map(|()| Exit::Success)
            .map_err(Failure::from)
    } else {
        cli::parse(std::env::args_os()).and_then(|task| match task {
            Task::Fetch(plan) => fetch(*plan),
            Task::Print(text) => print(&text),
        })
    };
    ended.unwrap_or_else(|failure| failure.tell()).into()
}

fn fetch(plan: Plan) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| Error::Setup {
        what: "the event loop",
        source: source.into(),
    })?;
    let stop = Stop::new();
    let interrupts = Interrupts::watch(stop.clone())?;
    let progress = Progress::start(plan.style, plan.voice)?;
    let resume = Resume::of(&plan);

    let ended = runtime.block_on(haul::crawl(plan.config, stop, |event| progress.hear(event)));
    drop(interrupts);
    progress.finish();

    let outcome = ended?;
    let mut told = String::new();
    if plan.voice >= Voice::Usual {
        told = cli::summary(&outcome.tally, cli::processor_time());
    }
    let exit = Exit::of(&outcome, plan.fail_over);
    if plan.voice >= Voice::Quiet {
        told.push_str(&resume.text(&outcome)?.unwrap_or_default());
    }
    // Nobody is left to be told when this cannot be written.
    let _ = std::io::stderr().write_all(told.as_bytes());
    Ok(exit)
}

fn print(text: &str) -> Result<Exit, Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(|source| Error::output("standard output", source))?;
    Ok(Exit::Success)
}
