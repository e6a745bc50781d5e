//! The command that fetches the rest of an unfinished run.
//!
//! It has the user's own flags, the missing rows and no secrets, and is quoted for a shell. Invariant: rows that have
//! a record are never among the missing ones.

use std::ffi::OsString;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use haul::{Ended, Error, Outcome, Rows, spelled};

use super::layers::{Origin, Setting};
use super::plan::Plan;
use super::spelling;

/// The most ranges of rows that the command lists. More go to a file, as nobody wants to paste them.
const RANGES: usize = 40;

/// Everything about a run that the command for its rest needs, collected before it starts.
#[derive(Debug)]
pub(crate) struct Resume {
    command: &'static str,
    flags: Vec<Setting>,
    rows: Option<Rows>,
    limit: Option<u64>,
    output: Option<PathBuf>,
    /// The folder of the job, if the run has one.
    job: Option<PathBuf>,
    /// The output whose failures are retried.
    retried: Option<PathBuf>,
    reads_stdin: bool,
}

/// The rest of a run: why there is one, and the command that fetches it.
#[derive(Debug)]
pub(crate) struct Rest {
    what: String,
    pub(crate) command: String,
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:\n  {}", self.what, self.command)
    }
}

impl Resume {
    /// Collects what the command will need.
    pub(crate) fn of(plan: &Plan) -> Self {
        let settings = plan.settings.0.iter();
        Self {
            command: plan.command,
            flags: settings
                .filter(|setting| setting.origin == Origin::Flag)
                .cloned()
                .collect(),
            rows: plan.config.seeds.rows.clone(),
            limit: plan.config.seeds.limit,
            output: plan.output.clone(),
            job: plan.config.job.as_ref().map(|job| job.folder.clone()),
            retried: plan
                .config
                .seeds
                .sources
                .iter()
                .find_map(|source| match source {
                    haul::seeds::SeedSource::Failures(failures) => Some(failures.path().to_owned()),
                    _ => None,
                }),
            reads_stdin: plan
                .config
                .seeds
                .sources
                .contains(&haul::seeds::SeedSource::Stdin),
        }
    }

    /// The command for the rest of a run; `None` if nothing is missing.
    ///
    /// # Errors
    /// When there are too many missing rows, and the file for them cannot be written.
    pub(crate) fn rest(&self, outcome: &Outcome) -> haul::Result<Option<Rest>> {
        if self.job.is_some() {
            return Ok(self.resume_command(outcome));
        }
        if let Some(output) = &self.retried {
            return Ok((outcome.ended != Ended::Complete).then(|| self.retry_command(output)));
        }
        let missing = self.missing(outcome);
        if missing.is_empty() {
            return Ok(None);
        }
        let Some(why) = why(outcome) else {
            return Ok(None);
        };
        let rows = if missing.ranges() > RANGES {
            let path = self.rows_file(outcome.ended);
            std::fs::write(&path, format!("{missing}\n"))
                .map_err(|source| Error::output(&path, source))?;
            let mut rows = OsString::from("@");
            rows.push(&path);
            rows
        } else {
            missing.to_string().into()
        };
        let mut what = format!("{why}; this command fetches the rest");
        if self.reads_stdin {
            what.push_str(", from the same standard input");
        }
        let command = self.command(Some((rows, outcome.tally.visited)));
        Ok(Some(Rest { what, command }))
    }

    /// The sentence about a job that was already done, and had nothing left to do.
    pub(crate) fn done(&self, outcome: &Outcome) -> Option<String> {
        let folder = self.job.as_ref()?;
        let is_done = outcome.ended == Ended::Complete && outcome.tally.visited == 0;
        let totals = outcome.totals();
        if !is_done || totals.visited == 0 {
            return None;
        }
        let urls = match totals.visited {
            1 => "1 URL".to_owned(),
            urls => format!("{urls} URLs"),
        };
        Some(match totals.failed {
            0 => format!("the job is done: {urls}, none failed\n"),
            failed => format!(
                "the job is done: {urls}, {failed} failed; haul retry {} fetches the failures again\n",
                spelling::quoted(&folder.clone().into_os_string())
            ),
        })
    }

    /// The command that resumes a job: the one that started it.
    fn resume_command(&self, outcome: &Outcome) -> Option<Rest> {
        if outcome.waiting == 0 {
            return None;
        }
        let why = why(outcome)?;
        Some(Rest {
            what: format!("{why}; the same command resumes it"),
            command: self.command(None),
        })
    }

    /// The command that retries the remaining failures of an output.
    fn retry_command(&self, output: &Path) -> Rest {
        let into_the_same = self.output.as_deref() == Some(output);
        let left_out: &[&str] = match into_the_same {
            true => &["output", "append", "format"],
            false => &[],
        };
        let mut flags = String::new();
        spelling::flags(&mut flags, &self.flags, left_out);
        let mut command = format!(
            "haul retry {}",
            spelling::quoted(&output.as_os_str().to_owned())
        );
        if !flags.is_empty() {
            let _ = write!(command, " --{flags}");
        }
        Rest {
            what: "some failures were not fetched again; this command fetches the rest".to_owned(),
            command,
        }
    }

    /// The requested rows that have no record.
    fn missing(&self, outcome: &Outcome) -> Rows {
        match &self.rows {
            Some(rows) => outcome.missing.and(rows),
            None => outcome.missing.clone(),
        }
    }

