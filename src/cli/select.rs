//! `haul select`: shows what an expression matches on a page, before it is used in a command or a recipe.

use std::fmt::Write;
use std::io::Read;

use clap::Args;
use haul::extract::{Column, Kind, Limits, Match, Page, PageFormat, matches};
use haul::{Config, Error, Event, PageUrl, Stop, clean};

use super::advice;
use super::event_loop::event_loop;

/// Characters shown of a value, and of the source of an element.
const SHOWN: usize = 160;

/// The arguments of `haul select`.
#[derive(Debug, Args)]
pub(crate) struct SelectArguments {
    /// The page: a URL, a file, or - for standard input
    #[arg(value_name = "URL|FILE|-")]
    page: String,

    /// What to try, as after the = of --select: a CSS selector, what to take, and filters
    #[arg(value_name = "CSS", required = true)]
    expressions: Vec<String>,

    /// Base URL for relative links if the page is a file
    #[arg(long, value_name = "URL", default_value = "http://localhost/")]
    base: String,
}

/// A page that was read.
struct PageText {
    url: PageUrl,
    text: String,
    media: String,
}

impl SelectArguments {
    /// Tries each expression, and returns its matches as text.
    ///
    /// # Errors
    /// When the page cannot be read, or an expression has a mistake.
    pub(super) fn text(self) -> haul::Result<String> {
        let page = self.read()?;
        let source = match page.media.as_str() {
            json if json.ends_with("json") => PageFormat::Json,
            "text/plain" => PageFormat::Text,
            "application/xhtml+xml" => PageFormat::Xhtml,
            _ => PageFormat::Html,
        };
        let mut output = String::new();
        for expression in &self.expressions {
            let on = Page {
                url: &page.url,
                text: &page.text,
                source,
                encoding: encoding_rs::UTF_8,
                recipes: &[],
            };
            let found = matches(expression, &on, &Limits::default())
                .map_err(|error| Error::Setting(format!("{expression}: {error}")))?;
            let count = match found.len() {
                1 => "1 match".to_owned(),
                count => format!("{count} matches"),
            };
            let _ = writeln!(output, "{expression}: {count}");
            found
                .iter()
                .for_each(|found| write_match(&mut output, found));
        }
        Ok(output)
    }

    fn read(&self) -> haul::Result<PageText> {
        let unread = |error| Error::Setting(format!("cannot read the page {}: {error}", self.page));
        let url = |text: &str| {
            PageUrl::parse(text).map_err(|error| {
                Error::Setting(format!("{}: {error}", haul::without_password(text)))
            })
        };
        let mut bytes = Vec::new();
        if self.page == "-" {
            std::io::stdin().read_to_end(&mut bytes).map_err(unread)?;
        } else if !self.page.contains("://") && std::path::Path::new(&self.page).exists() {
            bytes = std::fs::read(&self.page).map_err(unread)?;
        } else {
            return fetched(&url(&self.page)?);
        }
        let json = self.page.ends_with(".json") || bytes.trim_ascii_start().starts_with(b"{");
        Ok(PageText {
            url: url(&self.base)?,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            media: if json {
                "application/json"
            } else {
                "text/html"
            }
            .to_owned(),
        })
    }
}

/// Fetches the page as `haul fetch` would.
fn fetched(url: &PageUrl) -> haul::Result<PageText> {
    let mut config = Config::urls([url.as_str()]);
    config.parse.wants.text = true;
    let mut found = Err(Error::Setting(format!("{url}: no response")));
    let on_event = |event: &Event<'_>| {
        if let Event::Visited(visit) = event {
            found = match (&visit.outcome, &visit.parsed.text) {
                (Ok(_), Some(text)) => Ok(PageText {
                    url: visit.job.url.clone(),
                    text: text.clone(),
                    media: visit.parsed.media_type.clone().unwrap_or_default(),
                }),
                (Ok(page), None) => Err(Error::Setting(format!(
                    "{url}: {} without text",
                    page.status
                ))),
                (Err(error), _) => {
                    let advice = advice::of_class(error.class());
                    Err(Error::Setting(format!("{url}: {error}{advice}")))
                }
            };
        }
    };
    event_loop()?.block_on(haul::crawl(&config, Stop::new(), on_event))?;
    found
}

/// Writes one line for the value, and one for its source.
fn write_match(output: &mut String, found: &Match) {
    let column = Column::new("", Kind::Json);
    let value = serde_json::to_string(&found.value.json(&column)).unwrap_or_default();
    let line = found.line.map_or("-".to_owned(), |line| line.to_string());
    let _ = writeln!(output, "{line:>6}  {}", short(&value));
    if let Some(why) = &found.why {
        let _ = writeln!(output, "        missed: {}", short(why));
    }
    let _ = writeln!(output, "        {}", short(&found.source));
}

fn short(text: &str) -> String {
    let text = clean(text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
