//! Whatever the input, nothing panics, and the promises about values hold.

use proptest::prelude::*;

use super::*;
use crate::visit::fields::{Column, Kind, Value};

/// Pieces that expressions are made of, valid and invalid.
const PIECES: [&str; 44] = [
    "x=",
    "x[]=",
    "a",
    ".b",
    "#c",
    " > ",
    " ~ ",
    "+",
    ",",
    "*",
    "[href|=d]",
    "[t=\"|\"]",
    ":not(",
    ":has(",
    ")",
    ":nth-child(2n+1)",
    ":scope",
    "::text",
    "::html",
    "::own-text",
    "@href",
    "@",
    "|trim",
    "|number",
    "|integer:,",
    "|date",
    "|url",
    "|json",
    "|first",
    "|join:,",
    "|split:x",
    "|regex:(.)",
    "|replace:a/$1",
    "|default:0",
    "|bool",
    "|exists",
    "\\",
    "\"",
    "'",
    "(",
    "]",
    "|",
    "ü",
    " ",
];

const TAGS: [&str; 30] = [
    "<a href=x>",
    "<b>",
    "</b>",
    "<p class=b>",
    "</p>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<ul><li>",
    "<svg>",
    "<math>",
    "</svg>",
    "<template>",
    "</template>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<select><option>",
    "1.234,5 €",
    "20 May 2026",
    "true",
    "{\"a\":[1]}",
    "&amp;&#x0;",
    "<a x=\"",
    "\">",
    "\u{0}é",
];

fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(of), 0..most).prop_map(|pieces| pieces.concat())
}

/// Whether a value fits its column.
fn fits(value: &Value, column: &Column) -> bool {
    match (value, column.kind) {
        (Value::List(values), _) if column.list => values.iter().all(|value| {
            let one = Column {
                list: false,
                ..column.clone()
            };
            *value != Value::Missing && fits(value, &one)
        }),
        (Value::List(_), _) => false,
        (Value::Missing, _) => true,
        (_, _) if column.list => false,
        (Value::Text(_), Kind::Text | Kind::Json | Kind::Url | Kind::Date) => true,
        (Value::Bool(_), Kind::Bool | Kind::Json) => true,
        (Value::Integer(_), Kind::Integer | Kind::Json) => true,
        (Value::Number(number), Kind::Number | Kind::Json) => number.is_finite(),
        (Value::Json(_), Kind::Json) => true,
        (Value::Item(values), Kind::Item) => {
            values.len() == column.columns.len()
                && values.iter().zip(&column.columns).all(|(v, c)| fits(v, c))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_expression_on_any_page_yields_values_that_fit_its_columns(
        expression in pieces(&PIECES, 9),
        wild in "\\PC{0,20}",
        page in pieces(&TAGS, 40),
    ) {
        for text in [format!("x={expression}"), expression, format!("x[]=a{wild}"), format!("x=a|{wild}"), wild] {
            let Ok(selection) = text.parse::<Selection>() else { continue };
            let settings = ExtractSettings { fields: vec![selection], ..ExtractSettings::default() };
            let extractor = Extractor::compile(&settings).unwrap();
            let fields = read(&extractor, &page, PageFormat::Html).fields;
            let columns = &extractor.tables()[0].columns;
            for item in &fields.items {
                prop_assert_eq!(item.values.len(), columns.len());
                for (value, column) in item.values.iter().zip(columns) {
                    prop_assert!(fits(value, column), "{}: {:?} {:?}", text, value, column);
                }
                prop_assert!(serde_json::to_string(&item.json(&extractor.tables()[0])).is_ok());
            }
        }
    }

    #[test]
    fn any_recipe_is_read_or_refused_with_valid_positions(
        keys in prop::collection::vec((
            prop::sample::select(&["name", "match", "source", "each", "follow", "[fields]\na", "b", "[fields.c]\neach", "fields.d", "'e[]'", "type"][..]),
            prop::sample::select(&["'x'", "['x', 1]", "{select='a|number', type='date', default=1}", "{each='$.x', fields={y='@z'}}", "1", "'json'", "'text'", "'('", "\"\\u00e9|\"", "{filters=['trim','regex:(|']}"][..]),
        ), 0..12),
        page in pieces(&TAGS, 20),
    ) {
        let text: String = keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        match Recipe::check(&text, "r.toml") {
            Ok(recipe) => {
                let settings = ExtractSettings { recipes: vec![recipe], ..ExtractSettings::default() };
                match Extractor::compile(&settings) {
                    Ok(extractor) => {
                        for source in [PageFormat::Html, PageFormat::Json, PageFormat::Text] {
                            read(&extractor, &page, source);
                        }
                    }
                    Err(error) => prop_assert!(error.to_string().contains("no recipe"), "{}\n{}", text, error),
                }
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    let line = text.lines().nth(problem.line - 1).unwrap_or_default();
                    prop_assert!(problem.column <= line.chars().count() + 1, "{}\n{}", text, problem);
                }
            }
        }
    }

    #[test]
    fn no_text_makes_a_filter_panic(text in "\\PC{0,24}", digits in "[-+0-9.,:/ T%€'Ee]{0,24}") {
        let extractor = selecting(&[
            "a=p|number", "b=p|integer:,", "c=p|date", "d=p|date:%d/%m/%Y", "e=p|url", "f=p|json", "g=p|bool", "h=p|collapse",
        ]);
        for text in [text, digits] {
            let page = format!("<p>{text}");
            let fields = read(&extractor, &page, PageFormat::Html).fields;
            for (value, column) in fields.items[0].values.iter().zip(&extractor.tables()[0].columns) {
                prop_assert!(fits(value, column), "{} {:?}", text, value);
            }
        }
    }
}
