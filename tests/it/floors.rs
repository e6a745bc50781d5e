//! The floors of the house: which room may know which. Imports go down, never up and never sideways.
//!
//! Reads the source as text: every `crate::…` path outside comments, and in the binary every `haul::…` path.

mod inside;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that know nothing but each other: the data that travels.
const NOUNS: [&str; 11] = [
    "cookies", "error", "hsts", "job", "page", "pattern", "robots", "run", "text", "url", "visit",
];

/// What each room above the nouns may know, beside the nouns and itself.
const FLOORS: [(&str, &[&str]); 27] = [
    ("cache", &[]),
    ("past", &["cache"]),
    ("parse", &["extract"]),
    ("fetch", &["cache", "past"]),
    ("extract", &[]),
    ("worker", &["archive", "cache", "extract", "fetch", "parse"]),
    ("engine", &["archive", "fetch", "worker"]),
    ("descriptors", &["engine"]),
    ("shared", &[]),
    ("frontier", &["past", "shared"]),
    ("scope", &[]),
    ("follow", &["frontier", "scope"]),
    ("archive", &[]),
    (
        "earlier",
        &["archive", "frontier", "parse", "past", "recorded"],
    ),
    ("input", &[]),
    ("recorded", &["input"]),
    ("query", &["frontier", "past", "recorded"]),
    ("seeds", &["archive", "input", "recorded"]),
    ("sink", &["archive", "extract", "parse", "recorded"]),
    (
        "config",
        &[
            "cache", "engine", "fetch", "follow", "frontier", "parse", "seeds", "shared", "sink",
        ],
    ),
    (
        "crawl",
        &[
            "archive",
            "cache",
            "config",
            "descriptors",
            "earlier",
            "engine",
            "extract",
            "fetch",
            "follow",
            "frontier",
            "parse",
            "past",
            "seeds",
            "shared",
            "sink",
            "worker",
        ],
    ),
    ("diff", &["earlier", "parse"]),
    (
        "audit",
        &["archive", "earlier", "frontier", "parse", "recorded"],
    ),
    ("origin", &[]),
    ("replay", &["archive", "origin"]),
    (
        "compare",
        &[
            "config", "crawl", "engine", "fetch", "frontier", "origin", "parse", "seeds",
        ],
    ),
    ("report", &["compare", "crawl", "diff", "earlier"]),
];

/// Rooms of the binary: they see the library as everybody does, and each other.
const SHELL: [&str; 4] = ["main", "cli", "metrics", "progress"];

/// No file is longer.
const LONGEST: usize = 500;

/// One mention of a room.
struct Mention {
    line: usize,
    room: String,
}

