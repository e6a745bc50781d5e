//! Which file a path stands for within a folder, and which paths stand for none.
//!
//! Invariant: with all symbolic links resolved, the file is inside the folder, or inside `hosts/NAME/` if the
//! request is for that host; `serve.toml`, other hosts' folders and names that start with a dot (except
//! `.well-known`) are never served. Edge: a file can be swapped before it is opened; whoever can do that can read
//! it anyway.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::error::OriginError;
use super::media::{content_type, is_html};

const RULES_FILE: &str = "serve.toml";
const HOSTS_FOLDER: &str = "hosts";

/// What a path of a URL does not have as it is (the path percent-encode set of the URL standard), and what has a meaning
/// there.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'%')
    .add(b'\\');

/// A folder, and the folders of its hosts.
#[derive(Debug)]
pub(crate) struct Grounds {
    root: PathBuf,
    rules_file: PathBuf,
    hosts: HashMap<String, PathBuf>,
}

/// The target of a path.
pub(crate) enum Target {
    /// This file, by its real path.
    File(PathBuf),
    /// A folder, but without the slash that relative links need.
    NoSlash,
    /// Nothing that may be served.
    Nowhere,
}

impl Grounds {
    /// Opens a folder, and reads the names of its hosts, once.
    pub(crate) fn open(folder: &Path) -> Result<Grounds, OriginError> {
        let root = fs::canonicalize(folder).map_err(fails(folder))?;
        if !root.is_dir() {
            return Err(fails(folder)(io::ErrorKind::NotADirectory.into()));
        }
        let hosts_folder = root.join(HOSTS_FOLDER);
        let hosts = if hosts_folder.is_dir() {
            hosts(&root, &hosts_folder)?
        } else {
            HashMap::new()
        };
        let rules_file = root.join(RULES_FILE);
        let rules_file = fs::canonicalize(&rules_file).unwrap_or(rules_file);
        Ok(Grounds {
            root,
            rules_file,
            hosts,
        })
    }

    /// The path of the rules, if there are any.
    pub(crate) fn rules_file(&self) -> &Path {
        &self.rules_file
    }

    /// The target of a path, still percent-encoded, on a host.
    pub(crate) fn target(&self, host: &str, path: &str) -> Target {
        let root = self.hosts.get(host).unwrap_or(&self.root);
        let Some(relative) = relative(path) else {
            return Target::Nowhere;
        };
        let mut location = root.join(relative);
        let names_folder = path.ends_with('/');
        match (location.is_dir(), names_folder) {
            (true, true) => location.push("index.html"),
            (true, false) => {
                return self
                    .servable(root, &location)
                    .map_or(Target::Nowhere, |_| Target::NoSlash);
            }
            (false, true) => return Target::Nowhere,
            (false, false) => {}
        }
        let file = self.servable(root, &location).filter(|path| path.is_file());
        file.map_or(Target::Nowhere, Target::File)
    }

    /// The HTML files, by path: of the folder as in `/a/b.html`, and of its hosts as in `//shop.localhost/b.html`.
    ///
    /// Symbolic links are left out, and so is what cannot be read, or has more bytes than `limit`.
    pub(crate) fn pages(&self, limit: u64) -> Vec<(String, PathBuf)> {
        let hosts = self.hosts.iter();
        let mut waiting: Vec<(String, PathBuf)> = hosts
            .map(|(host, folder)| (format!("//{host}"), folder.clone()))
            .collect();
        waiting.push((String::new(), self.root.clone()));
        let mut pages = Vec::new();
        while let Some((path, folder)) = waiting.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let (name, file) = (entry.file_name(), entry.path());
                let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else {
                    continue;
                };
                if is_hidden(name) {
                    continue;
                }
                let path = format!("{path}/{}", utf8_percent_encode(name, ENCODED));
                if kind.is_dir() && !self.hosts.values().any(|host| *host == file) {
                    waiting.push((path, file));
                } else if kind.is_file()
                    && is_html(content_type(&file))
                    && entry.metadata().is_ok_and(|about| about.len() <= limit)
                {
                    pages.push((path, file));
                }
            }
        }
        pages.sort_unstable(); // a folder is read in any order
        let mut seen = HashSet::new();
        pages.retain(|(_, file)| seen.insert(file.clone())); // two hosts may have the same folder
        pages
    }

    /// The real path, if it is inside and may be served.
    fn servable(&self, root: &Path, path: &Path) -> Option<PathBuf> {
        let path = fs::canonicalize(path)
            .ok()
            .filter(|path| path.starts_with(root))?;
        let of_other_host =
            *root == self.root && self.hosts.values().any(|other| path.starts_with(other));
        (path != self.rules_file && !of_other_host).then_some(path)
    }
}

fn hosts(root: &Path, hosts_folder: &Path) -> Result<HashMap<String, PathBuf>, OriginError> {
    let mut hosts = HashMap::new();
    for entry in fs::read_dir(hosts_folder).map_err(fails(hosts_folder))? {
        let entry = entry.map_err(fails(hosts_folder))?;
        let path = fs::canonicalize(entry.path()).map_err(fails(&entry.path()))?;
        if !path.starts_with(root) {
            return Err(fails(&entry.path())(io::Error::other(
                "it is outside the folder",
            )));
        }
        if path.is_dir() {
            hosts.insert(
                entry.file_name().to_string_lossy().to_ascii_lowercase(),
                path,
            );
        }
    }
    Ok(hosts)
}

