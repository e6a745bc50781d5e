//! A run that asks only for what changed since an earlier one: every page is asked, hardly a byte is sent, no link is lost.

mod archives;
mod fresh;
mod outputs;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use haul::Config;
use haul::origin::{Origin, OriginSettings, Reply, Response, Site, Validators};

use crate::archive::run_strangers;
use crate::cli;
use crate::folder::Folder;
use crate::run::{ms, on, on_every_engine, run, wait};
use crate::{stranger, tools, written};

/// The pages of the site: `/` links to `/1`, `/1` to `/2`, and so on.
const PAGES: u64 = 6;

/// The paths that were asked, without robots.txt.
pub(crate) fn asked(origin: &Origin) -> Vec<String> {
    let mut paths = origin.log().paths();
    paths.retain(|path| path != "/robots.txt");
    paths.sort_unstable();
    paths
}

/// A page of an edition of the site. Page 3 has a counter, page 4 another text in each edition, page 5 has no validator.
fn page(number: u64, edition: u64, asked: u64) -> (Option<String>, String) {
    let words: String = (0..60)
        .map(|word| {
            format!(
                "word{} ",
                (number * 1000 + word) * (1 + edition * u64::from(number == 4))
            )
        })
        .collect();
    let tag = match number {
        3 => format!("\"3-{asked}\""),
        4 => format!("\"4-{edition}\""),
        _ => format!("\"{number}\""),
    };
    let counter = match number {
        3 => format!("<meta name=counter content={asked}>"),
        _ => String::new(),
    };
    let next = number + 1;
    let html = format!(
        "<title>Page {number}</title>{counter}<p>{words}<a href=/{next}>next</a><b class=price>{number}</b>"
    );
    ((number != 5).then_some(tag), html)
}

/// A site whose edition can be changed. It answers 304 where the ETag is still the same.
fn site(edition: Arc<AtomicU64>) -> Origin {
    let mut site = Site::builder().fallback(Response::status(404));
    for number in 0..PAGES {
        let edition = edition.clone();
        let asked = AtomicU64::new(0);
        let path = match number {
            0 => "/".to_owned(),
            number => format!("/{number}"),
        };
        site = site.route_with(&path, move |request| {
            let asked = asked.fetch_add(1, Ordering::Relaxed);
            let (tag, html) = page(number, edition.load(Ordering::Relaxed), asked);
            let is_same = tag.is_some() && request.header("if-none-match") == tag.as_deref();
            let mut reply = match is_same {
                true => Reply::new(304),
                false => Reply::new(200)
                    .header("Content-Type", "text/html; charset=utf-8")
                    .body(html),
            };
            if let Some(tag) = tag {
                reply = reply.header("ETag", tag);
            }
            reply.into()
        });
    }
    site.start().unwrap()
}

fn crawl(engine: &str, seed: String, job: &Path, since: Option<&Path>) -> Config {
    let mut config = on(engine, Config::crawl([seed]));
    config.fetch.private = haul::fetch::Private::Allow;
    config.parse.wants.title = true;
    config.job = Some(haul::JobSettings {
        folder: job.to_owned(),
        fresh: false,
        settings: BTreeMap::new(),
        may_change: Vec::new(),
    });
    config.since = since.map(Path::to_owned);
    config
}

