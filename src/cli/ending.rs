//! How a run ended, for programs: the last object of JSON progress.

use haul::{Ended, Error, Outcome};

use super::exit::{Exit, Failure, message};
use super::resume::Rest;
use crate::progress::{Ending, OfJob, Reason};

/// The end of a run that has an outcome; `failure` is that of an output.
pub(crate) fn of_outcome(
    outcome: &Outcome,
    exit: Exit,
    failure: Option<&Failure>,
    rest: Option<Rest>,
) -> Ending {
    let reason = match outcome.ended {
        Ended::OutputFailed => Reason::OutputFailed,
        // As for the exit code: an interrupt that had nothing left to drop does no harm.
        _ if outcome.missing.is_empty() && outcome.waiting == 0 => Reason::Finished,
        Ended::Complete => Reason::Finished,
        Ended::Interrupted => Reason::Interrupted,
        Ended::TimeUp => Reason::TimeLimit,
    };
    let totals = outcome.totals();
    let has_job = outcome.tally.checkpoint_age.is_some();
    Ending {
        job: has_job.then_some(OfJob {
            done: totals.visited,
            failed: totals.failed,
        }),
        error: failure.and_then(error_of),
        ..ending(exit, reason, rest)
    }
}

/// The end of a run that could not start or not go on; `None` if only help was asked for.
pub(crate) fn of_failure(failure: &Failure) -> Option<Ending> {
    let reason = match failure {
        Failure::Usage(error) if !error.use_stderr() => return None,
        Failure::Run(Error::Closed) => Reason::OutputClosed,
        Failure::Run(Error::Output { .. }) => Reason::OutputFailed,
        Failure::Usage(_) | Failure::Run(_) => Reason::Error,
    };
    Some(Ending {
        error: error_of(failure),
        ..ending(failure.exit(), reason, None)
    })
}

/// The end of a run that had nothing to do.
pub(crate) fn of_nothing(exit: Exit) -> Ending {
    ending(exit, Reason::Finished, None)
}

fn ending(exit: Exit, reason: Reason, rest: Option<Rest>) -> Ending {
    Ending {
        exit_code: exit.code(),
        meaning: exit.meaning(),
        reason,
        error: None,
        resume: rest.map(|rest| rest.command),
        job: None,
    }
}

/// The error and its causes; `None` where nothing went wrong.
fn error_of(failure: &Failure) -> Option<String> {
    let text = match failure {
        Failure::Usage(error) => error.to_string(),
        Failure::Run(Error::Closed) => return None,
        Failure::Run(error) => message(error),
    };
    Some(text.trim_end().to_owned())
}
