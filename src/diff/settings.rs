//! What is compared, and reported.

use super::change::ChangeKind;

/// What is compared, and which changes are reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiffSettings {
    /// The field that identifies an item: its values are compared with those of the same item, wherever it is.
    ///
    /// Without a key, the items of a page are compared by their places on it.
    pub key: Option<String>,
    /// The kinds of changes to report; all if it is empty.
    pub only: Vec<ChangeKind>,
    /// Whether texts are kept, to be shown side by side.
    pub texts: bool,
}

impl DiffSettings {
    /// Whether changes of this kind are reported.
    pub(super) fn takes(&self, kind: ChangeKind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }
}
