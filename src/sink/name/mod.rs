//! Names of files, derived from requests: a folder per host, then those of the path.
//!
//! Invariant: whatever a URL contains, no part of a name is empty, is `.` or `..`, starts with a dot or a dash,
//! contains a separator or an invisible or control character, is a device name of Windows, or is longer than
//! [`SEGMENT`] bytes.
//!
//! A name depends only on the request and the media type of its response, so the order in which responses arrive
//! changes no name. Mirrors have one exception: a folder and its index want the same name ([`twin`]). A plain name
//! is one that its URL can be read back from ([`spelling`]); any other name includes a hash of the whole request. A
//! file has the extension of its URL, or a `~` before an extension that was added; a folder never has an extension:
//! so no folder has the name of a file. Whether something foreign is in the way is left to
//! [`Names`](super::names::Names).
//!
//! A name that a server [gives](Name::given) breaks that order: several responses may be given the same one, and the
//! first of them gets it.

mod disposition;
mod spelling;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use url::Host;

pub(super) use self::disposition::given_name;
use self::spelling::{encoded, is_marked, readable};
use crate::job::Job;

/// The longest part of a name, in bytes.
///
/// It is the limit of file systems (255), less the longest suffix that may be added.
pub(super) const SEGMENT: usize = 255 - 33;
/// The most folders of a name, including the host's; with the file, that makes 32 levels.
const FOLDERS: usize = 31;
/// The most bytes of all folders.
///
/// With the file and its suffix, a name stays below 1,500 bytes.
const FOLDER_BYTES: usize = 1200;
/// A longer query is replaced by its hash.
const QUERY: usize = 100;
/// Digits of the hash of a request that is more than a URL.
///
/// A list may have a million request bodies for the same URL.
const OF_REQUEST: usize = 16;
/// Digits of the hash of a URL.
const OF_URL: usize = 8;
/// Digits of a hash that is sure to be unique.
const SURE: usize = 32;

/// Where the body of a response is saved, if nothing else is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The folders, outermost first; at least the host's.
    pub(super) folders: Vec<String>,
    /// The file's name before its extension.
    stem: String,
    /// The extension with its dot; empty if there is none.
    extension: String,
    /// Whether the extension, or its absence, is not from the URL.
    added: bool,
    /// The number of digits of the request's hash in the name; 0 in a plain name.
    digits: usize,
    /// The hash of the request.
    hash: String,
    /// Whether a server gave the name of the file: then other requests may want the same.
    is_given: bool,
}

impl Name {
    /// The name for the response to a job, given its media type.
    ///
    /// `folds` says whether the file system ignores differences in case, or in how an accent is written.
    pub(super) fn of(job: &Job, media_type: Option<&str>, folds: bool) -> Self {
        let url = job.url.as_url();
        let mut segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let last = segments.pop().unwrap_or_default();
        let query = url.query();
        let is_plain = segments
            .iter()
            .all(|segment| spelling::is_plain_folder(segment))
            && is_plain_file(last)
            && query.is_none_or(is_plain_query)
            && !(folds && spelling::may_fold(url));
        let digits = match (job.is_plain(), is_plain) {
            (false, _) => OF_REQUEST,
            (true, false) => OF_URL,
            (true, true) => 0,
        };
        let mut folders = vec![host_folder(url)];
        folders.extend(segments.iter().map(|segment| folder(segment)));
        let file = readable(last);
        let (stem, own) = split_extension(&file);
        let by_type = extension_of(media_type);
        let (stem, extension) = match (stem, own) {
            ("", _) => ("index", by_type.unwrap_or(".html")),
            (stem, "") => (stem, by_type.unwrap_or_default()),
            (stem, own) => (stem, own),
        };
        Self {
            folders: limit_folders(folders),
            stem: with_query(stem, query),
            extension: extension.to_owned(),
            added: own.is_empty() && !last.is_empty(),
            digits,
            hash: hash(job),
            is_given: false,
        }
    }

    /// The same folders with the [name](given_name) of a file that the server gave.
    pub(super) fn given(mut self, name: &str, folds: bool) -> Self {
        let (stem, extension) = split_extension(name);
        // A name that looks as if it had a hash never takes the place of one that has.
        let is_unclear = is_marked(stem) || folds && spelling::may_fold_name(name);
        self.stem = stem.to_owned();
        self.extension = extension.to_owned();
        self.added = false;
        self.digits = if is_unclear { OF_URL } else { 0 };
        self.is_given = true;
        self
    }

