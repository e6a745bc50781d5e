//! Compares the links of real pages with an independent reading: html5ever's tags and the URL parser.

use std::collections::BTreeMap;
use std::path::Path;

use super::scan::oracle::{Event, Tree, pages_under, theirs};
use super::{FollowSettings, html};
use crate::url::PageUrl;

/// The page links according to html5ever's tags and the URL parser.
///
/// In order, each once, with whether every use of it is `nofollow`.
fn expected(events: &[Event], url: &PageUrl) -> Vec<(String, bool)> {
    let mut base = None;
    let mut references = Vec::new();
    for event in events {
        let Event::Start(tag, attributes) = event else {
            continue;
        };
        let value = |name: &str| {
            let attribute = attributes.iter().find(|(key, _)| key == name);
            attribute.map(|(_, value)| value.as_str())
        };
        let has = |token: &str| {
            let mut words = value("rel").unwrap_or_default().split_ascii_whitespace();
            words.any(|word| word.eq_ignore_ascii_case(token))
        };
        let asset = [
            "stylesheet",
            "icon",
            "preload",
            "modulepreload",
            "manifest",
            "apple-touch-icon",
            "image_src",
            "mask-icon",
        ];
        let reference = match tag.as_str() {
            "a" => value("href").or(value("xlink:href")),
            "area" => value("href"),
            "link"
                if has("preconnect")
                    || has("dns-prefetch")
                    || asset.iter().any(|word| has(word)) =>
            {
                None
            }
            "link" => value("href"),
            "iframe" | "frame" => value("src"),
            "form" if value("method").is_some_and(|method| !method.eq_ignore_ascii_case("get")) => {
                None
            }
            "form" => value("action"),
            "base" => {
                base = base.or(value("href").and_then(|href| url.join(href.trim_ascii()).ok()));
                None
            }
            _ => None,
        };
        references.extend(reference.map(|reference| (reference.trim_ascii(), has("nofollow"))));
    }
    let base = base.as_ref().unwrap_or(url);
    let mut links: Vec<(String, bool)> = Vec::new();
    let mut indices: BTreeMap<String, usize> = BTreeMap::new();
    for (reference, nofollow) in references
        .into_iter()
        .filter(|(reference, _)| !reference.is_empty())
    {
        let Ok(url) = base.join(reference) else {
            continue;
        };
        match indices.get(url.as_str()) {
            Some(&index) => links[index].1 &= nofollow,
            None => {
                indices.insert(url.as_str().to_owned(), links.len());
                links.push((url.as_str().to_owned(), nofollow));
            }
        }
    }
    links
}

fn compare(root: &Path, limit: usize) -> usize {
    let mut count = 0;
    for path in pages_under(root, limit) {
        let page = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let relative = path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let url = PageUrl::parse("http://h.example/")
            .unwrap()
            .join(&relative)
            .unwrap();
        let expected = expected(&theirs(&page, Tree::oracle()), &url);
        let found = html(page.as_bytes(), &url, &FollowSettings::default()).unwrap_or_default();
        let links: Vec<_> = found
            .iter()
            .map(|link| (link.url.to_owned(), link.nofollow))
            .collect();
        assert!(links == expected, "{}", path.display());
        assert!(!found.more);
        count += links.len();
    }
    count
}

#[test]
fn fixture_pages_have_the_links_that_html5ever_and_the_url_parser_find() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/site");
    assert!(compare(&root, usize::MAX) > 1000);
}

#[test]
fn real_documentation_has_the_links_that_html5ever_and_the_url_parser_find() {
    compare(Path::new("/usr/share/doc"), 100);
}
