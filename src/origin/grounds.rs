//! Which file a path stands for within a folder, and which paths stand for none.
//!
//! Invariant: with all symbolic links resolved, the file is inside the folder, or inside `hosts/NAME/` if the
//! request is for that host; `serve.toml`, other hosts' folders and names that start with a dot (except
//! `.well-known`) are never served. Edge: a file can be swapped before it is opened; whoever can do that can read
//! it anyway.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::error::OriginError;

const RULES_FILE: &str = "serve.toml";
const HOSTS_FOLDER: &str = "hosts";

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
        let hidden = name.starts_with('.') && name != ".well-known";
        if hidden || name.contains(['/', '\\', '\0']) {
            return None;
        }
        relative.push(&*name);
    }
    Some(relative)
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
