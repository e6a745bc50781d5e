//! The report in a browser: it shows the data, and loads nothing from the network.

pub(crate) mod browser;

use haul::report::page;
use serde_json::{Value, json};

use browser::Browser;

const COMPARISON: &str = include_str!("report/comparison.json");
const RUN: &str = include_str!("report/run.json");
const DIFF: &str = include_str!("report/diff.json");

/// The hostile text in all samples.
const HOSTILE: &str =
    "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\"'&amp;\u{2028}";

#[test]
fn every_chart_is_drawn_and_nothing_is_requested() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for (sample, charts) in [(COMPARISON, 21), (RUN, 9), (DIFF, 1)] {
        let address = browser.open(&page(sample, "haul"));
        let marks = browser.evaluate(
            "[...document.querySelectorAll('[data-chart]')].map((box) => [box.dataset.chart, \
             [...box.querySelectorAll('svg g[aria-label]:not([aria-label*=axis]):not([aria-label*=grid]) :is(rect, path, line, circle)')] \
             .filter((mark) => { const at = mark.getBoundingClientRect(); return at.width + at.height > 1; }).length, \
             box.querySelector('svg').getAttribute('aria-label').length])",
        );
        let marks = marks.as_array().unwrap();
        assert_eq!(marks.len(), charts, "{marks:?}");
        for mark in marks {
            assert!(mark[1].as_u64().unwrap() > 0, "nothing drawn: {mark}");
            assert!(mark[2].as_u64().unwrap() > 10, "no label: {mark}");
        }
        assert_eq!(browser.complaints(), Vec::<String>::new());
        assert_eq!(browser.requests(), [address]);
    }
}

#[test]
fn the_numbers_of_the_tables_are_those_of_the_data() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page(COMPARISON, "haul"));
    let data: Value = serde_json::from_str(COMPARISON).unwrap();
    let speed = rows(&mut browser, "speed");
    let latency = rows(&mut browser, "latency");
    let costs = rows(&mut browser, "costs");
    let engines = data["engines"].as_array().unwrap();
    assert_eq!(speed.len(), engines.len());
    for engine in engines {
        let name = engine["name"].as_str().unwrap();
        let row = |rows: &[Row]| rows.iter().find(|row| row.name == name).unwrap().clone();
        let shown = row(&speed);
        shown.shows("requests/s", &engine["per_second"]["median"]);
        shown.shows("time vs best", &engine["ratio"]["median"]);
        shown.shows("bytes/s", &engine["bytes_per_second"]);
        for at in ["p50", "p90", "p99", "max"] {
            row(&latency).shows(at, &engine["latency_ms"][at]);
        }
        row(&costs).shows("user per request", &engine["cpu_us"]["user"]);
        row(&costs).shows("peak memory", &engine["peak_memory_bytes"]);
    }
    let points: usize = data["sweep"]["curves"]
        .as_array()
        .unwrap()
        .iter()
        .map(|curve| curve["points"].as_array().unwrap().len())
        .sum();
    assert_eq!(rows(&mut browser, "sweep").len(), points);
    assert_eq!(
        rows(&mut browser, "map").len(),
        data["map"]["cells"].as_array().unwrap().len()
    );
    let headline = browser.evaluate("document.querySelector('h1').textContent");
    assert_eq!(headline, data["verdict"]["sentence"]);
}

#[test]
fn a_chosen_theme_changes_the_background_and_auto_follows_the_system() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let paper = "getComputedStyle(document.documentElement).backgroundColor";
    let press = |theme: &str| {
        format!(
            "[...document.querySelectorAll('.choice button')].find((button) => button.textContent === '{theme}').click()"
        )
    };
    browser.prefer("light");
    browser.open(&page(COMPARISON, "haul"));
    let light = browser.evaluate(paper);
    browser.evaluate(&press("Dark"));
    let dark = browser.evaluate(paper);
    assert_ne!(light, dark);
    browser.prefer("dark");
    browser.evaluate(&press("Light"));
    assert_eq!(browser.evaluate(paper), light);
    browser.evaluate(&press("Auto"));
    assert_eq!(browser.evaluate(paper), dark);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn pointing_at_a_bar_shows_its_value() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.prefer("dark");
    browser.open(&page(COMPARISON, "haul"));
    let bar = "document.querySelector('[data-chart=speed] .bar rect')";
    browser.evaluate(&format!(
        "{bar}.scrollIntoView({{ block: 'center', behavior: 'instant' }})"
    ));
    let at = browser.evaluate(&format!(
        "(() => {{ const at = {bar}.getBoundingClientRect(); return [at.right - 8, at.top + at.height / 2]; }})()"
    ));
    let tip = "(document.querySelector('[data-chart=speed] g[aria-label=tip]')?.textContent ?? '')";
    assert_eq!(browser.evaluate(tip), "");
    browser.point(at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
    browser.until(&format!("{tip} !== ''"));
    let shown_text = browser.evaluate(tip);
    let shown = rows(&mut browser, "speed")[0].text("requests/s").to_owned();
    let shown_text = shown_text.as_str().unwrap();
    let fill = "getComputedStyle(document.querySelector('[data-chart=speed] g[aria-label=tip] path')).fill";
    let paper = "getComputedStyle(document.documentElement).backgroundColor";
    assert_eq!(browser.evaluate(fill), browser.evaluate(paper));
    assert!(
        shown_text.contains(&shown),
        "{shown} is not in {shown_text}"
    );
}

