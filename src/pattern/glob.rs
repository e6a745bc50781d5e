//! Converts a glob to a regular expression over the whole URL.
//!
//! A `?` matches any character, including the one that starts the query. So there is one alternative for each `?` that
//! might start the query, and one in which none does: before the query, segments matter; in it, they do not.

use std::fmt::Write;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The most wildcards of one pattern, and the most patterns that its braces expand to.
///
/// This keeps the regular expression small.
const LIMIT: usize = 32;
/// Characters that are always percent-encoded in the path and query of a URL.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// One part of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// These characters, percent-encoded if a URL has them encoded.
    Text(String),
    /// `?`
    One,
    /// `*`
    Segment,
    /// `**`
    Any,
    /// `**/` at the start of a segment: any number of directories.
    Directories,
}

/// The regular expression for a glob.
pub(super) fn to_regex(glob: &str) -> Result<String, String> {
    if glob.is_empty() {
        return Err("is empty".to_owned());
    }
    let mut alternatives = Vec::new();
    for glob in expand(glob)? {
        alternatives.push(path_regex(&glob)?);
    }
    Ok(format!("^(?:{})$", alternatives.join("|")))
}

/// The regular expression for a glob without braces.
fn path_regex(glob: &str) -> Result<String, String> {
    let (mut head, path) = match glob.split_once("://") {
        Some((scheme, rest)) => {
            // A host alone stands for everything on it.
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let head = format!(
                "{}://{}",
                host_regex(scheme)?,
                host_regex(&host_name(host)?)?
            );
            (head, if path.is_empty() { "/" } else { path })
        }
        None => ("[^/]*//[^/]*".to_owned(), glob),
    };
    let mut parts = Vec::new();
    if !path.starts_with('/') {
        head.push('/');
        parts.push(Part::Directories);
    }
    parts.extend(split_parts(path)?);
    // A directory includes everything below it. An escaped slash at the end is just a slash.
    if path.ends_with('/') && !path.ends_with("\\/") {
        parts.push(Part::Any);
    }
    let wildcards = parts
        .iter()
        .filter(|part| !matches!(part, Part::Text(_)))
        .count();
    if wildcards > LIMIT {
        return Err(format!("more than {LIMIT} wildcards"));
    }
    let in_path: Vec<String> = parts.iter().map(Part::in_path).collect();
    // A pattern without a query matches with any query.
    let mut expression = format!("{head}(?:{}(?:\\?.*)?", in_path.concat());
    let marks = parts
        .iter()
        .enumerate()
        .filter(|(_, part)| **part == Part::One);
    for (index, _) in marks {
        let before = in_path[..index].concat();
        let after: String = parts[index + 1..].iter().map(Part::in_query).collect();
        let _ = write!(expression, "|{before}\\?{after}");
    }
    Ok(expression + ")")
}

impl Part {
    fn in_path(&self) -> String {
        match self {
            Part::Text(text) => literal_regex(text),
            Part::One => "[^/?]".to_owned(),
            Part::Segment => "[^/?]*".to_owned(),
            Part::Any => "[^?]*".to_owned(),
            Part::Directories => "(?:[^?]*/)?".to_owned(),
        }
    }

    fn in_query(&self) -> String {
        match self {
            Part::Text(text) => literal_regex(text),
            Part::One => ".".to_owned(),
            Part::Segment | Part::Any => ".*".to_owned(),
            Part::Directories => "(?:.*/)?".to_owned(),
        }
    }
}

/// Splits the path of a glob into parts.
fn split_parts(path: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = path.chars().peekable();
    let mut previous = '/';
    while let Some(character) = rest.next() {
        let part = match character {
            '\\' => {
                text.push(rest.next().ok_or("ends in a \\ that escapes nothing")?);
                previous = 'x';
                continue;
            }
            '?' => Part::One,
            '*' if rest.peek() == Some(&'*') => {
                while rest.next_if_eq(&'*').is_some() {}
                if previous == '/' && rest.next_if_eq(&'/').is_some() {
                    Part::Directories
                } else {
                    Part::Any
                }
            }
            '*' => Part::Segment,
            plain => {
                text.push(plain);
                previous = plain;
                continue;
            }
        };
        previous = if part == Part::Directories { '/' } else { 'x' };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(part);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// The regular expression for a scheme or host: wildcards stay within it.
fn host_regex(glob: &str) -> Result<String, String> {
    let parts = split_parts(&glob.to_lowercase())?;
    Ok(parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => literal_regex(text),
            Part::One => "[^/]".to_owned(),
            Part::Segment | Part::Any | Part::Directories => "[^/]*".to_owned(),
        })
        .collect())
}

/// A host in the form that URLs have it.
fn host_name(host: &str) -> Result<String, String> {
    if host.is_ascii() {
        return Ok(host.to_owned());
    }
    let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
    match url::Host::parse(name) {
        Ok(name) => Ok(format!("{name}{port}")),
        Err(_) => Err(format!("{name} is not a host name")),
    }
}

/// A regular expression for literal text, as it appears in a URL.
///
/// The digits of `%2f` match in either case.
fn literal_regex(text: &str) -> String {
    let encoded = utf8_percent_encode(text, ENCODED).to_string();
    let mut regex = String::with_capacity(encoded.len() + 8);
    let mut rest = encoded.as_str();
    while let Some(at) = rest.find('%') {
        let (before, tail) = rest.split_at(at);
        regex.push_str(&regex::escape(before));
        let digits = tail.get(1..3).unwrap_or_default();
        if digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let _ = write!(regex, "%(?i:{digits})");
            rest = &tail[3..];
        } else {
            regex.push('%');
            rest = &tail[1..];
        }
    }
    regex + &regex::escape(rest)
}

/// Expands the braces of a glob.
fn expand(glob: &str) -> Result<Vec<String>, String> {
    let mut expanded = Vec::new();
    let mut pending = vec![glob.to_owned()];
    while let Some(glob) = pending.pop() {
        match find_braces(&glob)? {
            None => expanded.push(glob),
            Some(Braces {
                before,
                choices,
                after,
            }) => {
                pending.extend(
                    choices
                        .iter()
                        .map(|choice| format!("{before}{choice}{after}")),
                );
            }
        }
        if expanded.len() + pending.len() > LIMIT {
            return Err(format!("braces stand for more than {LIMIT} patterns"));
        }
    }
    Ok(expanded)
}

/// A pair of braces, with the text around it.
struct Braces<'g> {
    before: &'g str,
    choices: Vec<&'g str>,
    after: &'g str,
}

/// The first pair of braces, if there is one.
fn find_braces(glob: &str) -> Result<Option<Braces<'_>>, String> {
    let mut depth = 0_usize;
    let mut open = 0;
    let mut from = 0;
    let mut choices = Vec::new();
    let mut escaped = false;
    for (at, character) in glob.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    (open, from) = (at, at + 1);
                }
                depth += 1;
            }
            ',' if depth == 1 => {
                choices.push(&glob[from..at]);
                from = at + 1;
            }
            '}' if depth == 0 => return Err("a } without its {".to_owned()),
            '}' if depth == 1 => {
                choices.push(&glob[from..at]);
                return Ok(Some(Braces {
                    before: &glob[..open],
                    choices,
                    after: &glob[at + 1..],
                }));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a { without its }".to_owned());
    }
    Ok(None)
}
