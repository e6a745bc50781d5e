//! A CSV file that is written when a run ends, and gets its name when it is complete.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::page::body::SPOOL_PREFIX;

/// A CSV file.
pub(super) struct Table {
    file: csv::Writer<BufWriter<tempfile::NamedTempFile>>,
    path: PathBuf,
}

impl Table {
    /// Creates the file, with its header row.
    ///
    /// # Errors
    /// If its folder cannot be written to.
    pub(super) fn create(path: &Path, head: &[&str]) -> Result<Self> {
        let failed = |source| Error::output(path, source);
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(SPOOL_PREFIX).suffix(".tmp");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .map_err(failed)?;
        let mut table = Self {
            file: csv::Writer::from_writer(BufWriter::new(file)),
            path: path.to_owned(),
        };
        table.row(head)?;
        Ok(table)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn row(&mut self, row: &[&str]) -> Result<()> {
        let written = self.file.write_record(row);
        written.map_err(|source| Error::output(&self.path, io::Error::other(source)))
    }

    /// Completes the file, and gives it its name.
    ///
    /// # Errors
    /// If it cannot be written completely.
    pub(super) fn finish(self) -> Result<()> {
        let whole = || {
            let mut file = self.file.into_inner().map_err(|error| error.into_error())?;
            file.flush()?;
            let file = file.into_inner().map_err(|error| error.into_error())?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        whole().map_err(|source: io::Error| Error::output(&self.path, source))
    }
}
