//! A replacement without the feature `parquet`: lists in Parquet and Arrow cannot be read.

use std::io::Read;
use std::path::Path;

use super::entry::JobBuilder;
use super::feeder::{Enough, Feeder};
use crate::error::{Error, Result};

/// A table that cannot be read.
pub(super) enum Table {}

impl Table {
    /// Returns an error that says how to get it.
    ///
    /// # Errors
    /// Always.
    pub(super) fn arrow(name: &str, _: Box<dyn Read>, _: Option<&str>) -> Result<Self> {
        Err(Error::Table {
            name: name.to_owned(),
            problem: "this haul was built without its feature parquet, which Arrow belongs to"
                .to_owned(),
        })
    }

    /// As [`arrow`](Self::arrow).
    ///
    /// # Errors
    /// Always.
    pub(super) fn parquet(path: &Path, _: Option<&str>) -> Result<Self> {
        Err(Error::Table {
            name: path.display().to_string(),
            problem: "this haul was built without its feature parquet".to_owned(),
        })
    }

    /// Nothing is read.
    ///
    /// # Errors
    /// Never.
    pub(super) fn read(self, _: &mut JobBuilder, _: &mut Feeder<'_>) -> Result<Result<(), Enough>> {
        match self {}
    }
}
