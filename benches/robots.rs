//! Parsing robots.txt and matching URLs, compared with two other crates.
//!
//! `cargo bench --bench robots`
//!
//! One core, best of several rounds.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::hint::black_box;
use std::time::Instant;

use haul::robots::Rules;

const AGENT: &str = "haul";
const TARGET: &str = "/catalog/product/view/id/1234?color=red&size=xl";

fn measure(what: &str, rounds: u32, mut work: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..7 {
        let start = Instant::now();
        (0..rounds).for_each(|_| work());
        best = best.min(start.elapsed().as_secs_f64() / f64::from(rounds));
    }
    println!("{what:40} {:10.2} us", best * 1e6);
}

fn file(rules: usize, rule: impl Fn(usize) -> String) -> String {
    let lines: Vec<_> = (0..rules).map(rule).collect();
    format!("User-agent: *\n{}\n", lines.join("\n"))
}

fn main() {
    let usual = file(50, |n| match n % 3 {
        0 => format!("Disallow: /section{n}/"),
        1 => format!("Disallow: /*?filter{n}="),
        _ => format!("Disallow: /tag{n}/*/feed$"),
    });
    let plain = file(10_000, |n| {
        format!("Disallow: /product-{n}/{}.html", n * 31)
    });
    let starred = file(10_000, |n| format!("Disallow: /*?name{n}="));
    // As large a file as haul reads, with rules that cannot be dismissed without matching them.
    let mut random = fastrand::Rng::with_seed(1);
    let digits: Vec<u64> = (0..25_000).map(|_| random.u64(0..1 << 36)).collect();
    let hostile = file(25_000, |n| format!("Disallow:*{:09x}", digits[n]));
    let long: String = std::iter::once('/')
        .chain((0..1023).map(|_| char::from(b"0123456789abcdef"[random.usize(0..16)])))
        .collect();
    for (what, text, target) in [
        ("50 rules", &usual, TARGET),
        ("10,000 paths", &plain, TARGET),
        ("10,000 patterns", &starred, TARGET),
        ("25,000 hostile patterns", &hostile, &long),
    ] {
        measure(&format!("{what}: read"), 10, || {
            black_box(Rules::parse(text.as_bytes(), AGENT));
        });
        let rules = Rules::parse(text.as_bytes(), AGENT);
        measure(&format!("{what}: judge"), 200, || {
            black_box(rules.judge(black_box(target)));
        });
    }
    if let Ok(robot) = texting_robots::Robot::new(AGENT, usual.as_bytes()) {
        measure("texting_robots, 50 rules: judge", 200, || {
            black_box(robot.allowed(black_box(TARGET)));
        });
    }
    let url = format!("http://example.org{TARGET}");
    measure("robotstxt, 50 rules: read and judge", 200, || {
        let mut matcher = robotstxt::DefaultMatcher::default();
        black_box(matcher.one_agent_allowed_by_robots(&usual, AGENT, black_box(&url)));
    });
}
