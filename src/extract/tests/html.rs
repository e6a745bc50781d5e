//! What selections yield from HTML.

use super::*;

const PAGE: &str = r#"<!doctype html><base href="/shop/"><title>x</title>
<h1> A <b>plane</b>
 of steel <script>var x = 1;</script></h1>
<p class=price data-Cents=123450>1.234,50 €</p>
<ul><li class=tag>old</li><li class="tag new">  sharp </li><li></li></ul>
<a name=top>no link</a><a href="2?q=ü#x">two</a><a href=mailto:ann@shop.example>mail</a>
<svg viewBox="0 0 1 1"></svg>"#;

#[test]
fn each_part_of_an_element_can_be_taken() {
    for (selection, value) in [
        ("x=h1", r#"" A plane\n of steel ""#),
        ("x=h1|collapse", r#""A plane of steel""#),
        ("x=h1::own-text|collapse", r#""A of steel""#),
        ("x=h1 b::html", r#""<b>plane</b>""#),
        ("x=h1 b::inner-html", r#""plane""#),
        ("x=h1 script", r#""var x = 1;""#),
        ("x=.price@data-cents|integer", "123450"),
        ("x=svg@viewbox", r#""0 0 1 1""#),
        ("x=.price|number", "1234.5"),
        ("x[]=.tag|trim|upper", r#"["OLD","SHARP"]"#),
        ("x=.tag|trim|join:\", \"", r#""old, sharp""#),
        ("x=li|last", r#""""#),
        ("x=li|exists", "true"),
        ("x=.none|exists", "false"),
        ("x=a@href", r#""2?q=ü#x""#),
        (
            "x=a@href|url",
            r#""https://shop.example/shop/2?q=%C3%BC#x""#,
        ),
        (
            "x[]=a@href|url|regex:^mailto:(.*)",
            r#"["ann@shop.example"]"#,
        ),
        ("x=.none", "null"),
        ("x[]=.none", "[]"),
        ("x=.none|default:0|number", "0.0"),
        ("x=li:nth-child(3)|default:none", r#""none""#),
        ("x[]=.price|split:,|trim|regex:\\d+|integer", "[1,50]"),
        ("x=html > body > p:first-of-type|number:,", "1234.5"),
        ("x=:root|exists", "true"),
        ("x=li:has(+ .new)", r#""old""#),
    ] {
        let (json, _) = select(&[selection], PAGE);
        assert_eq!(json, format!("{{\"x\":{value}}}"), "{selection}");
    }
}

#[test]
fn a_value_that_does_not_convert_is_a_miss_that_quotes_it() {
    let html = "<b>twelve</b><i>1</i><i>two</i><i>3</i><i>four</i>";
    let (json, misses) = select(&["price=b|number", "n[]=i|integer"], html);
    assert_eq!(json, r#"{"price":null,"n":[1,3]}"#);
    assert_eq!(
        misses,
        [
            r#"price: "twelve" is no number: without a digit"#,
            r#"n: "two" is no whole number: without a digit; and 1 more values of the list"#,
        ]
    );
    // A default is for values that are missing, not for values that cannot be converted.
    let (json, misses) = select(&["price=b|number|default:0"], html);
    assert_eq!((json.as_str(), misses.len()), (r#"{"price":null}"#, 1));
}

#[test]
fn elements_are_matched_in_page_order_and_detached_ones_are_not() {
    // The text is moved in front of the table during parsing.
    let html = "<table><tr><td>cell</td></tr><b>moved</b></table><p><b>last</b>";
    let (json, _) = select(&["b[]=b, td"], html);
    assert_eq!(json, r#"{"b":["moved","cell","last"]}"#);
}

#[test]
fn an_empty_page_yields_an_empty_item() {
    let (json, misses) = select(&["t=h1", "all=::text", "l[]=a@href"], "");
    assert_eq!(json, r#"{"t":null,"all":"","l":[]}"#);
    assert!(misses.is_empty());
}

#[test]
fn selections_apply_only_to_html_and_names_are_unique() {
    let extractor = selecting(&["t=h1"]);
    assert!(
        read(&extractor, "{}", PageFormat::Json)
            .fields
            .tables
            .is_empty()
    );
    let settings = ExtractSettings {
        fields: vec!["t=h1".parse().unwrap(), "t=h2".parse().unwrap()],
        ..ExtractSettings::default()
    };
    let error = Extractor::compile(&settings).unwrap_err().to_string();
    assert_eq!(error, "fields: t: there is already a field of this name");
}

#[test]
fn one_extractor_can_be_shared_by_all_threads() {
    let extractor = selecting(&["x[]=li|trim|upper", "n=li:nth-child(2)"]);
    let (json_of_one, _) = select(&["x[]=li|trim|upper", "n=li:nth-child(2)"], PAGE);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let fields = read(&extractor, PAGE, PageFormat::Html).fields;
                    assert_eq!(json(&fields.items[0], extractor.tables()), json_of_one);
                }
            });
        }
    });
}
