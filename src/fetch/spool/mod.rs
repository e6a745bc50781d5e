//! Large bodies, in files.
//!
//! A body that is too large for memory goes to a file in the spool folder. If downloads may be resumed, the file is
//! named after its request, and a note next to it has the validators, so that a later retry, in this run or the
//! next, requests only the rest. Invariant: a file name is made of a fingerprint, never of text from a page; a file
//! is written by one download at a time (with a lock); a file that is given up without a note is removed.

mod file;
mod folder;
mod partial;
mod spooling;

pub(super) use file::SpoolFile;
pub(super) use folder::{remove, remove_segments};
pub(super) use partial::Partial;
pub(super) use spooling::Spooling;
