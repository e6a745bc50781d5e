//! Names of files, made from URLs: a folder for the host, the path's folders below it.
//!
//! Invariant: whatever a URL says, no part of a name is empty, is `.` or `..`, starts with a dot or a dash, holds a
//! separator or a character that hides or acts, is a device of Windows, or is longer than [`SEGMENT`] bytes. What may
//! not stand as it is stays percent-encoded, so that different paths keep different names. Whether a name is free is
//! the business of [`Names`](super::names::Names).

use sha2::{Digest, Sha256};

use crate::clean::acts;
use crate::url::PageUrl;

/// The longest part of a name: what file systems take (255), less the longest suffix that may be added.
pub(super) const SEGMENT: usize = 255 - 33;
/// Folders of a name, the host's included; with the file that is 32 levels.
const FOLDERS: usize = 31;
/// Bytes of all folders together; with the file and its suffix a name stays below 1,500.
const FOLDER_BYTES: usize = 1200;
/// A longer query stands as its hash.
const QUERY: usize = 100;

/// Where the body of a URL would be saved, if nothing else is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The folders, outermost first; at least the host's.
    pub(super) folders: Vec<String>,
    /// The file in the last of them.
    pub(super) file: String,
}

impl Name {
    /// The name for a URL whose answer had this media type.
    pub(super) fn of(url: &PageUrl, media_type: Option<&str>) -> Self {
        let url = url.as_url();
        let mut segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let last = segments.pop().unwrap_or_default();
        let mut folders = vec![host(url)];
        folders.extend(segments.iter().map(|segment| part(&readable(segment), "")));
        Self {
            folders: bounded(folders),
            file: file(last, url.query(), extension_of(media_type)),
        }
    }

    /// The same name with the end that a browser needs to know a page, a style sheet, a script or a drawing on a disk.
    pub(super) fn browsable(mut self, media_type: Option<&str>) -> Self {
        let known: &[&str] = match extension_of(media_type) {
            Some(".html") => &[".html", ".htm", ".xhtml", ".xht"],
            Some(".css") => &[".css"],
            Some(".js") => &[".js", ".mjs"],
            Some(".svg") => &[".svg"],
            _ => return self,
        };
        let own = split_extension(&self.file).1;
        if !known.iter().any(|known| own.eq_ignore_ascii_case(known)) {
            self.file = part(&self.file, known[0]);
        }
        self
    }

    /// A name at the top, for a URL whose own name is taken by something that is not ours.
    pub(super) fn flat(url: &PageUrl, media_type: Option<&str>) -> String {
        let stem = host(url.as_url()) + "~" + &hash(url.as_str(), 32);
        let extension = extension_of(media_type).unwrap_or_default();
        part(&stem, extension)
    }
}

/// The first hexadecimal digits of a text's SHA-256.
pub(super) fn hash(text: &str, digits: usize) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.truncate(digits);
    hex
}

/// A file's name with a mark before its extension: `page~0a1b2c3d.html`.
pub(super) fn marked(file: &str, mark: &str) -> String {
    let (stem, extension) = split_extension(file);
    format!("{stem}~{mark}{extension}")
}

fn host(url: &url::Url) -> String {
    let host = readable(url.host_str().unwrap_or_default());
    match url.port() {
        Some(port) => part(&host, &format!("+{port}")),
        None => part(&host, ""),
    }
}

/// Folders beyond the bounds become one, named by their hash.
fn bounded(mut folders: Vec<String>) -> Vec<String> {
    let mut bytes = 0;
    let fitting = folders.iter().take_while(|folder| {
        bytes += folder.len() + 1;
        bytes <= FOLDER_BYTES
    });
    let fitting = fitting.count();
    if fitting < folders.len() || folders.len() > FOLDERS {
        let rest = folders.split_off(fitting.min(FOLDERS - 1));
        folders.push(format!("~{}", hash(&rest.join("/"), 32)));
    }
    folders
}

fn file(segment: &str, query: Option<&str>, by_type: Option<&str>) -> String {
    let name = match segment {
        "" => "index".to_owned(),
        named => readable(named),
    };
    let (stem, extension) = split_extension(&name);
    let extension = match (extension, segment) {
        ("", "") => by_type.unwrap_or(".html"),
        ("", _) => by_type.unwrap_or(""),
        (own, _) => own,
    };
    match query.filter(|query| !query.is_empty()) {
        None => part(stem, extension),
        Some(query) => {
            let mut readable = readable(query);
            if readable.len() > QUERY {
                readable = hash(query, 32);
            }
            part(&format!("{stem}@{readable}"), extension)
        }
    }
}

