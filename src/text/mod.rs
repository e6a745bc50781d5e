//! Text for people: sizes, durations and times, the closest name, and text that is safe to print or to open in a spreadsheet.

pub(crate) mod clean;
pub(crate) mod formula;
pub(crate) mod moment;
pub(crate) mod nearest;
pub(crate) mod secret;
pub(crate) mod size;
