//! What formats need from a page.

use crate::parse::Wants;

/// What an archive needs from a page.
pub(super) const ARCHIVED: Wants = Wants {
    title: true,
    raw: true,
    ..Wants::NOTHING
};

/// What whole records need from a page.
pub(super) const fn wants_of_records(body: bool) -> Wants {
    Wants {
        digest: true,
        title: true,
        text: body,
        ..Wants::NOTHING
    }
}
