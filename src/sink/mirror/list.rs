//! The list of saved files and unfollowed redirects, one JSON object per line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::output::Output;
use crate::error::{NotAsLeft, Result};
use crate::visit::Visit;

/// The most bytes stored of a `Content-Type`.
const TYPE: usize = 200;
/// The most bytes of a fragment; a longer one is dropped.
const FRAGMENT: usize = 4096;
/// The longest line: URLs are bounded, and so are the hops of a chain.
const LINE: u64 = 4 << 20;

/// A line of the list.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Line {
    /// The URL that was fetched.
    pub(super) url: String,
    /// The path of its file within the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// The `Content-Type` of the response.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    /// Whether its request was more than a plain GET of the URL, so that no link can lead to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) asked_otherwise: bool,
    /// The target of a redirect that was not followed, without its fragment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
    /// The fragment of that target, with its `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fragment: Option<String>,
    /// The row of the list, for a seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) row: Option<u64>,
    /// The URLs that redirected to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) from: Vec<String>,
}

/// Writes the line of a visit whose body was saved below `folder`, or that redirects.
///
/// # Errors
/// If the list cannot be written.
pub(super) fn write(visit: &Visit, folder: &Path, output: &mut Output) -> Result<()> {
    let Ok(page) = &visit.outcome else {
        return Ok(());
    };
    let job = &visit.job;
    let saved = visit.parsed.saved.as_ref();
    let path_in_folder = saved.and_then(|path| path.strip_prefix(folder).ok()?.to_str());
    let target = page.target();
    let to = target.as_deref().and_then(|to| job.url.join(to).ok());
    let fragment = target.as_deref().and_then(|to| Some(&to[to.find('#')?..]));
    let fragment = fragment.filter(|fragment| fragment.len() <= FRAGMENT);
    if path_in_folder.is_none() && to.is_none() {
        return Ok(());
    }
    let content_type = page.headers.text(http::header::CONTENT_TYPE);
    let line = Line {
        url: job.url.to_string(),
        path: path_in_folder.map(str::to_owned),
        content_type: content_type.map(|text| text[..text.floor_char_boundary(TYPE)].to_owned()),
        asked_otherwise: !job.is_plain(),
        to: to.map(|to| to.to_string()),
        fragment: fragment.map(str::to_owned),
        row: job.row,
        from: job.hops.iter().map(|hop| hop.url.to_string()).collect(),
    };
    // Text alone cannot fail to be written into memory.
    let _ = serde_json::to_writer(&mut *output.buffer(), &line);
    output.buffer().push(b'\n');
    output.record_done()
}

/// Reads the list.
///
/// # Errors
/// If it cannot be read, or has an invalid line.
pub(super) fn read(file: &mut File, mut take: impl FnMut(Line)) -> io::Result<()> {
    io::Seek::rewind(file)?;
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut file).take(LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let read = serde_json::from_slice(&line);
        take(read.map_err(|_| {
            io::Error::other(NotAsLeft("the list of saved files is damaged".to_owned()))
        })?);
    }
}
