//! The index of an archive and the list of its pages, built by reading the archive back.
//!
//! There is one line per response: its key, its time, and the position of its record as JSON (CDXJ). The sorted
//! lines are compressed in blocks of a few thousand, and a second index says where each block starts (ZipNum), so
//! that a reader can look up a page with two reads. Invariant: every entry of the index was read from the file
//! itself.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::CONTENT_TYPE;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::sort::Sorter;
use super::surt;
use crate::archive::{Head, Records, message};
use crate::text::moment;
use crate::url::PageUrl;

/// The number of lines per compressed block.
const LINES_PER_BLOCK: usize = 3000;
/// The most bytes of lines that are sorted in memory.
const IN_MEMORY: usize = 32 << 20;
/// How many bytes of a metadata record are searched for a title.
const TITLE_SEARCH: u64 = 64 << 10;
/// The name of the compressed index.
pub(super) const PACKED: &str = "index.cdx.gz";

/// The results, each in an unnamed temporary file.
pub(super) struct Index {
    pub(super) packed: File,
    pub(super) second: File,
    pub(super) pages: File,
}

/// A page whose title is not known yet.
struct PendingPage {
    url: String,
    at: String,
}

impl Index {
    /// Indexes `length` bytes of an archive called `name`, from `start` on.
    ///
    /// Temporary files are created in the folder of `path`.
    ///
    /// # Errors
    /// If the archive cannot be read back, or a file cannot be written.
    pub(super) fn read(path: &Path, start: u64, length: u64, name: &str) -> io::Result<Self> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut sorter = Sorter::new(folder, IN_MEMORY);
        let mut pages = Pages::begin(folder)?;
        let mut records = Records::open(path, start, length).map_err(io::Error::other)?;
        while let Some(head) = records.next().map_err(io::Error::other)? {
            let kind = head.kind();
            if kind == "metadata" {
                pages.read_title(&mut records)?;
                continue;
            }
            if !matches!(kind.as_str(), "response" | "revisit") {
                continue;
            }
            let Some(url) = head.target().and_then(|target| PageUrl::parse(target).ok()) else {
                continue;
            };
            let (message, _) = message::head(&mut records)?;
            let media = message.headers.text(CONTENT_TYPE).unwrap_or_default();
            let media = media
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase();
            if message.status == 200
                && matches!(media.as_str(), "text/html" | "application/xhtml+xml")
            {
                pages.pending(&url, &head)?;
            }
            let media = if kind == "revisit" {
                "warc/revisit"
            } else {
                &media
            };
            let end = records.end().map_err(io::Error::other)?;
            sorter.add(line(
                &url,
                &head,
                message.status,
                media,
                end - start,
                start,
                name,
            ))?;
        }
        let (packed, second) = compress_blocks(sorter, folder)?;
        Ok(Self {
            packed,
            second,
            pages: pages.finish()?,
        })
    }
}

/// The index line of a response.
fn line(
    url: &PageUrl,
    head: &Head,
    status: u16,
    media: &str,
    end: u64,
    start: u64,
    name: &str,
) -> String {
    let time = head.get("WARC-Date").and_then(moment::parse);
    let time = time.map(moment::digits).unwrap_or_default();
    let offset = head.offset - start;
    // Numbers are strings, as in other indexes.
    let value = json!({
        "url": url.as_str(),
        "mime": media,
        "status": status.to_string(),
        "digest": head.get("WARC-Payload-Digest").unwrap_or("-"),
        "length": (end - offset).to_string(),
        "offset": offset.to_string(),
        "filename": name,
    });
    format!("{} {time} {value}", surt::key(url))
}

/// Compresses the lines in blocks, and writes the position of each block.
fn compress_blocks(sorter: Sorter, folder: &Path) -> io::Result<(File, File)> {
    let mut packed = tempfile::tempfile_in(folder)?;
    let mut second = tempfile::tempfile_in(folder)?;
    let meta = json!({ "format": "cdxj-gzip-1.0", "filename": PACKED });
    writeln!(second, "!meta 0 {meta}")?;
    let (mut lines, mut first, mut count, mut offset) = (Vec::new(), String::new(), 0, 0);
    let mut flush = |lines: &mut Vec<u8>, first: &str| -> io::Result<()> {
        let mut member = GzEncoder::new(Vec::new(), Compression::default());
        member.write_all(lines)?;
        let member = member.finish()?;
        packed.write_all(&member)?;
        let digest = format!("sha256:{}", hex(&Sha256::digest(&member)));
        let length = member.len();
        let value =
            json!({ "offset": offset, "length": length, "digest": digest, "filename": PACKED });
        writeln!(second, "{first} {value}")?;
        offset += length;
        lines.clear();
        Ok(())
    };
    sorter.each(|line| {
        if count % LINES_PER_BLOCK == 0 && !lines.is_empty() {
            flush(&mut lines, &first)?;
        }
        if lines.is_empty() {
            // The key and the time of the first line.
            first = line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
        }
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
        count += 1;
        Ok(())
    })?;
    if !lines.is_empty() || count == 0 {
        flush(&mut lines, &first)?;
    }
    Ok((packed, second))
}

/// The list of pages, one JSON object per line.
struct Pages {
    file: io::BufWriter<File>,
    count: u64,
    pending: Option<PendingPage>,
}

impl Pages {
    fn begin(folder: &Path) -> io::Result<Self> {
        let mut file = io::BufWriter::new(tempfile::tempfile_in(folder)?);
        let head = json!({ "format": "json-pages-1.0", "id": "pages", "title": "All Pages" });
        writeln!(file, "{head}")?;
        Ok(Self {
            file,
            count: 0,
            pending: None,
        })
    }

    fn pending(&mut self, url: &PageUrl, head: &Head) -> io::Result<()> {
        self.write(None)?;
        let time = head.get("WARC-Date").and_then(moment::parse);
        self.pending = Some(PendingPage {
            url: url.to_string(),
            at: time.map(moment::to_second).unwrap_or_default(),
        });
        Ok(())
    }

    /// Takes the title of the last page from its metadata.
    fn read_title(&mut self, metadata: &mut Records) -> io::Result<()> {
        if self.pending.is_none() {
            return Ok(());
        }
        let mut block = Vec::new();
        Read::take(metadata, TITLE_SEARCH).read_to_end(&mut block)?;
        let text = String::from_utf8_lossy(&block);
        let title = text
            .split("\r\n")
            .find_map(|line| line.strip_prefix("title: "));
        self.write(title)
    }

    fn write(&mut self, title: Option<&str>) -> io::Result<()> {
        let Some(page) = self.pending.take() else {
            return Ok(());
        };
        self.count += 1;
        let mut value =
            json!({ "id": format!("{:08x}", self.count), "url": page.url, "ts": page.at });
        if let Some(title) = title {
            value["title"] = title.into();
        }
        writeln!(self.file, "{value}")
    }

    fn finish(mut self) -> io::Result<File> {
        self.write(None)?;
        self.file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
