//! A link checker: which links of a site are broken, and what is none of its business.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use haul::origin::{Answer, Gate, Origin, Site, Step};

use crate::run::wait;

/// A page that links to these.
fn linking(targets: &[&str]) -> Answer {
    let link = |target: &&str| format!("<a href=\"{target}\">there</a>\n");
    Answer::page(targets.iter().map(link).collect::<String>())
}

fn haul(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_haul"))
        .args(arguments)
        .args(["--no-config", "-o", "records.jsonl"])
        .current_dir(folder)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The rows of a CSV, without its head.
fn rows(file: &Path) -> BTreeSet<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let row = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
    reader.records().map(|found| row(found.unwrap())).collect()
}

/// The records of a run, by the path that was asked.
fn records(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_status_that_is_accepted_is_no_failure_and_its_record_keeps_it() {
    let site = Site::builder()
        .route("/", linking(&["/closed", "/strange", "/busy", "/gone"]))
        .route("/closed", Answer::status(403))
        .route("/strange", Answer::status(999))
        .route("/busy", Answer::status(429));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let crawl = |accept: &str| {
        let seed = origin.url("/");
        let arguments = [
            "--fail-on-broken",
            "--broken",
            "broken.csv",
            "--accept",
            accept,
        ];
        haul(folder.path(), &[&["crawl", &seed][..], &arguments].concat())
    };
    let broken = |path: &str, class: &str, status: &str| {
        vec![
            origin.url(path),
            class.into(),
            status.into(),
            origin.url("/"),
        ]
    };

    let some = crawl("403,429,900-999");
    assert_eq!(some.status.code(), Some(3), "{}", told(&some));
    let only_gone = BTreeSet::from([broken("/gone", "http-4xx", "404")]);
    assert_eq!(rows(&folder.path().join("broken.csv")), only_gone);
    let closed = origin.url("/closed");
    let record = records(folder.path())
        .into_iter()
        .find(|record| record["url"] == closed.as_str())
        .unwrap();
    assert_eq!(
        (&record["status"], &record["error"]),
        (&403.into(), &serde_json::Value::Null)
    );
    let busy = origin.log().paths();
    let busy = busy.iter().filter(|path| *path == "/busy").count();
    assert_eq!(busy, 1, "what is accepted is not tried again");

    let all = crawl("4xx,999");
    assert_eq!(all.status.code(), Some(0), "{}", told(&all));

    let list = haul(folder.path(), &["fetch", &closed, "--accept", "403"]);
    assert_eq!(list.status.code(), Some(0), "{}", told(&list));
    let list = haul(folder.path(), &["fetch", &closed, "--accept", "404"]);
    assert_eq!(list.status.code(), Some(4), "{}", told(&list));
    for wrong in ["soon", "99", "500-400", ""] {
        let refused = haul(folder.path(), &["fetch", &closed, "--accept", wrong]);
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{wrong}: {}",
            told(&refused)
        );
    }
}

/// What is broken on a page of its own, as a row of the report.
fn broken(text: &str, class: &str, status: &str, holder: String) -> Vec<String> {
    vec![text.into(), class.into(), status.into(), holder]
}