    /// Whether another request may want the same name, in this run or an earlier one.
    pub(super) fn is_given(&self) -> bool {
        self.is_given
    }

    /// The same name with the extension that a browser needs for a local file.
    ///
    /// This concerns pages, style sheets, scripts and SVG.
    pub(super) fn browsable(mut self, media_type: Option<&str>) -> Self {
        let known: &[&str] = match extension_of(media_type) {
            Some(".html") => &[".html", ".htm"],
            // With this extension, a browser parses it by the rules of XML.
            Some(".xhtml") => &[".xhtml", ".xht"],
            Some(".css") => &[".css"],
            Some(".js") => &[".js", ".mjs"],
            Some(".svg") => &[".svg"],
            _ => return self,
        };
        let own = &self.extension;
        if !known.iter().any(|known| own.eq_ignore_ascii_case(known)) {
            self.stem.push_str(own);
            self.extension = known[0].to_owned();
            self.added = true;
        }
        self
    }

    /// The same name for a request whose [twin](twin) may have it as well.
    ///
    /// An index takes the plain name of its folder.
    pub(super) fn shared_with(mut self, twin: &Job, media_type: Option<&str>, folds: bool) -> Self {
        if Self::of(twin, media_type, folds).digits == 0 {
            self.digits = 0;
        }
        self
    }

    /// The possible names of the file, best first.
    ///
    /// Which one is used depends only on what is in the way.
    pub(super) fn files(&self) -> impl Iterator<Item = String> {
        [self.digits, self.digits.max(OF_URL), SURE]
            .into_iter()
            .map(|digits| self.file(digits))
    }

    fn file(&self, digits: usize) -> String {
        let mark = if self.added || digits > 0 { "~" } else { "" };
        let end = format!("{mark}{}{}", &self.hash[..digits], self.extension);
        valid_part(&self.stem, &end)
    }

    /// A top-level name, for a request whose own name is taken by something foreign.
    pub(super) fn flat(&self) -> String {
        let host = self.folders.first().map_or("", |host| host);
        valid_part(host, &format!("~{}{}", &self.hash[..SURE], self.extension))
    }
}

/// The request that usually has the same page, with the same name except for a hash.
///
/// For a folder it is the index, and for an index the folder.
pub(super) fn twin(job: &Job, media_type: Option<&str>) -> Option<Job> {
    let url = job.url.as_url();
    let index = format!("index{}", extension_of(media_type).unwrap_or(".html"));
    let other = match url.path_segments()?.next_back()? {
        "" => index.as_str(),
        last if last == index => "./",
        _ => return None,
    };
    let is_plain = job.is_plain() && url.query().is_none();
    let other = job.url.join(other).ok().filter(|_| is_plain)?;
    Some(Job::seed(0, other))
}

/// The first hexadecimal digits of a text's SHA-256.
pub(super) fn hash_of(text: &str, digits: usize) -> String {
    let mut hex = hex(&Sha256::digest(text.as_bytes()));
    hex.truncate(digits);
    hex
}

