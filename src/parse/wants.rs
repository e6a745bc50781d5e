//! What a run's sinks need from the parse half.

use serde::{Deserialize, Serialize};

/// What a run's sinks need from the parse half.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wants {
    /// The SHA-256 of the decoded body.
    pub digest: bool,
    /// The title of HTML pages, and the charset of text bodies.
    pub title: bool,
    /// The decoded text of text bodies.
    pub text: bool,
    /// The decoded bytes.
    pub content: bool,
    /// The complete bytes as received, neither decoded nor moved out of the page.
    pub raw: bool,
}

impl Wants {
    /// Nothing: bodies are only counted.
    pub const NOTHING: Self = Self {
        digest: false,
        title: false,
        text: false,
        content: false,
        raw: false,
    };

    /// Whether anything is wanted.
    pub fn any(self) -> bool {
        self != Self::NOTHING
    }

    /// Whether anything is wanted that requires decoding the body.
    pub fn reads(self) -> bool {
        Self { raw: false, ..self }.any()
    }

    /// Everything that either one wants.
    pub fn and(self, other: Self) -> Self {
        Self {
            digest: self.digest || other.digest,
            title: self.title || other.title,
            text: self.text || other.text,
            content: self.content || other.content,
            raw: self.raw || other.raw,
        }
    }
}
