//! Trying selectors on a page.

use super::*;

fn tried(expression: &str, text: &str, source: PageFormat) -> Result<Vec<Match>, SelectionError> {
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
fn each_match_is_reported_with_its_line_and_its_value() {
    let long = "x\n".repeat(5000);
    let html = format!("<p>{long}<ul>\n<li class=a\n id=b><b>1</b>\n<li>two</ul>");
    let matches = tried("li|integer", &html, PageFormat::Html).unwrap();
    let report: Vec<_> = matches
        .iter()
        .map(|one| {
            (
                one.line,
                one.source.trim_end(),
                &one.value,
                one.why.is_some(),
            )
        })
        .collect();
    assert_eq!(
        report,
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
fn json_and_text_can_be_tried_too_and_mistakes_have_a_column() {
    let matches = tried("$.a[*]|number", r#"{"a":["1,5",2]}"#, PageFormat::Json).unwrap();
    assert_eq!(matches[0].value, crate::Value::Number(1.5));
    assert_eq!(matches[1].value, crate::Value::Number(2.0));
    assert_eq!(
        (matches[0].source.as_str(), matches[1].source.as_str()),
        ("\"1,5\"", "2")
    );
    let matches = tried(r"\d+|first", "a 1 b 22", PageFormat::Text).unwrap();
    assert_eq!(matches[1].source, "22");
    assert_eq!(
        tried("li|tirm", "", PageFormat::Html).unwrap_err().column,
        4
    );
    assert_eq!(tried("$", "{", PageFormat::Json).unwrap_err().column, 1);
}
