//! Completions in real shells: each flag is offered, and its value completes without error.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cli::haul;
use crate::folder::Folder;
use crate::tools;

/// Commands with many flags.
const COMMANDS: [&str; 3] = ["fetch", "crawl", "compare"];
/// A file that values and targets complete to; the shell quotes the space in its name.
const FILE: &str = "some list.txt";

/// What haul prints to standard output.
fn printed(folder: &Path, words: &[&str]) -> String {
    let output = haul(folder, words).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with the completion script for a shell, and the file.
fn folder(shell: &str) -> Folder {
    let folder = Folder::new();
    let script = printed(folder.path(), &["completions", shell]);
    fs::write(folder.path().join("script"), script).unwrap();
    fs::write(folder.path().join(FILE), "").unwrap();
    folder
}

/// The short and long flags in a command's help, and whether each takes a value.
fn flags(command: &str) -> Vec<(String, bool)> {
    let help = printed(Path::new("."), &[command, "--help"]);
    let mut flags = Vec::new();
    for line in help.lines().map(str::trim) {
        let names = line.split(", ").take_while(|part| part.starts_with('-'));
        for name in names {
            let flag = name.split([' ', '=', '[']).next().unwrap();
            let plain = flag.trim_start_matches('-');
            let is_flag = plain.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if is_flag && !plain.is_empty() && line.len() < 80 {
                flags.push((flag.to_owned(), line.contains('<')));
            }
        }
    }
    flags
}

/// Runs a shell script and returns its standard output; an error fails the test.
fn run(program: &Path, options: &[&str], folder: &Path, script: &str) -> String {
    let output = Command::new(program)
        .args(options)
        .args(["-c", script])
        .current_dir(folder)
        .env("HOME", folder)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.is_empty(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn offers_every_flag(command: &str, offered: &str) {
    let known: Vec<_> = offered
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let flags = flags(command);
    assert!(flags.len() > 40, "{flags:?}");
    for (flag, _) in flags.iter().filter(|(flag, _)| flag.starts_with("--")) {
        assert!(
            known.contains(&flag.as_str()),
            "{command} {flag}: {offered}"
        );
    }
}

#[test]
fn bash_completes_every_flag_and_leaves_other_words_to_files_and_commands() {
    let Some(bash) = tools::program("bash") else {
        return;
    };
    let folder = folder("bash");
    // The words of a line, as readline passes them; the last one is completed.
    let complete = |words: &[&str]| {
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let line = words.join(" ");
        let script = format!(
            "source ./script; COMP_WORDS=({line}); COMP_CWORD={}; f=$(complete -p haul); \
             f=${{f#*-F }}; ${{f%% *}} haul '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len() - 1
        );
        run(&bash, &["--norc"], folder.path(), &script)
    };
    for command in COMMANDS {
        offers_every_flag(command, &complete(&["haul", command, "--"]));
        // Nothing is offered: readline then completes file names itself, and quotes them.
        for words in [
            &["haul", command, ""][..],
            &["haul", command, "so"],
            &["haul", command, "-q", ""],
            &["haul", command, "--cacert", "so"],
        ] {
            assert_eq!(complete(words).trim(), "", "{words:?}");
        }
    }
    assert!(
        run(
            &bash,
            &["--norc"],
            folder.path(),
            "source ./script; complete -p haul"
        )
        .contains("-o default")
    );
    let formats = complete(&["haul", "fetch", "--format", ""]);
    assert!(formats.lines().any(|word| word == "jsonl"), "{formats}");
    let commands = complete(&["haul", ""]);
    assert!(commands.lines().any(|word| word == "crawl"), "{commands}");
    assert!(!commands.contains('-'), "{commands}");
}

#[test]
fn fish_completes_every_flag_and_files() {
    let Some(fish) = tools::program("fish") else {
        return;
    };
    let folder = folder("fish");
    let complete = |line: &str| {
        let script = format!("source ./script; complete -C '{line}'");
        run(&fish, &["--no-config"], folder.path(), &script)
    };
    for command in COMMANDS {
        offers_every_flag(command, &complete(&format!("haul {command} --")));
        for line in ["so", "--cacert so", "--resolve so", "-H so", "--engine so"] {
            let words = complete(&format!("haul {command} {line}"));
            assert!(words.contains("some"), "{command} {line}: {words}");
        }
    }
    assert!(complete("haul fetch --format ").contains("jsonl"));
}

/// Runs zsh in a pseudo-terminal, and logs the matches that it would offer, and any errors.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
said() { local line; while zpty -r shell line; do print -r -- "$line"; [[ $line == *"$1"* ]] && return; done }
zpty -w shell 'PROMPT=; unsetopt zle_bracketed_paste 2>/dev/null; autoload -Uz compinit; compinit -u -D; source ./script
LISTMAX=9999; compadd() { local -a hits; [[ " $* " == *" -"[OAD]" "* ]] || { builtin compadd -O hits "$@"; print -rl -- $hits >>matches }; builtin compadd "$@" }
mark() { comppostfuncs=(mark); print "comple""ted" >/dev/tty }; comppostfuncs=(mark)
bindkey "^I" complete-word; print re""ady'
said ready >/dev/null
while IFS= read -r line; do
    print -r -- "== $line" >>matches
    zpty -w -n shell "$line"$'\t'
    said completed >>said
    zpty -w -n shell $'\C-u print do""ne\n'
    said done >>said
done <lines
zpty -d shell
"#;

#[test]
fn zsh_completes_every_flag_and_files_as_every_value() {
    let Some(zsh) = tools::program("zsh") else {
        return;
    };
    let folder = folder("zsh");
    let mut lines = Vec::new();
    for command in COMMANDS {
        lines.push(format!("haul {command} --"));
        lines.push(format!("haul {command} so"));
        for (flag, _) in flags(command)
            .iter()
            .filter(|(_, takes_value)| *takes_value)
        {
            lines.push(format!("haul {command} {flag} so"));
        }
    }
    fs::write(folder.path().join("lines"), lines.join("\n") + "\n").unwrap();
    run(&zsh, &["-f"], folder.path(), ZSH);
    let log = fs::read(folder.path().join("said")).unwrap();
    let log = String::from_utf8_lossy(&log);
    for wrong in ["command not found", "_arguments:", "bad ", "invalid"] {
        assert!(!log.contains(wrong), "{log}");
    }
    let matches = fs::read_to_string(folder.path().join("matches")).unwrap();
    let of = |line: &str| {
        let (_, after) = matches
            .split_once(&format!("== {line}\n"))
            .unwrap_or_else(|| panic!("{line}: {matches}\n{log}"));
        after.split("== ").next().unwrap()
    };
    for command in COMMANDS {
        offers_every_flag(command, of(&format!("haul {command} --")));
        for value in ["so", "--cacert so", "--resolve so", "-H so", "--engine so"] {
            if command == "compare" && value.starts_with("--engine") {
                continue; // in compare, the flag is --engines
            }
            let words = of(&format!("haul {command} {value}"));
            assert!(words.contains("list.txt"), "{command} {value}: {words:?}");
        }
    }
}
