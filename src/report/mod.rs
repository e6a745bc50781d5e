//! The report: one self-contained HTML file that needs no network.
//!
//! The page is a template with JSON in it, and its own script draws everything from that JSON. So the numbers on the
//! page are those of the data, and remote text is never markup: in the file it is inside a data block with every `<`
//! escaped, and the script writes it as text. The page's Content-Security-Policy allows only the two built-in
//! scripts, by their hashes, and does not allow anything to be loaded.

mod diff;
mod run;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub use diff::diff;
pub use run::RunReport;

const TEMPLATE: &str = include_str!("assets/page.html");
const STYLE: &str = concat!(
    include_str!("assets/page.css"),
    include_str!("assets/diff.css")
);
const LICENCES: &str = include_str!("assets/LICENSES.txt");
const LIBRARY: &str = include_str!("assets/plot.min.js");

/// The files of the page's own script, in order of their dependencies. They share one scope.
const SCRIPTS: [&str; 13] = [
    include_str!("assets/format.js"),
    include_str!("assets/element.js"),
    include_str!("assets/table.js"),
    include_str!("assets/figure.js"),
    include_str!("assets/bars.js"),
    include_str!("assets/curves.js"),
    include_str!("assets/lanes.js"),
    include_str!("assets/sweep.js"),
    include_str!("assets/map.js"),
    include_str!("assets/comparison.js"),
    include_str!("assets/run.js"),
    include_str!("assets/diff.js"),
    include_str!("assets/page.js"),
];

/// The report as one HTML file, from the JSON of a comparison, a run or a diff, and the title of the page.
///
/// The JSON is not parsed here: if it is invalid, or of an unknown kind, the page says so when it is opened. Neither
/// argument can inject markup, whatever it contains.
#[must_use]
pub fn page(json: &str, title: &str) -> String {
    let script = format!("\"use strict\";(() => {{\n{}}})();", SCRIPTS.concat());
    let hashes = format!("{} {}", hash(LIBRARY), hash(&script));
    fill(&[
        ("hashes", &hashes),
        ("title", &escaped(title)),
        ("style", STYLE),
        ("licences", &escaped(LICENCES)),
        ("data", &inert(json)),
        ("library", LIBRARY),
        ("script", &script),
    ])
}

/// The template with each `{{name}}` replaced. It is a single pass: inserted text is not searched again.
fn fill(parts: &[(&str, &str)]) -> String {
    let length: usize = parts.iter().map(|(_, part)| part.len()).sum();
    let mut page = String::with_capacity(TEMPLATE.len() + length);
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        let part = parts.iter().find(|(known, _)| *known == name);
        page.push_str(part.map_or("", |(_, part)| part));
        rest = after;
    }
    page.push_str(rest);
    page
}

/// JSON made safe for a script element: the same value, but nothing in it ends the element or opens a comment.
///
/// In JSON, `<` only occurs inside strings, where `\u003c` means the same. U+2028 and U+2029 end a line in old
/// scripts.
fn inert(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + 64);
    for letter in json.chars() {
        match letter {
            '<' => safe.push_str("\\u003c"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            other => safe.push(other),
        }
    }
    safe
}

/// Text escaped for an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// The source expression that allows only this script (CSP Level 3, section 2.3.1).
fn hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content of the data block.
    fn data(page: &str) -> &str {
        let (_, after) = page
            .split_once("<script type=\"application/json\" id=\"data\">")
            .unwrap();
        after.split_once("</script>").unwrap().0
    }

    #[test]
    fn hostile_text_never_leaves_the_data() {
        let hostile = "</script><script>alert(1)</script><!-- <![CDATA[ \" ' & \u{2028}\u{2029} {{script}} \\";
        let json = serde_json::json!({ "kind": "run", "command": hostile }).to_string();
        let whole = page(&json, "haul");
        assert_eq!(whole.matches("<script").count(), 3);
        assert_eq!(whole.matches("</script>").count(), 3);
        assert!(!whole.contains("alert(1)</script>"));
        assert!(!data(&whole).contains('<'));
        let back: serde_json::Value = serde_json::from_str(data(&whole)).unwrap();
        assert_eq!(back["command"], hostile, "and it is still the same text");
    }

    #[test]
    fn a_hostile_title_is_text() {
        let whole = page("{}", "</title><script>alert('x')</script>\"{{data}}");
        assert!(whole.contains(
            "<title>&lt;/title&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;{{data}}</title>"
        ));
        assert_eq!(whole.matches("<script").count(), 3);
    }

    #[test]
    fn every_place_of_the_template_is_filled() {
        let whole = page("{\"kind\":\"run\"}", "a run");
        assert!(whole.contains("<title>a run</title>"));
        assert_eq!(data(&whole), "{\"kind\":\"run\"}");
        for name in [
            "hashes", "title", "style", "licences", "data", "library", "script",
        ] {
            assert!(
                !whole.contains(&format!("{{{{{name}}}}}")),
                "{name} is left"
            );
        }
    }

    #[test]
    fn the_policy_allows_the_two_scripts_and_nothing_else() {
        let whole = page("{}", "haul");
        let (_, after) = whole.split_once("script-src ").unwrap();
        let (allowed, _) = after.split_once('"').unwrap();
        let scripts: Vec<&str> = whole
            .split("<script>")
            .skip(1)
            .map(|rest| rest.split_once("</script>").unwrap().0)
            .collect();
        let hashes: Vec<String> = scripts.iter().map(|script| hash(script)).collect();
        assert_eq!(allowed, hashes.join(" "));
        assert!(whole.contains("default-src 'none'"));
    }

    #[test]
    fn the_parts_of_the_page_hold_nothing_that_ends_them() {
        for part in SCRIPTS.iter().chain([&LIBRARY]) {
            assert!(!part.to_lowercase().contains("</script"));
            assert!(!part.contains("<!--"));
            assert!(!part.contains('\r'), "a browser hashes it without");
        }
        assert!(!STYLE.to_lowercase().contains("</style"));
    }

    #[test]
    fn our_scripts_never_write_markup() {
        for part in SCRIPTS {
            for way in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!part.contains(way), "{way}");
            }
        }
    }
}
