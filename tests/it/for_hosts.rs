//! Settings for some hosts: how often they are asked, what they are sent, and which way leads to them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use haul::Headers;
use haul::fetch::{HostSettings, HostWay, TlsSettings};
use haul::frontier::HostPace;
use haul::origin::{Hit, Origin, OriginSettings, Reply, Response, Site};
use http::HeaderValue;

use crate::certificates::self_signed;
use crate::cli;
use crate::folder::Folder;
use crate::politeness::{hits, on};
use crate::relay::relay;
use crate::run::{config, ms, on_every_engine, run};

fn request(hosts: &str) -> HostSettings {
    HostSettings::new(hosts.parse().unwrap())
}

fn pace(hosts: &str) -> HostPace {
    HostPace::new(hosts.parse().unwrap())
}

fn headers(fields: &[(&'static str, &'static str)]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in fields {
        headers.0.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn overlap(hits: &[Hit]) -> bool {
    hits.windows(2)
        .any(|pair| pair[0].until.is_none_or(|until| pair[1].at < until))
}

#[test]
fn each_host_has_the_limits_of_the_most_specific_section() {
    on_every_engine(|engine| {
        let origin = Origin::start(OriginSettings {
            pages: 100,
            latency: ms(20),
            ..OriginSettings::default()
        })
        .unwrap();
        let url = |name: &str, page: u32| on(name, &origin, &format!("/page/{page}"));
        let busy =
            (0..6).flat_map(|page| ["one.narrow", "wide.narrow"].map(|name| url(name, page)));
        let slow = (0..2).map(|page| url("slow", page));
        let mut settings = config(engine, busy.chain(slow));
        settings.frontier.hosts = vec![
            HostPace {
                per_host: Some(1),
                ..pace("*.narrow.localhost")
            },
            HostPace {
                per_host: Some(4),
                ..pace("wide.narrow.localhost")
            },
            HostPace {
                delay: Some(ms(500)),
                ..pace("slow.localhost")
            },
        ];
        let report = run(settings);
        assert_eq!(report.ends(), ["200"; 14]);
        assert!(!overlap(&hits("one.narrow", &origin)), "one at a time");
        if ["threads:4", "blocking:4", "async:16"].contains(&engine) {
            assert!(overlap(&hits("wide.narrow", &origin)), "several at a time");
        }
        let slow = hits("slow", &origin);
        assert!(slow[1].at.duration_since(slow[0].at) > ms(250));
    });
}

#[test]
fn headers_of_a_host_go_to_it_alone_and_secrets_never_because_of_a_page_without_encryption() {
    on_every_engine(|engine| {
        let site = || Site::builder().fallback(Response::page("a page"));
        let sealed = self_signed(site());
        let target = format!("https://api.localhost:{}/led", sealed.address().port());
        let plain = site()
            .route("/to-https", Reply::new(302).header("Location", target))
            .route_with("/to-http", |request| {
                let port = request.host().rsplit_once(':').unwrap().1.to_owned();
                let target = format!("http://led.localhost:{port}/led");
                Reply::new(302).header("Location", target).into()
            })
            .start()
            .unwrap();
        let urls = [
            on("api", &plain, "/own"),
            on("other", &plain, "/other"),
            on("other", &plain, "/to-https"),
            on("other", &plain, "/to-http"),
        ];
        let mut settings = config(engine, urls);
        settings.fetch.tls = TlsSettings::Insecure;
        settings
            .fetch
            .headers
            .0
            .insert("x-key", HeaderValue::from_static("of-all"));
        let fields = [
            ("x-key", "s3cret"),
            ("accept", "text/api"),
            ("x-key", "s3cret-2"),
        ];
        settings.fetch.hosts = vec![
            HostSettings {
                headers: headers(&[("x-key", "no"), ("x-more", "s3cret")]),
                ..request("*.localhost")
            },
            HostSettings {
                headers: headers(&fields),
                ..request("api.localhost")
            },
            HostSettings {
                headers: headers(&fields),
                ..request("led.localhost")
            },
        ];
        let report = run(settings);
        assert_eq!(report.ends(), ["200"; 4], "{:?}", report.records);
        let sent = |hit: &Hit| {
            let of = |name: &str| {
                let fields = hit.headers.iter();
                let fields = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
                fields
                    .map(|(_, value)| value.as_str())
                    .collect::<Vec<_>>()
                    .join(",")
            };
            (of("x-key"), of("x-more"), of("accept"))
        };
        let expected = |key: &str, more: &str, accept: &str| {
            (key.to_owned(), more.to_owned(), accept.to_owned())
        };
        let own = sent(&plain.log().hits("/own")[0]);
        assert_eq!(own, expected("s3cret,s3cret-2", "s3cret", "text/api"));
        let other = sent(&plain.log().hits("/other")[0]);
        assert_eq!(other, expected("no", "s3cret", "*/*"));
        let sealed = sent(&sealed.log().hits("/led")[0]);
        assert_eq!(sealed, expected("s3cret,s3cret-2", "s3cret", "text/api"));
        let led = sent(&plain.log().hits("/led")[0]);
        assert_eq!(led, expected("", "", "text/api"));
    });
}

#[test]
fn a_host_has_its_own_proxy_or_none() {
    on_every_engine(|engine| {
        let server = |name: &'static str| {
            let page = Response::page(format!("<title>{name}</title>"));
            Site::builder().fallback(page).start().unwrap()
        };
        let (of_all, of_one, direct) = (server("all"), server("one"), server("direct"));
        let urls = [
            "http://any.example/".to_owned(),
            "http://one.example/".to_owned(),
            direct.url("/"),
        ];
        let mut settings = config(engine, urls);
        let proxy = |to: &Origin| format!("http://{}", relay(to.address())).parse().unwrap();
        settings.fetch.proxies = vec![proxy(&of_all)];
        settings.fetch.hosts = vec![
            HostSettings {
                way: Some(HostWay::Through(proxy(&of_one))),
                ..request("one.example")
            },
            HostSettings {
                way: Some(HostWay::Direct),
                ..request("127.0.0.1")
            },
        ];
        let report = run(settings);
        let titles = report.records.iter().map(|record| record.title.as_deref());
        let titles: Vec<_> = titles.map(Option::unwrap_or_default).collect();
        assert_eq!(titles, ["all", "one", "direct"]);
    });
}

#[test]
fn http1_for_one_host_is_refused_where_a_proxy_would_ignore_it() {
    let mut settings = config("async:4", ["http://a.test/"]);
    settings.fetch.proxies = vec!["http://127.0.0.1:1".parse().unwrap()];
    settings.fetch.hosts = vec![HostSettings {
        http1: Some(true),
        ..request("a.test")
    }];
    let error = crate::run::outcome(settings).unwrap_err();
    assert!(error.to_string().contains("HTTP/1.1 for a.test"), "{error}");
}

/// Writes a configuration that only its owner may read.
fn configuration(folder: &Path, text: &str) {
    let path = folder.join("haul.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

const SECTIONS: &str = "retries = 0

[host.\"*.localhost\"]
header = [\"X-Key: s3cret\", \"Accept: text/api\"]
delay = \"1ms\"

[host.\"api.localhost\"]
user = \"ann:s3cret\"
proxy = \"\"
http1 = true
";

#[test]
fn sections_of_the_configuration_apply_and_are_printed_without_secrets() {
    let origin = Site::builder()
        .fallback(Response::page("a page"))
        .start()
        .unwrap();
    let folder = Folder::with_secrets_in(&["haul.toml"]);
    configuration(folder.path(), SECTIONS);
    let page = on("api", &origin, "/");
    let (code, _, stderr) = cli::run(folder.path(), &["--config", "haul.toml", &page]);
    assert_eq!(code, Some(0), "{stderr}");
    let hit = &origin.log().all_hits()[0];
    assert_eq!(hit.header("x-key"), Some("s3cret"));
    assert_eq!(hit.header("authorization"), Some("Basic YW5uOnMzY3JldA=="));

    let arguments = ["config", "--config", "haul.toml"];
    let (_, printed, _) = cli::run(folder.path(), &arguments);
    let expected = "\n[host.\"*.localhost\"]  # haul.toml:4\nheader = [\"X-Key: …\", \"Accept: text/api\"]\n\
                    delay = \"1ms\"\n\n[host.\"api.localhost\"]  # haul.toml:4\nuser = \"…\"\nproxy = \"\"\nhttp1 = true\n";
    assert!(printed.ends_with(expected), "{printed}");
    let again = printed.replace("user = \"…\"", "user = \"ann:s3cret-x\"");
    configuration(folder.path(), &again);
    let (code, again, stderr) = cli::run(folder.path(), &arguments);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(again.contains("[host.\"api.localhost\"]"));
}

#[test]
fn a_mistake_in_a_section_is_reported_with_its_line_and_a_secret_that_others_can_read_is_refused() {
    let folder = Folder::with_secrets_in(&["haul.toml"]);
    let refused = |text: &str, mode: u32| {
        configuration(folder.path(), text);
        let path = folder.path().join("haul.toml");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let arguments = ["config", "--config", "haul.toml"];
        let (code, _, stderr) = cli::run(folder.path(), &arguments);
        match code {
            Some(0) => String::new(),
            _ => stderr,
        }
    };
    for (text, says) in [
        (
            "\n[host.\"a.test\"]\ndelai = 1\n",
            "haul.toml:3: unknown key \"delai\"; did you mean \"delay\"?",
        ),
        (
            "[host.\"a.test\"]\ndelay = \"soon\"\n",
            "haul.toml:2: a.test delay:",
        ),
        (
            "[host.\"a.*\"]\n\ndelay = \"1s\"\n",
            "haul.toml:3: \"a.*\" has a *",
        ),
        (
            "[host.\"a.test\"]\nproxy = \"x://ann:s3cret@h\"\n",
            "haul.toml:2: a.test proxy:",
        ),
        (
            "host.\"a.test\" = 1\n",
            "haul.toml:1: host.\"a.test\" is not a table",
        ),
    ] {
        let stderr = refused(text, 0o600);
        assert!(stderr.contains(says), "{stderr}");
    }
    for secret in [
        "user = \"ann:s3cret\"",
        "header = \"X-Key: s3cret\"",
        "proxy = \"http://ann:s3cret@h\"",
    ] {
        let text = format!("[host.\"a.test\"]\n{secret}\n");
        for mode in [0o644, 0o640, 0o604] {
            let stderr = refused(&text, mode);
            assert!(stderr.contains("chmod 600 haul.toml"), "{stderr}");
        }
        assert_eq!(refused(&text, 0o600), "");
    }
    assert_eq!(refused("[host.\"a.test\"]\ndelay = \"1s\"\n", 0o644), "");
    let twice = "a.test delay=1s";
    let arguments = [
        "fetch",
        "--for-host",
        twice,
        "--for-host",
        twice,
        "http://a.test/",
    ];
    let (code, _, stderr) = cli::run(folder.path(), &arguments);
    assert!(
        code == Some(2) && stderr.contains("is set twice"),
        "{stderr}"
    );
}

#[test]
fn a_job_remembers_its_sections_but_no_secret_of_them() {
    let origin = Site::builder()
        .route("/fails", Response::status(404))
        .fallback(Response::page("a page"))
        .start()
        .unwrap();
    let folder = Folder::with_secrets_in(&["haul.toml"]);
    configuration(folder.path(), SECTIONS);
    let (page, fails) = (on("api", &origin, "/"), on("api", &origin, "/fails"));
    let resume = |more: &[&str]| {
        let mut arguments = vec!["fetch", "--config", "haul.toml", "--job", "job"];
        arguments.extend(more);
        arguments.extend([page.as_str(), fails.as_str()]);
        cli::run(folder.path(), &arguments)
    };
    let (code, _, stderr) = resume(&[]);
    assert_eq!(code, Some(3), "{stderr}");
    // Another secret does not matter, another limit does.
    configuration(folder.path(), &SECTIONS.replace("s3cret", "s3cret-new"));
    let (code, _, stderr) = resume(&[]);
    assert_eq!(code, Some(3), "{stderr}");
    configuration(folder.path(), &SECTIONS.replace("1ms", "2ms"));
    let (code, _, stderr) = resume(&[]);
    assert!(code == Some(2) && stderr.contains("for-host"), "{stderr}");
    assert_eq!(resume(&["--allow-changes"]).0, Some(3));

    let (code, _, stderr) = cli::run(folder.path(), &["retry", "job"]);
    assert!(
        code == Some(2) && stderr.contains("stores no secrets"),
        "{stderr}"
    );
    let retry = [
        "retry",
        "job",
        "--",
        "--for-host",
        "*.localhost header=X-Key: s3cret",
        "--for-host",
        "api.localhost user=ann:s3cret",
    ];
    origin.log().clear();
    let (_, _, stderr) = cli::run(folder.path(), &retry);
    let hits = origin.log().hits("/fails");
    assert_eq!(hits.len(), 1, "{stderr}");
    assert_eq!(hits[0].header("x-key"), Some("s3cret"));
}
