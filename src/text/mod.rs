//! Text for people: sizes, durations and times, the closest name, and text that is safe to print.

pub(crate) mod clean;
pub(crate) mod moment;
pub(crate) mod nearest;
pub(crate) mod secret;
pub(crate) mod size;
