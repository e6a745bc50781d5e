//! The report of a comparison of two runs, of bounded size whatever the number of changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diff::{Change, ChangeKind, Diff, LinePair, RunSummary};
use crate::earlier::{Reach, RunKind};
use crate::error::Result;

/// The version of the data.
const FORMAT: u32 = 1;
/// The most changes of each kind.
const CHANGES: u64 = 1_000;
/// The lines of unchanged text that are shown around changed ones.
const AROUND: usize = 2;
/// The most rows of one text, and the bytes of all texts.
const ROWS: usize = 400;
const BYTES: usize = 16 << 20;

/// The data of the page about two runs, with the command that compared them.
///
/// # Errors
/// When the temporary file with the changes cannot be read.
pub fn diff(diff: &Diff, command: &str) -> Result<String> {
    let mut listed: BTreeMap<ChangeKind, Vec<Value>> = BTreeMap::new();
    let mut bytes = 0;
    diff.each(&mut |change| {
        let of_kind = listed.entry(change.kind).or_default();
        if (of_kind.len() as u64) < CHANGES {
            let rows = match bytes < BYTES {
                true => rows(&diff.side_by_side(&change)?),
                false => Vec::new(),
            };
            bytes += rows.iter().map(length).sum::<usize>();
            of_kind.push(entry(&change, rows));
        }
        Ok(())
    })?;
    let kinds = ChangeKind::ALL.into_iter().filter_map(|kind| {
        let changes = listed.remove(&kind)?;
        Some(json!({
            "kind": kind.name(),
            "meaning": kind.meaning(),
            "count": diff.counts.of(kind),
            "changes": changes,
        }))
    });
    let data = json!({
        "kind": "diff",
        "format": FORMAT,
        "haul": env!("CARGO_PKG_VERSION"),
        "command": command,
        "old": run(&diff.old),
        "new": run(&diff.new),
        "unchanged": diff.counts.unchanged,
        "changed": diff.counts.is_changed(),
        "warnings": diff.notices,
        "kinds": kinds.collect::<Vec<_>>(),
    });
    Ok(data.to_string())
}

fn run(run: &RunSummary) -> Value {
    let waiting = match run.reach {
        Reach::Unfinished(waiting) => Some(waiting),
        Reach::Complete | Reach::Unknown => None,
    };
    json!({
        "path": run.path.display().to_string(),
        "source": match run.kind {
            RunKind::Job => "job",
            RunKind::Records => "output",
            RunKind::Archive => "archive",
        },
        "pages": run.pages,
        "waiting": waiting,
    })
}

fn entry(change: &Change, rows: Vec<Value>) -> Value {
    json!({
        "url": change.url,
        "new_url": change.new_url,
        "recipe": change.recipe,
        "key": change.key,
        "field": change.field,
        "old": change.old,
        "new": change.new,
        "distance": change.distance,
        "why": change.why,
        "rows": rows,
    })
}

/// The rows to show: changed lines and a few around them, `[old, new]` each; a number stands for so many equal lines.
fn rows(pairs: &[LinePair]) -> Vec<Value> {
    let is_changed = |pair: &LinePair| matches!(pair, LinePair::Changed(..));
    let changed: Vec<_> = (0..pairs.len())
        .filter(|at| is_changed(&pairs[*at]))
        .collect();
    let mut rows = Vec::new();
    let (mut next, mut skipped) = (changed.iter().peekable(), 0_usize);
    for (at, pair) in pairs.iter().enumerate() {
        while next.next_if(|changed| **changed + AROUND < at).is_some() {}
        let is_near = next.peek().is_some_and(|changed| **changed <= at + AROUND);
        if !is_near || rows.len() >= ROWS {
            skipped += 1;
            continue;
        }
        if skipped > 0 {
            rows.push(json!(std::mem::take(&mut skipped)));
        }
        rows.push(match pair {
            LinePair::Same(line) => json!([line, line]),
            LinePair::Changed(old, new) => json!([old, new, true]),
        });
    }
    if skipped > 0 && !rows.is_empty() {
        rows.push(json!(skipped));
    }
    rows
}

/// Roughly the bytes of a row.
fn length(row: &Value) -> usize {
    let cells = row.as_array().into_iter().flatten();
    cells.filter_map(Value::as_str).map(str::len).sum::<usize>() + 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_lines_and_those_around_them_are_in_the_page() {
        let same = |line: usize| LinePair::Same(format!("line {line}"));
        let mut pairs: Vec<_> = (0..20).map(same).collect();
        pairs[10] = LinePair::Changed(Some("old".to_owned()), None);
        let rows = rows(&pairs);
        assert_eq!(
            rows,
            [
                json!(8),
                json!(["line 8", "line 8"]),
                json!(["line 9", "line 9"]),
                json!(["old", null, true]),
                json!(["line 11", "line 11"]),
                json!(["line 12", "line 12"]),
                json!(7)
            ]
        );
    }
}
