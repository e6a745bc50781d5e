//! The values of `--from`: archives, folders of saved pages, and jobs, which stand for the pages that they stored.

use std::path::{Path, PathBuf};

use haul::Error;
use haul::frontier::{inspect, is_job};
use haul::sink::Format;

/// The archives and folders to read. A job is replaced by the archive or folder that its pages were written to.
///
/// # Errors
/// When a job cannot be read, or stored no pages.
pub(in crate::cli) fn places(from: &[PathBuf]) -> haul::Result<Vec<PathBuf>> {
    let mut places = Vec::new();
    for path in from {
        match is_job(path) {
            true => places.push(of_job(path)?),
            false => places.push(path.clone()),
        }
    }
    Ok(places)
}

/// The archive or folder with the pages of a job. An archive is preferred, as it has the response headers too.
fn of_job(folder: &Path) -> haul::Result<PathBuf> {
    let settings = inspect(folder, 0)?.settings;
    let of = |name: &str| settings.get(name).map(String::as_str).unwrap_or_default();
    let archive = of("output")
        .split('\n')
        .map(PathBuf::from)
        .find(|path| matches!(Format::of_path(path), Some(Format::Warc(_))));
    let own = folder.join("records.warc.gz");
    let own = own.is_file().then_some(own);
    let saved = ["output-dir", "mirror"]
        .map(of)
        .into_iter()
        .find(|path| !path.is_empty());
    archive
        .or(own)
        .or(saved.map(PathBuf::from))
        .ok_or_else(|| {
            Error::Setting(format!(
                "{}: the job stored no pages; start it with -o pages.warc.gz or --output-dir to store them",
                folder.display()
            ))
        })
}
