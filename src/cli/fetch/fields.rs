//! The flags that say which typed fields are read out of pages.

use std::path::PathBuf;

use clap::Args;
use haul::Error;
use haul::extract::{ExtractSettings, Markdown, Recipe, Selection};

/// Which fields are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fields")]
pub(super) struct Fields {
    /// Read a typed field out of each HTML page, as in 'price=.price|number'; may be repeated
    ///
    /// NAME=CSS, then @attribute, ::text, ::own-text or ::html for what is taken, and filters: trim, number, integer, date,
    /// url, regex:…, replace:…, lower, json, first, last, join:…, default:…. NAME[]=CSS takes all that match, as a list. What
    /// does not convert is told as a miss.
    #[arg(short, long, value_name = "NAME=CSS")]
    select: Vec<Selection>,

    /// Read items out of pages as the recipe in this TOML file says; may be repeated
    ///
    /// A recipe says which URLs it is for, what an item is, and its fields with their types. haul recipe check FILE tries one.
    #[arg(long, value_name = "FILE")]
    recipe: Vec<PathBuf>,

    /// Read what each page says about itself: title, dates, Open Graph, JSON-LD, microdata, feeds
    #[arg(long)]
    metadata: bool,

    /// Read the text of the article on each page, without what stands around it
    #[arg(long)]
    article: bool,

    /// Make Markdown of each page; with --article, of the article alone
    #[arg(long)]
    markdown: bool,
}

impl Fields {
    /// What these flags ask for.
    ///
    /// # Errors
    /// When a recipe cannot be read, or has a mistake: each with its line.
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
