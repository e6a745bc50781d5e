//! `haul completions SHELL`.

use clap::{Args, Command};
use clap_complete::Shell;

/// The arguments of `haul completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

impl CompletionsArguments {
    /// The script that the shell reads.
    pub(super) fn text(&self, mut command: Command) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "haul", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}
