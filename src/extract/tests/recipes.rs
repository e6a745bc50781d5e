//! What recipes yield from HTML, JSON and text, and the links they follow.

use super::*;

fn compiled(recipes: &[&str]) -> Extractor {
    let recipes = recipes.iter().enumerate().map(|(index, text)| {
        let name = format!("r{index}.toml");
        Recipe::check(text, &name).unwrap()
    });
    let settings = ExtractSettings {
        recipes: recipes.collect(),
        ..ExtractSettings::default()
    };
    Extractor::compile(&settings).unwrap()
}

fn items(extractor: &Extractor, extracted: &Extracted) -> Vec<String> {
    let items = extracted.fields.items.iter();
    items.map(|item| json(item, extractor.tables())).collect()
}

#[test]
fn each_item_is_read_separately_with_its_nested_items() {
    let extractor = compiled(&[r#"
each = ".product"
[fields]
sku = "@data-sku"
name = { select = "h2", required = true, filters = ["trim"] }
price = { select = ":scope > .price", type = "number" }
[fields.reviews]
each = ".review"
[fields.reviews.fields]
stars = { select = "@data-stars", type = "integer", required = true }
by = "b"
[fields.maker]
each = ".maker"
list = false
[fields.maker.fields]
name = "b"
"#]);
    let page = r#"
<div class=product data-sku=A><h2>One</h2><p class=price>1,50</p><p class=maker><b>Ann</b></p>
  <div class=review data-stars=5><b>Bo</b></div><div class=review data-stars=x><p class=price>9</p></div></div>
<div class=product><p class=price>two</p></div>"#;
    let extracted = read(&extractor, page, PageFormat::Html);
    assert_eq!(
        items(&extractor, &extracted),
        [
            r#"{"sku":"A","name":"One","price":1.5,"reviews":[{"stars":5,"by":"Bo"},{"stars":null,"by":null}],"maker":{"name":"Ann"}}"#,
            r#"{"sku":null,"name":null,"price":null,"reviews":[],"maker":null}"#,
        ]
    );
    let whole: Vec<_> = extracted
        .fields
        .items
        .iter()
        .map(|item| item.whole)
        .collect();
    assert_eq!(whole, [false, false]);
    let misses = extracted.fields.misses.iter();
    let misses: Vec<_> = misses
        .map(|miss| (miss.item, miss.column.as_str(), miss.why.as_str()))
        .collect();
    assert_eq!(
        misses,
        [
            (
                0,
                "reviews.stars",
                r#""x" is no whole number: without a digit"#
            ),
            (1, "name", "nothing was found"),
            (1, "price", r#""two" is no number: without a digit"#),
        ]
    );
}

#[test]
fn a_recipe_applies_to_pages_it_matches_and_pages_assigned_by_links() {
    let extractor = compiled(&[
        "name='list'\nmatch=['/p/*']\nfollow=['a.next', {select='.item', recipe='detail'}, 'a.mail']\n[fields]\nt='h1'",
        "name='detail'\nmatch=[]\n[fields]\nt='h1'",
        "name='other'\nmatch='https://other.example/**'\n[fields]\nt='h1'",
        "name='every'\n[fields]\nt='h1'",
    ]);
    let page = "<base href=/p/><a class=next href=2>2</a><a class=next href='2#x'>2</a><a class=item href=/d/1>1</a>\
        <a class=mail href=mailto:a@b.example>m</a><a class=next>none</a>";
    let extracted = read(&extractor, page, PageFormat::Html);
    assert_eq!(extracted.fields.tables, [0, 3]);
    let followed = extracted.follow.iter();
    let followed: Vec<_> = followed
        .map(|follow| (follow.url.as_str(), follow.recipe.as_deref()))
        .collect();
    assert_eq!(
        followed,
        [
            ("https://shop.example/p/2", None),
            ("https://shop.example/d/1", Some("detail")),
        ]
    );
    let url = &extracted.follow[1].url;
    assert!(extractor.wants(url, PageFormat::Html, &[]));
    let detail = extractor.extract(&Page {
        url,
        text: "<h1>x",
        source: PageFormat::Html,
        encoding: encoding_rs::UTF_8,
        recipes: &["detail".into()],
    });
    assert_eq!(detail.fields.tables, [1, 3]);
}

#[test]
fn a_link_to_an_unknown_recipe_is_refused_before_the_first_page() {
    let recipe = Recipe::check(
        "name='list'\nfollow={select='a', recipe='lsit'}\n[fields]\nt='h1'",
        "r.toml",
    );
    let settings = ExtractSettings {
        recipes: vec![recipe.unwrap()],
        ..ExtractSettings::default()
    };
    let error = Extractor::compile(&settings).unwrap_err().to_string();
    assert_eq!(
        error,
        "list: follow: there is no recipe \"lsit\"; did you mean \"list\"?"
    );
}

#[test]
fn in_json_the_root_of_a_path_is_the_item() {
    let extractor = compiled(&[r#"
source = "json"
each = "$.products[?@.live]"
follow = "$.next"
[fields]
id = "$.id"
name = { select = "$.name", type = "text", required = true }
price = { select = "$.price", type = "number" }
since = { select = "$.since", type = "date" }
"tags[]" = "$.tags[*]|text|upper"
size = "$.size"
none = "$.null"
count = { select = "$.tags[*]", filters = ["exists"] }
[fields.parts]
each = "$.parts[*]"
[fields.parts.fields]
n = "$.n|integer"
"#]);
    let page = r#"{"next":"/p/2","products":[
        {"live":true,"id":7,"name":"One","price":"1,5","since":1795170600,"tags":["a",2],"size":{"h":1,"w":[2]},"null":null,"parts":[{"n":1},{"n":2.0},{"n":"x"}]},
        {"live":true,"id":"8","name":9,"price":2},
        {"id":9}]}"#;
    let extracted = read(&extractor, page, PageFormat::Json);
    assert_eq!(
        items(&extractor, &extracted),
        [
            r#"{"id":7,"name":"One","price":1.5,"since":"2026-11-20T10:30:00Z","tags":["A","2"],"size":{"h":1,"w":[2]},"none":null,"count":true,"parts":[{"n":1},{"n":2},{"n":null}]}"#,
            r#"{"id":"8","name":"9","price":2.0,"since":null,"tags":[],"size":null,"none":null,"count":false,"parts":[]}"#,
        ]
    );
    assert_eq!(extracted.follow[0].url.as_str(), "https://shop.example/p/2");
    assert_eq!(extracted.fields.misses.len(), 1);
    let broken = read(&extractor, "{", PageFormat::Json).fields;
    assert!(broken.refused.unwrap().contains("not JSON: EOF"));
    let deep = "[".repeat(100_000);
    assert!(
        read(&extractor, &deep, PageFormat::Json)
            .fields
            .refused
            .is_some()
    );
    // An HTML page is not tried as JSON unless a pattern says so.
    assert!(
        read(&extractor, "<p>", PageFormat::Html)
            .fields
            .tables
            .is_empty()
    );
}

#[test]
fn text_is_read_by_expressions_and_by_the_groups_of_each() {
    let extractor = compiled(&[r#"
source = "text"
each = '(?m)^(?<key>\w+): *(.*)$'
[fields]
key = "@key"
value = "@2|trim"
year = '\b(\d{4})\b|integer'
line = "::text"
"#]);
    // Text has no parts other than groups.
    assert_eq!(extractor.tables()[0].columns.len(), 4);
    let extracted = read(
        &extractor,
        "Name: haul \nSince: May 2026\n-\n",
        PageFormat::Text,
    );
    let items = items(&extractor, &extracted);
    assert!(
        items[0].starts_with(r#"{"key":"Name","value":"haul","year":null"#),
        "{items:?}"
    );
    assert!(items[1].starts_with(r#"{"key":"Since","value":"May 2026","year":2026"#));
}

#[test]
fn the_matches_of_an_item_do_not_depend_on_the_previous_item() {
    let extractor = compiled(&[r"
each = 'li'
[fields]
first = 'ul:has(> :scope:first-child) b'
second = 'li:nth-child(2) b'
"]);
    let extracted = read(
        &extractor,
        "<ul><li><b>1</b><li><b>2</b></ul>",
        PageFormat::Html,
    );
    assert_eq!(
        items(&extractor, &extracted),
        [
            r#"{"first":"1","second":null}"#,
            r#"{"first":null,"second":"2"}"#
        ]
    );
}
