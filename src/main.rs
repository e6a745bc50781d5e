//! The binary: parses the command line, listens for Ctrl-C, runs, prints the outcome, and exits with the right code.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may"))]

mod cli;
mod metrics;
mod progress;

use std::io::Write;
use std::process::ExitCode;

use cli::{
    Announcement, ComparePlan, Exit, Failure, Interrupts, Plan, Reporting, Resume, Retry,
    ServeArguments, Served, Serving, Task,
};
use haul::compare::{EngineResult, Target};
use haul::{Error, Event, Stop, Tally};
use metrics::Metrics;
use progress::{Ending, Progress, StageLine, Style, Verbosity};

fn main() -> ExitCode {
    let first = std::env::args_os().nth(1).unwrap_or_default();
    let result = if first == haul::engine::CHILD_ARGUMENT {
        child(haul::engine::serve_parent())
    } else if first == haul::compare::ROUND_ARGUMENT {
        child(haul::compare::serve_round())
    } else {
        cli::parse(std::env::args_os()).and_then(|task| match task {
            Task::Fetch(plan) => fetch(*plan, Sessions::All, Exit::Success),
            Task::Compare(plan) => compare(*plan),
            Task::Retry(again) => retry(*again),
            Task::Query(arguments) => Ok(arguments.run()?),
            Task::Diff(arguments) => Ok(arguments.run()?),
            Task::Audit(arguments) => Ok(arguments.run()?),
            Task::Serve(arguments) => serve(*arguments),
            Task::Print(text) => print(&text),
        })
    };
    let exit = result.unwrap_or_else(|failure| match cli::ending::of_failure(&failure) {
        Some(ending) if cli::asks_for_json(std::env::args_os()) => {
            progress::write_end(&ending, None);
            failure.exit()
        }
        _ => failure.report(),
    });
    exit.into()
}

fn child(served: haul::Result<()>) -> Result<Exit, Failure> {
    Ok(served.map(|()| Exit::Success)?)
}

/// The sessions of a job that the exit code covers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sessions {
    /// All of them: a resumed job counts as one run.
    All,
    /// Only this one: a retry reports the outcome of the URLs that it retried.
    This,
}

/// Runs, and reports how it ended; the exit is at least as severe as `least`.
fn fetch(plan: Plan, sessions: Sessions, least: Exit) -> Result<Exit, Failure> {
    let mut progress = Progress::start(plan.style, plan.verbosity)?;
    let is_json = plan.style == Style::Json;
    let (exit, ending, tally) = match run(plan, sessions, least, &mut progress) {
        Ok((exit, ending, tally)) => (exit, Some(ending), Some(tally)),
        Err(failure) if is_json => (failure.exit(), cli::ending::of_failure(&failure), None),
        Err(failure) => return Err(failure),
    };
    if let Some(ending) = ending {
        progress.end(&ending, tally.as_ref());
    }
    Ok(exit)
}

fn run(
    mut plan: Plan,
    sessions: Sessions,
    least: Exit,
    progress: &mut Progress,
) -> Result<(Exit, Ending, Tally), Failure> {
    let runtime = cli::event_loop()?;
    let warning = cli::log_keys(&mut plan.config.fetch);
    plan.notices.splice(0..0, warning);
    let served = plan.serve.take().map(Serving::start).transpose()?;
    if let Some(served) = &served {
        served.lead(&mut plan.config.fetch)?;
        plan.config.share = served.unshared(plan.config.share.take());
    }
    let stop = Stop::new();
    let interrupts = Interrupts::watch(stop.clone())?;
    let mut metrics = plan.metrics.map(Metrics::start).transpose()?;
    let where_metrics = metrics.as_ref().map(|on| format!("metrics: {}", on.url()));
    for notice in plan.notices.iter().chain(&where_metrics) {
        progress.show(&Event::Notice(notice));
    }
    let resume = Resume::of(&plan);
    let if_empty = plan.if_empty.take();
    let mut report = Reporting::begin(&plan);

    let on_event = |event: &Event<'_>| {
        progress.show(event);
        if let (Some(metrics), Event::Tick(tally)) = (&mut metrics, event) {
            metrics.note(tally);
        }
        if let Some(report) = &mut report {
            report.add(event);
        }
    };
    let result = runtime.block_on(haul::crawl(&plan.config, stop, on_event));
    interrupts.run_is_over();
    progress.finish();

    let mut outcome = result?;
    if let Some(problem) = if_empty.filter(|_| outcome.tally.visited == 0) {
        return Err(Error::Setting(problem).into());
    }
    if plan.verbosity >= Verbosity::Usual {
        let mut text = match resume.done(&outcome) {
            Some(done) => cli::summary_of_done(&outcome.tally, done),
            None => cli::summary(&outcome.tally, cli::processor_time()),
        };
        text.extend(outcome.mirror.as_deref().map(cli::mirror_summary));
        text.extend(outcome.counts.as_ref().map(cli::fields_summary));
        text.extend(served.as_ref().and_then(Served::misses));
        progress.print(&text);
    }
    if progress.is_json() && plan.verbosity >= Verbosity::Usual {
        let fields = outcome.counts.as_ref().map(cli::fields_summary);
        let misses = served.as_ref().and_then(Served::misses);
        fields
            .iter()
            .chain(&misses)
            .flat_map(|text| text.lines())
            .for_each(|line| progress.say(line.trim()));
    }
    let failure = outcome.failure.take().map(Failure::from);
    if let Some(failure) = failure.as_ref().filter(|_| !progress.is_json()) {
        failure.report();
    }
    if sessions == Sessions::This {
        outcome.earlier = haul::Totals::default();
    }
    let mut exit = Exit::of(&outcome, plan.max_failed, plan.failure_scope);
    if outcome.counts.as_ref().is_some_and(cli::fall_short) {
        exit = exit.merge(Exit::FieldsShort);
    }
    let rest = resume.rest(&outcome)?;
    if let Some(rest) = rest.as_ref().filter(|_| plan.verbosity >= Verbosity::Quiet) {
        progress.print(&rest.to_string());
    }
    if let Some(report) = report {
        report.write(&outcome)?;
    }
    let exit = interrupts.final_exit(exit).merge(least);
    let ending = cli::ending::of_outcome(&outcome, exit, failure.as_ref(), rest);
    Ok((exit, ending, outcome.tally))
}

