//! `haul explain`: why a URL of a job is waiting, failed, was skipped, or was never requested.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, Command, FromArgMatches};
use haul::frontier::{Explanation, Sighting, Standing, explain};
use haul::scope::{Role, Scope, ScopeSettings};
use haul::{Error, PageUrl, Via, clean, without_password};

use super::advice;
use super::crawl::CrawlArguments;
use super::exit::Failure;
use super::kept::{self, Secrets};
use super::layers;
use super::output::{json_text, wait_text};
use super::paths::refuse_url;

/// The arguments of `haul explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The folder of the job
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The URL, in any spelling
    #[arg(value_name = "URL")]
    url: String,

    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,
}

impl ExplainArguments {
    /// The explanation, as text or JSON.
    ///
    /// # Errors
    /// When the URL is invalid, there is no such job, or it is damaged.
    pub(super) fn text(&self, command: &Command) -> Result<String, Failure> {
        let url = PageUrl::parse(&self.url)
            .map_err(|error| Error::Setting(format!("{}: {error}", without_password(&self.url))))?;
        refuse_url("the job", &self.folder)?;
        let known = explain(&self.folder, &url)?;
        if self.json {
            return Ok(json_text(&known));
        }
        let mut text = format!("{}\n", clean(&known.url));
        for sighting in &known.sightings {
            write_sighting(
                &mut text,
                sighting,
                &known,
                &self.folder.display().to_string(),
            );
        }
        if known.sightings.is_empty() {
            let scope = scope(command, &known, &self.folder);
            write_unseen(&mut text, &url, &known, scope);
        }
        Ok(text)
    }
}

/// The scope that the job was started with. `None` if it follows no links, or this version cannot read its settings.
fn scope(
    command: &Command,
    known: &Explanation,
    folder: &std::path::Path,
) -> Option<ScopeSettings> {
    if known
        .settings
        .get("command")
        .is_none_or(|name| name != "crawl")
    {
        return None;
    }
    let words = kept::words(command, &known.settings, folder, Secrets::Omitted).ok()?;
    let (matches, _) = layers::matches(command, &words, &kept::environment).ok()?;
    Some(CrawlArguments::from_arg_matches(&matches).ok()?.scope())
}

fn write_sighting(text: &mut String, sighting: &Sighting, known: &Explanation, folder: &str) {
    let limit = known
        .settings
        .get("limit")
        .and_then(|limit| limit.parse().ok());
    let is_full = limit.is_some_and(|limit: u64| known.records >= limit);
    let _ = match &sighting.standing {
        Standing::Waiting { .. } if is_full => writeln!(
            text,
            "waiting, and will not be fetched: the job has reached its --limit of {} records",
            limit.unwrap_or_default()
        ),
        Standing::Waiting { ahead: 0 } => {
            writeln!(text, "waiting or in flight: the next URL of its host")
        }
        Standing::Waiting { ahead } => {
            writeln!(text, "waiting, behind {ahead} URLs of its host")
        }
        other => writeln!(text, "{}", brief(other).trim_start_matches(": ")),
    };
    if let (Standing::Waiting { .. }, Some(wait)) = (&sighting.standing, &known.wait)
        && let Some(wait) = wait_text(wait, std::time::SystemTime::now())
    {
        let _ = writeln!(text, "waits     {wait}");
    }
    if let Standing::Failed { class, .. } = &sighting.standing {
        let _ = writeln!(
            text,
            "retry     haul retry {} --cause {class} fetches it again",
            clean(folder)
        );
    }
    if sighting.url != known.url {
        let _ = writeln!(text, "spelled   {}", clean(&sighting.url));
    }
    write_origin(text, sighting);
}

/// The state of a URL in a few words, with a colon before it.
fn brief(standing: &Standing) -> String {
    match standing {
        Standing::Waiting { .. } => ": waiting".to_owned(),
        Standing::Done {
            status: Some(status),
        } => format!(": done, with status {status}"),
        Standing::Done { status: None } => ": done".to_owned(),
        Standing::Failed { class, message, .. } => {
            format!(": failed: {}", class_and_message(class, message))
        }
        Standing::Skipped { class, message } => {
            format!(": skipped: {}", class_and_message(class, message))
        }
    }
}

/// A class with its message, and the flag that decided.
fn class_and_message(class: &str, message: &str) -> String {
    let (class_name, message) = (clean(class), clean(message));
    format!("{class_name}: {message}{}", advice::of_class(class))
}

fn write_origin(text: &mut String, sighting: &Sighting) {
    let depth = match sighting.depth {
        0 => String::new(),
        1 => ", 1 link from the seed".to_owned(),
        depth => format!(", {depth} links from the seed"),
    };
    let _ = match (sighting.row, sighting.via) {
        (Some(row), _) => writeln!(text, "found     in the list, row {row}"),
        (None, Via::Sitemap) if sighting.chain.is_empty() => {
            writeln!(
                text,
                "found     in robots.txt of its host, or as /sitemap.xml"
            )
        }
        (None, Via::Sitemap) => writeln!(text, "found     in a sitemap{depth}"),
        (None, Via::Redirect) => writeln!(text, "found     by a redirect{depth}"),
        (None, Via::Link | Via::Seed) => writeln!(text, "found     by a link{depth}"),
    };
    for (at, step) in sighting.chain.iter().enumerate() {
        let name = if at == 0 { "chain" } else { "" };
        let _ = writeln!(text, "{name:<9} {}", clean(&step.url));
        if at == 0 && sighting.left_out > 0 {
            let _ = writeln!(text, "{:<9} … {} more", "", sighting.left_out);
        }
    }
}

/// Explains a URL that was never seen: whether it would be in scope.
fn write_unseen(
    text: &mut String,
    url: &PageUrl,
    known: &Explanation,
    scope: Option<ScopeSettings>,
) {
    text.push_str("never seen: no page links to it");
    if !known.list_done {
        text.push_str(" so far, and the list is not fully read");
    }
    text.push('\n');
    let Some(settings) = scope else {
        text.push_str("scope     the job follows no links: it only fetches its list\n");
        return;
    };
    let depth = settings.depth;
    let mut scope = Scope::new(settings);
    for seed in &known.seeds {
        if let Ok(seed) = PageUrl::parse(seed) {
            scope.anchor(&seed);
        }
    }
    let _ = match scope.judge(url, Role::Page) {
        Ok(()) => writeln!(text, "scope     it is in scope"),
        Err(skip) => writeln!(
            text,
            "scope     it would be skipped: {}",
            class_and_message(skip.class(), &skip.to_string())
        ),
    };
    if let Some(limit) = depth {
        let _ = writeln!(
            text,
            "depth     links deeper than --depth {limit} are counted but not stored"
        );
    }
    if known
        .settings
        .get("ignore-robots")
        .is_none_or(|value| value != "true")
    {
        text.push_str("nofollow  nofollow links are counted but not stored\n");
    }
}
