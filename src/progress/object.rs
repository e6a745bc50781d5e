//! Progress as JSON: one object a line, for programs that watch a run.
//!
//! Invariant: every object matches `docs/src/reference/progress.schema.json`, and while progress is JSON, nothing else
//! is written to standard error. The last object says how the run ended; where it is missing, the process was killed.

use std::io::Write;

use serde::Serialize;

use super::figures::{Figures, rounded};

/// The version of the objects: fields may be added to it, but none removed or changed.
pub(super) const VERSION: u32 = 1;

/// One line.
#[derive(Serialize)]
pub(super) struct Object<'a> {
    version: u32,
    #[serde(flatten)]
    content: Content<'a>,
}

/// What a line tells.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Content<'a> {
    /// The figures so far.
    Progress {
        #[serde(flatten)]
        figures: &'a Figures,
        /// Those of the last few seconds.
        #[serde(flatten)]
        rates: Rates,
        eta_s: Option<u64>,
    },
    /// A message for people.
    Notice { text: &'a str },
    /// The end of the run.
    End {
        #[serde(flatten)]
        ending: &'a Ending,
        #[serde(flatten)]
        figures: &'a Figures,
        /// Those of the whole run.
        #[serde(flatten)]
        rates: Rates,
    },
}

/// How fast a run is.
#[derive(Serialize)]
pub(super) struct Rates {
    records_per_s: f64,
    bytes_per_s: u64,
}

/// How a run ended.
#[derive(Debug, Serialize)]
pub(crate) struct Ending {
    /// The exit code of the process, and its meaning.
    pub(crate) exit_code: u8,
    pub(crate) meaning: &'static str,
    pub(crate) reason: Reason,
    /// The error that ended the run, with its causes.
    pub(crate) error: Option<String>,
    /// The command that fetches the rest.
    pub(crate) resume: Option<String>,
    /// The records of a job, over all its sessions.
    pub(crate) job: Option<OfJob>,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    /// There was nothing left to do.
    Finished,
    /// A signal arrived.
    Interrupted,
    /// The time limit was reached.
    TimeLimit,
    /// An output could not be written.
    OutputFailed,
    /// The reader of the output had enough.
    OutputClosed,
    /// It could not start, or not go on.
    Error,
}

/// The records of a job, over all its sessions.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct OfJob {
    pub(crate) done: u64,
    pub(crate) failed: u64,
}

impl Rates {
    pub(super) fn new((records, bytes): (f64, f64)) -> Self {
        Self {
            records_per_s: rounded(records),
            bytes_per_s: bytes as u64,
        }
    }

    /// Those of a whole run.
    pub(super) fn of(figures: &Figures) -> Self {
        let seconds = figures.elapsed.as_secs_f64();
        match seconds > 0.0 {
            true => Self::new((
                figures.done as f64 / seconds,
                figures.wire_bytes as f64 / seconds,
            )),
            false => Self::new((0.0, 0.0)),
        }
    }
}

