//! Bodies, saved to files.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::visit::Visit;

/// A folder that bodies are saved to.
pub struct Files {
    _folder: PathBuf,
}

impl Files {
    /// Opens the folder; makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            _folder: folder.to_owned(),
        })
    }

    /// Saves the body of a visit, and notes in it where.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&mut self, _visit: &mut Visit) -> Result<()> {
        Ok(())
    }
}
