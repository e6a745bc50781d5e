//! How a job's settings differ between its start and now.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::clean::clean;
use crate::error::{Error, Result};

/// Settings that changed: name, value then, value now.
pub(super) struct Differences<'a>(Vec<(&'a str, Option<&'a str>, Option<&'a str>)>);

impl<'a> Differences<'a> {
    pub(super) fn between(
        then: &'a BTreeMap<String, String>,
        now: &'a BTreeMap<String, String>,
    ) -> Self {
        let value = |of: &'a BTreeMap<String, String>, name: &str| of.get(name).map(String::as_str);
        let mut names: Vec<&str> = then.keys().chain(now.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let all = names.into_iter();
        Self(
            all.map(|name| (name, value(then, name), value(now, name)))
                .filter(|(_, then, now)| then != now)
                .collect(),
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fails unless every difference is one that `may_change` names.
    ///
    /// # Errors
    /// When another setting changed: the records of one job would follow two sets of rules.
    pub(super) fn check(&self, folder: &Path, may_change: &[String]) -> Result<()> {
        let mut text = String::new();
        for (name, then, now) in &self.0 {
            if may_change.iter().any(|allowed| allowed == name) {
                continue;
            }
            let shown = |value: &Option<&str>| match value {
                Some(value) => clean(&value.replace('\n', ", ")).into_owned(),
                None => "not set".to_owned(),
            };
            let _ = write!(text, "\n  {name}: {} then, {} now", shown(then), shown(now));
        }
        if text.is_empty() {
            return Ok(());
        }
        let advice = match may_change.is_empty() {
            true => {
                "--allow-changes resumes it with the new ones where possible, --fresh starts over"
            }
            false => "these cannot change in a job: --fresh starts over",
        };
        let problem = format!(
            "the job in {} was started with other settings; {advice}:{text}",
            folder.display()
        );
        Err(Error::Setting(problem))
    }
}
