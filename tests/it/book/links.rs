//! The pages link to existing files and headings, and the table of contents is complete.

use std::path::{Component, Path, PathBuf};

use regex::Regex;

use super::{CHAPTERS, CRATE, Page, pages};

/// The targets of a page's links and images, except those in code blocks.
fn targets(text: &str) -> Vec<String> {
    let fences = Regex::new(r"(?ms)^```.*?^```$").unwrap();
    let code = Regex::new(r"`[^`\n]+`").unwrap();
    let text = fences.replace_all(text, "");
    let text = code.replace_all(&text, "");
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let links = link.captures_iter(&text);
    links.map(|links| links[1].to_owned()).collect()
}

/// The ids that mdBook and GitHub assign to the headings of a page.
fn ids(text: &str) -> Vec<String> {
    let fences = Regex::new(r"(?ms)^```.*?^```$").unwrap();
    let text = fences.replace_all(text, "");
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let letters = heading
                .chars()
                .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            letters
                .map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(normal.pop(), "{} leads out", path.display()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading() {
    let mut wrong = Vec::new();
    for page in pages() {
        let folder = page.path.parent().unwrap();
        for target in targets(&page.text) {
            if target.starts_with("http://") || target.starts_with("https://") {
                continue;
            }
            let (file, id) = target.split_once('#').unwrap_or((&target, ""));
            let path = match file {
                "" => page.path.clone(),
                file => normal(&folder.join(file)),
            };
            let is_chapter = page.path.starts_with(CHAPTERS);
            let is_there = Path::new(CRATE).join(&path).exists()
                && (!is_chapter || path.starts_with(CHAPTERS)); // the built book contains nothing else
            // The headings of an included page are not in this text.
            let included = path.ends_with("figures.md");
            let has_id = id.is_empty() || included || {
                is_there && ids(&Page::read(&path).text).iter().any(|known| known == id)
            };
            if !is_there || !has_id {
                wrong.push(format!("{}: {target}", page.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_chapter_is_in_the_table_of_contents_once() {
    let summary = Page::read(Path::new(CHAPTERS).join("SUMMARY.md"));
    let mut listed: Vec<_> = targets(&summary.text)
        .iter()
        .map(|target| Path::new(CHAPTERS).join(target))
        .collect();
    listed.sort();
    let chapters: Vec<_> = pages()
        .into_iter()
        .map(|page| page.path)
        .filter(|path| path.starts_with(CHAPTERS) && !path.ends_with("SUMMARY.md"))
        .collect();
    assert_eq!(listed, chapters);
}
