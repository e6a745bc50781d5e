//! Archives of pages, read: WARC files of any producer, and folders of saved pages.

pub(crate) mod date;
pub(crate) mod series;
