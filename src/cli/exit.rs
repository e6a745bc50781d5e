//! Exit codes: the outcome of a run, for scripts.
//!
//! The whole policy is here. Invariant: 0 means that every URL was fetched, or that no more failed than the user
//! allowed.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;

use haul::{Ended, Error, Outcome, Totals};

use super::advice;

/// The ways a process can end, from least to most severe. See [`meaning`](Self::meaning).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything was fetched.
    Success,
    /// Some URLs failed.
    SomeFailed,
    /// Every URL failed.
    NothingFetched,
    /// The time limit was reached.
    TimeUp,
    /// SIGINT arrived.
    Interrupted,
    /// SIGHUP arrived: the terminal was closed.
    HungUp,
    /// SIGQUIT arrived.
    Quit,
    /// SIGTERM arrived.
    Terminated,
    /// Nothing was run: the command line or the configuration cannot be used.
    Usage,
    /// An output could not be written.
    Output,
    /// Nothing was run: the job is locked or damaged.
    Job,
    /// Fields were found too rarely.
    FieldsShort,
    /// Two runs differ, and that was asked for.
    Changed,
    /// A comparison has no winner: engines got different responses.
    AnswersDiffer,
    /// haul itself failed.
    Internal,
}

/// The reason why a run could not start or finish.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong, or asks for help.
    Usage(clap::Error),
    /// The run could not go on.
    Run(Error),
}

/// A share from 0 to 1, written in percent.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Share(f64);

/// The URLs that the exit code of a run depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureScope {
    /// Every URL of the list.
    List,
    /// The seeds of a crawl, and pages that were lost. Error statuses of other pages are the site's business.
    Seeds,
    /// The seeds, and every link: a single one that failed is a broken link.
    Links,
}

