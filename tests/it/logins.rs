//! Passwords of hosts: those of a netrc file, each only for its host.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use haul::Config;
use haul::fetch::Netrc;
use haul::origin::{Origin, Response, Site};

use crate::cli::{haul, run as haul_to_the_end, split_output};
use crate::folder::Folder;
use crate::run::{config, on_every_engine, run};
use crate::stranger;
use crate::tools;

/// Entries for two of three hosts.
const FILE: &str = "machine a.localhost login ann password s3cret-a\n\
                    machine c.localhost login cleo password s3cret-c\n";
/// `ann:s3cret-a` and `cleo:s3cret-c`.
const ANN: &str = "Basic YW5uOnMzY3JldC1h";
const CLEO: &str = "Basic Y2xlbzpzM2NyZXQtYw==";

fn with_netrc(mut settings: Config, text: &str) -> Config {
    settings.fetch.netrc = Some(Netrc::parse(text).unwrap());
    settings.frontier.retries = 0;
    settings
}

/// A server with a page everywhere, and at `/to/NAME/PATH` a redirect to that name.
fn home() -> Origin {
    let mut site = Site::builder().fallback(Response::page("x"));
    let address = stranger::nobody();
    for name in ["a", "b", "c"] {
        let target = format!("http://{name}.localhost:{}/from", address.port());
        site = site.route(&format!("/to/{name}"), Response::redirect(307, target));
    }
    Origin::at(address, site.build().unwrap()).unwrap()
}

fn at(origin: &Origin, name: &str, path: &str) -> String {
    format!("http://{name}.localhost:{}{path}", origin.address().port())
}

/// The requests to a server: their hosts without the port, their paths, and what was sent to log in.
fn requests(origin: &Origin) -> Vec<(String, String, String)> {
    let hits = origin.log().all_hits();
    let mut requests: Vec<_> = hits
        .iter()
        .map(|hit| {
            let host = hit.host.split('.').next().unwrap().to_owned();
            let login = hit.header("authorization").unwrap_or("-").to_owned();
            (host, hit.path.clone(), login)
        })
        .collect();
    requests.sort();
    requests
}

fn expected(lines: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let owned = |(host, path, login): &(&str, &str, &str)| {
        ((*host).to_owned(), (*path).to_owned(), (*login).to_owned())
    };
    lines.iter().map(owned).collect()
}

#[test]
fn a_login_of_netrc_is_sent_to_its_host_and_after_a_redirect_only_to_a_host_with_its_own() {
    on_every_engine(|engine| {
        let origin = home();
        let urls = [
            at(&origin, "a", "/to/b"),
            at(&origin, "a", "/to/c"),
            at(&origin, "b", "/to/a"),
        ];
        let default = format!("{FILE}default login guest password s3cret-d\n");
        for text in [FILE, &default] {
            origin.log().clear();
            let report = run(with_netrc(config(engine, urls.clone()), text));
            assert_eq!(report.ends(), ["200"; 3], "{engine}");
            // `guest:s3cret-d`, for hosts of the list only.
            let guest = match text == FILE {
                true => "-",
                false => "Basic Z3Vlc3Q6czNjcmV0LWQ=",
            };
            assert_eq!(
                requests(&origin),
                expected(&[
                    ("a", "/from", ANN),
                    ("a", "/to/b", ANN),
                    ("a", "/to/c", ANN),
                    ("b", "/from", "-"),
                    ("b", "/to/a", guest),
                    ("c", "/from", CLEO),
                ]),
                "{engine}"
            );
        }
    });
}