fn fails(path: &Path) -> impl FnOnce(io::Error) -> OriginError + use<> {
    let path = path.to_owned();
    move |source| OriginError::Folder { path, source }
}

/// The path below the root; `None` if it goes up, is hidden, or is not UTF-8.
fn relative(path: &str) -> Option<PathBuf> {
    let mut relative = PathBuf::new();
    for segment in path
        .strip_prefix('/')?
        .split('/')
        .filter(|segment| !segment.is_empty())
    {
        // Decoded after splitting: an encoded slash would be a part of a name, and names have none.
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        if is_hidden(&name) || name.contains(['/', '\\', '\0']) {
            return None;
        }
        relative.push(&*name);
    }
    Some(relative)
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name != ".well-known"
}

#[cfg(test)]
mod tests {
    use super::super::visitor::{Visitor, folder, get, start};
    use super::*;

    #[test]
    fn no_spelling_leads_out_of_the_folder_or_to_hidden_files() {
        let outside = folder(&[("secret", "s3cret")]);
        let folder = folder(&[
            ("in/a", "a"),
            (".env", "s3cret"),
            (".well-known/x", "x"),
            ("serve.toml", "# s3cret"),
            ("hosts/h/b", "s3cret"),
        ]);
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("in/link"))
            .unwrap();
        std::os::unix::fs::symlink(
            folder.path().join("serve.toml"),
            folder.path().join("in/rules"),
        )
        .unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("in/alias")).unwrap();
        std::os::unix::fs::symlink("../hosts/h/b", folder.path().join("in/other")).unwrap();
        let origin = start(&folder);
        let parent = outside
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        for path in [
            &format!("/../{parent}/secret"),
            &format!("/%2e%2e/{parent}/secret"),
            &format!("/in/..%2f..%2f{parent}%2fsecret"),
            &format!("/in/..%5c..%5c{parent}%5csecret"),
            "//etc/passwd",
            "/out/secret",
            "/out/",
            "/out",
            "/in/link",
            "/in/rules",
            "/in/other",
            "/in/a%00.html",
            "/in/%ff",
            "/.env",
            "/serve.toml",
            "/hosts/h/b",
            "*",
        ] {
            let response = get(&origin, path);
            assert!(
                response.status == 404 && !response.text().contains("s3cret"),
                "{path}: {response:?}"
            );
        }
        assert_eq!(
            ["/in/alias", "/.well-known/x"].map(|path| get(&origin, path).status),
            [200, 200]
        );
    }

    #[test]
    fn the_pages_are_the_html_files_that_are_served_each_once_and_with_its_path() {
        let folder = folder(&[
            ("index.html", ""),
            ("a b/50%#?.HTM", ""),
            ("a b/large.html", "12345"),
            ("a b/style.css", ""),
            (".hidden/x.html", ""),
            (".well-known/x.xhtml", ""),
            ("hosts/shop.localhost/index.html", ""),
        ]);
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(to, folder.path().join(from)).unwrap();
        };
        link("index.html", "alias.html");
        link("..", "a b/up");
        link("shop.localhost", "hosts/store.localhost");
        let origin = start(&folder);
        let grounds = Grounds::open(folder.path()).unwrap();
        let pages = grounds.pages(4);
        let paths: Vec<&str> = pages.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/.well-known/x.xhtml",
                "//shop.localhost/index.html",
                "/a%20b/50%25%23%3F.HTM",
                "/index.html"
            ]
        );
        for path in paths.iter().filter(|path| !path.starts_with("//")) {
            assert_eq!(get(&origin, path).status, 200, "{path}");
        }
    }

    #[test]
    fn a_host_with_its_own_folder_gets_that_and_any_other_gets_the_root() {
        let folder = folder(&[
            ("index.html", "root"),
            ("hosts/shop.localhost/index.html", "shop"),
        ]);
        let origin = start(&folder);
        let home = |host: &str| {
            let mut visitor = Visitor::of(&origin);
            visitor.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            visitor.response().unwrap().text()
        };
        assert_eq!(
            [
                "shop.localhost",
                "SHOP.localhost:99",
                "other",
                "../shop.localhost"
            ]
            .map(home),
            ["shop", "shop", "root", "root"]
        );
    }

    #[test]
    fn a_host_folder_outside_the_root_keeps_the_server_from_starting() {
        let outside = folder(&[("index.html", "s3cret")]);
        let folder = folder(&[("hosts/inside/a", "a")]);
        std::os::unix::fs::symlink(outside.path(), folder.path().join("hosts/outside")).unwrap();
        let error = Grounds::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("outside"), "{error}");
        assert!(
            Grounds::open(&folder.path().join("hosts/inside/a")).is_err(),
            "a file is not a folder"
        );
    }
}
