use std::time::{Duration, Instant};

use super::super::{ExtractSettings, Extracted, Extractor, Page, PageFormat};
use super::*;
use crate::url::PageUrl;

/// More than any page here takes, in any build, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const ARTICLE: &str = include_str!("../../../fixtures/article/navigation-around-an-article.html");
const FORMS: &str = include_str!("../../../fixtures/article/every-form-of-markdown.html");

fn settings(article: bool, markdown: Option<Markdown>) -> ExtractSettings {
    ExtractSettings {
        article,
        markdown,
        ..ExtractSettings::default()
    }
}

fn extracted(settings: &ExtractSettings, text: &str) -> Extracted {
    let page = Page {
        url: &PageUrl::parse("https://paper.example/2026/plane.html").unwrap(),
        text,
        source: PageFormat::Html,
        encoding: encoding_rs::UTF_8,
        recipes: &[],
    };
    Extractor::compile(settings).unwrap().extract(&page)
}

fn article(html: &str) -> String {
    extracted(&settings(true, None), html).article.unwrap()
}

fn markdown(html: &str, of: Markdown) -> String {
    let extracted = extracted(&settings(false, Some(of)), html);
    assert_eq!(extracted.refused, None);
    extracted.markdown.unwrap()
}

/// Extracts a page and its article within the time limit; returns the refusal, if any.
fn hostile(html: &str) -> String {
    let started = Instant::now();
    let mut why = String::new();
    for markdown in [Markdown::Page, Markdown::Article] {
        let extracted = extracted(&settings(true, Some(markdown)), html);
        let longest = extracted.article.iter().chain(&extracted.markdown);
        assert!(longest.map(String::len).max() <= Some(8 << 20));
        why = extracted.refused.unwrap_or_default();
    }
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    why
}

