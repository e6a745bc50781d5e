//! Digest authentication (RFC 7616), against Apache, and against a server that counts every answer.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use haul::Config;
use haul::fetch::Authentication;
use haul::origin::{Hit, Origin, Reply, Request, Response, Site};
use http::{HeaderValue, Method};
use regex::Regex;
use sha2::Digest;

use crate::apache::Apache;
use crate::cli::run as haul;
use crate::folder::Folder;
use crate::leaks;
use crate::run::{Report, config, in_flight, on_every_engine, run};
use crate::tools;

const USER: &str = "ann";
const PASSWORD: &str = "s3cret: \"it\"";

/// What a server asks for, and how strictly.
#[derive(Clone, Copy)]
struct Rules {
    /// The name of the algorithm; empty if none is named.
    algorithm: &'static str,
    /// More parameters of the challenge.
    more: &'static str,
    /// How many answers to a nonce are accepted.
    uses: usize,
    /// Whether the server says that a nonce is stale.
    says_stale: bool,
}

const RULES: Rules = Rules {
    algorithm: "MD5",
    more: "qop=\"auth\"",
    uses: usize::MAX,
    says_stale: true,
};

/// A server that checks answers, for each realm the counts of each nonce that were used.
struct Guard {
    rules: Rules,
    counts: Mutex<HashMap<String, Vec<String>>>,
}

