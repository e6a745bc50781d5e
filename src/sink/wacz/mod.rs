//! WACZ 1.1.1: a WARC file with its index and page list in one ZIP file, readable in place.
//!
//! The records are written straight into the ZIP file, as its first entry, uncompressed by ZIP: so a mark is the
//! length of the file, as everywhere, and nothing is copied at the end. What follows the records (index, pages,
//! description of the package, directory) is built when the run ends, by reading them back; a job that resumes cuts
//! it off. Edge: after a kill without a job the file has no directory, and only a reader that knows where the first
//! entry starts, as haul's does, can read it.

mod index;
mod sort;
mod surt;
mod zip;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Crc;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::index::{Index, hex};
use self::zip::ZipEntry;
use super::output::Output;
use super::plan::SinkPlan;
use super::warc::Warc;
use super::{ArchiveSettings, Destination, Mark, Sink, Start};
use crate::error::{Error, Result, Setting};
use crate::parse::Wants;
use crate::text::moment;
use crate::visit::Visit;

/// The name of the archive inside the package.
const NAME: &str = "data.warc.gz";
/// The number of bytes copied at a time.
const CHUNK: usize = 256 << 10;

/// A WACZ that is being written.
pub(super) struct Wacz {
    warc: Warc,
    path: PathBuf,
}

/// Checksums and length of some bytes, computed in one pass.
struct Checksums {
    crc: Crc,
    sha256: Sha256,
    length: u64,
}

/// A package, with the entries written so far.
struct Package {
    output: Output,
    entries: Vec<ZipEntry>,
    /// The description of each entry.
    resources: Vec<Value>,
}

impl Wacz {
    /// Opens a package.
    ///
    /// # Errors
    /// If the file cannot be opened or does not match its mark, or if the output is appended to or is standard
    /// output.
    pub(super) fn open(
        to: &Destination,
        settings: &ArchiveSettings,
        plan: &SinkPlan,
        start: Start<'_>,
    ) -> Result<Self> {
        let Destination::File {
            path,
            append: false,
        } = to
        else {
            return Err(Error::invalid(
                Setting::Output,
                "a WACZ needs a file of its own: it cannot be appended to an existing file",
            ));
        };
        let header = archive_entry(0, 0).header();
        Ok(Self {
            warc: Warc::within(settings, plan, path, &header, NAME, start)?,
            path: path.clone(),
        })
    }
}

/// The entry of the archive.
fn archive_entry(length: u64, crc: u32) -> ZipEntry {
    ZipEntry {
        name: format!("archive/{NAME}"),
        offset: 0,
        length,
        crc,
    }
}

impl Sink for Wacz {
    fn wants(&self) -> Wants {
        self.warc.wants()
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        self.warc.write(visit)
    }

    fn flush(&mut self) -> Result<()> {
        self.warc.flush()
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        self.warc.checkpoint()
    }

    fn finish(mut self: Box<Self>) -> Result<Option<Mark>> {
        let mark = self.warc.checkpoint()?;
        let end = mark.length().unwrap_or_default();
        let path = self.path;
        let failed = |source: io::Error| Error::output(&path, source);
        let start = archive_entry(0, 0).start();
        let length = end.saturating_sub(start);
        let checksums =
            Checksums::of(&mut part(&path, start, length).map_err(failed)?).map_err(failed)?;
        let index = Index::read(&path, start, length, NAME).map_err(failed)?;
        let entry = archive_entry(length, checksums.crc.sum());
        let header = entry.header();
        let mut package = Package {
            output: self.warc.into_output(),
            resources: vec![checksums.resource(&entry.name)],
            entries: vec![entry],
        };
        package.add_file("indexes/index.cdx.gz", index.packed, failed)?;
        package.add_file("indexes/index.idx", index.second, failed)?;
        package.add_file("pages/pages.jsonl", index.pages, failed)?;
        package.describe(failed)?;
        package.finish()?;
        // The directory is on disk; now fill in the length in the archive's header.
        overwrite_start(&path, &header).map_err(failed)?;
        Ok(Some(mark))
    }
}

impl Package {
    /// Adds a file, from its beginning.
    fn add_file(
        &mut self,
        name: &str,
        mut file: File,
        failed: impl Fn(io::Error) -> Error,
    ) -> Result<()> {
        file.rewind().map_err(&failed)?;
        let checksums = Checksums::of(&mut file).map_err(&failed)?;
        file.rewind().map_err(&failed)?;
        self.resources.push(checksums.resource(name));
        self.add_entry(name, &checksums)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk).map_err(&failed)? {
                0 => return Ok(()),
                count => {
                    self.output.buffer().extend_from_slice(&chunk[..count]);
                    self.output.record_done()?;
                }
            }
        }
    }

    /// Adds the description of the package, and a digest of that.
    fn describe(&mut self, failed: impl Fn(io::Error) -> Error) -> Result<()> {
        let package = json!({
            "profile": "data-package",
            "wacz_version": "1.1.1",
            "software": concat!("haul/", env!("CARGO_PKG_VERSION")),
            "created": moment::to_second(SystemTime::now()),
            "resources": self.resources,
        });
        let package = format!("{package:#}\n");
        let digest = json!({ "path": "datapackage.json", "hash": sha256(package.as_bytes()) });
        let digest = format!("{digest:#}\n");
        for (name, text) in [
            ("datapackage.json", package),
            ("datapackage-digest.json", digest),
        ] {
            let checksums = Checksums::of(&mut text.as_bytes()).map_err(&failed)?;
            self.add_entry(name, &checksums)?;
            self.output.buffer().extend_from_slice(text.as_bytes());
        }
        Ok(())
    }

    fn add_entry(&mut self, name: &str, checksums: &Checksums) -> Result<()> {
        let entry = ZipEntry {
            name: name.to_owned(),
            offset: self.output.length().unwrap_or_default(),
            length: checksums.length,
            crc: checksums.crc.sum(),
        };
        self.output.buffer().extend_from_slice(&entry.header());
        self.entries.push(entry);
        self.output.record_done()
    }

    fn finish(mut self) -> Result<()> {
        let offset = self.output.length().unwrap_or_default();
        let directory = zip::directory(&self.entries, offset);
        self.output.buffer().extend_from_slice(&directory);
        self.output.finish().map(drop)
    }
}

impl Checksums {
    fn of(bytes: &mut impl Read) -> io::Result<Self> {
        let (mut crc, mut sha256, mut length) = (Crc::new(), Sha256::new(), 0);
        let mut chunk = vec![0; CHUNK];
        loop {
            match bytes.read(&mut chunk)? {
                0 => break,
                count => {
                    crc.update(&chunk[..count]);
                    sha256.update(&chunk[..count]);
                    length += count as u64;
                }
            }
        }
        Ok(Self {
            crc,
            sha256,
            length,
        })
    }

    /// The entry of a file in the package description.
    fn resource(&self, path: &str) -> Value {
        let name = path.rsplit('/').next().unwrap_or(path);
        let hash = format!("sha256:{}", hex(&self.sha256.clone().finalize()));
        json!({ "name": name, "path": path, "hash": hash, "bytes": self.length })
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// A range of a file.
fn part(path: &Path, start: u64, length: u64) -> io::Result<impl Read> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(file.take(length))
}

/// Overwrites the first bytes of a file, and waits for the disk.
fn overwrite_start(path: &Path, header: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(header)?;
    file.sync_data()
}

/// Whether a file's name asks for a package.
pub(super) fn is_wacz(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("wacz"))
}