#[test]
fn an_article_has_its_text_and_nothing_of_its_surroundings() {
    let text = article(ARTICLE);
    for part in [
        "took off before dawn",
        "What was left",
        "on the fourth day",
        "charts that came by radio",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for other in [
        "World",
        "Sport",
        "Most read",
        "boil an egg",
        "Terms",
        "tracking",
        "navy",
    ] {
        assert!(!text.contains(other), "{other}: {text}");
    }
    // A paragraph is one line, and blocks are separated.
    assert!(text.contains("in spite of two years"), "{text}");
    assert!(
        text.contains("on the fourth day\n\nWhat was left\n\nThey landed"),
        "{text}"
    );
}

#[test]
fn an_article_is_markdown_with_absolute_links_and_pictures_that_wait_for_a_script() {
    let text = markdown(ARTICLE, Markdown::Article);
    for part in [
        "[charts that came by radio](https://paper.example/2026/charts/today.html#pacific)",
        "*more than their eyes*",
        "![The plane over the sea](https://paper.example/img/plane.jpg)\n\nOver the sea, on the fourth day",
        "## What was left",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Most read"), "{text}");
}

#[test]
fn a_page_as_markdown_has_everything_that_is_visible() {
    let text = markdown(ARTICLE, Markdown::Page);
    for part in [
        "- [World](https://paper.example/world)",
        "# A plane that flew round the world",
        "### Most read",
        "[privacy](https://paper.example/privacy)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        !text.contains("tracking") && !text.contains("navy"),
        "{text}"
    );
}

#[test]
fn each_kind_of_element_has_its_syntax_in_markdown() {
    assert_eq!(
        markdown(FORMS, Markdown::Page),
        r#"# Forms

A word in **bold**, one in *italics*, `one_of_code` and [a link](https://docs.example/faq#why); 2 \* 3 is no emphasis.

```rust
fn main() {
    let name = "a_b";

    println!("{name}");
}
```

- first
    - inside the first
- second

3. third
4. fourth

> Somebody said so.


| name | price |
| ---- | ----- |
| plane | 5\|6 |
| saw | 7 |

a term

what it means

![a plane](https://docs.example/guide/plane.png) Order"#
    );
}

#[test]
fn both_texts_come_from_one_pass_and_none_without_a_request() {
    let both = extracted(&settings(true, Some(Markdown::Article)), ARTICLE);
    assert_eq!(both.article.unwrap(), article(ARTICLE));
    assert_eq!(both.markdown.unwrap(), markdown(ARTICLE, Markdown::Article));
    let one = extracted(&settings(true, None), ARTICLE);
    assert_eq!((one.markdown, one.refused), (None, None));
    assert!(!settings(true, None).is_empty() && !settings(false, Some(Markdown::Page)).is_empty());
    // Pages that are not HTML have neither.
    let extractor = Extractor::compile(&settings(true, None)).unwrap();
    let url = PageUrl::parse("https://paper.example/").unwrap();
    assert!(extractor.wants(&url, PageFormat::Html, &[]));
    assert!(!extractor.wants(&url, PageFormat::Json, &[]));
}

#[test]
fn a_page_without_an_article_is_reported() {
    let empty = extracted(&settings(true, Some(Markdown::Page)), "<title>x</title>");
    assert_eq!(empty.article, None);
    assert_eq!(empty.markdown.as_deref(), Some(""));
    assert_eq!(empty.refused.unwrap(), "no article was found on the page");
}

#[test]
fn settings_from_before_there_were_articles_request_none() {
    let mut json = serde_json::to_value(settings(true, Some(Markdown::Article))).unwrap();
    assert_eq!(json["markdown"], "article");
    let object = json.as_object_mut().unwrap();
    object.remove("article");
    object.remove("markdown");
    let read: ExtractSettings = serde_json::from_value(json).unwrap();
    assert_eq!(read, ExtractSettings::default());
}

#[test]
fn a_page_that_exceeds_the_depth_limit_never_reaches_a_library() {
    for tag in ["div", "blockquote", "ul><li", "b"] {
        let why = hostile(&format!("<{tag}>").repeat(100_000));
        assert!(why.contains("more than 512 deep"), "{tag}: {why:?}");
    }
}

#[test]
fn the_recursion_of_markdown_is_bounded() {
    // Run on the smallest stack that pages are read on.
    let reader = std::thread::Builder::new().stack_size(512 << 10);
    let nested = [
        ("blockquote", 500),
        ("ul><li", 250),
        ("ol><li", 250),
        ("b><i", 250),
        // Each table has an implied tbody.
        ("table><tr><td", 125),
        ("code", 500),
        ("pre", 500),
    ]
    .map(|(tag, times)| {
        let deep = format!("<{tag}>").repeat(times);
        format!("<p>some words, before it{deep}the end of it")
    });
    let results =
        reader.spawn(move || nested.map(|html| (markdown(&html, Markdown::Page), hostile(&html))));
    for (text, why) in results.unwrap().join().unwrap() {
        assert!(
            text.contains("the end of it") && text.len() < 10_000,
            "{text}"
        );
        assert_eq!(why, "");
    }
    // Rows of a table that is too deep are not repeated for each of the tables around it.
    let tables = format!("<table><tr><td>{}", "one two three ".repeat(10)).repeat(120);
    let text = markdown(&tables, Markdown::Page);
    assert!(
        text.len() < 3 * tables.len(),
        "{} of {}",
        text.len(),
        tables.len()
    );
}

#[test]
fn pages_that_would_take_too_long_are_refused_with_a_reason() {
    let links = hostile(&"<a href=x>y</a> ".repeat(1_000_000));
    assert!(
        links.contains("more than 500000 elements and texts"),
        "{links}"
    );
    let cells = hostile(&format!("<table><tr>{}", "<td>a</td>".repeat(1_000_000)));
    assert!(
        cells.contains("more than 500000 elements and texts"),
        "{cells}"
    );
    let branches = format!("{}x{}", "<div>".repeat(490), "</div>".repeat(490)).repeat(150);
    let branches = hostile(&branches);
    assert!(
        branches.contains("too much, too deep in each other"),
        "{branches}"
    );
    let deep_text = format!("{}<p>{}", "<div>".repeat(400), "a word, ".repeat(100_000));
    let deep_text = hostile(&deep_text);
    assert!(
        deep_text.contains("too much, too deep in each other"),
        "{deep_text}"
    );
    let long = hostile(&format!("<p>{}", "a word, ".repeat(50 << 17)));
    assert!(long.contains("at most 8388608 are kept"), "{long}");
    let quotes = format!(
        "{}<pre>{}",
        "<blockquote>".repeat(15),
        "\nx".repeat(1_000_000)
    );
    let quotes = hostile(&quotes);
    assert!(
        quotes.contains("bytes of Markdown, and at most 8388608 are kept"),
        "{quotes}"
    );
}

#[test]
fn a_panic_in_a_library_only_means_that_the_page_was_not_read() {
    let mut texts = Texts::default();
    texts.record(
        guarded(|| -> Result<(), String> { panic!("in a test") }),
        |_, ()| {},
    );
    assert!(texts.refused.unwrap().contains("stopped halfway"));
}

/// The text of the elements that a selector matches, with white space folded.
fn texts_of(html: &str, selector: &str) -> Vec<String> {
    let tree = scraper::Html::parse_document(html);
    let selector = scraper::Selector::parse(selector).unwrap();
    let folded = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    tree.select(&selector)
        .map(|element| folded(element.text().collect()))
        .collect()
}

#[test]
fn each_article_of_the_practice_journal_is_found_whole_and_alone() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/site/hosts/journal.localhost/articles"
    );
    let mut pages = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let html = std::fs::read_to_string(&path).unwrap();
        let text = article(&html);
        for paragraph in texts_of(&html, "article > p, article > h2") {
            assert!(text.contains(&paragraph), "{}: {paragraph}", path.display());
        }
        for other in texts_of(&html, "nav a, .rail h2, .rail p, body > footer p") {
            assert!(
                other.is_empty() || !text.contains(&other) || other.len() < 12,
                "{}: {other}",
                path.display()
            );
        }
        pages += 1;
    }
    assert_eq!(pages, 31);
}

/// Enough paragraphs for an article, with something in the middle of them.
fn article_around(middle: &str) -> String {
    let paragraph = |of: &str| {
        format!(
            "<p>The {of} came down from the hills in the first week of October, as it had done every year, and the people of \
            the valley, who had waited for it since the harvest, went out to the bridge to see whether it would hold.</p>"
        )
    };
    let before = ["water", "timber", "cattle"].map(paragraph).concat();
    let after = ["snow", "fog", "post"].map(paragraph).concat();
    format!("<title>The valley</title><article>{before}{middle}{after}</article>")
}

/// Asserts that what is in the middle of an article is left out, and nothing else.
fn is_left_out(middle: &str) {
    for (text, kind) in [
        (article(&article_around(middle)), "text"),
        (
            markdown(&article_around(middle), Markdown::Article),
            "Markdown",
        ),
    ] {
        for other in texts_of(middle, "p, li, a, h3, h4, div, span") {
            assert!(!text.contains(&other), "{kind}, {other}: {text}");
        }
        assert_eq!(text.matches("came down").count(), 6, "{kind}: {text}");
    }
}

fn stays(middle: &str) {
    let text = article(&article_around(middle));
    for part in texts_of(middle, "p, li, a, h2, h3, figcaption") {
        assert!(text.contains(&part), "{part}: {text}");
    }
}

#[test]
fn navigation_and_forms_in_an_article_are_left_out() {
    is_left_out("<nav><p>Editions: North of the river and South</p></nav>");
    is_left_out("<form><p>All that matters, every morning, by mail.</p></form>");
    is_left_out("<search><p>All that was ever written here.</p></search>");
}

#[test]
fn a_form_around_an_article_stays() {
    let page = article_around("").replace("article>", "form>");
    assert_eq!(article(&page).matches("came down").count(), 6);
}

#[test]
fn links_under_a_label_are_left_out_with_the_label() {
    let links =
        "<a href=/1>How to tell honey from syrup</a>|<a href=/2>The man who counts queens</a>";
    let paragraphs = format!("<p>{}</p>", links.replace('|', "</p><p>"));
    let list = format!("<ul><li>{}</li></ul>", links.replace('|', "</li><li>"));
    is_left_out(&format!("<h3>Related stories</h3>{list}"));
    is_left_out(&format!("<div><h4>Lesen Sie auch:</h4></div>{paragraphs}"));
    is_left_out(&format!("<p>Te puede interesar</p>{paragraphs}"));
    // The links are added by a script, or have been removed already.
    let emptied = "<div><p>Nobody had asked them to, and nobody thanked them.</p><div><p>Most Popular</p></div></div>";
    let text = article(&article_around(emptied));
    assert!(
        text.contains("nobody thanked them") && !text.contains("Most Popular"),
        "{text}"
    );
}

#[test]
fn links_and_labels_that_belong_to_an_article_stay() {
    stays("<h2>Related</h2><p>What is related to it is an old habit of shopkeepers.</p>");
    stays("<div><h2>Related</h2></div><p>What is related to it is an old habit.</p>");
    stays(
        "<h2>Where to learn</h2><ul><li><a href=/1>The lake school</a></li><li><a href=/2>The harbour</a></li></ul>",
    );
}

#[test]
fn a_block_of_a_label_and_links_is_left_out() {
    is_left_out(
        "<div><h4>相关新闻</h4><ul><li><a href=/1>城南旧街</a></li><li><a href=/2>老茶馆</a></li></ul></div>",
    );
    is_left_out(
        "<p><strong>Lire aussi :</strong> <a href=/1>La nuit revient</a> <a href=/2>Ce que coûte la lumière</a></p>",
    );
}

#[test]
fn a_single_read_more_and_a_sentence_with_links_stay() {
    stays("<p>Read more: <a href=/1>The ten cleverest birds</a></p>");
    stays("<p>Related are <a href=/1>the crow</a> and <a href=/2>the jay</a>.</p>");
}

#[test]
fn the_caption_of_a_picture_stays() {
    stays("<figure><img src=/bus.jpg><figcaption>The bus, last week.</figcaption></figure>");
    let middle = "<figure><img src=/bus.jpg><figcaption>The bus, last week.</figcaption></figure>";
    let text = markdown(&article_around(middle), Markdown::Article);
    assert!(text.contains("bus.jpg)\n\nThe bus, last week."), "{text}");
}

#[test]
fn each_article_in_the_layouts_of_news_sites_keeps_its_paragraphs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/article/layouts");
    let mut pages = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "html") {
            let text = article(&std::fs::read_to_string(&path).unwrap());
            let known = std::fs::read_to_string(path.with_extension("txt")).unwrap();
            // If a page has two grids, the one with more text is taken for the article.
            let expected = if path.ends_with("popular-in-the-grid.html") {
                3
            } else {
                usize::MAX
            };
            for paragraph in known.trim().split("\n\n").take(expected) {
                assert!(text.contains(paragraph), "{}: {paragraph}", path.display());
            }
            pages += 1;
        }
    }
    assert_eq!(pages, 12);
}
