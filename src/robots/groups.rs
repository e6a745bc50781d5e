//! Whose rules are whose: the groups of a robots.txt (RFC 9309 2.2.1).
//!
//! Invariant: a rule belongs to the agents of the list above it, and nothing but a rule ends a list. Edge: a delay belongs to the
//! names right above it alone, as RFC 9309 has no word about delays and people mean it so.

use std::borrow::Cow;
use std::time::Duration;

use super::Rules;
use super::agent;
use super::record::{self, RecordKind};

/// What is said to one agent.
#[derive(Default)]
pub(super) struct Group {
    /// Whether any group is for it, be it an empty one.
    is_named: bool,
    /// The rules, in the order of the file.
    pub(super) rules: Vec<WrittenRule>,
    /// The longest delay asked for.
    pub(super) delay: Option<Duration>,
    /// Whether rules that follow are for it.
    rules_follow: bool,
    /// Whether delays that follow are for it.
    delays_follow: bool,
}

/// A rule as written.
pub(super) struct WrittenRule {
    pub(super) allow: bool,
    pub(super) line: u32,
    pub(super) path: String,
}

/// What the file says to this agent, and its sitemaps.
pub(super) fn read(bytes: &[u8], agent: &str) -> (Group, Vec<String>) {
    let text = record::text(bytes);
    let [mut ours, mut everyones] = [Group::default(), Group::default()];
    let mut sitemaps = Vec::new();
    // Above all names a delay can only be meant for everybody.
    everyones.delays_follow = true;
    ours.delays_follow = true;
    let (mut after_rule, mut after_delay) = (false, true);
    for (line, record) in record::records(&text) {
        let value = record.value;
        match record.kind {
            RecordKind::Agent => {
                let is_named = [agent::is_named(value, agent), agent::is_everyone(value)];
                for (group, is_named) in [&mut ours, &mut everyones].into_iter().zip(is_named) {
                    group.is_named |= is_named;
                    group.rules_follow = is_named || group.rules_follow && !after_rule;
                    group.delays_follow =
                        is_named || group.delays_follow && !after_rule && !after_delay;
                }
                (after_rule, after_delay) = (false, false);
            }
            RecordKind::Allow | RecordKind::Disallow => {
                after_rule = true;
                let allow = record.kind == RecordKind::Allow;
                for group in [&mut ours, &mut everyones] {
                    group.rule(allow, line, value);
                }
            }
            RecordKind::Delay => {
                after_delay = true;
                if let Some(delay) = delay(value) {
                    ours.delay(delay);
                    everyones.delay(delay);
                }
            }
            RecordKind::Sitemap => {
                let fits = (1..=Rules::LONGEST_SITEMAP).contains(&value.len());
                if fits && sitemaps.len() < Rules::MOST_SITEMAPS {
                    sitemaps.push(String::from_utf8_lossy(value).into_owned());
                }
            }
        }
    }
    (if ours.is_named { ours } else { everyones }, sitemaps)
}

impl Group {
    fn rule(&mut self, allow: bool, line: u32, path: &[u8]) {
        // What starts with neither matches no path. An empty one is no rule at all: "Disallow:" forbids nothing.
        if self.rules_follow && matches!(path, [b'/' | b'*', ..]) {
            let path = printable(path).into_owned();
            self.rules.push(WrittenRule { allow, line, path });
        }
    }

    fn delay(&mut self, delay: Duration) {
        if self.delays_follow {
            self.delay = self.delay.max(Some(delay));
        }
    }
}

/// A path as text: what is none, and what controls a terminal, percent-encoded. It means the same.
fn printable(path: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(path) {
        Ok(text) if !text.bytes().any(|b| b.is_ascii_control()) => return text.into(),
        _ => {}
    }
    let mut text = String::with_capacity(path.len() + 8);
    let encode = |octet: u8, text: &mut String| {
        use std::fmt::Write as _;
        let _ = write!(text, "%{octet:02X}"); // a string takes all
    };
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            match u8::try_from(c) {
                Ok(octet) if octet.is_ascii_control() => encode(octet, &mut text),
                _ => text.push(c),
            }
        }
        for &octet in chunk.invalid() {
            encode(octet, &mut text);
        }
    }
    text.into()
}

/// `10`, `0.5`, `2s`: seconds, at most [`Rules::LONGEST_DELAY`]. Anything else says nothing.
fn delay(number: &[u8]) -> Option<Duration> {
    let number = std::str::from_utf8(number).ok()?;
    let number = number.strip_suffix(['s', 'S']).unwrap_or(number);
    let number = number.trim_ascii_end();
    // No sign, no exponent, no infinity: those are no delays that anybody writes.
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let seconds: f64 = number.parse().ok()?;
    let longest = Rules::LONGEST_DELAY;
    Some(Duration::try_from_secs_f64(seconds).map_or(longest, |delay| delay.min(longest)))
}