#[test]
fn on_a_phone_nothing_is_wider_than_the_screen() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.screen(360, 740);
    for sample in [COMPARISON, RUN, DIFF] {
        browser.open(&page(sample, "haul"));
        browser.evaluate(
            "document.querySelectorAll('details').forEach((folded) => { folded.open = true; })",
        );
        let over = browser.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        assert_eq!(over, 0);
        let beyond = browser.evaluate(
            "[...document.querySelectorAll('h1, h2, p, li, figure, .chart, .chart svg, .command, .scroll, button')] \
             .filter((part) => part.closest('.scroll') === null || part.matches('.scroll')) \
             .filter((part) => part.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).map((part) => part.outerHTML.slice(0, 200))",
        );
        assert_eq!(beyond, json!([]));
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}

#[test]
fn the_texts_of_two_runs_are_side_by_side_and_what_differs_is_marked() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page(DIFF, "haul"));
    let data: Value = serde_json::from_str(DIFF).unwrap();
    let first = "document.querySelector('.side-by-side tbody')";
    let shown = browser.evaluate(&format!(
        "[...{first}.rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
    ));
    let rows = data["kinds"][5]["changes"][0]["rows"].as_array().unwrap();
    let expected = rows.iter().map(|row| match row {
        Value::Number(lines) => json!([format!("{lines} equal lines")]),
        row => json!([row[0].as_str().unwrap_or(""), row[1].as_str().unwrap_or("")]),
    });
    assert_eq!(shown, Value::Array(expected.collect()));
    let marked = browser.evaluate(&format!(
        "[...{first}.querySelectorAll('.removed, .added')].map((cell) => cell.className)"
    ));
    assert_eq!(marked, json!(["removed", "added", "added", "removed"]));
    let headline = browser.evaluate("document.querySelector('h1').textContent");
    let headline = headline.as_str().unwrap();
    assert!(
        headline.starts_with("2,003 pages then, 1,998 now: 2 broken pages, 1,200 pages gone"),
        "{headline}"
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_window_that_changes_its_width_draws_the_charts_again() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page(RUN, "haul"));
    let width = "+document.querySelector('[data-chart=latency] svg').getAttribute('width')";
    assert!(browser.evaluate(width).as_f64().unwrap() > 800.0);
    browser.screen(500, 900);
    browser.until(&format!("{width} < 500"));
}

#[test]
fn hostile_text_stays_text() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for sample in [COMPARISON, RUN, DIFF] {
        browser.open(&page(sample, "</title><script>alert(3)</script>"));
        let values = browser.evaluate(
            "[document.scripts.length, document.images.length, document.title, document.getElementById('page').textContent]",
        );
        assert_eq!(values[0], 3, "scripts");
        assert_eq!(values[1], 0, "images");
        assert_eq!(values[2], "</title><script>alert(3)</script>");
        assert!(
            values[3].as_str().unwrap().contains(HOSTILE),
            "the text is shown as it is"
        );
        let schemes = browser
            .evaluate("[...new Set([...document.links].map((link) => link.protocol))].sort()");
        assert!(
            schemes == json!(["file:"]) || schemes == json!(["file:", "http:"]),
            "{schemes}"
        );
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}

#[test]
fn unknown_values_are_left_out() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for sample in [COMPARISON, RUN, DIFF] {
        let whole: Value = serde_json::from_str(sample).unwrap();
        for name in whole
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| !["kind", "format"].contains(&name.as_str()))
        {
            let mut less = whole.clone();
            less[name] = Value::Null;
            opens(&mut browser, &less, name);
        }
        let bare = json!({ "kind": whole["kind"], "format": whole["format"] });
        opens(&mut browser, &bare, "everything");
    }
    let mut whole: Value = serde_json::from_str(COMPARISON).unwrap();
    for engine in whole["engines"].as_array_mut().unwrap() {
        engine["lanes"].as_array_mut().unwrap().truncate(5); // more would take long to draw
    }
    let known = whole["engines"][0]
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| *name != "name");
    for name in known {
        let mut less = whole.clone();
        for engine in less["engines"].as_array_mut().unwrap() {
            engine[name] = Value::Null;
        }
        opens(&mut browser, &less, name);
    }
}

#[test]
fn a_long_table_shows_its_first_rows_and_a_button_for_more() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut data: Value = serde_json::from_str(RUN).unwrap();
    let link = data["broken"][0].clone();
    data["broken"] = json!(vec![link; 250]);
    browser.open(&page(&data.to_string(), "haul"));
    for (expected, hidden) in [(100, false), (200, false), (250, true)] {
        assert_eq!(rows(&mut browser, "broken").len(), expected);
        assert_eq!(
            browser.evaluate("document.querySelector('#broken .more').hidden"),
            hidden
        );
        browser.evaluate("document.querySelector('#broken .more').click()");
    }
}

