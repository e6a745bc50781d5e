//! Selection by states of forms, links and languages; messages about invalid selectors.

use super::*;

/// The ids of the elements that a selector matches, in order.
fn ids(selector: &str, html: &str) -> String {
    let (json, misses) = select(&[&format!("x={selector} @id|join:\" \"|default:-")], html);
    assert!(misses.is_empty(), "{selector}: {misses:?}");
    let ids = json.trim_start_matches("{\"x\":\"").trim_end_matches("\"}");
    ids.to_owned()
}

/// The message about an invalid selection.
fn fault(selection: &str) -> String {
    format!("x={selection}")
        .parse::<Selection>()
        .unwrap_err()
        .to_string()
}

#[test]
fn links_are_the_elements_with_a_target() {
    let html = "<a id=a href=/x><a id=b><area id=c href=y><link id=d href=z>\
        <svg><a id=e href=u /><a id=f xlink:href=v /><a id=g /></svg>";
    for selector in [":link", ":any-link", ":LINK"] {
        assert_eq!(ids(selector, html), "a c e f", "{selector}");
    }
    assert_eq!(ids("a:not(:link)", html), "b g");
}

#[test]
fn the_states_of_a_form_are_those_a_browser_starts_with() {
    let form = "<form id=form>
        <input id=a type=CHECKBOX checked><input id=b type=radio><input id=c type=text checked>
        <select id=d required><option id=e selected><optgroup id=f disabled><option id=g></select>
        <textarea id=h required readonly></textarea>
        <fieldset id=i disabled><legend id=j><input id=k></legend><legend id=l><input id=m></legend>
          <fieldset id=n><button id=o></button><object id=p></object></fieldset></fieldset>
        <input id=q placeholder=x><input id=r placeholder=x value=y><input id=s type=submit required>
        <div id=t contenteditable><p id=u><b id=v contenteditable=false></div></form>";
    for (selector, expected) in [
        (":checked", "a e"),
        (":disabled", "f g i m n o"),
        (":enabled", "a b c d e h k q r s"),
        (":required", "d h"),
        (":optional", "a b c k m q r s"),
        ("input:read-write", "c k q r"),
        ("textarea:read-only", "h"),
        ("div:read-write, p:read-write, b:read-write", "t u"),
        (":placeholder-shown", "q"),
    ] {
        assert_eq!(ids(selector, form), expected, "{selector}");
    }
    let html = "<details id=a open></details><details id=b></details><dialog id=c open></dialog>\
        <x-y id=d></x-y><b id=e is=x-z></b>";
    assert_eq!(ids(":open", html), "a c");
    assert_eq!(ids("body :not(:defined)", html), "d e");
}

#[test]
fn the_language_is_that_of_the_nearest_element_that_has_one() {
    let html = "<div id=a lang=de><p id=b></p><p id=c lang=DE-latn-ch></p><p id=d lang></p></div>\
        <div id=e lang=de-x-ch></div><div id=f lang=fr-CH></div><div id=g></div>";
    for (selector, expected) in [
        (":lang(de)", "a b c e"),
        (":lang(\"DE\")", "a b c e"),
        (":lang(de-CH)", "c"),
        (":lang('*-CH')", "c f"),
        (":lang(\\*-ch, fr)", "c f"),
        (":lang('')", "d"),
        (":lang(d)", "-"),
    ] {
        assert_eq!(ids(selector, html), expected, "{selector}");
    }
}