fn compare(mut plan: ComparePlan) -> Result<Exit, Failure> {
    let warning = cli::log_keys(&mut plan.settings.fetch);
    if plan.verbosity >= Verbosity::Quiet {
        write_stderr(&warning.map_or(String::new(), |text| format!("haul: {text}\n")));
    }
    let served = plan.serve()?;
    if let Some(seeds) = plan.seeds.take() {
        plan.settings.target = Target::Urls(haul::compare::listed(seeds)?.urls);
    }
    let announcement = Announcement::of(&plan.settings);
    announcement.allowed(plan.yes)?;
    let is_usual = plan.verbosity >= Verbosity::Usual;
    if is_usual {
        let notices = plan
            .notices
            .iter()
            .map(|notice| format!("haul: {notice}\n"));
        write_stderr(&notices.collect::<String>());
        write_stderr(&announcement.text());
    }
    let line = StageLine::start(is_usual);
    let stop = Stop::new();
    let interrupts = Interrupts::watch(stop.clone())?;
    let comparison = haul::compare::compare(&plan.settings, &stop, |stage| {
        line.show(cli::stage(stage));
    })?;
    drop((line, interrupts));
    plan.write(&comparison)?;
    write_stderr(&served.as_ref().and_then(Served::misses).unwrap_or_default());
    let fetched = comparison.engines.iter().any(EngineResult::fetched);
    Ok(match (comparison.is_proved(), fetched) {
        _ if comparison.interrupted => Exit::Interrupted,
        (true, true) => Exit::Success,
        (_, false) if comparison.answers.agree => Exit::NothingFetched,
        _ => Exit::AnswersDiffer,
    })
}

/// Writes to standard error. If that fails, there is nobody left to report it to.
fn write_stderr(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn retry(mut retry: Retry) -> Result<Exit, Failure> {
    let (text, is_needed) = retry.put_back()?;
    let least = match retry.leaves_some() {
        true => Exit::SomeFailed,
        false => Exit::Success,
    };
    let is_json = retry.plan.style == Style::Json;
    if is_json {
        let lines = text.lines().map(str::to_owned);
        retry.plan.notices.splice(0..0, lines);
    } else if retry.plan.verbosity >= Verbosity::Quiet {
        write_stderr(&text);
    }
    if is_needed {
        return fetch(retry.plan, Sessions::This, least);
    }
    if is_json {
        let progress = Progress::start(retry.plan.style, retry.plan.verbosity)?;
        let notices = retry.plan.notices.iter();
        notices.for_each(|notice| progress.show(&Event::Notice(notice)));
        progress.end(&cli::ending::of_nothing(least), None);
    }
    Ok(least)
}

fn serve(arguments: ServeArguments) -> Result<Exit, Failure> {
    let served = arguments.start()?;
    print(&served.addresses())?;
    write_stderr(&served.contents());
    let text = served.until_interrupted()?;
    write_stderr(&text);
    Ok(Exit::Success)
}

fn print(text: &str) -> Result<Exit, Failure> {
    cli::check_stdout();
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(|source| Error::output("standard output", source))?;
    Ok(Exit::Success)
}