#[test]
fn imports_go_down_and_never_sideways() {
    let mut wrong = Vec::new();
    for file in sources() {
        let room = room_of(&file);
        if SHELL.contains(&room.as_str()) || room == "lib" {
            continue;
        }
        let below = allowed(&room);
        for Mention { line, room: met } in mentions(&read(&file), "crate") {
            let rises = met != room && !below.contains(met.as_str());
            if rises {
                wrong.push(format!(
                    "{}:{line}: {room} may not know {met}",
                    shown(&file)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_floors_has_every_room_and_no_circle() {
    let rooms: BTreeSet<_> = sources().iter().map(|file| room_of(file)).collect();
    for room in rooms.iter().filter(|room| *room != "lib") {
        let known = NOUNS.contains(&room.as_str())
            || SHELL.contains(&room.as_str())
            || FLOORS.iter().any(|(name, _)| name == room);
        assert!(known, "{room} stands on no floor");
    }
    for (room, _) in FLOORS {
        assert!(
            !reach(room).contains(room),
            "{room} knows itself in a circle"
        );
    }
    for apart in ["engine", "frontier", "seeds", "sink"] {
        let others = ["engine", "frontier", "seeds", "sink"].map(str::to_owned);
        let met: Vec<_> = reach(apart)
            .into_iter()
            .filter(|room| others.contains(room))
            .collect();
        assert!(
            met.is_empty(),
            "{apart} knows {met:?}: only the loop introduces them"
        );
    }
}

#[test]
fn only_the_binary_knows_the_terminal() {
    let mut wrong = Vec::new();
    for file in sources() {
        let room = room_of(&file);
        let text = read(&file);
        for (foreign, owner) in [("clap", "cli"), ("indicatif", "progress")] {
            if room == owner || room == "main" {
                continue;
            }
            wrong.extend(
                mentions(&text, foreign)
                    .iter()
                    .map(|found| format!("{}:{}: {foreign}", shown(&file), found.line)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_long_and_the_median_is_short() {
    let mut lengths: Vec<(usize, String)> = sources()
        .iter()
        .map(|file| (read(file).lines().count(), shown(file)))
        .collect();
    lengths.sort();
    let median = lengths[lengths.len() / 2].0;
    let long: Vec<_> = lengths
        .iter()
        .filter(|(lines, _)| *lines > LONGEST)
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST} lines: {long:?}");
    assert!(median <= 200, "the median is {median} lines");
}

#[test]
fn an_import_is_seen_in_every_form_and_a_comment_is_none() {
    let text = "use crate::sink::Writer;\n// crate::engine\nuse crate::{\n    url::PageUrl, job::{self, Job},\n};\n\
        fn f() -> crate::engine::Crew {}\n/// [x](crate::FetchError)\nuse crate::is_public;";
    let found: Vec<_> = mentions(text, "crate")
        .into_iter()
        .map(|found| (found.line, found.room))
        .collect();
    let expected = [(1, "sink"), (3, "url"), (3, "job"), (6, "engine")];
    assert_eq!(found, expected.map(|(line, room)| (line, room.to_owned())));
}

/// First arguments of haul's own children: the library starts them, and nobody types them.
const OF_CHILDREN: [&str; 2] = ["--haul-child", "--haul-round"];

#[test]
fn the_library_names_no_flag_of_the_command() {
    let files = sources();
    let only_tests: BTreeSet<PathBuf> = files.iter().flat_map(|file| test_modules(file)).collect();
    let mut wrong = Vec::new();
    for file in files {
        let module = file.with_extension("");
        let is_test = module.ancestors().any(|above| only_tests.contains(above));
        if is_test || SHELL.contains(&room_of(&file).as_str()) {
            continue;
        }
        let text = read(&file);
        let flags = literals(before_tests(&text)).into_iter();
        let flags = flags.filter(|(_, text)| has_flag(text) && !OF_CHILDREN.contains(text));
        wrong.extend(flags.map(|(at, literal)| {
            let line = text[..at].matches('\n').count() + 1;
            format!("{}:{line}: {literal}", shown(&file))
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_flag_is_seen_in_every_kind_of_literal_and_in_no_comment() {
    let text = "// \"--in-a-comment\"\nlet a = '\"'; let b = \"say \\\"--fresh\\\"\"; /* \"--no\" */\n\
        let c = r#\"a \"--raw\" one\"#;\nlet life: &'static str = \"<!--a--> xn--a --- var\";\n\
        #[cfg(test)]\nmod tests { \"--in-a-test\" }";
    let found: Vec<_> = literals(before_tests(text))
        .into_iter()
        .filter(|(_, literal)| has_flag(literal))
        .map(|(_, literal)| literal)
        .collect();
    assert_eq!(found, [r#"say \"--fresh\""#, r#"a "--raw" one"#]);
}

fn allowed(room: &str) -> BTreeSet<&str> {
    let own = FLOORS.iter().find(|(name, _)| *name == room);
    let below = own.map_or(&[][..], |(_, below)| below);
    NOUNS.iter().chain(below).copied().collect()
}

/// All that a room knows, by way of others too.
fn reach(room: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![room.to_owned()];
    while let Some(room) = open.pop() {
        for (_, below) in FLOORS.iter().filter(|(name, _)| *name == room) {
            open.extend(
                below
                    .iter()
                    .filter(|next| found.insert((**next).to_owned()))
                    .map(|next| (*next).to_owned()),
            );
        }
    }
    found
}

/// Every room that a text names after `root::`, with its line. Names with a capital are re-exports of `lib.rs`, as are
/// functions; those are nouns' and belong to no floor.
fn mentions(text: &str, root: &str) -> Vec<Mention> {
    let code: String = text
        .lines()
        .map(|line| {
            if line.trim_start().starts_with("//") {
                ""
            } else {
                line
            }
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let needle = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&needle) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == ':') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + needle.len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => firsts(group),
            None => vec![word(rest)],
        };
        let functions = ["is_public", "spelled", "duration"];
        let rooms = names.into_iter().filter(|name| {
            root != "crate"
                || name.starts_with(|c: char| c.is_ascii_lowercase())
                    && !functions.contains(&name.as_str())
        });
        found.extend(rooms.map(|room| Mention { line, room }));
    }
    found
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The first word of each item of a group, up to its closing brace.
fn firsts(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = Vec::new();
    let mut expecting = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expecting = true,
            c if c.is_alphabetic() && expecting && depth == 0 => {
                names.push(word(&group[at..]));
                expecting = false;
            }
            _ => {}
        }
    }
    names
}

/// What a file holds before its tests.
fn before_tests(text: &str) -> &str {
    let tests = text.match_indices("#[cfg(test)]\nmod ").find(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
            .starts_with(" {")
    });
    tests.map_or(text, |(at, _)| &text[..at])
}

/// The modules that a file declares for tests alone, as paths without a suffix.
fn test_modules(file: &Path) -> Vec<PathBuf> {
    let is_root = ["mod", "lib", "main"]
        .iter()
        .any(|root| file.ends_with(format!("{root}.rs")));
    let folder = match is_root {
        true => file.with_file_name(""),
        false => file.with_extension(""),
    };
    let text = read(file);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let names = declared.filter_map(|pair| {
        let (_, name) = pair[1].split_once("mod ")?;
        name.strip_suffix(';')
    });
    names.map(|name| folder.join(name)).collect()
}

/// Whether a text has a word that begins with two dashes.
fn has_flag(text: &str) -> bool {
    text.match_indices("--").any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let starts = before.is_none_or(|c| !c.is_alphanumeric() && !"-_!".contains(c));
        starts && text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
    })
}

/// The string literals of a source, each with the place where it begins.
fn literals(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let hashes = match letter == 'r' {
            true => rest[1..].chars().take_while(|c| *c == '#').count(),
            false => 0,
        };
        let is_raw = letter == 'r' && rest[1 + hashes..].starts_with('"');
        let length = match letter {
            '/' if rest.starts_with("//") => rest.find('\n'),
            '/' if rest.starts_with("/*") => rest.find("*/").map(|end| end + 2),
            '\'' if rest.starts_with("'\"'") || rest.starts_with("'\\") => Some(3),
            _ if is_raw => {
                let (open, end) = (hashes + 2, format!("\"{}", "#".repeat(hashes)));
                let close = rest[open..].find(&end).map_or(rest.len(), |end| open + end);
                found.push((at, &rest[open..close]));
                Some(close + end.len())
            }
            '"' => {
                let mut escaped = false;
                let close = rest[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                let close = close.map_or(rest.len(), |end| end + 1);
                found.push((at, &rest[1..close]));
                Some(close + 1)
            }
            other => Some(other.len_utf8()),
        };
        at = (at + length.unwrap_or(rest.len())).min(text.len());
    }
    found
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The room of a file: the folder below `src`, or the file's own name.
fn room_of(file: &Path) -> String {
    let below = file
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    let first = below.components().next().unwrap();
    Path::new(first.as_os_str())
        .file_stem()
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

fn shown(file: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    file.strip_prefix(root)
        .unwrap_or(file)
        .display()
        .to_string()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}