fn hash(algorithm: &str, text: &str) -> String {
    let name = algorithm.trim_end_matches("-sess");
    let bytes = match name {
        "SHA-256" => sha2::Sha256::digest(text).to_vec(),
        "SHA-512-256" => sha2::Sha512_256::digest(text).to_vec(),
        _ => md5::Md5::digest(text).to_vec(),
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Guard {
    /// Starts a server with such a guard. The first part of a path is the realm.
    fn start(rules: Rules) -> Origin {
        let guard = Arc::new(Self {
            rules,
            counts: Mutex::default(),
        });
        let fallback = Response::call(move |request| guard.answer(request));
        Site::builder().fallback(fallback).start().unwrap()
    }

    fn answer(&self, request: &Request) -> Response {
        let realm = request.path().split('/').nth(1).unwrap_or_default();
        let login = request.header("authorization").unwrap_or_default();
        let verdict = match login.strip_prefix("Digest ") {
            Some(fields) => self.check(realm, fields, request),
            None => Err(""),
        };
        match verdict {
            Ok(()) => Response::page("welcome"),
            Err("replay") => Response::status(400),
            Err(stale) => {
                let mut counts = self.counts.lock().unwrap();
                let nonce = format!("{realm}-{}", counts.len());
                counts.insert(nonce.clone(), Vec::new());
                let Rules {
                    algorithm, more, ..
                } = self.rules;
                let algorithm = match algorithm {
                    "" => String::new(),
                    name => format!(", algorithm={name}"),
                };
                let field = format!(
                    "Basic realm=\"{realm}\", Digest realm=\"{realm}\", nonce=\"{nonce}\", opaque=\"o\\\"p\"{algorithm}{stale}, {more}"
                );
                Reply::new(401).header("WWW-Authenticate", field).into()
            }
        }
    }

    fn check(&self, realm: &str, text: &str, request: &Request) -> Result<(), &'static str> {
        let pattern = Regex::new(r#"([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))"#).unwrap();
        let fields: HashMap<_, _> = pattern
            .captures_iter(text)
            .map(|found| {
                let value = found.get(2).or(found.get(3)).unwrap().as_str();
                (found[1].to_owned(), value.replace("\\\"", "\""))
            })
            .collect();
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let algorithm = self.rules.algorithm;
        let hash = |text: &str| hash(algorithm, text);
        let hides = self.rules.more.contains("userhash");
        let user = match hides {
            true => hash(&format!("{USER}:{realm}")),
            false => USER.to_owned(),
        };
        let mut secret = hash(&format!("{USER}:{realm}:{PASSWORD}"));
        if algorithm.ends_with("-sess") {
            secret = hash(&format!("{secret}:{}:{}", field("nonce"), field("cnonce")));
        }
        let asked = hash(&format!(
            "{}:{}",
            request.method(),
            request.path_and_query()
        ));
        let between = match self.rules.more.contains("qop") {
            true => format!("{}:{}:auth:", field("nc"), field("cnonce")),
            false => String::new(),
        };
        let expected = hash(&format!("{secret}:{}:{between}{asked}", field("nonce")));
        let is_right = field("username") == user
            && field("uri") == request.path_and_query()
            && field("opaque") == "o\"p"
            && field("response") == expected;
        let mut counts = self.counts.lock().unwrap();
        let Some(used) = counts.get_mut(field("nonce")).filter(|_| is_right) else {
            return Err("");
        };
        let count = field("nc").to_owned();
        if !count.is_empty() && used.contains(&count) {
            return Err("replay");
        }
        used.push(count);
        match used.len() > self.rules.uses {
            true if self.rules.says_stale => Err(", stale=TRUE"),
            true => Err(""),
            false => Ok(()),
        }
    }
}

fn basic(user: &str, password: &str) -> HeaderValue {
    let secret = STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {secret}")).unwrap();
    value.set_sensitive(true);
    value
}

/// A run that only logs in by Digest.
fn with_login(mut settings: Config, password: &str) -> Config {
    let value = basic(USER, password);
    settings.fetch.headers.0.insert("authorization", value);
    settings.fetch.authentication = Authentication::Digest;
    settings.frontier.retries = 0;
    settings
}

fn urls(origin: &Origin, paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| origin.url(path)).collect()
}

fn login(hit: &Hit) -> &str {
    hit.header("authorization").unwrap_or_default()
}

/// Asserts that every row was fetched in one attempt, and that no secret is in a record.
fn is_clean(report: &Report, engine: &str) {
    for record in &report.records {
        assert_eq!(record.end(), "200", "{engine}: {record:?}");
        assert!(record.attempts.is_empty(), "{engine}: {record:?}");
    }
    assert_eq!(report.outcome.tally.retries, 0, "{engine}");
}

#[test]
fn apache_lets_in_whoever_knows_the_password_and_never_sees_it() {
    on_every_engine(|engine| {
        let Some(apache) = Apache::start(USER, PASSWORD) else {
            return;
        };
        let pages: Vec<_> = (0..30)
            .map(|page| apache.url(&format!("/{}?{page}", page % 10)))
            .collect();
        is_clean(&run(with_login(config(engine, pages), PASSWORD)), engine);
        let log = apache.log();
        let welcome = log.iter().filter(|line| line.starts_with("200 GET ann /"));
        assert_eq!(welcome.count(), 30, "{engine}: {log:?}");
        let refused = log.iter().filter(|line| line.starts_with("401"));
        let most = in_flight(engine);
        assert!(
            refused.count() <= most,
            "{engine}: more than {most} in {log:?}"
        );
        assert!(!log.iter().any(|line| line.contains("Basic")), "{log:?}");
    });
}

#[test]
fn a_wrong_password_ends_as_the_response_401_after_one_answer() {
    on_every_engine(|engine| {
        let Some(apache) = Apache::start(USER, PASSWORD) else {
            return;
        };
        let report = run(with_login(config(engine, [apache.url("/1")]), "s3cret"));
        assert_eq!(report.ends(), ["401"], "{engine}");
        assert!(report.only().attempts.is_empty());
        let log = apache.log();
        assert_eq!(log.len(), 2, "{log:?}");
    });
}

#[test]
fn apache_treats_haul_and_curl_alike() {
    let (Some(curl), Some(apache)) = (tools::program("curl"), Apache::start(USER, PASSWORD)) else {
        return;
    };
    let folder = Folder::new();
    let url = apache.url("/1?a=b");
    let user = format!("{USER}:{PASSWORD}");
    let output = Command::new(curl)
        .args(["-sf", "--digest", "-u", &user, &url])
        .output();
    assert!(output.unwrap().status.success());
    let line = ["fetch", "--digest", "-u", &user, &url];
    let (code, _, stderr) = haul(folder.path(), &line);
    assert_eq!(code, Some(0), "{stderr}");
    // Without the flag, the first request has the password.
    let (code, _, stderr) = haul(folder.path(), &["fetch", "-u", &user, &url]);
    assert_eq!(code, Some(0), "{stderr}");
    let words = |line: &String| {
        let words: Vec<_> = line.split(' ').collect();
        format!("{} {}", words[0], words[4])
    };
    let log: Vec<_> = apache.log().iter().map(words).collect();
    assert_eq!(
        log,
        [
            "401 -",
            "200 Digest",
            "401 -",
            "200 Digest",
            "401 Basic",
            "200 Digest"
        ]
    );
}

#[test]
fn every_algorithm_is_answered_and_every_answer_counted() {
    let curl = tools::program("curl");
    for (algorithm, more) in [
        ("", ""),
        ("", "qop=\"auth-int,auth\""),
        ("MD5", "qop=auth"),
        ("MD5-sess", "qop=auth"),
        ("SHA-256", "qop=auth"),
        ("SHA-256-sess", "qop=auth"),
        ("SHA-256", "qop=auth, userhash=true"),
        ("SHA-512-256", "qop=auth"),
    ] {
        let rules = Rules {
            algorithm,
            more,
            ..RULES
        };
        let origin = Guard::start(rules);
        if let Some(curl) = curl.as_ref().filter(|_| algorithm != "SHA-512-256") {
            let user = format!("{USER}:{PASSWORD}");
            let url = origin.url("/curl");
            let output = Command::new(curl)
                .args(["-sf", "--digest", "-u", &user, &url])
                .output();
            assert!(output.unwrap().status.success(), "curl: {algorithm} {more}");
        }
        on_every_engine(|engine| {
            let paths: Vec<_> = (0..30)
                .map(|page| origin.url(&format!("/a/{page}?q")))
                .collect();
            is_clean(&run(with_login(config(engine, paths), PASSWORD)), engine);
        });
    }
}

#[test]
fn a_nonce_that_is_used_up_is_replaced_and_costs_no_attempt() {
    for says_stale in [true, false] {
        on_every_engine(|engine| {
            let origin = Guard::start(Rules {
                uses: 3,
                says_stale,
                ..RULES
            });
            let paths: Vec<_> = (0..10)
                .map(|page| origin.url(&format!("/a/{page}")))
                .collect();
            let mut settings = with_login(config(engine, paths), PASSWORD);
            settings.frontier.per_host = 1;
            is_clean(&run(settings), engine);
        });
    }
}

#[test]
fn a_server_that_accepts_one_answer_to_each_challenge_lets_every_request_in() {
    for says_stale in [true, false] {
        on_every_engine(|engine| {
            let origin = Guard::start(Rules {
                uses: 1,
                says_stale,
                ..RULES
            });
            let paths: Vec<_> = (0..40)
                .map(|page| origin.url(&format!("/a/{page}")))
                .collect();
            is_clean(&run(with_login(config(engine, paths), PASSWORD)), engine);
        });
    }
}

#[test]
fn the_realms_of_a_host_are_told_apart() {
    on_every_engine(|engine| {
        let origin = Guard::start(RULES);
        let paths = urls(&origin, &["/a/1", "/b/1", "/a/2", "/b/2", "/b/3"]);
        let mut settings = with_login(config(engine, paths), PASSWORD);
        settings.frontier.per_host = 1;
        is_clean(&run(settings), engine);
    });
}

#[test]
fn a_body_is_sent_again_with_the_answer() {
    on_every_engine(|engine| {
        let origin = Guard::start(RULES);
        let mut settings = with_login(config(engine, [origin.url("/a/post")]), PASSWORD);
        settings.fetch.method = Method::POST;
        settings.fetch.body = Some("a=1".into());
        is_clean(&run(settings), engine);
        let hits = origin.log().all_hits();
        let sent: Vec<_> = hits.iter().map(|hit| (hit.status, &hit.body[..])).collect();
        assert_eq!(sent, [(Some(401), &b"a=1"[..]), (Some(200), b"a=1")]);
    });
}

#[test]
fn an_answer_is_never_given_to_an_origin_that_a_redirect_led_to() {
    on_every_engine(|engine| {
        let stranger = Guard::start(RULES);
        let away = stranger.url("/a/away");
        let guard = Arc::new(Guard {
            rules: RULES,
            counts: Mutex::default(),
        });
        let home = Site::builder()
            .fallback(Response::call(move |request| guard.answer(request)))
            .route("/stay", Response::redirect(302, "/a/end"))
            .route("/away", Response::redirect(302, away))
            .start()
            .unwrap();
        let paths = urls(&home, &["/a/1", "/stay", "/away"]);
        let report = run(with_login(config(engine, paths), PASSWORD));
        assert_eq!(report.ends(), ["200", "200", "401"], "{engine}");
        let hits = stranger.log().all_hits();
        assert_eq!(hits.len(), 1);
        assert_eq!(login(&hits[0]), "");
    });
}

#[test]
fn users_in_urls_and_in_netrc_log_in_by_digest_too() {
    on_every_engine(|engine| {
        let origin = Guard::start(RULES);
        let port = origin.address().port();
        let urls = [
            format!("http://ann:s3cret%3A%20%22it%22@127.0.0.1:{port}/a/1"),
            format!("http://localhost:{port}/a/2"),
        ];
        let mut settings = with_login(config(engine, urls), PASSWORD);
        settings.fetch.headers.0.remove("authorization");
        let netrc = "machine localhost login ann password \"s3cret: \\\"it\\\"\"";
        settings.fetch.netrc = Some(haul::fetch::Netrc::parse(netrc).unwrap());
        is_clean(&run(settings), engine);
    });
}

#[test]
fn a_challenge_that_cannot_be_answered_ends_as_the_response_with_a_note() {
    let long = "n".repeat(64 << 10);
    let challenges = [
        (
            "Digest realm=a, nonce=b, algorithm=SHA3-256".to_owned(),
            "algorithm",
        ),
        (
            "Digest realm=a, nonce=b, qop=auth-int".to_owned(),
            "body to be signed",
        ),
        ("Digest realm=a".to_owned(), "no nonce"),
        (
            format!("Digest realm=a, nonce=\"{}\"", &long[..5000]),
            "too long",
        ),
        (format!("Digest realm=a, nonce=\"{long}\""), ""),
        ("Digest realm=\"a, nonce=b".to_owned(), ""),
        ("Digest realm=a, realm=b, nonce=c".to_owned(), ""),
        ("Digest ,,,=\"\\".to_owned(), "no realm"),
    ];
    on_every_engine(|engine| {
        let mut site = Site::builder();
        for (number, (field, _)) in challenges.iter().enumerate() {
            let reply = Reply::new(401).header("WWW-Authenticate", field.clone());
            site = site.route(&format!("/{number}"), reply);
        }
        let origin = site.start().unwrap();
        let urls = (0..challenges.len()).map(|number| origin.url(&format!("/{number}")));
        let report = run(with_login(config(engine, urls), PASSWORD));
        for (record, (field, note)) in report.records.iter().zip(&challenges) {
            let field = &field[..field.len().min(60)];
            assert_eq!(record.end(), "401", "{engine}: {field}");
            let said = record.note.as_deref().unwrap_or_default();
            assert!(said.contains(note), "{engine}: {field}: {said}");
            assert_eq!(
                said.is_empty(),
                note.is_empty(),
                "{engine}: {field}: {said}"
            );
        }
        assert_eq!(origin.log().requests(), challenges.len() as u64);
    });
}

#[test]
fn a_server_that_refuses_every_answer_with_a_new_realm_is_given_up() {
    on_every_engine(|engine| {
        let count = Mutex::new(0);
        let endless = Response::call(move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            let field = format!("Digest realm={count}, nonce={count}, stale=true, qop=auth");
            Reply::new(401).header("WWW-Authenticate", field).into()
        });
        let origin = Site::builder().fallback(endless).start().unwrap();
        let report = run(with_login(config(engine, [origin.url("/")]), PASSWORD));
        assert_eq!(report.ends(), ["401"], "{engine}");
        assert_eq!(origin.log().requests(), 5, "{engine}");
    });
}

#[test]
fn an_answer_and_its_password_are_in_no_output() {
    let folder = Folder::new();
    let path = folder.path();
    let origin = Guard::start(RULES);
    let user = format!("{USER}:{PASSWORD}");
    let url = origin.url("/a/1");
    let line = [
        "fetch",
        "-vv",
        "--digest",
        "-u",
        &user,
        &url,
        "--job",
        "job",
        "-o",
        "out.jsonl",
        "-o",
        "out.warc",
        "-o",
        "out.sqlite",
        "--report",
        "report.html",
    ];
    let (code, stdout, stderr) = haul(path, &line);
    assert_eq!(code, Some(0), "{stderr}");
    let hits = origin.log().all_hits();
    let response = login(&hits[1]).split("response=\"").nth(1).unwrap();
    leaks::note(&response[..32]);
    leaks::search("the output", format!("{stdout}{stderr}").as_bytes());
    let warc = std::fs::read_to_string(path.join("out.warc")).unwrap();
    assert!(warc.contains("withheld: authorization"), "{warc}");
}
