//! Inside a room: no file knows itself by way of others.
//!
//! The graph has a node for each file. An edge is a path that begins with `crate`, `super`, `self`, a child module or an
//! imported name, and it leads to the file that defines the name: re-exports are followed. A `mod.rs` that re-exports a
//! child does not use it by that alone. Left out: comments, strings, tests and what `cfg(test)` marks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use super::{read, sources};

/// The name of a module, from the root of the crate.
type Module = Vec<String>;

/// A name that a `use` brings in.
struct Import {
    public: bool,
    path: Vec<String>,
    name: String,
}

/// What is shown, the files with their texts, and the circles in them.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

/// One file: what it imports, and its code without the imports.
struct Source {
    imports: Vec<Import>,
    code: String,
}

#[test]
fn no_file_knows_itself_by_way_of_others() {
    let files: BTreeMap<Module, Source> = sources()
        .iter()
        .filter_map(|file| Some((module_of(file)?, Source::of(&read(file)))))
        .collect();
    let circles = circles(&files);
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_in_every_form_and_shown_with_its_path() {
    let cases: [Case; 8] = [
        (
            "by name",
            &[("a/b", "use super::c::C;"), ("a/c", "use crate::a::b::B;")],
            &["a::b -> a::c -> a::b"],
        ),
        (
            "in a group, and in a path",
            &[
                ("a/b", "use super::{c::{self, C}, d};"),
                ("a/c", "fn f() { super::d::f() }"),
                ("a/d", "fn f() -> crate::a::b::B {}"),
            ],
            &["a::b -> a::d -> a::b", "a::c -> a::d -> a::b -> a::c"],
        ),
        (
            "through a re-export",
            &[
                ("a", "mod b; mod c; pub use c::C; fn open() -> b::B {}"),
                ("a/b", "use super::{C,}; pub struct B(C);"),
                ("a/c", "use super::b::B; pub struct C;"),
            ],
            &["a::b -> a::c -> a::b"],
        ),
        (
            "with what defines the seam and uses the child",
            &[
                ("a", "mod b; use b::B; pub struct Seam; fn open() -> B {}"),
                ("a/b", "use super::Seam; pub struct B(Seam);"),
            ],
            &["a -> a::b -> a"],
        ),
        (
            "with what re-exports a child and uses it",
            &[
                ("a", "mod b; pub use b::B; pub struct Seam(B);"),
                ("a/b", "use super::Seam; pub struct B;"),
            ],
            &["a -> a::b -> a"],
        ),
        (
            "none: the seam only re-exports",
            &[
                ("a", "mod b; pub use b::B; pub struct Seam;"),
                ("a/b", "use super::Seam; pub struct B(Seam);"),
            ],
            &[],
        ),
        (
            "none: in a comment, a string, a visibility",
            &[
                ("a/b", "use super::c::C;"),
                (
                    "a/c",
                    "// use super::b::B;\npub(in crate::a::b) fn f() { \"super::b\"; '\"'; r#\"super::b\"#; }",
                ),
            ],
            &[],
        ),
        (
            "none: in a test",
            &[
                ("a/b", "use super::c::C;"),
                (
                    "a/c",
                    "#[cfg(test)]\nmod tests { use super::super::b::B; }\n#[cfg(test)]\nuse super::b::B;",
                ),
            ],
            &[],
        ),
    ];
    for (case, files, expected) in cases {
        let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
        let files = files
            .iter()
            .map(|(path, text)| (module(path), Source::of(text)));
        assert_eq!(circles(&files.collect()), expected, "{case}");
    }
}

/// The shortest circle of each file, each set of files once, shorter ones first.
fn circles(files: &BTreeMap<Module, Source>) -> Vec<String> {
    let known: BTreeMap<&Module, BTreeSet<Module>> = files
        .keys()
        .map(|module| (module, edges(files, module)))
        .collect();
    let mut found = BTreeMap::new();
    for &start in known.keys() {
        let mut open = VecDeque::from([vec![start.clone()]]);
        let mut met = BTreeSet::new();
        while let Some(path) = open.pop_front() {
            let next = path.last().and_then(|last| known.get(last));
            if path.len() > 1 && path.last() == Some(start) {
                let set: BTreeSet<_> = path.iter().cloned().collect();
                found.entry((set.len(), set)).or_insert(path);
                break;
            }
            for next in next.into_iter().flatten() {
                if met.insert(next.clone()) {
                    open.push_back([&path[..], std::slice::from_ref(next)].concat());
                }
            }
        }
    }
    let shown = |path: Vec<Module>| {
        let names: Vec<_> = path.iter().map(|module| module.join("::")).collect();
        names.join(" -> ")
    };
    found.into_values().map(shown).collect()
}

/// The files that a file knows.
fn edges(files: &BTreeMap<Module, Source>, module: &Module) -> BTreeSet<Module> {
    let Source { imports, code } = &files[module];
    let mut paths = Vec::new();
    for import in imports {
        let used = !import.public || is_used(code, &import.name);
        paths.extend(absolute(files, module, &import.path).filter(|_| used));
    }
    for path in paths_in(code) {
        let import = imports.iter().find(|import| import.name == path[0]);
        let whole = match import {
            Some(import) => [&import.path[..], &path[1..]].concat(),
            None => path,
        };
        paths.extend(absolute(files, module, &whole));
    }
    paths
        .iter()
        .filter_map(|path| definer(files, path, 0))
        .filter(|found| found != module)
        .collect()
}

/// A path from the root of the crate; `None` where it leads out of it, or names what is in this file.
fn absolute(files: &BTreeMap<Module, Source>, module: &Module, path: &[String]) -> Option<Module> {
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let above = module.get(..module.len().checked_sub(ups)?)?;
            Some([above, &path[ups..]].concat())
        }
        child => files
            .contains_key(&[module, &[child.to_owned()][..]].concat())
            .then(|| [module, path].concat()),
    }
}

