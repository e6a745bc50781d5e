//! How a job's settings differ between its start and now.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Difference, Error, Result};

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
        let kept = |name: &str| may_change.iter().any(|allowed| allowed == name);
        let all = self.0.iter().filter(|(name, ..)| !kept(name));
        let differences: Vec<_> = all
            .map(|(name, then, now)| Difference {
                name: (*name).to_owned(),
                then: then.map(str::to_owned),
                now: now.map(str::to_owned),
            })
            .collect();
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::SettingsDiffer {
            folder: folder.to_owned(),
            differences,
            fixed: !may_change.is_empty(),
        })
    }
}
