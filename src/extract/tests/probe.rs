//! Trying selectors on a page.

use super::*;

fn tried(expression: &str, text: &str, source: Source) -> Result<Vec<Match>, SelectionError> {
    let (url, text, source) = page(text, source);
    let page = Page {
        url: &url,
        text,
        source,
        encoding: encoding_rs::UTF_8,
        recipes: &[],
    };
    matches(expression, &page, &Limits::default())
}

#[test]
fn each_place_is_told_with_its_line_and_what_becomes_of_it() {
    let long = "x\n".repeat(5000);
    let html = format!("<p>{long}<ul>\n<li class=a\n id=b><b>1</b>\n<li>two</ul>");
    let found = tried("li|integer", &html, Source::Html).unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|found| {
            (
                found.line,
                found.source.trim_end(),
                &found.value,
                found.why.is_some(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                Some(5003),
                "<li class=\"a\" id=\"b\"><b>1</b>\n</li>",
                &crate::Value::Integer(1),
                false
            ),
            (Some(5004), "<li>two</li>", &crate::Value::Missing, true),
        ]
    );
}

#[test]
fn json_and_text_are_tried_too_and_mistakes_are_told_by_column() {
    let found = tried("$.a[*]|number", r#"{"a":["1,5",2]}"#, Source::Json).unwrap();
    assert_eq!(found[0].value, crate::Value::Number(1.5));
    assert_eq!(found[1].value, crate::Value::Number(2.0));
    assert_eq!(
        (found[0].source.as_str(), found[1].source.as_str()),
        ("\"1,5\"", "2")
    );
    let found = tried(r"\d+|first", "a 1 b 22", Source::Text).unwrap();
    assert_eq!(found[1].source, "22");
    assert_eq!(tried("li|tirm", "", Source::Html).unwrap_err().column, 4);
    assert_eq!(tried("$", "{", Source::Json).unwrap_err().column, 1);
}
