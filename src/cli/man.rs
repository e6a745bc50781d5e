//! `haul man`: prints manual pages.

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use haul::Error;

use super::subcommands::SUBCOMMANDS;

/// The arguments of `haul man`.
#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// Print the page of this command instead of haul's own
    #[arg(value_parser = PossibleValuesParser::new(SUBCOMMANDS))]
    command: Option<String>,
}

impl ManArguments {
    /// The page, in roff: `haul man | man -l -` shows it.
    ///
    /// # Errors
    /// None in practice: the page is written to memory.
    pub(super) fn text(&self, command: Command) -> haul::Result<String> {
        let chosen = match &self.command {
            Some(name) => command.find_subcommand(name).cloned().unwrap_or(command),
            None => command,
        };
        let mut page = Vec::new();
        clap_mangen::Man::new(chosen)
            .render(&mut page)
            .map_err(|source| Error::output("the manual page", source))?;
        Ok(String::from_utf8_lossy(&page).into_owned())
    }
}
