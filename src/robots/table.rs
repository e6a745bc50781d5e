//! The rules of a robots.txt in order of precedence: the first one that matches decides.
//!
//! Invariant: the ranked rules are sorted by the octets in their pattern, longest first, with `Allow` first among
//! equals (RFC 9309 2.2.2), so no rule after a match needs to be checked. Matching a URL of several kilobytes against
//! ten thousand patterns stops without a decision at [`SEARCH_LIMIT`].

use std::cmp::Reverse;

use memchr::memmem;

use super::octets::{self, Target};

/// The most octets of targets that are searched for the parts after a `*`, over all rules: less than a millisecond.
///
/// A thousand rules with a `*` and a URL of a kilobyte need a quarter of it, even if none of them can be ruled out at
/// a glance.
const SEARCH_LIMIT: usize = 4 << 20;
/// The fixed cost of a search, expressed in octets.
const SEARCH_COST: usize = 32;

/// A rule as written: whether it allows, its line, its path.
pub(super) type Row<'a> = (bool, u32, &'a str);

/// All rules for one agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    /// The rules in file order.
    rules: Vec<Rule>,
    /// The rules in order of precedence, without duplicates.
    ranked: Vec<RankedRule>,
    /// The text that the spans refer to: paths, and patterns that differ from their path.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Rule {
    path: Span,
    line: u32,
    allow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct RankedRule {
    pairs: Pairs,
    /// The pattern, without a final `$`.
    pattern: Span,
    /// The index in `rules`.
    rule: u32,
    /// Whether the pattern had a final `$`.
    is_anchored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    start: u32,
    end: u32,
}

/// The decision about a target.
pub(super) enum Decision<'a> {
    /// This rule decides.
    Rule(Row<'a>),
    /// No rule matches.
    None,
    /// Undecided: the search would take too long.
    Unknown,
}

/// The pairs of adjacent octets in a text, hashed to 128 bits.
///
/// A pattern with pairs that a target does not have cannot match it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Pairs([u64; 2]);

impl Table {
    /// A table of rules that are given in file order.
    pub(super) fn new<'a>(rows: impl Iterator<Item = Row<'a>>) -> Self {
        let mut table = Self::default();
        for (allow, line, path) in rows {
            let path_span = table.append(path);
            let normalized = octets::pattern(path);
            let mut pattern = if normalized == path {
                path_span
            } else {
                table.append(&normalized)
            };
            let is_anchored = normalized.ends_with('$');
            pattern.end -= u32::from(is_anchored);
            table.ranked.push(RankedRule {
                pairs: Pairs::of_pattern(normalized.strip_suffix('$').unwrap_or(&normalized)),
                pattern,
                rule: table.rules.len() as u32, // fewer than the bytes in a robots.txt
                is_anchored,
            });
            table.rules.push(Rule {
                path: path_span,
                line,
                allow,
            });
        }
        let Self {
            rules,
            ranked,
            text,
        } = &mut table;
        let is_disallow = |ranked_rule: &RankedRule| !rules[ranked_rule.rule as usize].allow;
        ranked.sort_by_key(|ranked_rule| {
            let octets = ranked_rule.pattern.end - ranked_rule.pattern.start
                + u32::from(ranked_rule.is_anchored);
            (
                Reverse(octets),
                is_disallow(ranked_rule),
                ranked_rule.pattern.of(text),
                ranked_rule.rule,
            )
        });
        ranked.dedup_by(|ranked_rule, before| {
            is_disallow(ranked_rule) == is_disallow(before)
                && ranked_rule.is_anchored == before.is_anchored
                && ranked_rule.pattern.of(text) == before.pattern.of(text)
        });
        table.rules.shrink_to_fit();
        table.ranked.shrink_to_fit();
        table.text.shrink_to_fit();
        table
    }

    /// The rule that decides about a target.
    pub(super) fn first(&self, target: &Target<'_>) -> Decision<'_> {
        let mut candidates = &self.ranked[..];
        let mut decision = Decision::None;
        let mut remaining = SEARCH_LIMIT;
        for form in target.forms() {
            let pairs = Pairs::of(form.as_bytes());
            for (at, ranked_rule) in candidates.iter().enumerate() {
                if !pairs.contains_all(ranked_rule.pairs) {
                    continue;
                }
                let pattern = ranked_rule.pattern.of(&self.text);
                match matches(pattern, ranked_rule.is_anchored, form, &mut remaining) {
                    Some(false) => {}
                    // In another form of the target, only rules that precede this one matter.
                    Some(true) => {
                        decision = Decision::Rule(self.row(&self.rules[ranked_rule.rule as usize]));
                        candidates = &candidates[..at];
                        break;
                    }
                    None => return Decision::Unknown,
                }
            }
        }
        decision
    }

    /// The rules in file order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rules.iter().map(|rule| self.row(rule))
    }

    fn row(&self, rule: &Rule) -> Row<'_> {
        (rule.allow, rule.line, rule.path.of(&self.text))
    }

    fn append(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32; // at most six times the bytes in a robots.txt
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

    /// The pairs in the parts between the `*`.
    fn of_pattern(pattern: &str) -> Self {
        let parts = pattern.as_bytes().split(|b| *b == b'*').map(Self::of);
        parts.fold(Self::default(), |all, part| {
            Self([all.0[0] | part.0[0], all.0[1] | part.0[1]])
        })
    }

    fn contains_all(self, others: Self) -> bool {
        (others.0[0] & !self.0[0]) | (others.0[1] & !self.0[1]) == 0
    }
}

/// Whether a pattern matches the target from its first octet.
///
/// Each part between two `*` is best matched where it first occurs, as that leaves most for the parts after it. So
/// nothing is ever tried twice. `None` if `remaining` is used up.
fn matches(pattern: &str, is_anchored: bool, target: &str, remaining: &mut usize) -> Option<bool> {
    let mut parts = pattern.as_bytes().split(|b| *b == b'*');
    let head = parts.next().unwrap_or_default();
    let Some(mut rest) = target.as_bytes().strip_prefix(head) else {
        return Some(false);
    };
    let Some(tail) = parts.next_back() else {
        return Some(!is_anchored || rest.is_empty());
    };
    let mut search = |rest: &[u8], part: &[u8]| {
        let fits = part.len() <= rest.len(); // preparing a search for a long part is slow
        let at = if fits { memmem::find(rest, part) } else { None };
        let end = at.map(|at| at + part.len());
        *remaining = remaining.checked_sub(end.unwrap_or(rest.len()) + SEARCH_COST)?;
        Some(end)
    };
    for part in parts {
        match search(rest, part)? {
            Some(end) => rest = &rest[end..],
            None => return Some(false),
        }
    }
    if is_anchored {
        Some(rest.ends_with(tail))
    } else {
        Some(search(rest, tail)?.is_some())
    }
}