impl Exit {
    /// The exit code as a number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Internal => 1,
            Exit::Usage => 2,
            Exit::SomeFailed => 3,
            Exit::NothingFetched => 4,
            Exit::Output => 5,
            Exit::Job => 6,
            Exit::FieldsShort => 7,
            Exit::Changed => 8,
            Exit::AnswersDiffer => 10,
            Exit::TimeUp => 124,
            Exit::HungUp => 129,
            Exit::Interrupted => 130,
            Exit::Quit => 131,
            Exit::Terminated => 143,
        }
    }

    /// The meaning, for the help, the README and programs.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Exit::Success => "every URL was fetched, or no more failed than --max-failed allows",
            Exit::Internal => "internal error: something in haul itself went wrong",
            Exit::Usage => "the command line, the configuration or a list cannot be used",
            Exit::SomeFailed => "finished, but some URLs failed; of haul audit: a limit was broken",
            Exit::NothingFetched => {
                "finished, but nothing was fetched; of haul audit: nothing could be proved"
            }
            Exit::Output => {
                "the output cannot be written; if possible, the command that fetches the rest is printed"
            }
            Exit::Job => "the job folder is locked by another haul, damaged, or of another format",
            Exit::FieldsShort => {
                "a field was found less often than the min_rate of its recipe requires"
            }
            Exit::Changed => "haul diff found changes of the site, and --fail-on-change was given",
            Exit::AnswersDiffer => {
                "the engines of a comparison got different responses, so there is no winner"
            }
            Exit::TimeUp => {
                "the time limit was reached; the command that fetches the rest is printed"
            }
            Exit::HungUp => "interrupted by SIGHUP: the terminal was closed",
            Exit::Interrupted => {
                "interrupted by SIGINT (Ctrl-C); the command that fetches the rest is printed"
            }
            Exit::Quit => "interrupted by SIGQUIT",
            Exit::Terminated => "interrupted by SIGTERM",
        }
    }

    /// All codes with their meanings, one line each.
    pub(super) fn table() -> String {
        let mut all = [
            Exit::Success,
            Exit::SomeFailed,
            Exit::NothingFetched,
            Exit::TimeUp,
            Exit::Interrupted,
            Exit::HungUp,
            Exit::Quit,
            Exit::Terminated,
            Exit::Usage,
            Exit::Output,
            Exit::Job,
            Exit::FieldsShort,
            Exit::Changed,
            Exit::AnswersDiffer,
            Exit::Internal,
        ];
        all.sort_by_key(|exit| exit.code());
        let line = |exit: &Exit| format!("  {:<4} {}", exit.code(), exit.meaning());
        all.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The more severe of two ways to end.
    pub(crate) fn merge(self, other: Self) -> Self {
        self.max(other)
    }

    /// The exit of a run; a job exits as if it had never been stopped. A share that the user named applies to all
    /// requests. Without one, no URL of a list may fail, and in a crawl `failure_scope` decides.
    pub(crate) fn of(
        outcome: &Outcome,
        max_failed: Option<Share>,
        failure_scope: FailureScope,
    ) -> Self {
        let ended = match outcome.ended {
            Ended::OutputFailed => Exit::Output,
            // An interrupt that had nothing left to drop does no harm.
            _ if outcome.missing.is_empty() && outcome.waiting == 0 => Exit::Success,
            Ended::Complete => Exit::Success,
            Ended::TimeUp => Exit::TimeUp,
            Ended::Interrupted => Exit::Interrupted,
        };
        let totals = outcome.totals();
        // An archive without a single page gave no records.
        let is_nothing = totals.visited == 0 && !outcome.tally.left_out.is_empty();
        let is_broken = failure_scope == FailureScope::Links && outcome.tally.broken.count > 0;
        let is_lost = failure_scope != FailureScope::List && totals.lost > 0;
        let of_links = match max_failed {
            _ if is_nothing => Exit::NothingFetched,
            None if is_broken || is_lost => Exit::SomeFailed,
            _ => Exit::Success,
        };
        let of_totals = match (max_failed, failure_scope) {
            (None, FailureScope::Seeds | FailureScope::Links) => {
                Self::of_totals(&seeds_of(totals), Share(0.0))
            }
            (share, _) => Self::of_totals(&totals, share.unwrap_or(Share(0.0))),
        };
        ended.merge(of_links).merge(of_totals)
    }

    fn of_totals(totals: &Totals, max_failed: Share) -> Self {
        let asked = (totals.visited - totals.duplicates).saturating_sub(totals.skipped);
        let failed = totals.failed;
        if failed == 0 {
            Exit::Success
        } else if failed == asked && totals.skipped == 0 {
            Exit::NothingFetched
        } else if part(failed, asked) > max_failed.0 {
            Exit::SomeFailed
        } else {
            Exit::Success
        }
    }

    fn of_error(error: &Error) -> Self {
        match error {
            // The reader of the pipe has enough, which is not a failure.
            Error::Closed => Exit::Success,
            Error::Setting(_)
            | Error::Invalid { .. }
            | Error::SettingsDiffer { .. }
            | Error::ArchiveChanged { .. }
            | Error::DamagedMark { .. }
            | Error::Input { .. }
            | Error::Table { .. }
            | Error::UrlColumn { .. }
            | Error::ArchiveAsList { .. }
            | Error::Unreadable { .. } => Exit::Usage,
            Error::Output { .. } | Error::NotAsLeft { .. } => Exit::Output,
            Error::Locked { .. }
            | Error::Store { .. }
            | Error::Damaged { .. }
            | Error::OtherFormat { .. } => Exit::Job,
            _ => Exit::Internal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

impl Failure {
    /// Prints the failure to standard error, and returns how the process ends.
    pub(crate) fn report(&self) -> Exit {
        // If this cannot be written, there is nobody left to report it to.
        match self {
            Failure::Usage(error) => drop(error.print()),
            Failure::Run(Error::Closed) => {}
            Failure::Run(error) => {
                let _ = write!(std::io::stderr(), "haul: {}", message(error));
            }
        }
        self.exit()
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(error) if error.use_stderr() => Exit::Usage,
            Failure::Usage(_) => Exit::Success,
            Failure::Run(error) => Exit::of_error(error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Run(error)
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Failure::Usage(error)
    }
}

impl Share {
    /// The share, from 0 to 1.
    pub(crate) const fn share(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text
            .trim()
            .strip_suffix('%')
            .ok_or_else(|| format!("a share needs its sign, as in {text}%"))?;
        match number.trim().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent / 100.0)),
            _ => Err(format!("{text} is not between 0% and 100%")),
        }
    }
}

/// The totals of the seeds of a crawl. Links are never skipped with a record, so only two counts differ.
fn seeds_of(totals: Totals) -> Totals {
    Totals {
        visited: totals.visited.saturating_sub(totals.led_to),
        failed: totals.failed.saturating_sub(totals.led_to_failed),
        ..totals
    }
}

/// The share of a part in a whole, from 0 to 1.
fn part(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// An error and its causes, one line each.
pub(super) fn message(error: &Error) -> String {
    let clean = |text: &dyn fmt::Display| haul::clean(&text.to_string()).into_owned();
    let sentence = advice::sentence(error);
    let mut text = match advice::has_lines(error) {
        // Foreign text in it was cleaned before, so all its line breaks are ours.
        true => {
            let lines: Vec<_> = sentence.lines().map(|line| clean(&line)).collect();
            format!("{}\n", lines.join("\n"))
        }
        false => format!("{}\n", clean(&sentence)),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(because) = cause {
        text.push_str(&format!("  because: {}\n", clean(&because)));
        cause = because.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use haul::Tally;
    use std::io;

    fn of(visited: u64, failed: u64, duplicates: u64, max_failed: &str) -> u8 {
        let totals = Totals {
            visited,
            failed,
            duplicates,
            ..Totals::default()
        };
        Exit::of_totals(&totals, max_failed.parse().unwrap()).code()
    }

    #[test]
    fn a_run_ends_by_how_much_of_it_failed() {
        assert_eq!(of(0, 0, 0, "0%"), 0);
        assert_eq!(of(100, 0, 0, "0%"), 0);
        assert_eq!(of(100, 1, 0, "0%"), 3);
        assert_eq!(of(100, 5, 0, "5%"), 0);
        assert_eq!(of(100, 6, 0, "5%"), 3);
        assert_eq!(of(100, 100, 0, "0%"), 4);
        assert_eq!(of(100, 40, 60, "0%"), 4, "a duplicate was not asked for");
    }

    #[test]
    fn a_broken_link_fails_a_crawl_only_where_that_is_asked_for_and_a_dead_seed_always() {
        let mut outcome = Outcome::new(Tally::default(), Ended::Complete);
        let tally = &mut outcome.tally;
        (tally.visited, tally.failed) = (10, 1);
        (tally.led_to, tally.led_to_failed) = (9, 1);
        tally.broken.count = 1;
        let of = |outcome: &Outcome, failure_scope| Exit::of(outcome, None, failure_scope).code();
        assert_eq!(of(&outcome, FailureScope::Seeds), 0);
        assert_eq!(of(&outcome, FailureScope::Links), 3);
        outcome.tally.lost = 1;
        assert_eq!(
            of(&outcome, FailureScope::Seeds),
            3,
            "no answer is no broken link"
        );
        outcome.tally.lost = 0;
        // A resumed session without failures still reports those of earlier sessions.
        (outcome.tally.failed, outcome.tally.led_to_failed) = (0, 0);
        assert_eq!(of(&outcome, FailureScope::Links), 3);
        (
            outcome.tally.visited,
            outcome.tally.led_to,
            outcome.tally.failed,
        ) = (1, 0, 1);
        assert_eq!(of(&outcome, FailureScope::Seeds), 4);
        assert_eq!(of(&outcome, FailureScope::Links), 4);
    }

    #[test]
    fn an_early_end_is_graver_than_failed_urls_and_lighter_than_a_full_disk() {
        let mut outcome = Outcome::new(Tally::default(), Ended::TimeUp);
        (outcome.tally.visited, outcome.tally.failed) = (10, 1);
        outcome.missing = "11-".parse().unwrap();
        let nothing = None;
        assert_eq!(Exit::of(&outcome, nothing, FailureScope::List).code(), 124);
        outcome.ended = Ended::Interrupted;
        assert_eq!(Exit::of(&outcome, nothing, FailureScope::List).code(), 130);
        assert_eq!(
            Exit::of(&outcome, nothing, FailureScope::List)
                .merge(Exit::Output)
                .code(),
            5
        );
        outcome.missing = haul::Rows::default();
        assert_eq!(Exit::of(&outcome, nothing, FailureScope::List).code(), 3);
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_without_control_characters() {
        let error = Error::output("out\u{1b}[2J.jsonl", io::Error::other("disk full"));
        let text = message(&error);
        assert!(
            text.starts_with("cannot write out") && !text.contains('\u{1b}'),
            "{text}"
        );
        assert!(text.ends_with("  because: disk full\n"), "{text}");
        assert_eq!(Exit::of_error(&error).code(), 5);
        let closed = Error::output("standard output", io::ErrorKind::BrokenPipe.into());
        assert_eq!(Exit::of_error(&closed).code(), 0);
    }

    #[test]
    fn a_share_has_its_sign_and_its_bounds() {
        assert!("5".parse::<Share>().unwrap_err().contains("5%"));
        assert!("101%".parse::<Share>().is_err() && "x%".parse::<Share>().is_err());
        assert_eq!("2.5%".parse(), Ok(Share(0.025)));
    }
}
