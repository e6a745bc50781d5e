//! Check sums: a bit that flips on a disk is reported, not taken for a URL.

use xxhash_rust::xxh3::Xxh3;

use super::row::{Row, State};

/// The sum of the columns that never change.
pub(super) fn of_row(row: &Row, host: i64, reach: &str) -> i64 {
    let mut sum = Xxh3::with_seed(row.id);
    sum.update(&row.fingerprint.to_le_bytes());
    sum.update(&host.to_le_bytes());
    sum.update(&[row.role as u8, row.via as u8]);
    sum.update(&row.depth.to_le_bytes());
    sum.update(&row.row.unwrap_or_default().to_le_bytes());
    sum.update(&row.found_on.to_le_bytes());
    for text in [&*row.url, reach, row.request.as_deref().unwrap_or_default()] {
        sum.update(text.as_bytes());
        sum.update(&[0xff]);
    }
    sum.digest().cast_signed()
}

/// The sum of the columns that change when a row settles.
pub(super) fn of_state(id: u64, state: &State) -> i64 {
    let mut sum = Xxh3::with_seed(!id);
    let (code, status, class, message) = state.columns();
    sum.update(&code.to_le_bytes());
    sum.update(&status.unwrap_or_default().to_le_bytes());
    for text in [class, message] {
        sum.update(text.unwrap_or_default().as_bytes());
        sum.update(&[0xff]);
    }
    sum.digest().cast_signed()
}

/// The sum of a named text.
pub(super) fn of_text(name: &str, text: &str) -> i64 {
    let mut sum = Xxh3::new();
    sum.update(name.as_bytes());
    sum.update(&[0xff]);
    sum.update(text.as_bytes());
    sum.digest().cast_signed()
}

impl State {
    /// The stored form: a code, a status or a number, a class, a message.
    pub(super) fn columns(&self) -> (i64, Option<i64>, Option<&str>, Option<&str>) {
        match self {
            State::Waiting(0) => (0, None, None, None),
            State::Waiting(pass) => (0, Some((*pass).into()), None, None),
            State::Done(status) => (1, status.map(i64::from), None, None),
            State::Failed {
                status,
                class,
                message,
            } => (2, status.map(i64::from), Some(class), Some(message)),
            State::Skipped { class, message } => (3, None, Some(class), Some(message)),
            State::Reread(pass) => (4, Some((*pass).into()), None, None),
        }
    }

    /// The reverse of [`columns`](Self::columns); `None` if the columns are no valid state.
    pub(super) fn from_columns(
        code: i64,
        status: Option<i64>,
        class: Option<String>,
        message: Option<String>,
    ) -> Option<Self> {
        let http = status.and_then(|status| u16::try_from(status).ok());
        Some(match code {
            0 => State::Waiting(u32::try_from(status.unwrap_or_default()).ok()?),
            1 => State::Done(http),
            2 => State::Failed {
                status: http,
                class: class?,
                message: message?,
            },
            3 => State::Skipped {
                class: class?,
                message: message?,
            },
            4 => State::Reread(u32::try_from(status?).ok()?),
            _ => return None,
        })
    }
}
