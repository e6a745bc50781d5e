//! The list of saved files, in their folder: one JSON object per line.
//!
//! A file name can express only part of its URL. The list has the whole URL and the response's status and type, so
//! that whoever reads the folder later ([`Archive`](crate::archive::Archive)) knows what a live run knew. Invariant: a
//! file is listed only once it exists.

use std::path::{Path, PathBuf};

use super::lines::{Lines, Render};
use super::output::Output;
use super::{Destination, Start};
use crate::archive::Listed;
use crate::error::Result;
use crate::parse::Wants;
use crate::visit::Visit;

/// Renders the list of saved files.
pub(super) struct Index {
    folder: PathBuf,
}

impl Index {
    /// Opens the list.
    ///
    /// # Errors
    /// When the list cannot be opened, or does not match its mark.
    pub(super) fn open(destination: &Destination, start: Start<'_>) -> Result<Lines<Self>> {
        let folder = match destination {
            Destination::File { path, .. } => path.parent().map(Path::to_owned),
            Destination::Stdout => None,
        };
        let folder = folder.unwrap_or_default();
        Ok(Lines::new(
            Output::open(destination, start)?,
            Self { folder },
            start,
        ))
    }
}

impl Render for Index {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    fn add(&mut self, visit: &Visit, out: &mut Vec<u8>) -> Result<()> {
        let (Ok(page), Some(saved)) = (&visit.outcome, &visit.parsed.saved) else {
            return Ok(());
        };
        let below = saved.strip_prefix(&self.folder).ok();
        let Some(file) = below.and_then(Path::to_str) else {
            return Ok(());
        };
        let listed = Listed {
            file: file.into(),
            url: visit.job.url.as_str().into(),
            method: visit.job.method().map(|method| method.as_str().into()),
            status: page.status,
            content_type: page
                .headers
                .text(http::header::CONTENT_TYPE)
                .map(Into::into),
        };
        // Writing text and numbers to memory cannot fail.
        let _ = serde_json::to_writer(&mut *out, &listed);
        out.push(b'\n');
        Ok(())
    }
}
