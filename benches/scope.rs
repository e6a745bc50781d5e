//! The cost of deciding whether a URL belongs to a crawl, and of finding similar pages.
//!
//! One core, warm, best of several rounds. `cargo bench --bench scope [FILE]` judges the URLs of a file, one per line;
//! without a file, URLs as shops, forums and newspapers have them. Each round starts with a fresh scope.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::time::Instant;

use haul::PageUrl;
use haul::scope::{Pattern, Reach, Role, Scope, ScopeSettings, Similar, TrapSettings};

const URLS: usize = 200_000;
const ROUNDS: usize = 7;

fn made_up(number: usize) -> String {
    let (page, shelf) = (number % 50, number % 997);
    match number % 8 {
        0 => format!("https://shop.example/products/a-plain-saw-with-a-long-name-{number}.html"),
        1 => format!("https://shop.example/shelf/{shelf}?color=red&size=l&page={page}"),
        2 => format!("https://forum.example/viewtopic.php?f=3&t={number}&start={page}"),
        3 => format!(
            "https://paper.example/2019/05/{:02}/title-of-the-day-{number}",
            1 + page % 28
        ),
        4 => format!("https://www.example.org/en/docs/reference/chapter-{shelf}/section-{number}/"),
        5 => format!(
            "https://cdn.example/assets/{:040x}/image.jpg",
            number * 0x9e37_79b9
        ),
        6 => format!("https://host-{shelf}.example.com/{number}"),
        _ => format!("https://wiki.example/w/index.php?title=Page_{number}&action=history"),
    }
}

fn measure(what: &str, count: usize, mut round: impl FnMut() -> usize) {
    let mut best = f64::MAX;
    let mut found = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        found = round();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let each = best * 1e9 / count as f64;
    println!("{what:36} {each:8.0} ns each {found:9} found");
}

fn main() {
    let file = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let lines: Vec<String> = match file {
        Some(file) => std::fs::read_to_string(file)
            .expect("the file can be read")
            .lines()
            .map(str::to_owned)
            .collect(),
        None => (0..URLS).map(made_up).collect(),
    };
    let urls: Vec<PageUrl> = lines
        .iter()
        .filter_map(|line| PageUrl::parse(line).ok())
        .collect();
    println!("{} URLs", urls.len());
    let anywhere = ScopeSettings {
        reach: Reach::Any,
        ..ScopeSettings::default()
    };
    let patterns = [
        "*.pdf",
        "/login",
        "*.{jpg,png}",
        "/**?sort=*",
        "private/",
        "re:/tag/[0-9]+",
    ];
    let patterns: Vec<Pattern> = patterns
        .iter()
        .map(|pattern| pattern.parse().expect("it is a pattern"))
        .collect();
    let off = ScopeSettings {
        traps: TrapSettings::OFF,
        ..anywhere.clone()
    };
    let excluding = ScopeSettings {
        exclude: patterns,
        ..anywhere.clone()
    };
    let on_hosts = ScopeSettings::default();
    let in_paths = ScopeSettings {
        reach: Reach::Path,
        ..ScopeSettings::default()
    };
    let in_domains = ScopeSettings {
        reach: Reach::Domain,
        ..ScopeSettings::default()
    };
    for (what, settings) in [
        ("anywhere, traps off", &off),
        ("anywhere", &anywhere),
        ("anywhere, six patterns", &excluding),
        ("hosts of as many seeds", &on_hosts),
        ("paths of as many seeds", &in_paths),
        ("domains of as many seeds", &in_domains),
    ] {
        let mut fresh = (0..ROUNDS).map(|_| {
            let mut scope = Scope::new(settings.clone());
            urls.iter().for_each(|url| scope.anchor(url));
            scope
        });
        let mut scopes: Vec<Scope> = fresh.by_ref().collect();
        measure(what, urls.len(), || {
            let mut scope = scopes.pop().expect("one for each round");
            let judged = urls.iter().map(|url| scope.judge(url, Role::Page));
            judged.filter(Result::is_ok).count()
        });
    }
    let mut random = 1_u64;
    let prints: Vec<u64> = (0..URLS)
        .map(|_| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            random ^ random >> 29
        })
        .collect();
    measure("similar pages", prints.len(), || {
        let mut similar = Similar::new();
        let near = (0_u64..)
            .zip(&prints)
            .map(|(id, print)| similar.near(*print, id));
        near.filter(Option::is_some).count()
    });
}