#[test]
fn on_paper_everything_is_open_and_light() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.prefer("dark");
    browser.open(&page(COMPARISON, "haul"));
    let open = "document.querySelectorAll('#page details[open]').length";
    browser.evaluate("addEventListener('beforeprint', () => { window.printed = document.querySelectorAll('#page details:not([open])').length; })");
    assert_eq!(browser.evaluate(open), 0);
    browser.print();
    assert_eq!(
        browser.evaluate("window.printed"),
        0,
        "everything was open while it was printed"
    );
    assert_eq!(browser.evaluate(open), 0, "and is folded again");
    browser.media("print");
    let paper = "getComputedStyle(document.documentElement).backgroundColor";
    assert_eq!(browser.evaluate(paper), "rgb(255, 255, 255)");
}

#[test]
fn data_of_another_kind_is_reported() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for (data, expected) in [
        ("{\"kind\":\"tea\"}", "cannot show"),
        ("{", "incomplete"),
        ("null", "cannot show"),
    ] {
        browser.open(&page(data, "haul"));
        let text = browser.evaluate("document.getElementById('page').textContent");
        assert!(text.as_str().unwrap().contains(expected), "{text}");
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}

#[test]
fn text_has_enough_contrast_in_both_themes() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.open(&page(COMPARISON, "haul"));
        // WCAG 2.2, 1.4.3: at least 4.5 to 1.
        let weak = browser.evaluate(
            "(() => { const part = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }; \
             const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number); return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b); }; \
             const behind = (at) => { for (; at; at = at.parentElement) { const c = getComputedStyle(at).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c; } }; \
             return [...document.querySelectorAll('#page *')].filter((at) => [...at.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) \
             .map((at) => { const style = getComputedStyle(at); const [a, b] = [light(at.closest('svg') ? style.fill : style.color), light(behind(at))]; \
             return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), at.textContent.slice(0, 60)]; }).filter(([ratio]) => !(ratio >= 4.5)); })()",
        );
        assert_eq!(weak, json!([]), "{scheme}");
    }
}

/// Opens a report whose data lacks something, and asserts that nothing goes wrong.
fn opens(browser: &mut Browser, data: &Value, without: &str) {
    browser.open(&page(&data.to_string(), "haul"));
    assert_eq!(
        browser.complaints(),
        Vec::<String>::new(),
        "without {without}"
    );
    let text = browser.evaluate("document.getElementById('page').textContent");
    let text = text.as_str().unwrap();
    for slip in ["NaN", "undefined", "Infinity", "[object"] {
        assert!(!text.contains(slip), "{slip} without {without}");
    }
    assert_eq!(
        browser.evaluate("document.querySelectorAll('h1').length"),
        1,
        "without {without}"
    );
}

/// A row of a table: its name, and its other cells by column header.
#[derive(Clone)]
struct Row {
    name: String,
    cells: Vec<(String, Option<f64>, String)>,
}

impl Row {
    /// Asserts that a cell shows this number, up to rounding.
    fn shows(&self, column: &str, expected: &Value) {
        let (_, value, text) = self.cells.iter().find(|(head, ..)| head == column).unwrap();
        let expected = expected.as_f64().unwrap();
        assert_eq!(*value, Some(expected), "{} {column}", self.name);
        let shown = quantity(text);
        let near = (shown - expected).abs() <= expected.abs() * 0.006;
        assert!(near, "{} {column}: {text} is not {expected}", self.name);
    }

    fn text(&self, column: &str) -> &str {
        &self
            .cells
            .iter()
            .find(|(head, ..)| head == column)
            .unwrap()
            .2
    }
}

/// Parses a number as the page shows it, into the data's unit.
///
/// The unit is ms, µs for CPU time, bytes, or none.
fn quantity(text: &str) -> f64 {
    let (digits, unit) = text
        .split_once(' ')
        .unwrap_or((text.trim_end_matches('×'), ""));
    let number: f64 = digits.replace(',', "").parse().unwrap();
    number
        * match unit {
            "s" => 1e3,
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            "GiB" => 1024.0 * 1024.0 * 1024.0,
            _ => 1.0,
        }
}

fn rows(browser: &mut Browser, table: &str) -> Vec<Row> {
    let table_rows = browser.evaluate(&format!(
        "(() => {{ const table = document.querySelector('[data-table=\"{table}\"]'); \
         const heads = [...table.querySelectorAll('thead th')].map((head) => head.textContent); \
         return [...table.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell, index) => \
         [heads[index], cell.querySelector('data')?.value ?? null, cell.textContent])); }})()"
    ));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |cells: &Value| Row {
        name: text(&cells[0][2]),
        cells: cells
            .as_array()
            .unwrap()
            .iter()
            .map(|cell| {
                (
                    text(&cell[0]),
                    cell[1].as_str().map(|value| value.parse().unwrap()),
                    text(&cell[2]),
                )
            })
            .collect(),
    };
    table_rows.as_array().unwrap().iter().map(row).collect()
}
