//! WACZ 1.1.1: a WARC with its index and the list of its pages in one ZIP file, to be opened where it lies.
//!
//! The records are written straight into the ZIP file, as its first entry, which is stored as it is: so a mark is how far
//! the file is, as everywhere, and nothing is copied at the end. What comes after the records (index, pages, the
//! description of the package, the directory) is made when the run ends, by reading them back; a job that goes on cuts
//! it off. Edge: after a kill without a job the file has no directory, and only a reader that knows where the first
//! entry begins, as ours does, finds what is in it.

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
use self::zip::Entry;
use super::opener::SinkPlan;
use super::output::Output;
use super::warc::Warc;
use super::{ArchiveSettings, Destination, Mark, Sink, Start};
use crate::archive::date;
use crate::error::{Error, Result};
use crate::parse::Wants;
use crate::visit::Visit;

/// What the archive is called inside.
const NAME: &str = "data.warc.gz";
/// Bytes that are moved at a time.
const CHUNK: usize = 256 << 10;

/// A WACZ that is written.
pub(super) struct Wacz {
    warc: Warc,
    path: PathBuf,
}

/// Bytes that are read once for all that is told of them.
struct Sums {
    crc: Crc,
    sha256: Sha256,
    length: u64,
}

/// The entries of a package, as far as they are written.
struct Package {
    output: Output,
    entries: Vec<Entry>,
    /// What the description says of each.
    resources: Vec<Value>,
}

impl Wacz {
    /// # Errors
    /// When the file cannot be opened, or is not what its mark says; when it is to be written after another, or to
    /// standard output.
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
            return Err(Error::Setting(
                "a WACZ needs a file of its own: it cannot be written after what is in one".into(),
            ));
        };
        let header = archive(0, 0).header();
        Ok(Self {
            warc: Warc::within(settings, plan, path, &header, NAME, start)?,
            path: path.clone(),
        })
    }
}

/// The entry of the archive.
fn archive(length: u64, crc: u32) -> Entry {
    Entry {
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
        let start = archive(0, 0).start();
        let length = end.saturating_sub(start);
        let sums = Sums::of(&mut part(&path, start, length).map_err(failed)?).map_err(failed)?;
        let index = Index::read(&path, start, length, NAME).map_err(failed)?;
        let entry = archive(length, sums.crc.sum());
        let header = entry.header();
        let mut package = Package {
            output: self.warc.into_output(),
            resources: vec![sums.resource(&entry.name)],
            entries: vec![entry],
        };
        package.file("indexes/index.cdx.gz", index.packed, failed)?;
        package.file("indexes/index.idx", index.second, failed)?;
        package.file("pages/pages.jsonl", index.pages, failed)?;
        package.describe(failed)?;
        package.finish()?;
        // The directory is on disk; now what stands before the archive says how long it is.
        fill_in(&path, &header).map_err(failed)?;
        Ok(Some(mark))
    }
}

impl Package {
    /// Adds a file from its beginning.
    fn file(
        &mut self,
        name: &str,
        mut file: File,
        failed: impl Fn(io::Error) -> Error,
    ) -> Result<()> {
        file.rewind().map_err(&failed)?;
        let sums = Sums::of(&mut file).map_err(&failed)?;
        file.rewind().map_err(&failed)?;
        self.resources.push(sums.resource(name));
        self.entry(name, &sums)?;
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

    /// Adds what is said of the package, and what proves that.
    fn describe(&mut self, failed: impl Fn(io::Error) -> Error) -> Result<()> {
        let package = json!({
            "profile": "data-package",
            "wacz_version": "1.1.1",
            "software": concat!("haul/", env!("CARGO_PKG_VERSION")),
            "created": date::to_the_second(SystemTime::now()),
            "resources": self.resources,
        });
        let package = format!("{package:#}\n");
        let digest = json!({ "path": "datapackage.json", "hash": sha256(package.as_bytes()) });
        let digest = format!("{digest:#}\n");
        for (name, text) in [
            ("datapackage.json", package),
            ("datapackage-digest.json", digest),
        ] {
            let sums = Sums::of(&mut text.as_bytes()).map_err(&failed)?;
            self.entry(name, &sums)?;
            self.output.buffer().extend_from_slice(text.as_bytes());
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, sums: &Sums) -> Result<()> {
        let entry = Entry {
            name: name.to_owned(),
            offset: self.output.length().unwrap_or_default(),
            length: sums.length,
            crc: sums.crc.sum(),
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

impl Sums {
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

    /// What the description of a package says of a file.
    fn resource(&self, path: &str) -> Value {
        let name = path.rsplit('/').next().unwrap_or(path);
        let hash = format!("sha256:{}", hex(&self.sha256.clone().finalize()));
        json!({ "name": name, "path": path, "hash": hash, "bytes": self.length })
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// A part of a file.
fn part(path: &Path, start: u64, length: u64) -> io::Result<impl Read> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(file.take(length))
}

/// Writes over the first bytes of a file, and waits for the disk.
fn fill_in(path: &Path, header: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(header)?;
    file.sync_data()
}
