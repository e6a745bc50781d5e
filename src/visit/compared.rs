//! How a page compares with what an earlier run had.

use serde::{Deserialize, Serialize};

use crate::page::snapshot::Snapshot;

/// The most bits in which the simhashes of two texts differ that are nearly the same.
pub(crate) const NEAR: u32 = 3;

/// How a page compares with what an earlier run had of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Compared {
    /// What changed.
    pub change: Change,
    /// Whether the server said so, and sent no body (304 Not Modified).
    pub is_unchanged: bool,
    /// What the earlier run had, without the content.
    pub(crate) then: Snapshot,
    /// The identifier of the page's record, if the earlier run is an archive.
    pub(crate) record: Option<String>,
}

/// What changed on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Nothing: the bytes are the same.
    No,
    /// Its bytes, but its text is nearly the same: a nonce, a counter, a date.
    Shell,
    /// Its text; or its bytes, if it has no text to compare.
    Content,
}

impl Change {
    /// The change in one word, for records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Change::No => "no",
            Change::Shell => "shell",
            Change::Content => "content",
        }
    }

    /// The change from what an earlier run had; `None` if there is nothing to compare.
    pub(crate) fn between(
        then: &Snapshot,
        digest: Option<[u8; 32]>,
        simhash: Option<u64>,
    ) -> Option<Self> {
        if then.sha256? == digest? {
            return Some(Self::No);
        }
        let distance = then.simhash.zip(simhash);
        let distance = distance.map(|(then, now)| (then ^ now).count_ones());
        Some(match distance {
            Some(0..=NEAR) => Self::Shell,
            _ => Self::Content,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_judged_by_the_bytes_and_then_by_the_text() {
        let then = Snapshot {
            sha256: Some([1; 32]),
            simhash: Some(0b1111_0000),
            ..Snapshot::default()
        };
        let change = |digest, simhash| Change::between(&then, digest, simhash);
        assert_eq!(change(Some([1; 32]), Some(!0)), Some(Change::No));
        assert_eq!(
            change(Some([2; 32]), Some(0b1111_0111)),
            Some(Change::Shell)
        );
        assert_eq!(
            change(Some([2; 32]), Some(0b1111_1111)),
            Some(Change::Content)
        );
        assert_eq!(change(Some([2; 32]), None), Some(Change::Content));
        assert_eq!(change(None, Some(0)), None);
    }
}
