//! HSTS: once a host has asked for it, its http URLs are requested over https, and records say so.

use haul::cookies::{CookieSettings, Cookies};
use haul::fetch::TlsSettings;
use haul::origin::{Origin, Reply, Response, Site, SiteBuilder};
use haul::{Config, Hsts};

use crate::certificates::Authority;
use crate::cli;
use crate::folder::Folder;
use crate::run::{Report, on, on_every_engine, run};
use crate::written;

const POLICY: &str = "max-age=1000; includeSubDomains";

/// A site that only speaks TLS, whose pages ask for https.
fn strict(links: &str) -> SiteBuilder {
    let page = Reply::new(200)
        .header("Content-Type", "text/html")
        .header("Strict-Transport-Security", POLICY)
        .body(links.to_owned());
    Site::builder()
        .route("/robots.txt", Response::status(404))
        .fallback(page)
}

fn trusting(authority: &Authority, mut config: Config) -> Config {
    config.fetch.tls = TlsSettings::Verify {
        roots: Some(authority.roots.clone()),
    };
    config.frontier.retries = 0;
    config
}

fn at(origin: &Origin, scheme: &str, path: &str) -> String {
    format!(
        "{scheme}://strict.localhost:{}{path}",
        origin.address().port()
    )
}

fn serve(authority: &Authority, site: SiteBuilder) -> Origin {
    authority.serve_site(site, "strict.localhost")
}

/// The ends of a run's records, by path.
fn by_url(report: &Report) -> Vec<(String, String)> {
    let mut ends: Vec<_> = report
        .records
        .iter()
        .map(|record| (record.first_url.clone(), record.end()))
        .collect();
    ends.sort();
    ends
}

#[test]
fn links_and_redirects_of_a_crawl_to_a_strict_host_become_https_before_they_are_compared() {
    let authority = Authority::new("ours");
    on_every_engine(|engine| {
        let origin = serve(
            &authority,
            strict("")
                .route_with("/", |request| {
                    let host = request.host().into_owned();
                    let page = format!(
                        "<a href='http://{host}/a'>1</a><a href='https://{host}/a'>2</a><a href=/moved>3</a>"
                    );
                    let reply = Reply::new(200).header("Content-Type", "text/html");
                    reply.header("Strict-Transport-Security", POLICY).body(page).into()
                })
                .route_with("/moved", |request| {
                    Response::redirect(302, format!("http://{}/b", request.host()))
                }),
        );
        let secure = |path: &str| at(&origin, "https", path);
        let crawl = |hsts| {
            let mut config = on(engine, Config::crawl([secure("/")]));
            config.hsts = hsts;
            run(trusting(&authority, config))
        };
        let expected = [
            ("/", "200"),
            ("/a", "200"),
            ("/b", "200"),
            ("/moved", "302"),
        ];
        let expected = expected.map(|(path, end)| (secure(path), end.to_owned()));
        assert_eq!(by_url(&crawl(Hsts::Obey)), expected);
        assert_eq!(origin.log().hits("/a").len(), 1);
        // Without it, the two are other URLs, on a port that does not speak http.
        let ends = by_url(&crawl(Hsts::Ignore));
        assert!(
            ends.iter()
                .any(|(url, end)| *url == at(&origin, "http", "/a") && end != "200"),
            "{ends:?}"
        );
    });
}

#[test]
fn a_row_that_is_requested_over_https_keeps_its_url_and_says_which_hop_was_internal() {
    let authority = Authority::new("ours");
    on_every_engine(|engine| {
        let origin = serve(
            &authority,
            strict("page").route_with("/start", |request| {
                let to = format!("http://{}/end", request.host());
                let reply = Reply::new(302).header("Location", to);
                reply.header("Strict-Transport-Security", POLICY).into()
            }),
        );
        let (http, https) = (
            |path: &str| at(&origin, "http", path),
            |path: &str| at(&origin, "https", path),
        );
        // The fourth was read before the policy was known, and so is another row than the second.
        let urls = [https("/start"), http("/two"), http("/two"), https("/two")];
        let mut config = on(engine, Config::urls(urls));
        config.cookies = CookieSettings::keep(Cookies::Run);
        config.hsts = Hsts::Obey;
        config.frontier.per_ip = 1;
        config.frontier.max_redirects = 1;
        let mut config = trusting(&authority, config);
        config
            .fetch
            .headers
            .0
            .insert("x-key", http::HeaderValue::from_static("s3cret"));
        let report = run(config);
        assert_eq!(report.ends(), ["200", "200", "duplicate", "200"]);
        let hops = |row: u64| {
            let record = report.row(row);
            let mut urls: Vec<_> = record
                .hops
                .iter()
                .map(|(url, status)| format!("{status} {url}"))
                .collect();
            urls.push(record.url.clone());
            urls
        };
        assert_eq!(
            hops(1),
            [
                format!("302 {}", https("/start")),
                format!("307 {}", http("/end")),
                https("/end")
            ]
        );
        assert_eq!(hops(2), [format!("307 {}", http("/two")), https("/two")]);
        assert_eq!(report.row(2).first_url, http("/two"));
        // What the user attached goes along: it is the same host.
        assert!(
            origin
                .log()
                .all_hits()
                .iter()
                .all(|hit| hit.header("x-key") == Some("s3cret"))
        );
    });
}

