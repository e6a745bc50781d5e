//! Errors and skip reasons of the library, in terms of the command line.
//!
//! The library knows no flags. This is the one place that knows which flag an error is about, and which flag helps.

use haul::{Error, Setting};

/// An error, and what to do about it. Settings that differ are listed one per line.
pub(super) fn sentence(error: &Error) -> String {
    match error {
        Error::Invalid { setting, problem } => format!("{}: {problem}", flag(*setting)),
        Error::SettingsDiffer {
            folder,
            differences,
            fixed,
        } => {
            let advice = match fixed {
                false => {
                    "--allow-changes resumes it with the new ones where possible, --fresh starts over"
                }
                true => "these cannot change in a job: --fresh starts over",
            };
            let mut text = format!(
                "the job in {} was started with other settings; {advice}:",
                folder.display()
            );
            for difference in differences {
                text.push_str(&format!("\n  {difference}"));
            }
            text
        }
        Error::UrlColumn { .. } => {
            format!("{error}; --url-column NAME (or its number) says which column has them")
        }
        Error::ArchiveAsList { .. } => format!("{error}: haul fetch --from FILE reads its pages"),
        Error::Damaged { .. }
        | Error::DamagedMark { .. }
        | Error::NotAsLeft { .. }
        | Error::ArchiveChanged { .. } => {
            format!("{error}; --fresh starts over")
        }
        Error::OtherFormat { .. } => {
            format!(
                "{error}: resume it with the version that started it, or start over with --fresh"
            )
        }
        other => other.to_string(),
    }
}

/// Whether the message of an error may have several lines.
pub(super) fn has_lines(error: &Error) -> bool {
    matches!(error, Error::Setting(_) | Error::SettingsDiffer { .. })
}

fn flag(setting: Setting) -> &'static str {
    match setting {
        Setting::Method => "--method",
        Setting::Authorities => "--cacert",
        Setting::ClientCertificate => "--cert",
        Setting::ClientKey => "--key",
        Setting::Pins => "--pinned-pubkey",
        Setting::Memory => "--max-memory",
        Setting::Output => "--output",
        Setting::PracticeServer => "the practice server",
        Setting::Pages => "--pages",
        Setting::Rounds => "--rounds",
        Setting::TimeBudget => "--time-budget",
        Setting::Sweep => "--sweep",
        Setting::Map => "--map",
        Setting::Limit => "-n",
        Setting::Since => "--since",
        _ => "settings",
    }
}

/// The flag behind a failure or skip of this class, or one that helps, in brackets. Empty if there is none.
pub(super) fn of_class(class: &str) -> &'static str {
    match class {
        "depth" => " (--depth)",
        "scope" => " (--scope)",
        "excluded" => " (--exclude)",
        "included" => " (--include)",
        "host-full" => " (--max-per-host)",
        "asset" => " (--assets fetches them)",
        "private" => " (--allow-private allows it)",
        "tls-pin" => " (--pinned-pubkey)",
        "tls-client" => " (--cert)",
        "too-large" => " (--max-size)",
        "redirects" => " (--max-redirs)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use haul::{Difference, FetchError, Skip};

    use super::*;

    #[test]
    fn an_error_names_the_flag_that_it_is_about_or_that_helps() {
        let problem = || "it is gone".to_owned();
        let errors = [
            (
                Error::Invalid {
                    setting: Setting::Memory,
                    problem: problem(),
                },
                "--max-memory: it is gone",
            ),
            (
                Error::NotAsLeft {
                    path: "out.csv".into(),
                    problem: problem(),
                },
                "cannot go on with out.csv: it is gone; --fresh starts over",
            ),
            (
                Error::UrlColumn {
                    name: "list.csv".into(),
                    problem: "no column holds URLs: the columns are a, b".into(),
                },
                "list.csv: no column holds URLs: the columns are a, b; --url-column NAME (or its number) says which \
                 column has them",
            ),
        ];
        for (error, text) in errors {
            assert_eq!(sentence(&error), text);
        }
    }

    #[test]
    fn settings_that_differ_have_a_line_each_and_a_way_out_that_is_one() {
        let differ = |fixed| Error::SettingsDiffer {
            folder: "job".into(),
            differences: vec![Difference {
                name: "depth".into(),
                then: Some("3".into()),
                now: None,
            }],
            fixed,
        };
        let text = sentence(&differ(false));
        assert!(text.contains("--allow-changes"), "{text}");
        assert!(text.ends_with(":\n  depth: 3 then, not set now"), "{text}");
        assert!(!sentence(&differ(true)).contains("--allow-changes"));
    }

    #[test]
    fn only_classes_of_the_library_have_a_flag() {
        let classes = FetchError::CLASSES.iter().chain(&Skip::CLASSES);
        let with_flag: Vec<_> = classes
            .map(|(class, _)| *class)
            .filter(|class| !of_class(class).is_empty())
            .collect();
        let expected = [
            "tls-pin",
            "tls-client",
            "too-large",
            "redirects",
            "private",
            "depth",
            "scope",
            "excluded",
            "included",
            "host-full",
            "asset",
        ];
        assert_eq!(with_flag, expected);
    }
}