#[test]
fn an_href_that_is_no_url_is_broken_and_its_holder_is_named() {
    let hrefs = [
        "http://exa mple/",
        "htps://example.org/",
        "http://[::1/",
        "https:// example.org/",
        // These are well formed, or none of a link checker's business.
        "mailto:ann@example.org",
        "tel:+1",
        "javascript:void(0)",
        "data:text/plain,x",
        "ftp://example.org/",
        "sftp://example.org/",
        "obsidian://open",
        "#top",
    ];
    let site = Site::builder()
        .route("/", linking(&hrefs))
        .route("/other", linking(&["htps://example.org/"]));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seeds = [origin.url("/"), origin.url("/other")];
    let seeds = seeds.each_ref().map(String::as_str);

    let plain = haul(folder.path(), &[&["crawl"][..], &seeds].concat());
    assert_eq!(plain.status.code(), Some(0), "{}", told(&plain));
    assert!(
        told(&plain).contains("htps://example.org/"),
        "{}",
        told(&plain)
    );

    let flags = ["--fail-on-broken", "--broken", "broken.csv"];
    let checked = haul(folder.path(), &[&["crawl"][..], &seeds, &flags].concat());
    assert_eq!(checked.status.code(), Some(3), "{}", told(&checked));
    let on = |text: &str, path: &str| broken(text, "malformed", "", origin.url(path));
    let expected = [
        on("http://exa mple/", "/"),
        on("htps://example.org/", "/"),
        on("htps://example.org/", "/other"),
        on("http://[::1/", "/"),
        on("https:// example.org/", "/"),
    ];
    assert_eq!(
        rows(&folder.path().join("broken.csv")),
        BTreeSet::from(expected)
    );
    assert!(told(&checked).contains("broken"), "{}", told(&checked));
}

/// Another site, that the crawled one links to.
fn elsewhere() -> Origin {
    let head_is_refused = |request: &haul::origin::Request| match request.method() {
        "HEAD" => Answer::status(405),
        _ => Answer::page("<a href=/never>"),
    };
    let site = Site::builder()
        .route(
            "/robots.txt",
            Answer::body("text/plain", "User-agent: *\nDisallow: /"),
        )
        .route("/fine", Answer::page("<a href=/never>"))
        .route_with("/headless", head_is_refused)
        .route("/moved", Answer::redirect(301, "/fine"))
        .route("/moved-away", Answer::redirect(302, "/gone-too"))
        .route("/skipped", Answer::page(""));
    Origin::of(site.build().unwrap()).unwrap()
}

/// The requests that a server saw, in no order.
fn asked(origin: &Origin) -> Vec<String> {
    let hits = origin.log().all_hits();
    let mut asked: Vec<_> = hits
        .iter()
        .map(|hit| format!("{} {}", hit.method, hit.path))
        .collect();
    asked.sort();
    asked
}

/// A site that links to another one.
fn bordering(other: &Origin) -> Origin {
    let [fine, headless, gone, moved, away, skipped] = [
        "/fine",
        "/headless",
        "/gone",
        "/moved",
        "/moved-away",
        "/skipped",
    ]
    .map(|path| other.url(path));
    let site = Site::builder()
        .route("/", linking(&["/deep", &fine, &headless, &gone, &moved]))
        .route(
            "/deep",
            linking(&[&gone, &fine, &format!("{fine}#there"), &away, &skipped]),
        );
    Origin::of(site.build().unwrap()).unwrap()
}

#[test]
fn a_link_that_leaves_the_crawl_is_asked_once_and_not_followed() {
    let other = elsewhere();
    let origin = bordering(&other);
    let folder = tempfile::tempdir().unwrap();
    let seed = origin.url("/");
    let flags = [
        "crawl",
        &seed,
        "--external",
        "--fail-on-broken",
        "--broken",
        "broken.csv",
        "--exclude",
        "/skipped",
        "-H",
        "X-Key: mine",
    ];
    let checked = haul(folder.path(), &flags);
    assert_eq!(checked.status.code(), Some(3), "{}", told(&checked));
    let expected = [
        "GET /gone",
        "GET /gone-too",
        "GET /headless",
        "HEAD /fine",
        "HEAD /fine",
        "HEAD /gone",
        "HEAD /gone-too",
        "HEAD /headless",
        "HEAD /moved",
        "HEAD /moved-away",
    ];
    let mut seen = asked(&other);
    // The end of a redirect may have been asked already: then it is not asked again.
    if seen.iter().filter(|hit| *hit == "HEAD /fine").count() == 1 {
        seen.insert(3, "HEAD /fine".into());
    }
    assert_eq!(seen, expected, "{}", told(&checked));
    let gone =
        |path: &str, holder: &str| broken(&other.url(path), "http-4xx", "404", origin.url(holder));
    let expected = [
        gone("/gone", "/"),
        gone("/gone", "/deep"),
        gone("/moved-away", "/deep"),
    ];
    assert_eq!(
        rows(&folder.path().join("broken.csv")),
        BTreeSet::from(expected)
    );
    let hits = other.log().all_hits();
    assert!(
        hits.iter().all(|hit| hit.header("x-key").is_none()),
        "a page named that host, and no user"
    );
    assert!(origin.log().all_hits()[0].header("x-key").is_some());
    for record in records(folder.path()) {
        let url = record["url"].as_str().unwrap();
        let outside = url.starts_with(&other.url("/"));
        assert_eq!(record["external"] == true, outside, "{record}");
        assert!(!outside || record["links"].is_null(), "{record}");
    }
}

