//! Finds the rules for an agent in the groups of a robots.txt (RFC 9309 2.2.1).
//!
//! Invariant: a rule belongs to the agents listed above it, and only a rule ends a list. A delay belongs only to the
//! names directly above it: RFC 9309 does not mention delays, and that is how people use them.

use std::borrow::Cow;
use std::time::Duration;

use super::agent;
use super::record::{self, RecordKind};
use crate::url::PageUrl;

/// The longest delay; longer ones are reduced to this.
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(3600);
/// The most sitemaps that are kept from one file.
pub(super) const MOST_SITEMAPS: usize = 10_000;
/// The longest sitemap URL that is kept, in bytes: a longer one could not be fetched.
pub(super) const LONGEST_SITEMAP: usize = PageUrl::LONGEST;

/// The rules and the delay for one agent.
#[derive(Default)]
pub(super) struct Group {
    /// Whether any group is for it, even an empty one.
    is_named: bool,
    /// The rules, in file order.
    pub(super) rules: Vec<WrittenRule>,
    /// The longest delay asked for.
    pub(super) delay: Option<Duration>,
    /// Whether the rules that follow are for it.
    rules_follow: bool,
    /// Whether the delays that follow are for it.
    delays_follow: bool,
}

/// A rule as written in the file.
pub(super) struct WrittenRule {
    pub(super) allow: bool,
    pub(super) line: u32,
    pub(super) path: String,
}

/// Reads the rules and the delay for this agent, and the sitemaps.
pub(super) fn read(bytes: &[u8], agent: &str) -> (Group, Vec<String>) {
    let text = record::decode_text(bytes);
    let [mut ours, mut everyones] = [Group::default(), Group::default()];
    let mut sitemaps = Vec::new();
    // A delay above all names can only be meant for everyone.
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
                    group.add_rule(allow, line, value);
                }
            }
            RecordKind::Delay => {
                after_delay = true;
                if let Some(delay) = parse_delay(value) {
                    ours.add_delay(delay);
                    everyones.add_delay(delay);
                }
            }
            RecordKind::Sitemap => {
                let fits = (1..=LONGEST_SITEMAP).contains(&value.len());
                if fits && sitemaps.len() < MOST_SITEMAPS {
                    sitemaps.push(String::from_utf8_lossy(value).into_owned());
                }
            }
        }
    }
    (if ours.is_named { ours } else { everyones }, sitemaps)
}

impl Group {
    fn add_rule(&mut self, allow: bool, line: u32, path: &[u8]) {
        // A path that starts with neither matches nothing. An empty one is not a rule: "Disallow:" forbids nothing.
        if self.rules_follow && matches!(path, [b'/' | b'*', ..]) {
            let path = printable(path).into_owned();
            self.rules.push(WrittenRule { allow, line, path });
        }
    }

    fn add_delay(&mut self, delay: Duration) {
        if self.delays_follow {
            self.delay = self.delay.max(Some(delay));
        }
    }
}

/// A path as text, with invalid text and control characters percent-encoded. It means the same.
fn printable(path: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(path) {
        Ok(text) if !text.bytes().any(|b| b.is_ascii_control()) => return text.into(),
        _ => {}
    }
    let mut text = String::with_capacity(path.len() + 8);
    let encode = |octet: u8, text: &mut String| {
        use std::fmt::Write as _;
        let _ = write!(text, "%{octet:02X}"); // writing to a string cannot fail
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

/// Parses a delay in seconds, such as `10`, `0.5` or `2s`; at most [`LONGEST_DELAY`].
///
/// `None` for anything else.
fn parse_delay(number: &[u8]) -> Option<Duration> {
    let number = std::str::from_utf8(number).ok()?;
    let number = number.strip_suffix(['s', 'S']).unwrap_or(number);
    let number = number.trim_ascii_end();
    // No sign, no exponent, no infinity: nobody writes such delays.
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let seconds: f64 = number.parse().ok()?;
    let delay = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_DELAY);
    Some(delay.min(LONGEST_DELAY))
}
