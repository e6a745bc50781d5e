//! One difference between two runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::values;
use crate::text::formula::is_formula;
use crate::text::nearest::nearest;

/// The kind of a change, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// A page that answered fails now.
    Broken,
    /// A page that is not there any more: nothing that was requested leads to it.
    Gone,
    /// A page with the same text at another URL, or a redirect that leads elsewhere.
    Moved,
    /// A page that was not there before.
    Added,
    /// Another status, or another failure, that breaks nothing.
    Status,
    /// A page whose text differs widely.
    Content,
    /// A page whose bytes differ. Whether its text does is not known.
    Bytes,
    /// Another title.
    Title,
    /// Another value of a field of a page, or of an item.
    Value,
    /// An item that was not there before.
    ItemAdded,
    /// An item that is not there any more.
    ItemGone,
    /// A page with the same text, or nearly so, in other bytes: a nonce, a counter, a navigation.
    Shell,
    /// A page of the old run that the new one did not request.
    NotAsked,
    /// A page of the new run that the old one had not requested.
    NotAskedBefore,
}

/// A difference between two runs.
///
/// `old` and `new` are statuses or classes of errors, digests, titles, or values of fields; `null` where there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Its kind.
    pub kind: ChangeKind,
    /// The URL of the page: that of the old run, unless only the new one has it.
    pub url: String,
    /// Where the page is now, if it moved, or where the item is.
    pub new_url: Option<String>,
    /// The recipe of the item.
    pub recipe: Option<String>,
    /// The key of the item.
    pub key: Option<String>,
    /// The field whose value changed; that of a page, if there is no recipe.
    pub field: Option<String>,
    /// The value in the old run.
    pub old: Value,
    /// The value in the new run.
    pub new: Value,
    /// The bits in which the fingerprints of the two texts differ, of 64.
    pub distance: Option<u32>,
    /// Why it counts as this kind, if that needs a reason.
    pub why: Option<String>,
    /// Its number, by which a report finds its texts.
    #[serde(skip)]
    pub(crate) number: i64,
}

impl ChangeKind {
    /// Every kind, the gravest first.
    pub const ALL: [Self; 14] = [
        Self::Broken,
        Self::Gone,
        Self::Moved,
        Self::Added,
        Self::Status,
        Self::Content,
        Self::Bytes,
        Self::Title,
        Self::Value,
        Self::ItemAdded,
        Self::ItemGone,
        Self::Shell,
        Self::NotAsked,
        Self::NotAskedBefore,
    ];

    /// The name of the kind, in outputs and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Gone => "gone",
            Self::Moved => "moved",
            Self::Added => "added",
            Self::Status => "status",
            Self::Content => "content",
            Self::Bytes => "bytes",
            Self::Title => "title",
            Self::Value => "value",
            Self::ItemAdded => "item-added",
            Self::ItemGone => "item-gone",
            Self::Shell => "shell",
            Self::NotAsked => "not-asked",
            Self::NotAskedBefore => "not-asked-before",
        }
    }

    /// The kind in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Broken => "answered before, fail now",
            Self::Gone => "no longer there",
            Self::Moved => "at another URL now",
            Self::Added => "new",
            Self::Status => "another status or failure",
            Self::Content => "the text differs",
            Self::Bytes => "the bytes differ; whether the text does is not known",
            Self::Title => "another title",
            Self::Value => "another value of a field",
            Self::ItemAdded => "new items",
            Self::ItemGone => "items no longer there",
            Self::Shell => "only the bytes differ",
            Self::NotAsked => "not requested by the new run",
            Self::NotAskedBefore => "not requested by the old run",
        }
    }

    /// Whether it says that the site changed.
    ///
    /// Bytes without another text do not, nor does what one of the runs did not request.
    pub const fn is_of_site(self) -> bool {
        !matches!(self, Self::Shell | Self::NotAsked | Self::NotAskedBefore)
    }

    /// Its place in [`ALL`](Self::ALL).
    pub(super) fn rank(self) -> usize {
        Self::ALL
            .iter()
            .position(|kind| *kind == self)
            .unwrap_or_default()
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ChangeKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            match nearest(text, &names) {
                Some(near) => format!("unknown kind of change {text:?}: did you mean {near:?}?"),
                None => format!(
                    "unknown kind of change {text:?}; the kinds are {}",
                    names.join(", ")
                ),
            }
        })
    }
}

impl Change {
    /// The names of its members, in order: the columns of a table of changes.
    pub const COLUMNS: [&str; 10] = [
        "kind", "url", "new_url", "recipe", "key", "field", "old", "new", "distance", "why",
    ];

    /// Its members as the cells of a table, with values that are not text as JSON.
    ///
    /// A cell that a spreadsheet would take for a formula is prefixed with an apostrophe.
    pub fn cells(&self) -> [String; 10] {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let value = |value: &Value| match value {
            Value::Null => String::new(),
            value => values::text(value),
        };
        let cells = [
            self.kind.name().to_owned(),
            self.url.clone(),
            text(&self.new_url),
            text(&self.recipe),
            text(&self.key),
            text(&self.field),
            value(&self.old),
            value(&self.new),
            self.distance
                .map(|bits| bits.to_string())
                .unwrap_or_default(),
            text(&self.why),
        ];
        cells.map(|cell| match is_formula(cell.as_bytes()) {
            true => format!("'{cell}"),
            false => cell,
        })
    }

    /// A change of a page.
    pub(super) fn of(kind: ChangeKind, url: &str) -> Self {
        Self {
            kind,
            url: url.to_owned(),
            new_url: None,
            recipe: None,
            key: None,
            field: None,
            old: Value::Null,
            new: Value::Null,
            distance: None,
            why: None,
            number: 0,
        }
    }

    /// With the values of both runs.
    pub(super) fn between(mut self, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        (self.old, self.new) = (old.into(), new.into());
        self
    }

    /// With a reason.
    pub(super) fn because(mut self, why: &str) -> Self {
        self.why = Some(why.to_owned());
        self
    }
}
