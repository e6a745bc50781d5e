//! The waits of a run, as text for the progress line.

use std::time::SystemTime;

use haul::{WaitReason, Waits, clean, spelled};

/// The wait that ends first, and the number of others; `None` if nothing waits.
pub(super) fn text(waits: &Waits, now: SystemTime) -> Option<String> {
    let first = waits.first.first()?;
    let host = first.host.as_deref().map(clean);
    let mut text = format!(
        "{} waits {} ({})",
        host.as_deref().unwrap_or("the run"),
        spelled(first.left(now)),
        clean(&reason(&first.reason))
    );
    if waits.count > 1 {
        text.push_str(&format!(" and {} more", waits.count - 1));
    }
    Some(text)
}

/// The reason for a wait; a limit of the user's own is named by its flag.
pub(crate) fn reason(reason: &WaitReason) -> String {
    match reason {
        WaitReason::Rate => "--rate".to_owned(),
        WaitReason::Delay => "--delay".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use haul::Wait;

    use super::*;

    #[test]
    fn it_says_who_waits_how_long_and_why() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let wait = |host: Option<&str>| Wait {
            host: host.map(str::to_owned),
            until: 1030,
            reason: WaitReason::Failures {
                count: 1,
                last: "HTTP 503".into(),
            },
        };
        let mut waits = Waits::default();
        assert_eq!(text(&waits, now), None);
        waits.count = 2;
        waits.first = vec![wait(Some("http://a.example")), wait(None)];
        let expected = "http://a.example waits 30s (HTTP 503) and 1 more";
        assert_eq!(text(&waits, now).as_deref(), Some(expected));
    }
}