    /// The file for missing rows: next to the output, or a temporary file if the output failed, as its disk may be
    /// full.
    fn rows_file(&self, ended: Ended) -> PathBuf {
        match &self.output {
            Some(output) if ended != Ended::OutputFailed => {
                let mut name = output.clone().into_os_string();
                name.push(".rows");
                name.into()
            }
            _ => std::env::temp_dir().join(format!("haul-{}.rows", std::process::id())),
        }
    }

    /// The user's own command, or with `missing` the one for the rest: the rows, and the number of records so far.
    fn command(&self, missing: Option<(OsString, u64)>) -> String {
        let left_out: &[&str] = match missing {
            Some(_) => &["rows", "limit", "append"],
            None => &["fresh", "allow-changes"],
        };
        let mut command = format!("haul {}", self.command);
        spelling::flags(&mut command, &self.flags, left_out);
        let mut add = |word: &str| {
            command.push(' ');
            command.push_str(word);
        };
        if let Some((rows, visited)) = missing {
            if self.output.is_some() {
                add("--append");
            }
            if let Some(limit) = self.limit {
                add("--limit");
                add(&limit.saturating_sub(visited).to_string());
            }
            add("--rows");
            add(&spelling::quoted(&rows));
        }
        spelling::targets(&mut command, &self.flags);
        command
    }
}

/// Why a run ended before its work was done; `None` if it did not.
fn why(outcome: &Outcome) -> Option<String> {
    Some(match outcome.ended {
        Ended::Complete => return None,
        Ended::Interrupted => "interrupted".to_owned(),
        Ended::TimeUp => format!(
            "stopped by --max-time after {}",
            spelled(outcome.tally.elapsed)
        ),
        Ended::OutputFailed => "once the output can be written again".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::layers::Kind;
    use haul::Tally;

    fn resume(flags: &[(&str, Kind, &[&str])]) -> Resume {
        Resume {
            command: "fetch",
            job: None,
            flags: flags
                .iter()
                .map(|(flag, kind, values)| Setting {
                    flag: (*flag).into(),
                    values: values.iter().map(Into::into).collect(),
                    kind: *kind,
                    origin: Origin::Flag,
                })
                .collect(),
            rows: None,
            limit: None,
            output: None,
            retried: None,
            reads_stdin: false,
        }
    }

    fn interrupted(missing: &str) -> Outcome {
        let mut outcome = Outcome::new(Tally::default(), Ended::Interrupted);
        outcome.tally.visited = 60;
        outcome.missing = missing.parse().unwrap();
        outcome
    }

    #[test]
    fn the_command_is_the_users_own_with_the_missing_rows() {
        let mut resume = resume(&[
            ("urls", Kind::Many, &["my list.txt"]),
            ("output", Kind::One, &["out.jsonl"]),
            (
                "header",
                Kind::Many,
                &["Authorization: Bearer s3cret", "Accept: it's"],
            ),
            ("insecure", Kind::Switch, &["true"]),
            ("verbose", Kind::Count, &["2"]),
            ("rows", Kind::One, &["1-200"]),
            ("limit", Kind::One, &["100"]),
        ]);
        resume.output = Some("out.jsonl".into());
        resume.rows = Some("1-200".parse().unwrap());
        resume.limit = Some(100);
        let rest = resume.rest(&interrupted("7,61-")).unwrap().unwrap();
        assert_eq!(
            rest.to_string(),
            "interrupted; this command fetches the rest:\n  haul fetch --output out.jsonl --header 'Authorization: …' \
             --header 'Accept: it'\\''s' --insecure --verbose --verbose --append --limit 40 --rows 7,61-200 'my list.txt'\n"
        );
    }

    #[test]
    fn the_command_for_a_job_neither_starts_over_nor_changes_it_again() {
        let mut resume = resume(&[
            ("urls", Kind::Many, &["list.txt"]),
            ("job", Kind::One, &["job"]),
            ("delay", Kind::One, &["2s"]),
            ("fresh", Kind::Switch, &["true"]),
            ("allow-changes", Kind::Switch, &["true"]),
        ]);
        resume.job = Some("job".into());
        let mut outcome = interrupted("61-");
        outcome.waiting = 40;
        assert_eq!(
            resume.rest(&outcome).unwrap().unwrap().to_string(),
            "interrupted; the same command resumes it:\n  haul fetch --job job --delay 2s list.txt\n"
        );
    }

    #[test]
    fn nothing_is_said_where_nothing_is_missing() {
        let mut resume = resume(&[]);
        resume.rows = Some("1-60".parse().unwrap());
        assert!(resume.rest(&interrupted("61-")).unwrap().is_none());
    }

    #[test]
    fn many_ranges_go_to_a_file_beside_the_output() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.jsonl");
        let beside = folder.path().join("out.jsonl.rows");
        let mut resume = resume(&[]);
        resume.output = Some(output);
        let odd: Vec<String> = (0..100).map(|row| (row * 2 + 1).to_string()).collect();
        let rest = resume.rest(&interrupted(&odd.join(","))).unwrap();
        let text = rest.unwrap().command;
        assert!(
            text.contains(&format!("--rows @{}", beside.display())),
            "{text}"
        );
        let written = std::fs::read_to_string(&beside).unwrap();
        assert_eq!(written.trim().parse::<Rows>().unwrap().ranges(), 100);
    }
}
