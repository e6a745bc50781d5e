//! The help of every command, as pages of the book that are generated from the program.
//!
//! `UPDATE_BOOK=1 cargo test --test it book::help` rewrites the pages.

use std::fs;
use std::path::Path;

use super::{CHAPTERS, CRATE, Page, between, output_of};

/// The folder of these pages, relative to the chapters.
const COMMANDS: &str = "reference/commands";

/// The names of all commands in the order of the help, subcommands with their parent.
fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    for name in listed(&output_of(&["--help"])) {
        let inside = listed(&output_of(&[&name, "--help"]));
        commands.push(name.clone());
        commands.extend(inside.iter().map(|inside| format!("{name} {inside}")));
    }
    commands
}

/// The commands that a help text lists, without `help`.
fn listed(help: &str) -> Vec<String> {
    let Some((_, rest)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let lines = rest.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The book page of a command.
fn page(command: &str) -> String {
    let mut arguments: Vec<&str> = command.split(' ').collect();
    arguments.push("--help");
    let help = output_of(&arguments);
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let help = lines.join("\n");
    format!(
        "# haul {command}\n\n<!-- made from the program: UPDATE_BOOK=1 cargo test --test it book::help -->\n```text\n{help}\n```\n"
    )
}

#[test]
fn every_command_has_a_page_that_is_its_help() {
    let folder = Path::new(CRATE).join(CHAPTERS).join(COMMANDS);
    let commands = commands();
    assert!(commands.len() >= 14, "{commands:?}");
    let mut files: Vec<_> = commands
        .iter()
        .map(|command| command.replace(' ', "-") + ".md")
        .collect();
    if std::env::var_os("UPDATE_BOOK").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (command, file) in commands.iter().zip(&files) {
            fs::write(folder.join(file), page(command)).unwrap();
        }
    }
    for (command, file) in commands.iter().zip(&files) {
        let text = Page::read(Path::new(CHAPTERS).join(COMMANDS).join(file)).text;
        assert!(
            text == page(command),
            "{file} is not the help of haul {command}: UPDATE_BOOK=1 rewrites it"
        );
    }
    let mut there: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    files.sort();
    assert_eq!(there, files, "one page per command, and no others");
}

#[test]
fn the_exit_codes_of_the_book_are_those_of_the_help() {
    let help = output_of(&["fetch", "--help"]);
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let of_help: Vec<_> = codes
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(code, meaning)| (code.to_owned(), meaning.trim().to_owned()))
        .collect();
    let text = Page::read(Path::new(CHAPTERS).join("reference/exit-codes.md")).text;
    let table = between(&text, "| code | meaning |\n|---|---|\n", "\n\n");
    let of_book: Vec<_> = table
        .lines()
        .map(|row| row.trim_matches(['|', ' ']).split_once(" | ").unwrap())
        .map(|(code, meaning)| (code.to_owned(), meaning.replace('`', "")))
        .collect();
    assert_eq!(of_book, of_help);
    assert_eq!(of_book.len(), 15);
}
