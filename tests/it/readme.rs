//! What the README says of haul is so.

use std::fs;
use std::path::Path;
use std::process::Output;

/// The folder of the crate, where the README's commands are run.
const CRATE: &str = env!("CARGO_MANIFEST_DIR");
/// Wide enough for the help at its widest.
const COLUMNS: &str = "100";

fn readme() -> String {
    fs::read_to_string(Path::new(CRATE).join("README.md")).unwrap()
}

/// What stands between two marks of the README, without them.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from:?}")) + from.len();
    let end = text[start..]
        .find(to)
        .unwrap_or_else(|| panic!("no {to:?}"));
    &text[start..start + end]
}

fn haul(folder: &Path, words: &[String]) -> Output {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let mut command = crate::cli::haul(folder, &words);
    command.env("COLUMNS", COLUMNS).output().unwrap()
}

fn told(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    String::from_utf8(haul(Path::new(CRATE), &words).stdout).unwrap()
}

/// The words of the first command of a line, as a shell reads them: quotes, and nothing after `|`, `>` or `&`.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            (letter, Some(end)) if letter == end => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            ('|' | '>' | '&', None) => break,
            (' ', None) => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// Every command line of the README that runs haul, from its blocks of code.
fn commands(readme: &str) -> Vec<Vec<String>> {
    let prompts = readme.lines().filter_map(|line| line.strip_prefix("$ "));
    let mut commands = Vec::new();
    for line in prompts {
        for part in line.split(" | ").map(words) {
            let haul = part.iter().position(|word| word == "haul");
            let cargo = part.iter().position(|word| word == "--");
            match (haul, part.first().map(String::as_str)) {
                (_, Some("cargo")) => commands.extend(cargo.map(|at| part[at + 1..].to_vec())),
                (Some(at), _) if part[..at].iter().all(|word| word.contains('=')) => {
                    commands.push(part[at + 1..].to_vec());
                }
                _ => {}
            }
        }
    }
    commands
}

#[test]
fn the_usage_block_is_the_help() {
    let readme = readme();
    let block = between(
        &readme,
        "<!-- haul fetch -h -->\n\n```text\n",
        "```\n\n<!-- end -->",
    );
    assert_eq!(block, told(&["fetch", "-h"]));
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = told(&["fetch", "--help"]);
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let told: Vec<_> = codes
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(code, meaning)| (code.to_owned(), meaning.trim().to_owned()))
        .collect();
    let readme = readme();
    let table = between(&readme, "| code | meaning |\n|---|---|\n", "\n\n");
    let listed: Vec<_> = table
        .lines()
        .map(|row| row.trim_matches(['|', ' ']).split_once(" | ").unwrap())
        .map(|(code, meaning)| (code.to_owned(), meaning.replace('`', "")))
        .collect();
    assert_eq!(listed, told);
    assert_eq!(listed.len(), 14);
}

#[test]
fn every_command_of_the_readme_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        Path::new(CRATE).join("fixtures"),
        folder.path().join("fixtures"),
    )
    .unwrap();
    fs::copy(
        Path::new(CRATE).join("urls.txt"),
        folder.path().join("urls.txt"),
    )
    .unwrap();
    let readme = readme();
    let settings = between(&readme, "```toml\n", "```");
    fs::write(folder.path().join("haul.toml"), settings).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() >= 9, "{commands:?}");
    for mut words in commands {
        const OTHERS: [&str; 12] = [
            "select",
            "recipe",
            "crawl",
            "compare",
            "report",
            "job",
            "retry",
            "explain",
            "serve",
            "config",
            "completions",
            "man",
        ];
        let reads = words.iter().any(|word| word == "--from"); // the archive of the command before it
        let fetches = !OTHERS.contains(&words[0].as_str()) && !reads;
        let needs_more = [
            "serve", "select", "recipe", "report", "job", "retry", "explain",
        ]
        .contains(&words[0].as_str())
            || words
                .iter()
                .any(|word| word == "--map" || word.starts_with("--sweep"));
        if fetches && !words.iter().any(|word| word == "-h") {
            words.push("--dry-run".to_owned());
        } else if needs_more {
            words.push("--help".to_owned()); // or it would serve, look for a job, or take minutes
        } else if words[0] == "compare" {
            let small = "--rounds 5 --time-budget 1s -n 20 -c 4";
            words.extend(small.split(' ').map(str::to_owned));
        } else if words[0] == "crawl" {
            words.extend(["--limit", "0"].map(str::to_owned)); // all that it may ask is nothing
        }
        let output = haul(folder.path(), &words);
        // The list has a line that is no URL, which a dry run sees too.
        assert!(
            matches!(output.status.code(), Some(0 | 3)),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn the_first_run_comes_to_what_the_readme_shows() {
    let readme = readme();
    let block = between(&readme, "-- fetch urls.txt --serve fixtures/site\n", "```");
    let words = ["fetch", "urls.txt", "--serve", "fixtures/site"].map(str::to_owned);
    let output = haul(Path::new(CRATE), &words);
    assert_eq!(
        output.status.code(),
        Some(3),
        "the practice site has bad pages"
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(counts(block), counts(&stderr), "{stderr}");
    assert!(counts(block).len() >= 7, "{block}");
}

/// The lines of a summary without what differs from run to run: times, and which URL failed first.
fn counts(text: &str) -> Vec<String> {
    let mut counts = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [count, "records", "in", ..] => counts.push(format!("{count} records")),
            ["statuses" | "failed" | "beside", ..] => counts.push(words.join(" ")),
            [count, "×", class, ..] => counts.push(format!("{count} × {class}")),
            ["hosts", count, ..] => counts.push(format!("hosts {count}")),
            _ => {}
        }
    }
    counts
}
