//! The binary: parse, listen for Ctrl-C, run, say how it went, end with the right code.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may"))]

mod cli;
mod progress;

use std::io::Write;
use std::process::ExitCode;

use cli::{Exit, Failure, Interrupts, Plan, Resume, Retry, ServeArguments, Task};
use haul::fetch::Override;
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
            Task::Retry(again) => retry(*again),
            Task::Serve(arguments) => serve(*arguments),
            Task::Print(text) => print(&text),
        })
    };
    ended.unwrap_or_else(|failure| failure.tell()).into()
}

fn fetch(mut plan: Plan) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| Error::Setup {
        what: "the event loop",
        source: source.into(),
    })?;
    let served = plan.serve.take().map(cli::serve_folder).transpose()?;
    if let Some(origin) = &served {
        plan.config.fetch.resolve.push(Override {
            name: "*.localhost".to_owned(),
            addresses: vec![origin.address()],
        });
    }
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
    let exit = Exit::of(&outcome, plan.fail_over, plan.judged);
    if plan.voice >= Voice::Quiet {
        told.push_str(&resume.text(&outcome)?.unwrap_or_default());
    }
    // Nobody is left to be told when this cannot be written.
    let _ = std::io::stderr().write_all(told.as_bytes());
    Ok(exit)
}

fn retry(again: Retry) -> Result<Exit, Failure> {
    let (told, goes_on) = again.put_back()?;
    if again.plan.voice >= Voice::Quiet {
        // Nobody is left to be told when this cannot be written.
        let _ = std::io::stderr().write_all(told.as_bytes());
    }
    match goes_on {
        true => fetch(again.plan),
        false => Ok(Exit::Success),
    }
}

fn serve(arguments: ServeArguments) -> Result<Exit, Failure> {
    let served = arguments.start()?;
    print(&served.addresses())?;
    let told = served.until_interrupted()?;
    // Nobody is left to be told when this cannot be written.
    let _ = std::io::stderr().write_all(told.as_bytes());
    Ok(Exit::Success)
}

fn print(text: &str) -> Result<Exit, Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(|source| Error::output("standard output", source))?;
    Ok(Exit::Success)
}