#[test]
fn what_the_user_gives_for_a_request_takes_precedence_over_netrc() {
    on_every_engine(|engine| {
        let origin = home();
        let port = origin.address().port();
        let urls = [
            format!("http://ann@a.localhost:{port}/ann"),
            format!("http://eve@a.localhost:{port}/eve"),
            format!("http://ann:s3cret-o@a.localhost:{port}/own"),
        ];
        let report = run(with_netrc(config(engine, urls), FILE));
        assert_eq!(report.ends(), ["200"; 3]);
        let sent = expected(&[
            ("a", "/ann", ANN),
            ("a", "/eve", "Basic ZXZlOg=="),
            ("a", "/own", "Basic YW5uOnMzY3JldC1v"),
        ]);
        assert_eq!(requests(&origin), sent, "{engine}");
        origin.log().clear();
        let mut settings = with_netrc(config(engine, [at(&origin, "a", "/to/c")]), FILE);
        let value = http::HeaderValue::from_static("Bearer s3cret-t");
        settings.fetch.headers.0.insert("authorization", value);
        run(settings);
        let sent = expected(&[("a", "/to/c", "Bearer s3cret-t"), ("c", "/from", CLEO)]);
        assert_eq!(requests(&origin), sent, "{engine}");
    });
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_netrc_file_means_to_haul_what_it_means_to_curl() {
    let Some(curl) = tools::program("curl") else {
        return;
    };
    let folder = Folder::with_secrets_in(&["logins"]);
    let path = folder.path();
    let text = "# comment\nmacdef init\n  machine a.localhost login macro password s3cret-m\n\n\
                machine\n a.localhost\n\tlogin ann password \"s3cret b\\\"c\\\\d\\te\" # comment\n\
                machine a.localhost login eve password s3cret-e\n\
                default login guest password s3cret-g\n";
    write(&path.join("logins"), text, 0o600);
    let origin = home();
    for name in ["a", "b", "eve@a"] {
        let (user, name) = name.split_once('@').map_or(("", name), |_| ("eve@", "a"));
        let url = at(&origin, name, "/x").replace("http://", &format!("http://{user}"));
        let status = Command::new(&curl)
            .args(["-s", "--netrc-file", "logins", &url])
            .current_dir(path)
            .output();
        assert!(status.unwrap().status.success());
        let line = ["fetch", "--netrc-file", "logins", &url];
        assert_eq!(haul_to_the_end(path, &line).0, Some(0));
        let sent = requests(&origin);
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[0], sent[1], "{url}");
        assert_ne!(sent[0].2, "-");
        origin.log().clear();
    }
}

#[test]
fn the_netrc_file_of_the_user_is_found_and_one_that_others_may_read_is_refused() {
    let folder = Folder::with_secrets_in(&[".netrc", "elsewhere"]);
    let path = folder.path();
    let origin = home();
    let url = at(&origin, "a", "/x");
    let home = path.join(".netrc");
    let run = |variable: &str, value: &Path| {
        let mut command = haul(path, &["fetch", "--netrc", &url]);
        let command = command.env_remove("NETRC").env("HOME", path);
        split_output(command.env(variable, value).output().unwrap())
    };
    write(&home, FILE, 0o600);
    assert_eq!(run("HOME", path).0, Some(0));
    let elsewhere = path.join("elsewhere");
    write(&elsewhere, &FILE.replace("ann", "eve"), 0o400);
    assert_eq!(run("NETRC", &elsewhere).0, Some(0));
    let logins: Vec<_> = requests(&origin)
        .into_iter()
        .map(|(.., login)| login)
        .collect();
    assert_eq!(logins, [ANN, "Basic ZXZlOnMzY3JldC1h"]);
    origin.log().clear();
    write(&home, FILE, 0o640);
    let (code, _, stderr) = run("HOME", path);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains(&format!("chmod 600 {}", home.display())),
        "{stderr}"
    );
    write(
        &home,
        &format!("{FILE}\nmachine b.localhost pasword s3cret-b"),
        0o600,
    );
    let (code, _, stderr) = run("HOME", path);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains(".netrc:4: neither machine"), "{stderr}");
    write(&home, &"#".repeat((1 << 20) + 1), 0o600);
    let (code, _, stderr) = run("HOME", path);
    assert!(
        code == Some(2) && stderr.contains("larger than 1 MiB"),
        "{stderr}"
    );
    fs::remove_file(&home).unwrap();
    let (code, _, stderr) = run("HOME", path);
    assert!(
        code == Some(2) && stderr.contains("cannot read"),
        "{stderr}"
    );
    assert_eq!(origin.log().requests(), 0);
}

#[test]
fn a_login_of_netrc_is_in_no_output() {
    let folder = Folder::with_secrets_in(&["logins"]);
    let path = folder.path();
    write(&path.join("logins"), FILE, 0o600);
    let origin = home();
    let url = at(&origin, "a", "/to/c");
    let line = [
        "fetch",
        "-vv",
        "--netrc-file",
        "logins",
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
    let (code, _, stderr) = haul_to_the_end(path, &line);
    assert_eq!(code, Some(0), "{stderr}");
    let warc = fs::read_to_string(path.join("out.warc")).unwrap();
    assert!(warc.contains("withheld: authorization"), "{warc}");
}
