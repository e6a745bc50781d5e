//! The list of the files that bodies were saved to: a JSON object a line, in the same folder.
//!
//! A file's name says its URL as far as a name can. The list says all of it, with what the answer said of itself, so that
//! whoever reads the folder later ([`Archive`](crate::archive::Archive)) has what a live run had. Invariant: a file
//! is listed when it is there.

use std::path::{Path, PathBuf};

use super::lines::{Lines, Render};
use super::output::Output;
use super::{Destination, Start};
use crate::archive::Listed;
use crate::error::Result;
use crate::parse::Wants;
use crate::visit::Visit;

/// The list.
pub(super) struct Index {
    folder: PathBuf,
}

impl Index {
    /// # Errors
    /// When the list cannot be opened, or is not what its mark says.
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
        // Text and numbers alone cannot fail to be written into memory.
        let _ = serde_json::to_writer(&mut *out, &listed);
        out.push(b'\n');
        Ok(())
    }
}
