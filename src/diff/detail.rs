//! A page of either run as it is compared, and as it waits for the other run's page.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use super::target::target;
use super::trace::{State, outcome, state};
use super::values::Values;
use super::visible;
use crate::earlier::Page;

/// What is compared of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Detail {
    pub(super) url: String,
    /// Where its redirects lead.
    pub(super) target: Option<String>,
    pub(super) state: State,
    pub(super) status: Option<u16>,
    pub(super) class: Option<String>,
    pub(super) is_external: bool,
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) simhash: Option<u64>,
    /// A hash of the text as its reader sees it; `None` if the text is not known.
    pub(super) visible: Option<u64>,
    pub(super) title: Option<String>,
    pub(super) values: Map<String, Value>,
    /// The lines of its text, if they are shown.
    pub(super) lines: Vec<String>,
}

impl Detail {
    /// The details of a page, whose values were taken from it.
    pub(super) fn of(page: &Page, values: Values, shows_text: bool) -> Self {
        let lines = page.text.as_ref().map(visible::lines);
        Self {
            url: page.url.clone(),
            target: target(page),
            state: state(page),
            status: outcome(page),
            class: page.error.clone(),
            is_external: page.external,
            sha256: page.sha256,
            simhash: page.simhash(),
            visible: lines
                .as_ref()
                .map(|lines| xxh3_64(lines.join("\n").as_bytes())),
            title: page.title.clone().filter(|title| !title.is_empty()),
            values: values.own,
            lines: lines.filter(|_| shows_text).unwrap_or_default(),
        }
    }

    /// How the request ended, as a change names it: the status, or else the class of the error.
    pub(super) fn outcome(&self) -> Value {
        match (self.status, &self.class) {
            (Some(status), _) => status.into(),
            (None, Some(class)) => class.as_str().into(),
            (None, None) => Value::Null,
        }
    }
}