/// The file that defines what a path names.
fn definer(files: &BTreeMap<Module, Source>, path: &[String], depth: usize) -> Option<Module> {
    let longest = (0..=path.len())
        .rev()
        .find(|length| files.contains_key(&path[..*length]))?;
    let module = path[..longest].to_vec();
    let reexport = path.get(longest).and_then(|name| {
        let import = files[&module].imports.iter();
        let mut named = import.filter(|import| import.name == *name);
        let whole = absolute(files, &module, &named.next()?.path)?;
        (depth < 8).then(|| [&whole[..], &path[longest + 1..]].concat())
    });
    match reexport {
        Some(whole) => definer(files, &whole, depth + 1),
        None => Some(module),
    }
}

/// Whether code names what it re-exports: a type anywhere, a function or module where it is called or gone through.
fn is_used(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&code[..at], &code[at + name.len()..]);
        let is_word = !before.ends_with(|c: char| is_letter(c) || c == '.')
            && !before.ends_with("fn ")
            && !behind.starts_with(is_letter);
        let is_type = name.starts_with(|c: char| c.is_ascii_uppercase());
        is_word && (is_type || behind.starts_with('(') || behind.starts_with("::"))
    })
}

/// Every path of two parts or more in a piece of code.
fn paths_in(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("::") {
        let start = rest[..at]
            .rfind(|c: char| !is_letter(c))
            .map_or(0, |at| at + 1);
        let end = rest[at..].find(|c: char| !is_letter(c) && c != ':');
        let end = end.map_or(rest.len(), |end| at + end);
        let parts = rest[start..end].split("::").filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.map(str::to_owned).collect();
        let is_visibility = rest[..start].ends_with("pub(in ");
        if parts.len() > 1 && !is_visibility {
            found.push(parts);
        }
        rest = &rest[end..];
    }
    found
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Source {
    fn of(text: &str) -> Self {
        let mut imports = Vec::new();
        let mut code = String::new();
        let text = without_tests(without_words(text));
        let mut rest = text.as_str();
        while let Some(at) = rest.find("use ") {
            let is_use = !rest[..at].ends_with(is_letter);
            let Some(end) = rest[at..].find(';').filter(|_| is_use) else {
                code.push_str(&rest[..at + 4]);
                rest = &rest[at + 4..];
                continue;
            };
            let before = rest[..at].trim_end();
            let line = before.rsplit(['\n', ';', '}', '{']).next();
            let public = line.is_some_and(|line| line.trim_start().starts_with("pub"));
            code.push_str(&rest[..at]);
            for (path, name) in names(&[], &rest[at + 4..at + end]) {
                imports.push(Import { public, path, name });
            }
            rest = &rest[at + end + 1..];
        }
        code.push_str(rest);
        Self { imports, code }
    }
}

/// The paths of a tree of imports, each with the name that it has here.
fn names(before: &[String], tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    let parts = |text: &str| -> Vec<String> {
        let parts = text.split("::").map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    if let Some((head, group)) = tree.split_once('{') {
        let head = [before, &parts(head)].concat();
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        let mut depth = 0;
        let items = group.split(|c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        // The last item may have a comma too.
        let items = items.filter(|item| !item.trim().is_empty());
        return items.flat_map(|item| names(&head, item)).collect();
    }
    let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
    let mut path = [before, &parts(path)].concat();
    path.pop_if(|last| last == "self");
    let name = match alias.trim() {
        "" => path.last().cloned(),
        alias => Some(alias.to_owned()),
    };
    name.map(|name| (path, name)).into_iter().collect()
}

/// Code without comments, and with empty strings.
fn without_words(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if let Some(quoted) = rest.strip_prefix('\'') {
            // A character; else it is a lifetime.
            let inner = quoted.chars().next().map_or(0, char::len_utf8);
            match quoted.strip_prefix('\\') {
                Some(escape) => escape[1..].find('\'').map_or(1, |end| end + 4),
                None if quoted[inner..].starts_with('\'') => inner + 2,
                None => 0,
            }
        } else {
            0
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            rest = &rest[skipped..];
        }
    }
    code
}

/// Code without the items that `cfg(test)` marks.
fn without_tests(mut code: String) -> String {
    while let Some(at) = code.find("#[cfg(test)]") {
        let mut depth = 0;
        let end = code[at + 12..].find(|c: char| {
            depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
            depth < 0 || depth == 0 && "};,".contains(c)
        });
        let end = end.map_or(code.len(), |end| at + 12 + end + 1);
        code.replace_range(at..end, "");
    }
    code
}

/// The module that a file is: `lib.rs` is the root. `None` for tests, and for the root of the binary.
fn module_of(file: &Path) -> Option<Module> {
    let below = file.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let below = below.ok()?.with_extension("");
    let mut module: Module = below
        .iter()
        .map(|part| part.to_string_lossy().into())
        .collect();
    module.pop_if(|last| last == "mod");
    let tests = [
        "tests",
        "contract",
        "samples",
        "suite",
        "crash",
        "edges",
        "oracle",
        "differential",
        "simulation",
        "visitor",
        "strict",
    ];
    let is_test = module.iter().any(|part| tests.contains(&part.as_str()));
    module.pop_if(|last| last == "lib");
    (!is_test && module != ["main"]).then_some(module)
}