#[test]
fn links_that_leave_the_crawl_count_towards_its_limits_and_survive_its_process() {
    let other = elsewhere();
    let origin = bordering(&other);
    let folder = tempfile::tempdir().unwrap();
    let seed = origin.url("/");
    let run = |limit: &str| {
        let flags = [
            "crawl",
            &seed,
            "--external",
            "--job",
            "job",
            "--allow-changes",
            "-n",
            limit,
        ];
        haul(folder.path(), &flags)
    };
    let stopped = run("2");
    assert_eq!(records(folder.path()).len(), 2, "{}", told(&stopped));
    let all = run("100");
    let urls: BTreeSet<_> = records(folder.path())
        .iter()
        .map(|record| record["url"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(urls.len(), records(folder.path()).len(), "each once");
    assert!(
        urls.contains(&other.url("/skipped")),
        "{urls:?} {}",
        told(&all)
    );
    let seen = asked(&other);
    assert!(seen.contains(&"HEAD /skipped".into()), "{seen:?}");
    assert!(
        !seen
            .iter()
            .any(|hit| hit.contains("/never") || hit.contains("robots")),
        "{seen:?}"
    );

    let few = ["crawl", &seed, "--external", "--max-per-host", "2"];
    haul(folder.path(), &few);
    let here =
        |record: &&serde_json::Value| record["url"].as_str().unwrap().starts_with(&other.url("/"));
    assert_eq!(records(folder.path()).iter().filter(here).count(), 2);
}

#[test]
fn a_server_that_refuses_head_in_any_way_is_asked_with_get() {
    let statuses = [400, 403, 404, 405, 500, 501];
    let refusing = |answer: Answer| {
        move |request: &haul::origin::Request| match request.method() {
            "HEAD" => answer.clone(),
            _ => Answer::page("here it is"),
        }
    };
    let mut site = Site::builder().route_with("/closes", refusing(Answer::Raw(vec![Step::Close])));
    for status in statuses {
        site = site.route_with(&format!("/{status}"), refusing(Answer::status(status)));
    }
    let other = Origin::of(site.build().unwrap()).unwrap();
    let mut links: Vec<String> = statuses
        .iter()
        .map(|status| other.url(&format!("/{status}")))
        .collect();
    links.push(other.url("/closes"));
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    let origin = Origin::of(Site::builder().route("/", linking(&links)).build().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        "crawl",
        &origin.url("/"),
        "--external",
        "--fail-on-broken",
        "--retries",
        "0",
    ];
    let checked = haul(folder.path(), &flags);
    assert_eq!(checked.status.code(), Some(0), "{}", told(&checked));
    let records = records(folder.path());
    let external: Vec<_> = records
        .iter()
        .filter(|record| record["external"] == true)
        .collect();
    assert_eq!(external.len(), links.len());
    for record in external {
        assert_eq!(
            (&record["status"], &record["method"]),
            (&200.into(), &"GET".into())
        );
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1, "{record}");
    }
}

#[test]
fn a_link_out_of_the_crawl_has_one_record_however_often_the_run_is_killed() {
    let gate = Gate::new();
    let site = Site::builder()
        .route("/slow", Answer::page("<a href=/never>").held(&gate))
        .route("/fine", Answer::page("<a href=/never>"));
    let other = Origin::of(site.build().unwrap()).unwrap();
    let links = [other.url("/slow"), other.url("/fine")];
    let site = Site::builder().route("/", linking(&links.each_ref().map(String::as_str)));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let flags = ["crawl", &origin.url("/"), "--external", "--job", "job"];
    let mut killed = Command::new(env!("CARGO_BIN_EXE_haul"))
        .args(flags)
        .args(["--no-config", "-q", "-o", "records.jsonl"])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    wait(other.log().wait_for("/slow"));
    killed.kill().unwrap();
    killed.wait().unwrap();
    gate.open();
    let resumed = haul(folder.path(), &flags);
    assert_eq!(resumed.status.code(), Some(0), "{}", told(&resumed));
    let mut urls: Vec<_> = records(folder.path())
        .iter()
        .map(|record| record["url"].as_str().unwrap().to_owned())
        .collect();
    urls.sort();
    let mut expected = vec![origin.url("/"), other.url("/slow"), other.url("/fine")];
    expected.sort();
    assert_eq!(urls, expected);
    let hits = other.log().all_hits();
    assert!(
        hits.iter().all(|hit| hit.method == "HEAD"),
        "{:?}",
        asked(&other)
    );
}

#[test]
fn a_fragment_that_is_nowhere_on_its_page_is_broken() {
    let here = [
        "#here",
        "#nowhere",
        "#",
        "#top",
        "#TOP",
        "#a%20b",
        "#a b",
        "#%C3%A4",
        "#ä",
        "#named",
        "#here:~:text=x",
        "#:~:text=x",
        "/other#there",
        "/other#not-there",
        "/moved#there",
        "/moved#lost",
        "/picture#x",
        "/plain#L3",
        "/gone#x",
        "#100%",
        "#name-of-div",
    ];
    let page = format!(
        "<p id=here><p id='a b'><p id=ä><a name=named>x</a><p id='100%'><div name=name-of-div>{}",
        here.map(|href| format!("<a href=\"{href}\">x</a>"))
            .concat(),
    );
    let site = Site::builder()
        .route("/", Answer::page(page))
        .route(
            "/other",
            Answer::page(
                "<a href='/#here'>x</a><a href='/#nowhere'>x</a><svg><g id=there></g></svg>",
            ),
        )
        .route("/moved", Answer::redirect(301, "/other"))
        .route("/picture", Answer::body("image/png", "x"))
        .route("/plain", Answer::body("text/plain", "x"));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seed = origin.url("/");
    let flags = [
        "crawl",
        &seed,
        "--fragments",
        "--fail-on-broken",
        "--broken",
        "broken.csv",
    ];
    let checked = haul(folder.path(), &flags);
    assert_eq!(checked.status.code(), Some(3), "{}", told(&checked));
    let missing =
        |url: &str, holder: &str| broken(&origin.url(url), "fragment", "200", origin.url(holder));
    let expected = [
        missing("/#nowhere", "/"),
        missing("/#nowhere", "/other"),
        missing("/other#not-there", "/"),
        missing("/moved#lost", "/"),
        missing("/#name-of-div", "/"),
        broken(&origin.url("/gone"), "http-4xx", "404", origin.url("/")),
    ];
    assert_eq!(
        rows(&folder.path().join("broken.csv")),
        BTreeSet::from(expected)
    );
}

#[test]
fn links_that_redirect_are_listed_with_their_ends_and_holders() {
    let site = Site::builder()
        .route("/", linking(&["/old", "/older", "/fine", "/lost"]))
        .route("/fine", linking(&["/older"]))
        .route("/older", Answer::redirect(302, "/old"))
        .route("/old", Answer::redirect(301, "/new"))
        .route("/lost", Answer::redirect(307, "/gone"))
        .route("/new", Answer::page("new"));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seed = origin.url("/");
    let checked = haul(
        folder.path(),
        &["crawl", &seed, "--redirects", "redirects.csv"],
    );
    assert_eq!(checked.status.code(), Some(0), "{}", told(&checked));
    let row = |from: &str, status: &str, to: &str, holder: &str| {
        vec![
            origin.url(from),
            status.into(),
            origin.url(to),
            origin.url(holder),
        ]
    };
    let expected = [
        row("/old", "301", "/new", "/"),
        row("/older", "302", "/new", "/"),
        row("/older", "302", "/new", "/fine"),
        row("/lost", "307", "/gone", "/"),
    ];
    assert_eq!(
        rows(&folder.path().join("redirects.csv")),
        BTreeSet::from(expected)
    );
}

#[test]
fn fragments_of_pages_out_of_the_crawl_are_looked_for_and_their_links_are_not() {
    let site = Site::builder().route("/page", Answer::page("<p id=there><a href=/never#x>x</a>"));
    let other = Origin::of(site.build().unwrap()).unwrap();
    let page = other.url("/page");
    let links = [format!("{page}#there"), format!("{page}#nowhere")];
    let site = Site::builder().route("/", linking(&links.each_ref().map(String::as_str)));
    let origin = Origin::of(site.build().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seed = origin.url("/");
    for engine in ["async", "blocking", "processes"] {
        let flags = [
            "crawl",
            &seed,
            "--external",
            "--fragments",
            "--broken",
            "broken.csv",
            "--engine",
            engine,
        ];
        let checked = haul(folder.path(), &flags);
        assert_eq!(checked.status.code(), Some(0), "{}", told(&checked));
        let expected = broken(&links[1], "fragment", "200", seed.clone());
        assert_eq!(
            rows(&folder.path().join("broken.csv")),
            BTreeSet::from([expected])
        );
    }
    assert_eq!(asked(&other), ["GET /page"; 3]);
}

#[test]
fn every_page_of_a_folder_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join("site").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("index.html", "<a href=guide/>guide</a>");
    write(
        "guide/index.html",
        "<a href=../lost.html>x</a><a href=notes.txt>x</a>",
    );
    write("guide/notes.txt", "notes");
    write("nobody links here.html", "<a href=/gone.html>x</a>");
    let checked = haul(
        folder.path(),
        &[
            "crawl",
            "site",
            "--broken",
            "broken.csv",
            "--fail-on-broken",
        ],
    );
    assert_eq!(checked.status.code(), Some(3), "{}", told(&checked));
    let url = |path: &str| format!("http://site.localhost/{path}");
    let gone = |path: &str, holder: &str| broken(&url(path), "http-4xx", "404", url(holder));
    let expected = [
        gone("lost.html", "guide/"),
        gone("gone.html", "nobody%20links%20here.html"),
    ];
    assert_eq!(
        rows(&folder.path().join("broken.csv")),
        BTreeSet::from(expected)
    );
    let asked: BTreeSet<_> = records(folder.path())
        .iter()
        .map(|record| record["url"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "",
        "guide/",
        "guide/notes.txt",
        "nobody%20links%20here.html",
        "lost.html",
        "gone.html",
    ]
    .map(url);
    assert_eq!(asked, BTreeSet::from(expected));
}

/// What lychee said of two sites, with the commands that made it.
const LYCHEE: &str = include_str!("checker/lychee.json");

/// A broken link, and the page that holds it.
type Held = (String, String);

/// A URL of lychee's runs, as it is called here.
fn called_here(url: &str) -> String {
    [
        ("http://127.0.0.1:8191", "http://site.localhost"),
        ("http://127.0.0.2:8191", "http://other.localhost"),
        ("http://127.0.0.11:8194", "http://shop.localhost"),
        ("http://127.0.0.12:8194", "http://journal.localhost"),
        // One file, which a site has under two names.
        ("/index.html", "/"),
    ]
    .iter()
    .fold(url.to_owned(), |url, (there, here)| {
        url.replace(there, here)
    })
}

/// What lychee found on a site.
fn found_by_lychee(site: &str) -> BTreeSet<Held> {
    let lychee: serde_json::Value = serde_json::from_str(LYCHEE).unwrap();
    let mut found = BTreeSet::new();
    for (holder, errors) in lychee[site]["error_map"].as_object().unwrap() {
        for error in errors.as_array().unwrap() {
            let url = match error["url"].as_str().unwrap() {
                // What is no URL stands in the message alone.
                "error:" => "http://exa mple/",
                url => url,
            };
            found.insert((called_here(url), called_here(holder)));
        }
    }
    found
}

/// What haul finds on a site that it serves, from these seeds.
fn found_here(site: &str, seeds: &[&str]) -> BTreeSet<Held> {
    let folder = tempfile::tempdir().unwrap();
    let site = format!("{}/fixtures/{site}", env!("CARGO_MANIFEST_DIR"));
    let flags = [
        "--serve",
        &site,
        "--assets",
        "--external",
        "--fragments",
        "--fail-on-broken",
        "--broken",
        "broken.csv",
        "--retries",
        "0",
    ];
    let checked = haul(folder.path(), &[&["crawl"][..], seeds, &flags].concat());
    assert_eq!(checked.status.code(), Some(3), "{}", told(&checked));
    rows(&folder.path().join("broken.csv"))
        .iter()
        .map(|row| (called_here(&row[0]), called_here(&row[3])))
        .collect()
}

/// The URLs that are in the first set alone.
fn alone<'s>(these: &'s BTreeSet<Held>, those: &'s BTreeSet<Held>) -> BTreeSet<&'s str> {
    let alone = these.difference(those);
    alone.map(|(url, _)| url.as_str()).collect()
}

#[test]
fn all_that_lychee_finds_on_a_site_with_planted_faults_is_found_here_too() {
    let theirs = found_by_lychee("planted");
    let ours = found_here("link-checker", &["http://site.localhost/"]);
    assert_eq!(theirs.len(), 20);
    assert_eq!(alone(&theirs, &ours), BTreeSet::new());
    let expected = [
        "htps://127.0.0.1/",
        "http://site.localhost/missing-background.png",
        "http://site.localhost/missing.js",
        // The end of a redirect, which the redirect holds: lychee names the link to the redirect alone, as haul does too.
        "http://site.localhost/nowhere.html",
    ];
    assert_eq!(alone(&ours, &theirs), BTreeSet::from(expected));
}

#[test]
fn on_the_practice_site_only_what_lychee_reads_otherwise_is_found_by_it_alone() {
    let theirs = found_by_lychee("site");
    let seeds = ["http://shop.localhost/", "http://journal.localhost/"];
    let ours = found_here("site", &seeds);
    assert_eq!(theirs.len(), 28);
    let expected = [
        // It does not heed <base href="/">.
        "http://journal.localhost/letters/letters/bielsko.html",
        "http://journal.localhost/letters/letters/eskilstuna.html",
        "http://journal.localhost/letters/letters/remscheid.html",
        "http://journal.localhost/letters/letters/thiers.html",
        // Of two href of one tag the first counts; it joins them.
        "http://shop.localhost/products/mortise-chisel-8.html/ignored.html",
        // A redirect to a name that lychee could not resolve here: nothing is wrong with it.
        "http://shop.localhost/blog/",
    ];
    assert_eq!(alone(&theirs, &ours), BTreeSet::from(expected));
    assert_eq!(alone(&ours, &theirs), BTreeSet::new());
}
