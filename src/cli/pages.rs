//! The URLs of the pages in a folder, as they are while it is served.
//!
//! Each HTML file is a page, whether anything links to it or not; `index.html` has the URL of its folder. Files that
//! the server would not show (names that start with a dot, or behind a symbolic link) are left out.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

use haul::Error;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// The host of a folder without named hosts.
const HOST: &str = "site.localhost";
/// The end of every host name that leads to the folder.
const HOME: &str = ".localhost";
/// The deepest nesting of folders that is searched.
const DEPTH: usize = 64;
/// The most pages of one folder.
const PAGES: usize = 1_000_000;
/// The characters of a file name that are escaped in a URL.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The URLs of all pages in a folder, sorted. Pages in `hosts/NAME/` are on that host, and all others on
/// `site.localhost`.
///
/// # Errors
/// When it cannot be read, has no pages or too many, or has a host that is not below localhost.
pub(super) fn urls(folder: &Path) -> haul::Result<Vec<OsString>> {
    let mut urls = Vec::new();
    let hosts = folder.join("hosts");
    for name in names(folder)?.iter().filter(|name| **name != "hosts") {
        find(
            &folder.join(name),
            name,
            &format!("http://{HOST}/"),
            0,
            &mut urls,
        )?;
    }
    let hosts = if hosts.is_dir() {
        names(&hosts)?
    } else {
        Vec::new()
    };
    for host in hosts {
        let path = folder.join("hosts").join(&host);
        let name = host.to_str().filter(|name| name.ends_with(HOME));
        let Some(name) = name else {
            return Err(Error::Setting(format!(
                "{}: only names below localhost are served, as in hosts/shop.localhost",
                path.display()
            )));
        };
        for file in names(&path)? {
            find(
                &path.join(&file),
                &file,
                &format!("http://{name}/"),
                0,
                &mut urls,
            )?;
        }
    }
    if urls.is_empty() {
        return Err(Error::Setting(format!(
            "{} contains no HTML files to crawl",
            folder.display()
        )));
    }
    Ok(urls)
}

/// Adds a page, or all pages in a folder.
fn find(
    path: &Path,
    name: &OsStr,
    base: &str,
    depth: usize,
    urls: &mut Vec<OsString>,
) -> haul::Result<()> {
    let failed = |source| unread(path, source);
    let kind = fs::symlink_metadata(path).map_err(failed)?.file_type();
    if kind.is_dir() && depth < DEPTH {
        let base = format!("{base}{}/", encoded(name));
        for name in names(path)? {
            find(&path.join(&name), &name, &base, depth + 1, urls)?;
        }
    } else if kind.is_file() && is_page(path) {
        if urls.len() >= PAGES {
            return Err(Error::Setting(format!(
                "more than {PAGES} pages in a folder"
            )));
        }
        let name = if name == "index.html" {
            String::new()
        } else {
            encoded(name)
        };
        urls.push(format!("{base}{name}").into());
    }
    Ok(())
}

/// The names in a folder that the server would show, sorted.
fn names(folder: &Path) -> haul::Result<Vec<OsString>> {
    let failed = |source| unread(folder, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".") && name != ".well-known";
        if !is_hidden {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn unread(path: &Path, source: io::Error) -> Error {
    Error::Input {
        name: path.display().to_string(),
        source,
    }
}

fn is_page(path: &Path) -> bool {
    let suffix = path.extension().and_then(OsStr::to_str);
    suffix.is_some_and(|suffix| {
        ["html", "htm", "xhtml"]
            .iter()
            .any(|known| suffix.eq_ignore_ascii_case(known))
    })
}

fn encoded(name: &OsStr) -> String {
    percent_encode(name.as_encoded_bytes(), KEPT).to_string()
}
