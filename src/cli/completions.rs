//! `haul completions`: prints shell completion scripts.
//!
//! The scripts are clap's, corrected where real shells misread them; tests run each shell.

use clap::{Args, Command};
use clap_complete::Shell;

/// The addition to clap's script for bash. It offers flags only for words that start with a dash, and commands, fixed
/// values and file names for all others.
const BASH: &str = r#"
_haul_words() {
    _haul "$@"
    [[ $2 == -* ]] && return
    local word kept=()
    for word in "${COMPREPLY[@]}"; do
        [[ $word == [-[\<]* ]] || kept+=("$word")
    done
    COMPREPLY=("${kept[@]}")
}
"#;

/// The arguments of `haul completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

impl CompletionsArguments {
    /// The completion script.
    pub(super) fn text(&self, mut command: Command) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "haul", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        match self.shell {
            Shell::Bash => bash(&script),
            Shell::Zsh => zsh(&script, &command),
            _ => script,
        }
    }
}

/// Leaves file names to the shell, which knows how to quote them: clap's script splits them at spaces.
fn bash(script: &str) -> String {
    let script = script.replace(r#"($(compgen -f "${cur}"))"#, "()");
    let registered = script.replace("complete -F _haul ", "complete -F _haul_words ");
    match registered.rfind("\nif [[") {
        Some(end) => format!("{}{BASH}{}", &registered[..end], &registered[end..]),
        None => registered,
    }
}

/// Escapes colons in names of values: zsh takes one for the end of the name, and the rest for a command.
fn zsh(script: &str, command: &Command) -> String {
    let mut script = script.to_owned();
    let names = command
        .get_arguments()
        .flat_map(|argument| argument.get_value_names().unwrap_or_default());
    for name in names.filter(|name| name.contains(':')) {
        let escaped = name.replace(':', "\\:");
        script = script.replace(&format!(":{name}:_"), &format!(":{escaped}:_"));
    }
    command
        .get_subcommands()
        .fold(script, |script, command| zsh(&script, command))
}
