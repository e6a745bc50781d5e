//! A folder of saved pages: every file in it is a response.
//!
//! A file's path determines its URL as far as possible: `h.example/a.html` stands for `http://h.example/a.html`,
//! and files that are not below a host's folder become pages of `folder.invalid`, a name that never exists.
//! Symbolic links are not followed. Files whose names start with a dot are skipped, because they are unfinished.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Damage, Stored};
use crate::page::body::Body;
use crate::page::headers::Headers;
use crate::page::{HttpVersion, Page, Timing};
use crate::url::PageUrl;

/// The host of files that are not below a host's folder.
const NO_HOST: &str = "folder.invalid";
/// The deepest level of folders that is read.
const DEEPEST: usize = 64;
/// The largest file that is read, in bytes.
const LARGEST: u64 = 256 << 20;
/// Characters of a path that must be escaped in a URL.
const IN_PATH: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'?')
    .add(b'#')
    .add(b'\\')
    .add(b'"');

/// The files below a folder, sorted by name.
pub(super) struct SavedPages {
    root: PathBuf,
    /// The remaining entries of the open folders, each in reverse order.
    open: Vec<Vec<PathBuf>>,
}

impl SavedPages {
    /// Opens a folder.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            open: vec![entries(root)?],
        })
    }

    pub(super) fn next(&mut self) -> Option<Result<Stored, Damage>> {
        loop {
            let Some(path) = self.open.last_mut()?.pop() else {
                self.open.pop();
                continue;
            };
            let damage = |error: io::Error| Damage {
                path: path.clone(),
                offset: 0,
                problem: error.to_string(),
            };
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) => return Some(Err(damage(error))),
            };
            if metadata.is_dir() && self.open.len() < DEEPEST {
                match entries(&path) {
                    Ok(entries) => self.open.push(entries),
                    Err(error) => return Some(Err(damage(error))),
                }
            } else if metadata.is_file()
                && let Some(url) = url(&self.root, &path)
            {
                return Some(stored(url, &path, &metadata).map_err(damage));
            }
        }
    }
}

/// The URL that the path of a file below a folder stands for.
pub(super) fn url(root: &Path, path: &Path) -> Option<PageUrl> {
    let below = path.strip_prefix(root).ok()?.to_string_lossy();
    let (host, rest) = below.split_once('/').unwrap_or(("", &below));
    let is_host = host.contains('.') || host == "localhost" || host.contains('+');
    let encoded = |text: &str| utf8_percent_encode(text, &IN_PATH).to_string();
    // `h.example+8080` and `h.example+8443s` are folders that haul writes.
    let (host, port) = host.split_once('+').unwrap_or((host, ""));
    let (scheme, port) = match port.strip_suffix('s') {
        Some(port) => ("https", port),
        None => ("http", port),
    };
    let colon = if port.is_empty() { "" } else { ":" };
    let url = match is_host {
        true => format!("{scheme}://{host}{colon}{port}/{}", encoded(rest)),
        false => format!("http://{NO_HOST}/{}", encoded(&below)),
    };
    PageUrl::parse(&url).ok()
}

/// Passes every file below a folder to `take`, in order.
///
/// # Errors
/// If a folder cannot be read, and the errors of `take`.
pub(super) fn files(
    folder: &Path,
    take: &mut impl FnMut(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut open = vec![entries(folder)?];
    while let Some(entries_left) = open.last_mut() {
        let Some(path) = entries_left.pop() else {
            open.pop();
            continue;
        };
        let found = fs::symlink_metadata(&path)?;
        if found.is_dir() && open.len() < DEEPEST {
            open.push(entries(&path)?);
        } else if found.is_file() {
            take(&path)?;
        }
    }
    Ok(())
}

/// The WARC files of a folder by name, with each series in order from its first file.
///
/// # Errors
/// If the folder cannot be read.
pub(super) fn archives(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_archive = |path: &PathBuf| {
        let name = path.to_string_lossy().to_ascii_lowercase();
        (name.ends_with(".warc") || name.ends_with(".warc.gz")) && path.is_file()
    };
    let mut archives: Vec<_> = entries(folder)?.into_iter().filter(is_archive).collect();
    // `pages.warc.gz` comes before `pages-00001.warc.gz`; a plain sort would reverse them.
    let stem = |path: &Path| {
        let name = path.to_string_lossy().into_owned();
        let end = name
            .to_ascii_lowercase()
            .rfind(".warc")
            .unwrap_or(name.len());
        name[..end].to_owned()
    };
    archives.sort_by_key(|path| stem(path));
    Ok(archives)
}

/// The entries of a folder, last one first.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort_by(|a, b| b.cmp(a));
    Ok(entries)
}

/// Reads a file as a page.
///
/// # Errors
/// When it cannot be read.
pub(super) fn page(page: PageUrl, path: &Path) -> Result<Stored, Damage> {
    let found = fs::symlink_metadata(path);
    found
        .and_then(|found| stored(page, path, &found))
        .map_err(|error| Damage {
            path: path.to_owned(),
            offset: 0,
            problem: error.to_string(),
        })
}

pub(super) fn stored(url: PageUrl, path: &Path, metadata: &fs::Metadata) -> io::Result<Stored> {
    let head = head(url, path, metadata);
    with_body(head, path)
}

/// Reads the body of a response from its file.
///
/// # Errors
/// When it is too large, or cannot be read.
pub(super) fn with_body(mut stored: Stored, path: &Path) -> io::Result<Stored> {
    if stored.page.wire_bytes > LARGEST {
        return Err(io::Error::other(format!(
            "a file of more than {LARGEST} bytes"
        )));
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(File::open(path)?, LARGEST), &mut bytes)?;
    stored.page.wire_bytes = bytes.len() as u64;
    stored.page.body = Body::Memory(Bytes::from(bytes));
    Ok(stored)
}

/// The response that a file stands for, without its body.
pub(super) fn head(url: PageUrl, path: &Path, metadata: &fs::Metadata) -> Stored {
    let mut headers = Headers::default();
    if let Some(media_type) = media_type(path) {
        headers
            .0
            .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    Stored {
        url,
        method: None,
        page: Page {
            status: 200,
            version: HttpVersion::Http11,
            headers,
            wire_bytes: metadata.len(),
            body: Body::Dropped(metadata.len()),
            remote: None,
            timing: Timing {
                sent: metadata.modified().ok(),
                ..Timing::default()
            },
            segments: None,
            known: None,
        },
        truncated: false,
    }
}

/// The media type that a file name implies; `None` if the content has to decide.
fn media_type(path: &Path) -> Option<&'static str> {
    let end = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match end.as_str() {
        "html" | "htm" => "text/html",
        "xhtml" | "xht" => "application/xhtml+xml",
        "xml" => "application/xml",
        "rss" => "application/rss+xml",
        "atom" => "application/atom+xml",
        "json" => "application/json",
        "css" => "text/css",
        "js" | "mjs" => "text/javascript",
        "txt" | "md" | "csv" => "text/plain",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        _ => return None,
    })
}