/// The hash of a request, in hexadecimal.
fn hash(job: &Job) -> String {
    let mut hash = Sha256::new();
    job.identity(|piece| hash.update(piece));
    hex(&hash.finalize())
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder of a host.
///
/// Two schemes on one host are two folders; the scheme that is usual for the host has the plain name.
fn host_folder(url: &url::Url) -> String {
    let host = readable(url.host_str().unwrap_or_default());
    let is_secure = url.scheme() == "https";
    // Public DNS names usually use https; this machine and bare addresses usually use http.
    let is_public = match url.host() {
        Some(Host::Domain(name)) => name != "localhost" && !name.ends_with(".localhost"),
        _ => false,
    };
    let end = match (url.port(), is_secure) {
        (Some(port), false) => format!("+{port}"),
        (Some(port), true) => format!("+{port}s"),
        (None, true) if !is_public => "+443s".to_owned(),
        (None, false) if is_public => "+80".to_owned(),
        (None, _) => String::new(),
    };
    valid_part(&host, &end)
}

/// The folder of a path segment.
///
/// If it looks like a file with an extension, or like a name with a mark, a `~` is appended.
fn folder(segment: &str) -> String {
    let name = readable(segment);
    let is_like_a_file = !split_extension(&name).1.is_empty() || is_marked(&name);
    valid_part(&name, if is_like_a_file { "~" } else { "" })
}

/// Replaces folders beyond the limits by a single one, named by their hash.
fn limit_folders(mut folders: Vec<String>) -> Vec<String> {
    let mut bytes = 0;
    let fitting = folders.iter().take_while(|folder| {
        bytes += folder.len() + 1;
        bytes <= FOLDER_BYTES
    });
    let fitting = fitting.count();
    if fitting < folders.len() || folders.len() > FOLDERS {
        let rest = folders.split_off(fitting.min(FOLDERS - 1));
        folders.push(format!("~{}", hash_of(&rest.join("/"), SURE)));
    }
    folders
}

/// Whether the last segment of a path can be read back from the name of its file.
fn is_plain_file(segment: &str) -> bool {
    if segment.is_empty() {
        return true;
    }
    let name = readable(segment);
    let (stem, own) = split_extension(&name);
    // Anything after an `@` is the query, unless the `@` comes first.
    let has_query = name.chars().skip(1).any(|character| character == '@');
    let is_index = stem.eq_ignore_ascii_case("index") && is_of_a_type(own);
    spelling::is_plain(segment) && !is_marked(stem) && !has_query && !is_index
}

/// Whether a query can be read back from a name.
fn is_plain_query(query: &str) -> bool {
    let name = readable(query);
    let is_hash = name.len() == SURE && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.len() > QUERY || spelling::is_plain_query(query) && !is_hash && !is_marked(&name)
}

fn with_query(stem: &str, query: Option<&str>) -> String {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return stem.to_owned();
    };
    let mut name = readable(query);
    if name.len() > QUERY {
        name = hash_of(query, SURE);
    }
    format!("{stem}@{name}")
}

/// Makes a valid part of a name: its ends and its length. `end` is kept as a whole.
fn valid_part(stem: &str, end: &str) -> String {
    let mut name = format!("{stem}{end}");
    // Encoding a character at either end adds two bytes.
    if name.len() + 2 * 2 > SEGMENT {
        let keep = stem.floor_char_boundary(SEGMENT - end.len() - 17 - 2 * 2);
        name = format!("{}~{}{end}", &stem[..keep], hash_of(stem, 16));
    }
    if name.is_empty() {
        return "_".to_owned();
    }
    if name.starts_with(['.', '-', ' ']) || is_device(&name) {
        let first = name.remove(0);
        name.insert_str(0, &encoded(first));
    }
    if name.ends_with(['.', ' ']) {
        let last = name.pop().unwrap_or('.');
        name.push_str(&encoded(last));
    }
    name
}

/// Whether a name is that of a Windows device.
///
/// Devices exist in every folder, with any extension.
fn is_device(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|number| {
            matches!(number, "¹" | "²" | "³")
                || number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    });
    numbered || DEVICES.contains(&stem.as_str())
}

/// Splits `page.html` before its dot.
///
/// A suffix without a letter (`v1.2`), or a long one, is not an extension.
fn split_extension(name: &str) -> (&str, &str) {
    let Some(at) = name.rfind('.').filter(|at| *at > 0) else {
        return (name, "");
    };
    let extension = &name[at + 1..];
    let is_extension = (1..=10).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && extension.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_extension {
        name.split_at(at)
    } else {
        (name, "")
    }
}

/// The extension that is usual for a media type.
fn extension_of(media_type: Option<&str>) -> Option<&'static str> {
    Some(match media_type? {
        "text/html" => ".html",
        "application/xhtml+xml" => ".xhtml",
        "text/plain" => ".txt",
        "text/css" => ".css",
        "text/csv" => ".csv",
        "text/markdown" => ".md",
        "text/javascript" | "application/javascript" => ".js",
        "application/json" | "application/ld+json" => ".json",
        "application/xml" | "text/xml" | "application/rss+xml" | "application/atom+xml" => ".xml",
        "application/pdf" => ".pdf",
        "application/zip" => ".zip",
        "application/gzip" => ".gz",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "image/avif" => ".avif",
        "image/svg+xml" => ".svg",
        "video/mp4" => ".mp4",
        "audio/mpeg" => ".mp3",
        _ => return None,
    })
}

/// Whether an extension is one of those that belong to a media type.
fn is_of_a_type(extension: &str) -> bool {
    const OF_TYPES: [&str; 21] = [
        ".html", ".xhtml", ".txt", ".css", ".csv", ".md", ".js", ".json", ".xml", ".pdf", ".zip",
        ".gz", ".png", ".jpg", ".gif", ".webp", ".avif", ".svg", ".mp4", ".mp3", "",
    ];
    !extension.is_empty()
        && OF_TYPES
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
}