/// Writes one object to standard error, in one piece.
pub(super) fn write(content: Content<'_>) {
    let text = line(content);
    // If this cannot be written, there is nobody left to report it to.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn line(content: Content<'_>) -> String {
    let object = Object {
        version: VERSION,
        content,
    };
    let mut line = serde_json::to_string(&object).expect("all its keys are strings or numbers");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use haul::{Failures, Tally, Wait, WaitReason};
    use serde_json::Value;

    use super::*;

    const SCHEMA: &str = include_str!("../../docs/src/reference/progress.schema.json");
    const DOCS: &str = include_str!("../../docs/src/reference/progress.md");

    fn tally() -> Tally {
        let mut tally = Tally::default();
        (tally.visited, tally.failed, tally.answers) = (100, 4, 97);
        tally.total = Some(200);
        tally.elapsed = Duration::from_secs(2);
        tally.statuses.extend([(200, 96), (404, 1)]);
        let failure = Failures {
            count: 4,
            example: "http://a.example/\u{1b}".into(),
            message: "refused\n".into(),
        };
        tally.failures.insert("connect", failure);
        tally.latency.record_n(12_000, 97).unwrap();
        tally.waits.count = 2;
        tally.waits.first = [
            (
                Some("http://a.example"),
                WaitReason::CrawlDelay { ms: 2500 },
            ),
            (None, WaitReason::Rate),
        ]
        .into_iter()
        .map(|(host, reason)| Wait {
            host: host.map(str::to_owned),
            until: 1_700_000_000,
            reason,
        })
        .collect();
        tally.checkpoint_age = Some(Duration::from_millis(340));
        tally
    }

    fn ending(reason: Reason) -> Ending {
        Ending {
            exit_code: 5,
            meaning: "the output cannot be written",
            reason,
            error: Some("cannot write".to_owned()),
            resume: Some("haul fetch urls.txt".to_owned()),
            job: Some(OfJob { done: 3, failed: 1 }),
        }
    }

    /// An object of every kind, and with every optional value once present and once not.
    fn every() -> Vec<Value> {
        let objects = [tally(), Tally::default()].map(|tally| {
            let figures = Figures::of(&tally);
            let progress = Content::Progress {
                figures: &figures,
                rates: Rates::new((1.25, 1e9)),
                eta_s: tally.total,
            };
            let mut lines = vec![line(progress), line(Content::Notice { text: "a\nb" })];
            for reason in [
                Reason::Finished,
                Reason::Interrupted,
                Reason::TimeLimit,
                Reason::OutputFailed,
                Reason::OutputClosed,
                Reason::Error,
            ] {
                let mut ending = ending(reason);
                if tally.total.is_none() {
                    (ending.error, ending.resume, ending.job) = (None, None, None);
                }
                lines.push(line(Content::End {
                    ending: &ending,
                    figures: &figures,
                    rates: Rates::of(&figures),
                }));
            }
            lines
        });
        let lines = objects.concat();
        for line in &lines {
            assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        }
        let parsed = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        parsed.collect()
    }

    fn validator() -> jsonschema::Validator {
        jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
    }

    #[test]
    fn an_object_of_every_kind_is_one_line_and_matches_the_schema() {
        let validator = validator();
        for object in every() {
            let problems: Vec<String> = validator
                .iter_errors(&object)
                .map(|problem| format!("{}: {problem}", problem.instance_path))
                .collect();
            assert!(problems.is_empty(), "{problems:#?}\n{object:#}");
            assert_eq!(object["version"], VERSION);
        }
    }

    #[test]
    fn the_schema_refuses_what_is_not_such_an_object() {
        let validator = validator();
        for object in every() {
            for name in object.as_object().unwrap().keys() {
                let mut bad = object.clone();
                bad.as_object_mut().unwrap().remove(name);
                assert!(!validator.is_valid(&bad), "without {name}: {bad}");
            }
            let mut bad = object.clone();
            bad["more"] = 1.into();
            assert!(!validator.is_valid(&bad), "{bad}");
        }
    }

    #[test]
    fn the_schema_and_the_documentation_have_every_field() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let parts = schema["$defs"].as_object().unwrap().values();
        let properties = parts.flat_map(|part| part["properties"].as_object().unwrap().keys());
        let described: BTreeSet<String> = properties.cloned().collect();
        let objects = every();
        let written = objects.iter().filter_map(Value::as_object);
        let written: BTreeSet<String> = written.flat_map(|object| object.keys().cloned()).collect();
        assert_eq!(described, written);
        let rows = DOCS.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented: BTreeSet<String> = rows
            .filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
            .collect();
        assert_eq!(documented, written);
    }

    #[test]
    fn the_examples_in_the_documentation_match_the_schema() {
        let validator = validator();
        let examples: Vec<&str> = DOCS
            .split("```json\n")
            .skip(1)
            .filter_map(|part| part.split("```").next())
            .collect();
        assert_eq!(examples.len(), 3, "one of each kind");
        for example in examples {
            let example: Value = serde_json::from_str(example).unwrap();
            assert!(validator.is_valid(&example), "{example}");
        }
    }
}