#[test]
fn a_redirect_back_to_http_is_a_loop_on_a_strict_host() {
    let authority = Authority::new("ours");
    on_every_engine(|engine| {
        let origin = serve(
            &authority,
            strict("").route_with("/loop", |request| {
                let reply =
                    Reply::new(302).header("Location", format!("http://{}/loop", request.host()));
                reply.header("Strict-Transport-Security", POLICY).into()
            }),
        );
        let config = on(engine, Config::crawl([at(&origin, "https", "/loop")]));
        let report = run(trusting(&authority, config));
        assert_eq!(report.ends(), ["redirects"]);
        assert_eq!(origin.log().hits("/loop").len(), 21);
    });
}

#[test]
fn the_policy_is_ignored_without_checks_of_certificates() {
    let authority = Authority::new("ours");
    let origin = serve(
        &authority,
        strict("<a href='http://strict.localhost:1/'>x</a>"),
    );
    let mut config = on("async:4", Config::crawl([at(&origin, "https", "/")]));
    config.fetch.tls = TlsSettings::Insecure;
    config.frontier.retries = 0;
    config.crawl.as_mut().unwrap().external = haul::External::Check;
    let report = run(config);
    let urls: Vec<_> = report
        .records
        .iter()
        .map(|record| record.url.as_str())
        .collect();
    assert!(urls.contains(&"http://strict.localhost:1/"), "{urls:?}");
}

#[test]
fn a_resumed_job_knows_its_strict_hosts_and_outputs_say_what_was_internal() {
    let authority = Authority::new("ours");
    let origin = serve(&authority, strict("page"));
    let folder = Folder::new();
    let roots = authority.roots.display().to_string();
    let (first, second) = (at(&origin, "https", "/one"), at(&origin, "http", "/two"));
    std::fs::write(
        folder.path().join("list.txt"),
        format!("{first}\n{second}\n{second}\n"),
    )
    .unwrap();
    let fetch = |more: &[&str]| {
        let line = [
            "fetch",
            "list.txt",
            "--job",
            "job",
            "-o",
            "out.jsonl",
            "-o",
            "out.warc",
            "--cacert",
            &roots,
        ];
        let line: Vec<_> = line.iter().chain(more).copied().collect();
        let (code, _, stderr) = cli::run(folder.path(), &line);
        assert_eq!(code, Some(0), "{stderr}");
    };
    fetch(&["--cookies", "-n", "1"]);
    fetch(&["--cookies", "-n", "3", "--allow-changes", "--retries", "0"]);
    let mut records = written::jsonl(&folder.path().join("out.jsonl"));
    records.sort_by_key(|record| record["row"].as_u64());
    assert_eq!(records.len(), 3);
    assert_eq!(records[1]["url"], second);
    assert_eq!(records[1]["final_url"], at(&origin, "https", "/two"));
    let hop = serde_json::json!({
        "url": second, "status": 307, "internal": true, "sent": null, "ms": null, "retry_after_s": null,
    });
    assert_eq!(records[1]["redirects"], serde_json::json!([hop]));
    assert_eq!(records[2]["duplicate_of"], 2);
    let archive = std::fs::read(folder.path().join("out.warc")).unwrap();
    let archive = String::from_utf8_lossy(&archive);
    // The second has the same body as the first, so it refers to that.
    let is_response = |record: &&str| {
        record.contains("WARC-Type: response") || record.contains("WARC-Type: revisit")
    };
    let of_http = |record: &&str| record.contains(&format!("WARC-Target-URI: {second}"));
    let responses = archive.split("WARC/1.1").filter(is_response);
    assert_eq!(responses.clone().count(), 2);
    assert_eq!(responses.filter(of_http).count(), 0, "no server sent one");

    let line = [
        "fetch",
        &first,
        &second,
        "--cacert",
        &roots,
        "--no-hsts",
        "--cookies",
        "--retries",
        "0",
        "-q",
    ];
    assert_eq!(cli::run(folder.path(), &line).0, Some(3));
}
