//! Matches many patterns at once, in one pass over the URL.

use std::sync::Arc;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::Pattern;
use crate::url::PageUrl;

/// Memory for cached states of the automaton, in bytes: with more states it is slower, but still correct.
const MEMORY_LIMIT: usize = 8 << 20;

/// A list of patterns.
#[derive(Debug)]
pub(crate) struct PatternList {
    pub(super) patterns: Vec<Pattern>,
    /// All patterns in one automaton.
    ///
    /// `None` if it would be too large, so that they are tried one by one.
    pub(super) set: Option<RegexSet>,
}

impl PatternList {
    pub(crate) fn new(patterns: &[Pattern]) -> Self {
        let set = RegexSetBuilder::new(patterns.iter().map(|pattern| pattern.regex.as_str()))
            .unicode(false)
            .size_limit(MEMORY_LIMIT)
            .dfa_size_limit(MEMORY_LIMIT)
            .build();
        Self {
            patterns: patterns.to_vec(),
            set: set.ok(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether any of them matches: much faster than finding out which.
    pub(crate) fn matches(&self, url: &PageUrl) -> bool {
        match &self.set {
            Some(set) => set.is_match(url.as_str().as_bytes()),
            None => self.patterns.iter().any(|pattern| pattern.matches(url)),
        }
    }

    /// The text of the first pattern that matches.
    pub(crate) fn first_match(&self, url: &PageUrl) -> Option<Arc<str>> {
        if self.patterns.is_empty() || !self.matches(url) {
            return None;
        }
        let first = self.patterns.iter().find(|pattern| pattern.matches(url));
        first.map(|pattern| Arc::clone(&pattern.text))
    }
}
