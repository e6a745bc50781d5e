//! Rules in the order in which they win: the first that matches is the one that counts.
//!
//! Invariant: entries are sorted by the octets of their pattern, the longest first, and of equal ones `Allow` first (RFC 9309
//! 2.2.2), so no rule has to be looked at after one that matches. Edge: a URL of kilobytes in which ten thousand patterns have to be
//! sought gets no answer beyond [`MOST_SOUGHT`].

use std::cmp::Reverse;

use memchr::memmem;

use super::octets::{self, Target};

/// How far a target is searched for what stands behind a `*`, in octets over all rules: less than a millisecond. A thousand rules
/// with a `*` and a URL of a kilobyte need a quarter of it, were none of them ruled out at a glance.
const MOST_SOUGHT: usize = 4 << 20;
/// What a search costs beside the octets that it reads, in octets.
const SEARCH: usize = 32;

/// A rule as written: whether it allows, its line, its path.
pub(super) type Row<'a> = (bool, u32, &'a str);

/// All rules for one agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    /// The rules in the order of the file.
    rules: Vec<Rule>,
    /// The rules in the order in which they win, duplicates left out.
    entries: Vec<Entry>,
    /// What the spans are of: paths, and patterns that are not spelt as their paths.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Rule {
    path: Span,
    line: u32,
    allow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    pairs: Pairs,
    /// Without a final `$`.
    pattern: Span,
    /// Of the rules.
    rule: u32,
    /// Whether it had one.
    to_the_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    start: u32,
    end: u32,
}

/// What counts for a target.
pub(super) enum First<'a> {
    /// This rule.
    Rule(Row<'a>),
    /// No rule matches.
    None,
    /// Nobody knows: the search took too long.
    Unknown,
}

/// Which neighbours a text has, hashed to one of 128 bits each: a pattern that has some which a target has not cannot match it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Pairs([u64; 2]);

impl Table {
    /// Of rules in the order of the file.
    pub(super) fn new<'a>(rows: impl Iterator<Item = Row<'a>>) -> Self {
        let mut table = Self::default();
        for (allow, line, path) in rows {
            let written = table.keep(path);
            let spelt = octets::pattern(path);
            let mut pattern = if spelt == path {
                written
            } else {
                table.keep(&spelt)
            };
            let to_the_end = spelt.ends_with('$');
            pattern.end -= u32::from(to_the_end);
            table.entries.push(Entry {
                pairs: Pairs::of_pattern(spelt.strip_suffix('$').unwrap_or(&spelt)),
                pattern,
                rule: table.rules.len() as u32, // fewer than there are bytes in a robots.txt
                to_the_end,
            });
            table.rules.push(Rule {
                path: written,
                line,
                allow,
            });
        }
        let Self {
            rules,
            entries,
            text,
        } = &mut table;
        let denies = |entry: &Entry| !rules[entry.rule as usize].allow;
        entries.sort_by_key(|entry| {
            let octets = entry.pattern.end - entry.pattern.start + u32::from(entry.to_the_end);
            (
                Reverse(octets),
                denies(entry),
                entry.pattern.of(text),
                entry.rule,
            )
        });
        entries.dedup_by(|entry, before| {
            denies(entry) == denies(before)
                && entry.to_the_end == before.to_the_end
                && entry.pattern.of(text) == before.pattern.of(text)
        });
        table.rules.shrink_to_fit();
        table.entries.shrink_to_fit();
        table.text.shrink_to_fit();
        table
    }

    /// The rule that counts for a target.
    pub(super) fn first(&self, target: &Target<'_>) -> First<'_> {
        let mut candidates = &self.entries[..];
        let mut first = First::None;
        let mut left = MOST_SOUGHT;
        for spelling in target.spellings() {
            let pairs = Pairs::of(spelling.as_bytes());
            for (at, entry) in candidates.iter().enumerate() {
                if !pairs.include(entry.pairs) {
                    continue;
                }
                let pattern = entry.pattern.of(&self.text);
                match matches(pattern, entry.to_the_end, spelling, &mut left) {
                    Some(false) => {}
                    // In another spelling only what wins over it can matter.
                    Some(true) => {
                        first = First::Rule(self.row(&self.rules[entry.rule as usize]));
                        candidates = &candidates[..at];
                        break;
                    }
                    None => return First::Unknown,
                }
            }
        }
        first
    }

    /// The rules in the order of the file.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rules.iter().map(|rule| self.row(rule))
    }

    fn row(&self, rule: &Rule) -> Row<'_> {
        (rule.allow, rule.line, rule.path.of(&self.text))
    }

    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32; // at most six times the bytes of a robots.txt
        self.text.push_str(text);
        Span {
            start,
            end: self.text.len() as u32,
        }
    }
}

impl Span {
    fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

impl Pairs {
    fn of(text: &[u8]) -> Self {
        let mut pairs = Self::default();
        for pair in text.windows(2) {
            let bit = (usize::from(pair[0]) * 9 + usize::from(pair[1])) % 128;
            pairs.0[bit / 64] |= 1 << (bit % 64);
        }
        pairs
    }

    /// Of what lies between the `*`.
    fn of_pattern(pattern: &str) -> Self {
        let parts = pattern.as_bytes().split(|b| *b == b'*').map(Self::of);
        parts.fold(Self::default(), |all, part| {
            Self([all.0[0] | part.0[0], all.0[1] | part.0[1]])
        })
    }

    fn include(self, others: Self) -> bool {
        (others.0[0] & !self.0[0]) | (others.0[1] & !self.0[1]) == 0
    }
}

/// Whether a pattern matches from the target's first octet on. Each part between two `*` is best taken where it first occurs:
/// that leaves most to those that follow. So nothing is ever tried twice. None where nothing is left to search with.
fn matches(pattern: &str, to_the_end: bool, target: &str, left: &mut usize) -> Option<bool> {
    let mut parts = pattern.as_bytes().split(|b| *b == b'*');
    let head = parts.next().unwrap_or_default();
    let Some(mut rest) = target.as_bytes().strip_prefix(head) else {
        return Some(false);
    };
    let Some(tail) = parts.next_back() else {
        return Some(!to_the_end || rest.is_empty());
    };
    let mut seek = |rest: &[u8], part: &[u8]| {
        let fits = part.len() <= rest.len(); // preparing a search for a long part takes long
        let at = if fits { memmem::find(rest, part) } else { None };
        let end = at.map(|at| at + part.len());
        *left = left.checked_sub(end.unwrap_or(rest.len()) + SEARCH)?;
        Some(end)
    };
    for part in parts {
        match seek(rest, part)? {
            Some(end) => rest = &rest[end..],
            None => return Some(false),
        }
    }
    if to_the_end {
        Some(rest.ends_with(tail))
    } else {
        Some(seek(rest, tail)?.is_some())
    }
}
