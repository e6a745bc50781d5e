//! The README is short and its first example works; commands that are not run still parse.

use super::blocks::blocks;
use super::{CRATE, Page, pages};

use crate::folder::Folder;

/// The maximum length of the README, in bytes.
const LONGEST: usize = 10_000;

#[test]
fn the_readme_has_at_most_ten_kilobytes() {
    let bytes = Page::read("README.md").text.len();
    assert!(bytes <= LONGEST, "{bytes} bytes");
}

#[test]
fn the_first_example_of_the_readme_ends_with_exit_code_0() {
    let readme = Page::read("README.md");
    let blocks = blocks(&readme.text);
    let mut examples = blocks.iter().filter(|block| block.language == "console");
    let commands = examples.next().unwrap().commands();
    assert_eq!(commands[1].text, "echo $?");
    assert_eq!(commands[1].output, ["0"]);
    assert_eq!(examples.count(), 4, "five examples in all");
}

/// The arguments after `haul` in a command without quotes.
fn arguments(command: &str) -> Vec<&str> {
    let words = command
        .split_whitespace()
        .skip_while(|word| *word != "haul");
    let own = words.take_while(|word| !["|", "&", ">"].contains(word));
    own.skip(1).collect()
}

#[test]
fn every_command_of_a_console_block_that_is_not_run_still_parses() {
    let folder = Folder::new();
    // The archive of the guide, or the start of it.
    let site = format!("{CRATE}/fixtures/site");
    let crawl = "crawl http://shop.localhost/ -q -n 12 -o shop.warc.gz --serve";
    let crawl: Vec<_> = crawl.split(' ').chain([site.as_str()]).collect();
    let (code, _, stderr) = crate::cli::run(folder.path(), &crawl);
    assert_eq!(code, Some(0), "{stderr}");
    let mut seen = 0;
    for page in pages() {
        for block in blocks(&page.text) {
            if block.language != "console" || block.is_run() {
                continue;
            }
            for command in block.commands() {
                let mut arguments = arguments(&command.text);
                match arguments[0] {
                    "compare" => arguments.extend(
                        "--rounds 5 --time-budget 30s -n 10 -c 4".split(' '), // as written, it takes half a minute
                    ),
                    "serve" => arguments.push("--help"), // as written, it does not end
                    other => panic!("haul {other} can be run: {}", page.path.display()),
                }
                let (code, _, stderr) = crate::cli::run(folder.path(), &arguments);
                assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 2, "{seen}");
}
