//! `haul recipe`: checks recipes before they are used.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use haul::Error;
use haul::extract::{ExtractSettings, Extractor, Recipe};
use std::fmt::Write;

/// The arguments of `haul recipe`.
#[derive(Debug, Args)]
pub(crate) struct RecipeArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Report every mistake in recipes with its line, or else what they extract
    Check {
        /// The recipes; check those that refer to each other together
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

impl RecipeArguments {
    /// The tables that the recipes fill, as text.
    ///
    /// # Errors
    /// All mistakes in the recipes.
    pub(super) fn text(self) -> haul::Result<String> {
        let What::Check { files } = self.what;
        let (mut recipes, mut problems) = (Vec::new(), Vec::new());
        for path in files {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|error| {
                Error::Setting(format!("cannot read the recipe {name}: {error}"))
            })?;
            match Recipe::check(&text, &name) {
                Ok(recipe) => recipes.push(recipe),
                Err(wrong) => problems.extend(wrong.iter().map(ToString::to_string)),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Setting(problems.join("\n")));
        }
        let extractor = Extractor::compile(&ExtractSettings {
            recipes,
            ..ExtractSettings::default()
        })?;
        let mut text = String::new();
        for table in extractor.tables() {
            let _ = writeln!(text, "{}", table.name);
            columns(&mut text, &table.columns, 1);
        }
        Ok(text)
    }
}

/// Writes one line per column, with nested columns below.
fn columns(text: &mut String, all: &[haul::extract::Column], depth: usize) {
    for column in all {
        let list = if column.list { "[]" } else { "" };
        let required = if column.required { ", required" } else { "" };
        let rate = column.min_rate.map_or(String::new(), |rate| {
            format!(", in {:.0} % of items at least", rate * 100.0)
        });
        let name = format!("{}{list}", column.name);
        let _ = writeln!(
            text,
            "{:indent$}{name:16} {}{required}{rate}",
            "",
            column.kind.as_str(),
            indent = 2 * depth
        );
        columns(text, &column.columns, depth + 1);
    }
}