#[test]
fn a_second_crawl_has_every_page_of_the_first_and_says_what_changed() {
    on_every_engine(|engine| {
        let edition = Arc::new(AtomicU64::new(0));
        let origin = site(edition.clone());
        let folder = Folder::new();
        let [old, new, third] = ["old", "new", "third"].map(|name| folder.path().join(name));
        let first = run(crawl(engine, origin.url("/"), &old, None));
        assert_eq!(first.records.len() as u64, PAGES + 1, "{:?}", first.ends());
        edition.store(1, Ordering::Relaxed);
        for (old, new) in [(&old, &new), (&new, &third)] {
            origin.log().clear();
            let again = run(crawl(engine, origin.url("/"), new, Some(old)));
            let of = |path: &str| {
                let url = origin.url(path);
                let found = again.records.iter().find(|one| one.url == url);
                found.unwrap_or_else(|| panic!("{engine}: no {path}: {:?}", again.ends()))
            };
            assert_eq!(
                again.records.len() as u64,
                PAGES + 1,
                "{engine}: {:?}",
                again.ends()
            );
            // Page 4 changed only once.
            let (four, is_304) = match old.ends_with("old") {
                true => ("content", 200),
                false => ("no", 304),
            };
            for (path, status, changed) in [
                ("/", 304, "no"),
                ("/1", 304, "no"),
                ("/2", 304, "no"),
                ("/3", 200, "shell"),
                ("/4", is_304, four),
                ("/5", 200, "no"),
            ] {
                let record = of(path);
                assert_eq!(record.status, Some(status), "{engine}: {record:?}");
                let compared = Some((changed, status == 304));
                assert_eq!(record.compared, compared, "{engine}, {path}");
                assert!(record.digest.is_some(), "{engine}, {path}");
                let title = format!("Page {}", path.trim_start_matches('/').parse().unwrap_or(0));
                assert_eq!(record.title, Some(title), "{engine}, {path}");
            }
            assert_eq!(of("/6").status, Some(404));
        }
    });
}

#[test]
fn unchanged_pages_keep_their_fields_and_items_in_every_output() {
    let edition = Arc::new(AtomicU64::new(0));
    let origin = site(edition);
    let folder = Folder::new();
    let line = |job: &'static str| {
        vec![
            "crawl".to_owned(),
            origin.url("/"),
            "--allow-private".into(),
            "-q".into(),
            "--select".into(),
            "price=.price | integer".into(),
            "--job".into(),
            job.into(),
        ]
    };
    let go = |line: &[String]| {
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        let (code, _, stderr) = cli::run(folder.path(), &line);
        assert_eq!(code, Some(0), "{stderr}");
    };
    go(&line("old"));
    let mut again = line("new");
    again.extend(["--since", "old"].map(str::to_owned));
    go(&again);
    let records = written::jsonl(&folder.path().join("new/records.jsonl"));
    let unchanged: Vec<_> = records
        .iter()
        .filter(|record| record["unchanged"] == true)
        .collect();
    assert_eq!(unchanged.len(), 4, "{records:?}");
    for record in unchanged {
        let number = record["title"]
            .as_str()
            .unwrap()
            .trim_start_matches("Page ");
        assert_eq!(record["fields"]["price"].to_string(), number, "{record}");
        assert_eq!(record["changed"], "no");
        assert_eq!(record["status"], 304);
        assert_eq!(record["links"], 1);
        assert_eq!(record["wire_bytes"], 0);
    }
    // Killed in the middle or not: a finished job is not asked again.
    let requests = origin.log().requests();
    go(&again);
    assert_eq!(origin.log().requests(), requests);
    assert_eq!(
        written::jsonl(&folder.path().join("new/records.jsonl")),
        records
    );
}

