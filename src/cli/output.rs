//! What several commands print: JSON, waits, and how wide lines may be.

/// A line about a waiting host: how much longer, and why; `None` once the wait is over.
pub(super) fn wait_text(wait: &haul::Wait, now: std::time::SystemTime) -> Option<String> {
    let left = wait.left(now);
    let host = wait.host.as_deref().unwrap_or("the whole run");
    (!left.is_zero()).then(|| {
        let left = haul::spelled(left);
        haul::clean(&format!(
            "{host} for {left} more: {}",
            crate::progress::reason(&wait.reason)
        ))
        .into_owned()
    })
}

/// The width to wrap standard output at, in columns.
pub(super) fn columns() -> usize {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let width: usize = columns.unwrap_or_else(|| usize::from(console::Term::stdout().size().1));
    width.clamp(40, 120)
}

/// A value as indented JSON for scripts, with a final line break.
pub(super) fn json_text(value: &impl serde::Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("all its keys are strings or numbers");
    text.push('\n');
    text
}
