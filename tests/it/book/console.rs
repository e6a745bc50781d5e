//! Console blocks are run, and print what the pages show.
//!
//! One shell runs the commands of a page one after the other, in a folder with `fixtures/` and `urls.txt`. The lines
//! of an output may come in any order, as responses do. Times, sizes, rates and dates count as equal, because they
//! differ from run to run. `…` stands for any text within its line, and alone on its line for any number of lines.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::{env, fs, thread};

use regex::Regex;

use super::blocks::{Block, Command, blocks};
use super::{CRATE, Page, pages};
use crate::folder::Folder;
use crate::program::{PATH, Program};
use crate::tools;

/// Programs that a page may use and that not every machine has.
const PROGRAMS: [&str; 2] = ["jq", "sqlite3"];
/// The mark that the shell prints after each command.
const MARK: &str = "\u{1e}";

#[test]
fn every_console_block_prints_what_its_page_shows() {
    let pages = pages();
    let wrong: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = pages
            .iter()
            .map(|page| {
                // A skipped test is counted under this name.
                let name = format!("the console blocks of {}", page.path.display());
                let thread = thread::Builder::new().name(name);
                thread.spawn_scoped(scope, || mismatches(page)).unwrap()
            })
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.flatten().collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Describes each output that a page shows and its commands do not print.
fn mismatches(page: &Page) -> Vec<String> {
    let blocks = blocks(&page.text);
    let is_run = |block: &&Block<'_>| block.language == "console" && block.is_run();
    let commands: Vec<Command> = blocks
        .iter()
        .filter(is_run)
        .flat_map(Block::commands)
        .collect();
    if commands.is_empty() {
        return Vec::new();
    }
    let folder = Folder::new();
    symlink(
        Path::new(CRATE).join("fixtures"),
        folder.path().join("fixtures"),
    )
    .unwrap();
    fs::copy(
        Path::new(CRATE).join("urls.txt"),
        folder.path().join("urls.txt"),
    )
    .unwrap();
    for block in &blocks {
        if let Some(name) = block.file() {
            fs::write(folder.path().join(name), block.text).unwrap();
        }
    }
    let Some(outputs) = outputs(&commands, folder.path()) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    for (command, output) in commands.iter().zip(&outputs) {
        if let Err(line) = matches(&command.output, output) {
            let path = page.path.display();
            let text = &command.text;
            wrong.push(format!("{path}: {text}\nhas no {line:?} in\n{output}"));
        }
    }
    assert_eq!(outputs.len(), commands.len(), "{}", page.path.display());
    wrong
}

/// What the commands print, or `None` after counting a skip.
fn outputs(commands: &[Command], folder: &Path) -> Option<Vec<String>> {
    let uses = |program: &str| {
        commands
            .iter()
            .any(|command| command.text.contains(program))
    };
    for program in PROGRAMS.iter().filter(|program| uses(program)) {
        tools::program(program)?;
    }
    let mut path = vec![Path::new(PATH).parent()?.to_owned()];
    if uses("python3") {
        path.push(tools::python("parquet")?.parent()?.to_owned());
    }
    path.extend(env::split_paths(&env::var_os("PATH")?));
    // Printing the mark preserves the command's exit status, for `echo $?`.
    let after = format!("\n{{ status=$?; printf '{MARK}'; (exit $status); }}\n");
    let script: String = commands
        .iter()
        .map(|command| command.text.clone() + &after)
        .collect();
    let script = format!("exec 2>&1\n{script}");
    let mut shell = Program::by("bash", folder, &script);
    shell
        .env("PATH", env::join_paths(path).unwrap())
        .env("COLUMNS", "100")
        .env("HAUL_PROGRESS", "none") // on a terminal, progress disappears when the run ends
        .env("LC_ALL", "C.UTF-8");
    let output = String::from_utf8(shell.output().unwrap().stdout).unwrap();
    let mut outputs: Vec<String> = output.split(MARK).map(str::to_owned).collect();
    outputs.pop(); // the text after the last mark
    Some(outputs)
}

/// Checks that an output has the lines that a page shows; the error is a missing line.
fn matches(shown: &[String], output: &str) -> Result<(), String> {
    let lines = output.lines().filter(|line| !line.contains(" Killed ")); // the shell's message about a process that was killed
    let mut printed: Vec<String> = lines.map(plain).collect();
    let mut is_whole = true;
    for line in shown {
        if line == "…" {
            is_whole = false;
            continue;
        }
        let parts: Vec<String> = plain(line).split('…').map(regex::escape).collect();
        let pattern = Regex::new(&format!("^{}$", parts.join(".*"))).unwrap();
        match printed.iter().position(|line| pattern.is_match(line)) {
            Some(at) => printed.remove(at),
            None => return Err(line.clone()),
        };
    }
    match printed.iter().find(|line| !line.is_empty()) {
        Some(line) if is_whole => Err(format!("… for {line}")),
        _ => Ok(()),
    }
}

/// A line without the parts that differ from run to run: times, sizes, dates, column widths.
fn plain(line: &str) -> String {
    let rules = [
        ("; CPU [^ ]+", ""),
        (r", \d[\d,]*(\.\d+)?( [KMG]?i?B)?/s", ""), // a short run has no rates
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "#"),
        (r#"_ms":[\d.]+"#, "_ms\":#"),
        (
            r"\b\d[\d,]*(\.\d+)? ?(ns|us|ms|s|B|KiB|MiB|GiB)(/s)?(\b|$)",
            "#",
        ),
        (r"\b\d[\d,]*(\.\d+)?/s", "#"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:#"),
        (r"\s+", " "),
    ];
    let mut line = line.trim_end().to_owned();
    for (pattern, by) in rules {
        line = Regex::new(pattern)
            .unwrap()
            .replace_all(&line, by)
            .into_owned();
    }
    line
}

#[test]
fn an_output_matches_in_any_order_and_whatever_it_measured() {
    let shown = ["a  3.1 ms  4 KiB".to_owned(), "b … d".to_owned()];
    assert_eq!(matches(&shown, "b c d\na 12 s 1.5 MiB\n"), Ok(()));
    assert!(matches(&shown, "b c d\n").is_err(), "a line is missing");
    assert!(matches(&shown, "b c d\na 1 s 1 B\nmore\n").is_err());
    let open = ["…".to_owned(), "12 records in 2s, 6/s".to_owned()];
    assert_eq!(matches(&open, "x\ny\n12 records in 3s, 4/s\n"), Ok(()));
    assert!(matches(&open, "13 records in 3s, 4/s\n").is_err());
}