#[test]
fn an_old_job_that_cannot_be_compared_with_is_refused_before_anything_is_sent() {
    let origin = site(Arc::new(AtomicU64::new(0)));
    let stranger = site(Arc::new(AtomicU64::new(0)));
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/");
    let base = ["crawl", url.as_str(), "--allow-private", "-q"];
    let (code, _, stderr) = cli::run(path, &[&base[..], &["--job", "old"]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let other = stranger.url("/");
    let of_stranger = ["crawl", other.as_str(), "--allow-private", "-q"];
    let (code, _, stderr) = cli::run(path, &[&of_stranger[..], &["--job", "strange"]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    fs::create_dir(path.join("empty")).unwrap();
    let before = origin.log().requests();
    for (flags, expected, words) in [
        (&["--since", "nowhere"][..], 6, "there is no job here"),
        (&["--since", "empty"], 6, "there is no job here"),
        (
            &["--since", "strange"],
            2,
            "is of another site: it has no page of http://127.0.0.1:",
        ),
        (
            &["--since", "old", "--select", "t=title"],
            2,
            "read other things out of its pages",
        ),
        (
            &["--since", "old", "--assets"],
            2,
            "read other things out of its pages",
        ),
        (&["--since", "old", "--job", "old"], 2, "--since"),
        (
            &["--since", "old", "--output-dir", "pages"],
            2,
            "an earlier job has no bodies",
        ),
        (
            &["--since", "old", "--body", "-f", "jsonl"],
            2,
            "an earlier job has no bodies",
        ),
    ] {
        let (code, _, stderr) = cli::run(path, &[&base[..], flags].concat());
        assert!(
            code == Some(expected) && stderr.contains(words),
            "{flags:?}: {code:?} {stderr}"
        );
    }
    assert_eq!(origin.log().requests(), before, "nothing was sent");
}

#[test]
fn an_archive_names_the_earlier_response_of_each_page_that_did_not_change() {
    let Some(python) = tools::python("archive") else {
        return;
    };
    let origin = site(Arc::new(AtomicU64::new(0)));
    let folder = Folder::new();
    let path = folder.path();
    let url = origin.url("/");
    let go = |flags: &[&str]| {
        let base = ["crawl", url.as_str(), "--allow-private", "-q"];
        let (code, _, stderr) = cli::run(path, &[&base[..], flags].concat());
        assert_eq!(code, Some(0), "{stderr}");
    };
    go(&["--job", "old", "-o", "old.warc.gz"]);
    go(&["--job", "new", "-o", "new.warc.gz", "--since", "old"]);
    let [old, new] = ["old", "new"].map(|name| path.join(format!("{name}.warc.gz")));
    run_strangers(&python, "check", &new, &[]);
    let mut unchanged = run_strangers(&python, "unchanged", &new, &[&old.display().to_string()]);
    unchanged = unchanged.replace(&url, "");
    let mut unchanged: Vec<_> = unchanged.lines().collect();
    unchanged.sort_unstable();
    assert_eq!(unchanged, ["", "1", "2", "4"]);
}

/// A generated site in one of its editions, always at the same address.
fn edition(address: SocketAddr, edition: u64) -> Origin {
    let settings = OriginSettings {
        pages: 400,
        churn: 0.05,
        validators: Some(Validators::Both),
        latency: ms(2),
        edition,
        ..OriginSettings::default()
    };
    Origin::at(address, Site::new(settings).unwrap()).unwrap()
}

/// The records of a job by URL, each once.
fn by_url(folder: &Path, job: &str) -> BTreeMap<String, serde_json::Value> {
    let records = written::jsonl(&folder.join(job).join("records.jsonl"));
    let count = records.len();
    let url = |record: &serde_json::Value| record["url"].as_str().unwrap().to_owned();
    let by_url: BTreeMap<_, _> = records.into_iter().map(|one| (url(&one), one)).collect();
    assert_eq!(by_url.len(), count, "{job}: each once");
    by_url
}

/// Runs a command that is killed three times, and then goes on to its end.
fn run_with_kills(folder: &Path, line: &[&str], origin: &Origin) {
    for killed_at in [50, 150, 250] {
        let mut child = cli::haul(folder, line).spawn().unwrap();
        wait(origin.log().wait_for_hits(killed_at));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    cli::go(folder, line);
}

#[test]
fn a_second_crawl_that_is_killed_again_and_again_has_each_page_once_and_names_exactly_the_changed_ones()
 {
    let address = stranger::nobody();
    let folder = Folder::new();
    let path = folder.path();
    let url = format!("http://{address}/");
    let base = [
        "crawl",
        url.as_str(),
        "--allow-private",
        "-q",
        "--depth",
        "1000",
    ];
    let first = edition(address, 1);
    let (code, _, stderr) = cli::run(path, &[&base[..], &["--job", "old"]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    drop(first);
    let second = edition(address, 2);
    let line = [&base[..], &["--job", "new", "--since", "old"]].concat();
    run_with_kills(path, &line, &second);
    let (old, new) = (by_url(path, "old"), by_url(path, "new"));
    assert!(
        old.len() > 400 && old.keys().eq(new.keys()),
        "{} {}",
        old.len(),
        new.len()
    );
    let changes = second.site().changes_since(1);
    for (url, record) in &new {
        let page = url.strip_prefix(&format!("http://{address}")).unwrap();
        if !page.starts_with("/page/") {
            continue;
        }
        let (status, changed) = match changes.changed.contains(page) {
            true => (200, "content"),
            false => (304, "no"),
        };
        assert_eq!(record["status"], status, "{record}");
        assert_eq!(record["changed"], changed, "{record}");
        let carried = [&record["sha256"], &record["links"], &record["title"]];
        let before = [&old[url]["sha256"], &old[url]["links"], &old[url]["title"]];
        assert_eq!(carried == before, status == 304, "{record} {}", old[url]);
    }
    assert_eq!(changes.changed.len(), 20);
}

#[test]
fn a_page_that_a_recipe_newly_leads_to_is_read_with_it_although_it_did_not_change() {
    let edition = Arc::new(AtomicU64::new(0));
    let current = edition.clone();
    let origin = Site::builder()
        .route_with("/", move |_| {
            let class = ["plain", "thing"][current.load(Ordering::Relaxed) as usize];
            Response::page(format!("<a class={class} href=/thing>a thing</a>"))
        })
        .route_with("/thing", |request| {
            let reply = match request.header("if-none-match") {
                Some("\"1\"") => Reply::new(304),
                _ => Reply::new(200)
                    .header("Content-Type", "text/html")
                    .body("<h1>The thing</h1>"),
            };
            reply.header("ETag", "\"1\"").into()
        })
        .start()
        .unwrap();
    let folder = Folder::new();
    let path = folder.path();
    let list = "name = \"list\"\nmatch = [\"**/\"]\n[fields]\ntext = \"a\"\n\
                [[follow]]\nselect = \"a.thing\"\nrecipe = \"thing\"\n";
    fs::write(path.join("list.toml"), list).unwrap();
    let thing = "name = \"thing\"\nmatch = []\n[fields]\ntitle = \"h1\"\n";
    fs::write(path.join("thing.toml"), thing).unwrap();
    let url = origin.url("/");
    let go = |flags: &[&str]| {
        let base = [
            "crawl",
            url.as_str(),
            "--allow-private",
            "-q",
            "--recipe",
            "list.toml",
        ];
        let line = [&base[..], &["--recipe", "thing.toml"], flags].concat();
        let (code, _, stderr) = cli::run(path, &line);
        assert_eq!(code, Some(0), "{stderr}");
    };
    let last = |job: &str| {
        let records = written::jsonl(&path.join(job).join("records.jsonl"));
        let mut latest = records.into_iter().rev();
        latest
            .find(|record| record["url"] == origin.url("/thing"))
            .unwrap()
    };
    go(&["--job", "old"]);
    assert!(last("old")["items"]["thing"].is_null());
    edition.store(1, Ordering::Relaxed);
    go(&["--job", "new", "--since", "old"]);
    let record = last("new");
    assert_eq!(
        record["items"]["thing"][0]["title"], "The thing",
        "{record}"
    );
    assert_eq!(
        (&record["status"], &record["changed"]),
        (&200.into(), &"no".into())
    );
    go(&["--job", "third", "--since", "new"]);
    let record = last("third");
    assert_eq!(
        record["items"]["thing"][0]["title"], "The thing",
        "{record}"
    );
    assert_eq!(record["unchanged"], true);
}
