//! How many requests a comparison will send, announced before it starts.
//!
//! It requests the same pages from other people's machines many times over, so the user has to know how often.

use haul::Error;

use super::layout::{counted, grouped};
use haul::PageUrl;
use haul::compare::{CompareSettings, Stage, Target};

/// Requests that may be sent to other machines without asking.
const UNCONFIRMED: u64 = 1000;

/// How many requests a comparison will send, and to how many URLs on other machines.
#[derive(Debug)]
pub(crate) struct Announcement {
    requests: u64,
    remote: usize,
    engines: usize,
    rounds: u32,
    urls: u64,
    seed: u64,
}

impl Announcement {
    /// The announcement of a comparison whose URLs are known. Names under localhost count as this machine.
    pub(crate) fn of(settings: &CompareSettings) -> Self {
        let (urls, remote) = match &settings.target {
            Target::Practice(practice) => (practice.pages, 0),
            // The archive has all the responses, so no request leaves this machine.
            Target::Urls(urls) if settings.archive.is_some() => (urls.len() as u64, 0),
            Target::Urls(urls) => {
                let proxied = !settings.fetch.proxies.is_empty();
                let remote = |url: &&String| proxied || !is_this_machine(url);
                (urls.len() as u64, urls.iter().filter(remote).count())
            }
        };
        Self {
            requests: settings.most_requests(),
            remote,
            engines: settings.contestants.len(),
            rounds: settings.rounds,
            urls,
            seed: settings.seed,
        }
    }

    /// # Errors
    /// When that is too much to send to other machines without --yes.
    pub(crate) fn allowed(&self, yes: bool) -> haul::Result<()> {
        if self.remote == 0 || yes || self.requests <= UNCONFIRMED {
            return Ok(());
        }
        Err(Error::Setting(format!(
            "this may send up to {} requests to other machines ({} URLs, {} engines, {} rounds and a warm-up): \
             add --yes if they can take it, or reduce it with -n, --engines or --rounds",
            grouped(self.requests as f64),
            grouped(self.urls as f64),
            self.engines,
            self.rounds
        )))
    }

    /// The announcement, one line for people.
    pub(crate) fn text(&self) -> String {
        let target = match self.remote {
            0 => "on this machine".to_owned(),
            _ => format!("at most {} requests", grouped(self.requests as f64)),
        };
        format!(
            "comparing {} engines on {}: {} rounds each after a warm-up, {target}; seed {}\n",
            self.engines,
            counted(self.urls as usize, "URL"),
            self.rounds,
            self.seed
        )
    }
}

/// Whether a URL leads to this machine, judged by its host name only.
fn is_this_machine(url: &str) -> bool {
    let Ok(url) = PageUrl::parse(url) else {
        return false;
    };
    match url.as_url().host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// The current stage of a comparison, as one line.
pub(crate) fn stage(stage: &Stage<'_>) -> String {
    match stage {
        Stage::WarmUp { engine } => format!("warming up {engine}"),
        Stage::Round { engine, done, of } => format!("round {} of {of}: {engine}", done + 1),
        Stage::Texts { engine } => format!("comparing pages that change: {engine}"),
        Stage::Sweep { engine, at } => format!("sweep at {at}: {engine}"),
        Stage::Map { engine, done, of } => format!("map, cell {} of {of}: {engine}", done + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_counts_as_this_machine() {
        for here in [
            "http://127.0.0.1:8080/",
            "http://[::1]/",
            "https://localhost/",
            "http://a.localhost:1/",
        ] {
            assert!(is_this_machine(here), "{here}");
        }
        for remote in [
            "http://10.0.0.1/",
            "http://example.org/",
            "http://localhost.example.org/",
            "nonsense",
        ] {
            assert!(!is_this_machine(remote), "{remote}");
        }
    }
}
