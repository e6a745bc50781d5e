//! The JSON Schema for recipes accepts and rejects the same recipes as haul.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::blocks::blocks;
use super::{CHAPTERS, CRATE, Page, between, pages};

use crate::folder::Folder;

const SCHEMA: &str = "docs/src/reference/recipe.schema.json";

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(Path::new(CRATE).join(SCHEMA)).unwrap()).unwrap()
}

/// The errors that the schema reports for a recipe.
fn problems(recipe: &str) -> Vec<String> {
    let validator = jsonschema::draft7::new(&schema()).unwrap();
    let recipe: Value = toml::from_str(recipe).unwrap();
    let problems = validator.iter_errors(&recipe);
    problems
        .map(|problem| format!("{}: {problem}", problem.instance_path))
        .collect()
}

/// Whether haul accepts a recipe, and what it prints to standard error.
fn check(recipe: &str) -> (bool, String) {
    let folder = Folder::new();
    fs::write(folder.path().join("r.toml"), recipe).unwrap();
    let (code, _, stderr) = crate::cli::run(folder.path(), &["recipe", "check", "r.toml"]);
    (code == Some(0), stderr)
}

#[test]
fn haul_and_the_schema_accept_every_recipe_of_the_fixtures_and_the_pages() {
    let folder = Path::new(CRATE).join("fixtures/recipes");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut recipes: Vec<String> = files
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let pages = pages();
    for page in &pages {
        let blocks = blocks(&page.text);
        let written = blocks
            .iter()
            .filter(|block| block.language == "toml" && block.text.contains("[fields]"));
        recipes.extend(written.map(|block| block.text.to_owned()));
    }
    assert!(recipes.len() >= 3, "{}", recipes.len());
    for recipe in recipes {
        assert_eq!(check(&recipe), (true, String::new()), "{recipe}");
        assert_eq!(problems(&recipe), [""; 0], "{recipe}");
    }
}

#[test]
fn haul_and_the_schema_reject_the_same_mistakes() {
    for recipe in [
        "nmae = 'x'\n[fields]\na = 'h1'",
        "name = 'x'",
        "name = 'a b'\n[fields]\na = 'h1'",
        "source = 'htm'\n[fields]\na = 'h1'",
        "match = [1]\n[fields]\na = 'h1'",
        "each = 1\n[fields]\na = 'h1'",
        "follow = [{recipe = 'x'}]\n[fields]\na = 'h1'",
        "follow = [{select = 'a', recipe = 'x', depth = 1}]\n[fields]\na = 'h1'",
        "[fields]",
        "[fields]\na = 1",
        "[fields]\n'a b' = 'h1'",
        "[fields]\na = {selct = 'h1'}",
        "[fields]\na = {select = 'h1', type = 'nubmer'}",
        "[fields]\na = {select = 'h1', min_rate = 95}",
        "[fields]\na = {select = 'h1', required = 'yes'}",
        "[fields]\na = {select = 'h1', default = []}",
        "[fields]\na = {select = 'h1', filters = [1]}",
        "[fields.a]\neach = '.r'",
        "[fields.a]\neach = '.r'\nselect = 'x'\n[fields.a.fields]\nb = 'h1'",
    ] {
        let (is_recipe, stderr) = check(recipe);
        assert!(!is_recipe, "haul takes {recipe}");
        assert!(!problems(recipe).is_empty(), "{recipe}\n{stderr}");
    }
}

#[test]
fn the_schema_has_the_keys_that_haul_knows() {
    let schema = schema();
    for (recipe, place, what) in [
        (
            "zzzzzzzz = 1\n[fields]\na = 'h1'",
            "/properties",
            "a recipe",
        ),
        (
            "follow = {zzzzzzzz = 1, select = 'a'}\n[fields]\na = 'h1'",
            "/definitions/link/properties",
            "a link to follow",
        ),
        (
            "[fields]\na = {zzzzzzzz = 1, select = 'h1'}",
            "/definitions/value/properties",
            "a field",
        ),
        (
            "[fields.a]\nzzzzzzzz = 1\n[fields.a.fields]\nb = 'h1'",
            "/definitions/nested/properties",
            "a nested table",
        ),
    ] {
        let (_, stderr) = check(recipe);
        let known = between(&stderr, &format!("{what} has "), "\n");
        let mut known: Vec<_> = known.split(", ").collect();
        known.sort_unstable();
        let described = schema.pointer(place).unwrap().as_object().unwrap();
        let mut described: Vec<_> = described.keys().map(String::as_str).collect();
        described.sort_unstable();
        assert_eq!(described, known, "{what}");
    }
}

#[test]
fn the_guide_shows_the_recipe_of_the_fixtures() {
    let guide = Page::read(Path::new(CHAPTERS).join("guide/scraping.md")).text;
    let recipe = Page::read("fixtures/recipes/product.toml").text;
    assert_eq!(between(&guide, "```toml\n", "```"), recipe);
}

#[test]
fn every_filter_is_in_the_table_of_filters() {
    let folder = Folder::new();
    fs::write(folder.path().join("page.html"), "<p>").unwrap();
    let (_, _, stderr) = crate::cli::run(folder.path(), &["select", "page.html", "p|zzzzzzzz"]);
    let filters = between(&stderr, "there are ", "\n").split(", ");
    let text = Page::read(Path::new(CHAPTERS).join("reference/recipes.md")).text;
    let table = between(&text, "## Filters\n", "\n## ");
    let rows: Vec<&str> = table
        .lines()
        .filter_map(|row| row.split(" | ").next())
        .collect();
    for filter in filters {
        let is_there = rows.iter().any(|row| {
            row.contains(&format!("`{filter}`")) || row.contains(&format!("`{filter}:"))
        });
        assert!(is_there, "{filter}");
    }
}