#[test]
fn the_bar_of_a_namespace_does_not_start_a_filter() {
    let html = "<p id=a><svg id=b><title id=c>t</title></svg>";
    assert_eq!(ids("*|p", html), "a");
    assert_eq!(ids("*|svg > *|*", html), "c");
    assert_eq!(ids("*|title:not(head *)", html), "c");
    assert_eq!(ids(":is(*|p, *|title)", html), "a c");
    let (json, _) = select(&["x=p *|text|trim"], html);
    assert_eq!(json, r#"{"x":"t"}"#);
    for selection in [":is(svg|p)", "a[xlink|href]"] {
        assert!(
            fault(selection).contains("*| is any namespace"),
            "{selection}"
        );
    }
}

#[test]
fn delimiters_inside_a_comment_are_ignored() {
    let html = "<a id=a href=x>it's</a>";
    for (selection, value) in [
        ("x=a /* it's */ @href", "x"),
        ("x=a /* the \" link */::text|upper", "IT'S"),
        ("x=a /* a | or a @ or a :: */@href|upper", "X"),
        ("x=/*'*/a/*\"*/@href", "x"),
    ] {
        let (json, _) = select(&[selection], html);
        assert_eq!(json, format!("{{\"x\":\"{value}\"}}"), "{selection}");
    }
}

#[test]
fn html_has_its_attributes_in_page_order() {
    let html = "<html lang=en data-a=1><html class=c id=z lang=de><p title=t id=i class='b a' data-z=1 data-a=2>\
        x<br/><img src=s alt=a></p><!--c-->";
    let p = "<p title=\\\"t\\\" id=\\\"i\\\" class=\\\"b a\\\" data-z=\\\"1\\\" data-a=\\\"2\\\">\
        x<br><img src=\\\"s\\\" alt=\\\"a\\\"></p>";
    let (json, _) = select(&["x=p::html", "y=body::inner-html"], html);
    assert_eq!(json, format!("{{\"x\":\"{p}\",\"y\":\"{p}<!--c-->\"}}"));
    let (json, _) = select(&["x=html::html|regex:^<html[^>]*>"], html);
    assert_eq!(
        json,
        r#"{"x":"<html lang=\"en\" data-a=\"1\" class=\"c\" id=\"z\">"}"#
    );
    // Everything else looks attributes up by name, whatever their order.
    let (json, _) = select(&["x=p[data-a='2']@title", "y=p::inner-html"], html);
    assert!(json.starts_with(r#"{"x":"t","y":"x<br><img"#), "{json}");
}

#[test]
fn an_invalid_selector_is_refused_with_a_reason() {
    for (selection, words) in [
        (":hover", ":hover is a state of a browser"),
        ("a:VISITED", ":visited is a state of a browser"),
        (":is(a, :focus)", ":focus is a state of a browser"),
        (":default", ":default is not supported"),
        ("li:frist-child", "did you mean :first-child?"),
        (":is(a, b:frist-child)", "did you mean :first-child?"),
        (":nth-chidl(2)", "did you mean :nth-child?"),
        (":lang()", ":lang() takes languages"),
        ("a::before", "::before"),
        ("a >", "nothing after the combinator"),
        ("a[", "ends too early"),
        ("a,", "a selector is missing"),
    ] {
        let message = fault(selection);
        assert!(message.contains(words), "{selection}: {message}");
    }
}

#[test]
fn a_scope_in_any_spelling_is_the_item() {
    let html = "<ul><li><b>1</b></li></ul><ul><li><i>2</i></li></ul>";
    for scope in [":scope", ":SCOPE", ":sc\\6fpe"] {
        let mut rule = Rule::from(
            format!("x={scope} > li:has(b)|exists")
                .parse::<Selection>()
                .unwrap(),
        );
        rule.required = true;
        let recipe = Recipe {
            name: "lists".to_owned(),
            matches: None,
            source: PageFormat::Html,
            each: "ul".to_owned(),
            rules: vec![rule],
            follow: Vec::new(),
        };
        let extractor = Extractor::compile(&ExtractSettings {
            recipes: vec![recipe],
            ..ExtractSettings::default()
        })
        .unwrap();
        let extracted = read(&extractor, html, PageFormat::Html);
        let items = extracted.fields.items.iter();
        let items: Vec<_> = items.map(|item| json(item, extractor.tables())).collect();
        assert_eq!(items, [r#"{"x":true}"#, r#"{"x":false}"#], "{scope}");
    }
}
