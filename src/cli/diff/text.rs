//! Changes as text for people. Remote text is cleaned, and lines are no longer than the terminal is wide.

use std::fmt::Write;

use haul::clean;
use haul::diff::{Change, ChangeKind, Diff, RunSummary};
use haul::earlier::{Reach, RunKind};
use serde_json::Value;

/// The columns of the names of kinds.
const NAMES: usize = 16;

/// A listing of changes, kind by kind.
pub(super) struct Listing<'d> {
    diff: &'d Diff,
    columns: usize,
    /// The most changes of each kind; 0 for all.
    show: u64,
    kind: Option<ChangeKind>,
    shown: u64,
}

/// What the reader should know, one line each.
pub(super) fn notices(diff: &Diff) -> String {
    let notices = diff.notices.iter();
    notices
        .map(|notice| format!("haul: {}\n", clean(notice)))
        .collect()
}

/// The two runs, and how many changes there are.
pub(super) fn summary(diff: &Diff) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "old  {}", run(&diff.old));
    let _ = writeln!(text, "new  {}\n", run(&diff.new));
    for kind in ChangeKind::ALL {
        let count = diff.counts.of(kind);
        if count > 0 {
            let _ = writeln!(text, "{count:>8} {kind:<NAMES$} {}", kind.meaning());
        }
    }
    let _ = writeln!(text, "{:>8} unchanged", diff.counts.unchanged);
    text
}

fn run(run: &RunSummary) -> String {
    let kind = match run.kind {
        RunKind::Job => "job",
        RunKind::Records => "output",
        RunKind::Archive => "archive",
    };
    let pages = match run.pages {
        1 => "1 page".to_owned(),
        pages => format!("{pages} pages"),
    };
    let path = run.path.display().to_string();
    let mut text = format!("{} ({kind}): {pages}", clean(&path));
    match run.reach {
        Reach::Unfinished(0) => text.push_str(", not finished"),
        Reach::Unfinished(waiting) => {
            let _ = write!(text, ", not finished, {waiting} waiting");
        }
        Reach::Complete | Reach::Unknown => {}
    }
    text
}

impl<'d> Listing<'d> {
    pub(super) fn new(diff: &'d Diff, columns: usize, show: u64) -> Self {
        Self {
            diff,
            columns,
            show,
            kind: None,
            shown: 0,
        }
    }

    /// The beginning of the listing.
    pub(super) fn head(&self) -> String {
        summary(self.diff)
    }

    /// A change, after the heading of its kind; nothing if enough of this kind were listed.
    pub(super) fn change(&mut self, change: &Change) -> String {
        let mut text = String::new();
        if self.kind != Some(change.kind) {
            (self.kind, self.shown) = (Some(change.kind), 0);
            let _ = writeln!(text, "\n{}: {}", change.kind, change.kind.meaning());
        }
        self.shown += 1;
        if self.show > 0 && self.shown > self.show {
            if self.shown == self.show + 1 {
                let more = self.diff.counts.of(change.kind) - self.show;
                let _ = writeln!(text, "  and {more} more (--show 0 lists all)");
            }
            return text;
        }
        for line in lines(change, self.columns) {
            let _ = writeln!(text, "{}", cut(&line, self.columns));
        }
        text
    }
}

/// The lines of a change; of two long values, as much as fits of each.
fn lines(change: &Change, columns: usize) -> Vec<String> {
    let url = clean(&change.url);
    let (old, new) = (value(&change.old), value(&change.new));
    let why = change.why.as_deref().map(clean);
    let reason = why
        .as_ref()
        .map_or(String::new(), |why| format!(" ({why})"));
    match change.kind {
        ChangeKind::Broken | ChangeKind::Status => {
            vec![format!("  {old} → {new}  {url}{reason}")]
        }
        ChangeKind::Gone => vec![format!("  {old}  {url}{reason}")],
        ChangeKind::Added => vec![format!("  {new}  {url}{reason}")],
        ChangeKind::Moved => {
            let to = change.new_url.as_deref().map(clean).unwrap_or_default();
            vec![format!("  {url}"), format!("    → {to}{reason}")]
        }
        ChangeKind::Content | ChangeKind::Bytes | ChangeKind::Shell => {
            let distance = change.distance.map(|bits| format!("{bits:>2} bits  "));
            vec![format!("  {}{url}{reason}", distance.unwrap_or_default())]
        }
        ChangeKind::Title => {
            let (old, new) = both(&old, &new, columns.saturating_sub(7));
            vec![format!("  {url}"), format!("    {old} → {new}")]
        }
        ChangeKind::Value => {
            let of = [&change.recipe, &change.key, &change.field];
            let of: Vec<_> = of.into_iter().flatten().map(|name| clean(name)).collect();
            let name = of.join(" ");
            let room = columns.saturating_sub(9 + name.chars().count());
            let (old, new) = both(&old, &new, room);
            vec![
                format!("  {url}"),
                format!("    {name}: {old} → {new}{reason}"),
            ]
        }
        ChangeKind::ItemAdded | ChangeKind::ItemGone => {
            let of = [&change.recipe, &change.key];
            let of: Vec<_> = of.into_iter().flatten().map(|name| clean(name)).collect();
            vec![format!("  {}  {url}", of.join(" "))]
        }
        ChangeKind::NotAsked | ChangeKind::NotAskedBefore => {
            vec![format!("  {}  {url}", why.unwrap_or_default())]
        }
        _ => vec![format!("  {url}{reason}")],
    }
}

/// A value as text: none as a dash, a text as it is, everything else as JSON.
fn value(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => clean(text).into_owned(),
        other => clean(&other.to_string()).into_owned(),
    }
}

/// Two texts that fit into so many columns together, if that leaves enough of each.
fn both(old: &str, new: &str, columns: usize) -> (String, String) {
    let half = (columns / 2).max(20);
    let spare = |text: &str| half.saturating_sub(text.chars().count());
    (cut(old, half + spare(new)), cut(new, half + spare(old)))
}

fn cut(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    let kept = line.chars().take(columns.saturating_sub(1));
    kept.chain(['…']).collect()
}
