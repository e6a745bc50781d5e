//! The flags about extracting typed fields from pages.

use std::path::PathBuf;

use clap::Args;
use haul::Error;
use haul::extract::{ExtractSettings, Markdown, Recipe, Selection};

/// The fields to extract.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fields")]
pub(super) struct Fields {
    /// Extract a typed field from each HTML page, as in 'price=.price|number'; may be repeated
    ///
    /// NAME=CSS, then what to take (@attribute, ::text, ::own-text or ::html), then filters: trim, number, integer, date,
    /// url, regex:…, replace:…, lower, json, first, last, join:…, default:…. NAME[]=CSS takes all matches as a list.
    /// Values that fail to convert are listed in misses with the reason.
    #[arg(short, long, value_name = "NAME=CSS")]
    select: Vec<Selection>,

    /// Extract items from pages with the recipe in this TOML file; may be repeated
    ///
    /// A recipe says which URLs it applies to, what an item is, and what fields it has, with their types. haul recipe
    /// check FILE validates one.
    #[arg(long, value_name = "FILE")]
    recipe: Vec<PathBuf>,

    /// Extract each page's metadata: title, dates, Open Graph, JSON-LD, microdata, feeds
    #[arg(long)]
    metadata: bool,

    /// Extract the text of the article on each page, without navigation and other clutter
    #[arg(long)]
    article: bool,

    /// Convert each page to Markdown; with --article, only the article
    #[arg(long)]
    markdown: bool,
}

impl Fields {
    /// The settings that these flags make.
    ///
    /// # Errors
    /// When a recipe cannot be read or has mistakes: each of them, with its line.
    pub(super) fn settings(&self) -> haul::Result<ExtractSettings> {
        let mut recipes = Vec::new();
        for path in &self.recipe {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                Error::Setting(format!("--recipe: cannot read {name}: {error}"))
            })?;
            recipes.push(Recipe::check(&text, &name).map_err(|problems| {
                let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
                Error::Setting(lines.join("\n"))
            })?);
        }
        Ok(ExtractSettings {
            fields: self.select.clone(),
            recipes,
            metadata: self.metadata,
            article: self.article,
            markdown: self.markdown.then_some(match self.article {
                true => Markdown::Article,
                false => Markdown::Page,
            }),
            ..ExtractSettings::default()
        })
    }
}