/// A part of a name: the ends and the length made right. `end` stays whole.
fn part(stem: &str, end: &str) -> String {
    let mut name = format!("{stem}{end}");
    // An end that is encoded below takes two bytes more.
    if name.len() + 2 * 2 > SEGMENT {
        let keep = stem.floor_char_boundary(SEGMENT - end.len() - 17 - 2 * 2);
        name = format!("{}~{}{end}", &stem[..keep], hash(stem, 16));
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

/// Percent-decoded as far as it does no harm.
fn readable(text: &str) -> String {
    let bytes = percent_decoded(text);
    let mut name = String::with_capacity(text.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_harmless(character) {
                name.push(character);
            } else {
                name.push_str(&encoded(character));
            }
        }
        for byte in chunk.invalid() {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

fn is_harmless(character: char) -> bool {
    let forbidden = matches!(
        character,
        '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*' | '%'
    );
    // What has no width makes two names look like one.
    let hidden = matches!(
        character,
        '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}'
    );
    !forbidden && !hidden && !acts(character)
}

fn encoded(character: char) -> String {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).bytes();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (*byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (other, _, _) => {
                decoded.push(other);
                at += 1;
            }
        }
    }
    decoded
}

/// Windows has devices of these names in every folder, whatever the extension.
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

/// Splits `page.html` before its dot. What has no letter (`v1.2`) or is long is no extension.
fn split_extension(name: &str) -> (&str, &str) {
    let Some(at) = name.rfind('.').filter(|at| *at > 0) else {
        return (name, "");
    };
    let extension = &name[at + 1..];
    let is_one = (1..=10).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && extension.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_one {
        name.split_at(at)
    } else {
        (name, "")
    }
}

/// The extension that a media type is usually saved under.
fn extension_of(media_type: Option<&str>) -> Option<&'static str> {
    Some(match media_type? {
        "text/html" | "application/xhtml+xml" => ".html",
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(url: &str, media_type: Option<&str>) -> String {
        let name = Name::of(&PageUrl::parse(url).unwrap(), media_type);
        format!("{}/{}", name.folders.join("/"), name.file)
    }

    #[test]
    fn a_name_follows_the_url_as_far_as_people_can_read_it() {
        let html = Some("text/html");
        for (url, media_type, name) in [
            ("http://example.org/", html, "example.org/index.html"),
            ("http://example.org/", None, "example.org/index.html"),
            (
                "http://example.org/x/",
                Some("application/json"),
                "example.org/x/index.json",
            ),
            ("http://example.org/a/b.css", html, "example.org/a/b.css"),
            ("http://example.org/about", html, "example.org/about.html"),
            ("http://example.org/v1.2", html, "example.org/v1.2.html"),
            ("http://example.org/blob", None, "example.org/blob"),
            (
                "http://example.org:8080/x.txt",
                None,
                "example.org+8080/x.txt",
            ),
            (
                "http://example.org/page.html?q=x",
                None,
                "example.org/page@q=x.html",
            ),
            (
                "http://example.org/?q=a/b",
                html,
                "example.org/index@q=a%2Fb.html",
            ),
            (
                "http://example.org/caf%C3%A9.html",
                None,
                "example.org/café.html",
            ),
            (
                "http://example.org/a%20b.html",
                None,
                "example.org/a b.html",
            ),
        ] {
            assert_eq!(named(url, media_type), name, "{url}");
        }
    }

    #[test]
    fn what_could_do_harm_stays_encoded() {
        for (path, name) in [
            ("%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("..%2Fx", "%2E.%2Fx"),
            ("..%5Cx", "%2E.%5Cx"),
            ("a/..;/b", "a/%2E.;/b"),
            (".htaccess", "%2Ehtaccess"),
            ("-rf", "%2Drf"),
            ("nul", "%6Eul"),
            ("Com1.txt", "%43om1.txt"),
            ("x.", "x%2E"),
            ("x%20", "x%20"),
            ("a:b|c*d", "a%3Ab%7Cc%2Ad"),
            ("a%00b%0Ac%1Bd", "a%00b%0Ac%1Bd"),
            ("%E2%80%AEgpj.exe", "%E2%80%AEgpj.exe"),
            ("%FF%FE", "%FF%FE"),
            ("a//b", "a/_/b"),
            ("100%25", "100%25"),
        ] {
            let url = format!("http://example.org/{path}");
            assert_eq!(named(&url, None), format!("example.org/{name}"), "{path}");
        }
    }

    #[test]
    fn a_long_segment_keeps_its_extension_and_a_long_query_is_hashed() {
        let long = format!("http://example.org/{}.html", "é".repeat(300));
        let other = format!("http://example.org/{}x.html", "é".repeat(299));
        let name = Name::of(&PageUrl::parse(&long).unwrap(), None);
        assert!(name.file.len() <= SEGMENT && name.file.ends_with(".html"));
        assert_ne!(
            name.file,
            Name::of(&PageUrl::parse(&other).unwrap(), None).file
        );
        let query = format!("http://example.org/p.php?{}", "q".repeat(1000));
        assert_eq!(named(&query, None).len(), "example.org/p@.php".len() + 32);
    }

    #[test]
    fn a_deep_path_stays_within_32_levels() {
        let deep = |last: &str| {
            named(
                &format!("http://example.org/{}{last}", "a/".repeat(5000)),
                None,
            )
        };
        assert_eq!(deep("x.txt").split('/').count(), 32);
        assert_ne!(deep("b/x.txt"), deep("x.txt"));
    }

    proptest! {
        #[test]
        fn no_url_has_a_name_that_leads_astray(
            path in "(/|%2[eEfF]|%5c|%00|%7f|\\.|-|~|[a-zA-Z0-9 ]|\\PC|%[0-9a-f]{2}|con|nul){0,400}",
            query in "\\PC{0,200}",
        ) {
            let Ok(url) = PageUrl::parse(&format!("http://h.example/{path}?{query}")) else { return Ok(()) };
            let name = Name::of(&url, Some("text/html"));
            let mut bytes = 0;
            for part in name.folders.iter().chain([&name.file]) {
                bytes += part.len() + 1;
                prop_assert!(!part.is_empty() && part.len() <= SEGMENT, "{part:?}");
                prop_assert!(!part.starts_with(['.', '-', ' ']) && !part.ends_with(['.', ' ']), "{part:?}");
                prop_assert!(!part.contains(['/', '\\', ':', '\0']) && !part.chars().any(acts), "{part:?}");
                prop_assert!(!is_device(part), "{part:?}");
            }
            prop_assert!(bytes <= 1500 - 33 && name.folders.len() < 32);
        }
    }
}
