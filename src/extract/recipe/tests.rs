//! Recipes as files, right and wrong.

use super::*;
use crate::extract::Reads;

const PRODUCT: &str = r#"name = "product"
match = ["https://shop.example/p/*", "re:/item/\\d+$"]
each = ".product"
follow = ["a.next", { select = ".more a@data-href", recipe = "product" }]

[fields]
title = "h1|trim"
"tags[]" = ".tag|trim|lower"
price = { select = ".price", type = "number", required = true, min_rate = 0.95 }
sku = { attr = "data-sku", default = "none" }
dates = { select = "time@datetime", list = true, filters = ["trim", "date"] }

[fields.reviews]
each = ".review"
required = true
[fields.reviews.fields]
stars = ".stars@data-value|integer"
by = { select = ".by", default = "?" }
"#;

/// The problems of a recipe, one per line.
fn problems(text: &str) -> String {
    let problems = Recipe::check(text, "r.toml").unwrap_err();
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_recipe_keeps_the_order_of_its_file_and_can_be_sent_to_another_process() {
    let recipe = Recipe::check(PRODUCT, "x.toml").unwrap();
    let names: Vec<_> = recipe.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["title", "tags", "price", "sku", "dates", "reviews"]);
    let Reads::Items { each, rules } = &recipe.rules[5].reads else {
        panic!("reviews are nested");
    };
    assert_eq!((each.as_str(), rules.len()), (".review", 2));
    assert!(recipe.rules[5].list && recipe.rules[5].required);
    let frame = postcard::to_stdvec(&recipe).unwrap();
    let back: Recipe = postcard::from_bytes(&frame).unwrap();
    assert_eq!(back, recipe);
}

#[test]
fn a_recipe_without_a_name_takes_that_of_its_file() {
    let recipe = Recipe::check("[fields]\nt = 'h1'", "recipes/shop.toml").unwrap();
    assert_eq!((recipe.name.as_str(), recipe.matches), ("shop", None));
}

#[test]
fn all_problems_are_reported_at_once_with_line_and_column() {
    let text = r#"nmae = "x"
match = ["https://{"]
source = "htm"
[fields]
title = "h1|tirm"
price = { selct = ".p", type = "nubmer" }
"a b" = "h1"
list = "li|split:,"
size = { select = ".s|number", filters = ["upper"] }
many = { select = ".s", min_rate = 95 }
none = { select = ".s", type = "integer", default = "none" }
part = { select = "p >> b", attr = "x" }
[fields.reviews]
each = ".r"
"#;
    let expected = [
        "r.toml:1:1: unknown key \"nmae\"; did you mean \"name\"?",
        "r.toml:2:10: pattern",
        "r.toml:3:10: unknown source \"htm\"; did you mean \"html\"?",
        "r.toml:5:13: \"tirm\" is not a filter; did you mean \"trim\"?",
        "r.toml:6:11: unknown key \"selct\"; did you mean \"select\"?",
        "r.toml:6:32: unknown type \"nubmer\"; did you mean \"number\"?",
        "r.toml:7:3: ' ' in a name",
        "r.toml:8:19: a list comes out",
        "r.toml:9:44: upper works on text, not on a number",
        "r.toml:10:36: min_rate must be a number from 0 to 1",
        "r.toml:11:54: \"none\" is not a valid integer here",
        "r.toml:12:22: not a CSS selector",
        "r.toml:13:9: a nested table needs fields",
    ];
    let report = problems(text);
    let lines: Vec<_> = report.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{report}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
fn text_that_is_not_toml_or_not_a_recipe_is_reported() {
    assert!(problems("name = \n[fields]\nt = 'h1'").starts_with("r.toml:1:8: "));
    assert_eq!(problems(""), "r.toml:1:1: there are no [fields]");
    assert_eq!(problems("[fields]"), "r.toml:1:1: there are no fields");
    assert_eq!(
        problems("[fields]\na = 1\n'a[]' = 'b'"),
        "r.toml:2:5: select must be a string, not integer"
    );
    assert_eq!(
        problems("[fields]\na = 'x'\n'a[]' = 'b'"),
        "r.toml:3:1: there is already a field \"a\""
    );
    assert!(problems("follow = [{recipe='x'}]\n[fields]\na='b'").contains("needs a select"));
    assert!(
        problems("follow = 'a|number'\n[fields]\na='b'").contains("r.toml:1:19: url works on text")
    );
    let deep = "[fields.a.fields.b.fields.c.fields.d.fields]\ne='x'";
    assert!(problems(deep).contains("nested too deeply"));
    assert!(problems(&"x".repeat(2 << 20)).contains("longer than"));
}

#[test]
fn the_languages_of_json_and_text_are_checked_too() {
    let json = "source = 'json'\neach = '$.a[*]'\n[fields]\na = \"$.b[?@.c=='|']|integer\"\n";
    assert!(Recipe::check(json, "r.toml").is_ok());
    assert!(problems("source='json'\n[fields]\na='$.b['").contains("r.toml:3:"));
    assert!(problems("source='json'\n[fields]\na='.b'").contains("not a JSONPath"));
    assert!(
        problems("source='json'\n[fields]\na={select='$', attr='b'}")
            .contains("attr cannot be combined")
    );
    let text = "source = 'text'\neach = '(?m)^(?<key>\\w+)=(\\w+)$'\n[fields]\nkey = '@key'\nvalue = '@2|upper'\n";
    assert!(Recipe::check(text, "r.toml").is_ok());
    assert!(problems("source='text'\n[fields]\na='(b'").contains("not a regular expression"));
}
