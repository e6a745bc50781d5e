//! A recipe: which pages it is for, what it reads from them, and where it leads.

use serde::{Deserialize, Serialize};

use super::rule::Rule;
use super::selection::Expression;
use super::selector::Source;
use crate::pattern::Pattern;

/// What to read from which pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Its name, and that of its table.
    pub name: String,
    /// The URLs it is for. None: every page of its source. Empty: only the pages that another recipe leads to for it.
    pub matches: Option<Vec<Pattern>>,
    /// What the page is read as.
    pub source: Source,
    /// The selector of an item; empty: the page is one item.
    pub each: String,
    /// The fields of an item.
    pub rules: Vec<Rule>,
    /// Where to go from here.
    pub follow: Vec<Lead>,
}

/// Links that a recipe leads to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Where the links are; of elements whose attribute is not named, `href`.
    pub expression: Expression,
    /// The recipe for what they lead to, whatever its own patterns say.
    pub recipe: Option<String>,
}
