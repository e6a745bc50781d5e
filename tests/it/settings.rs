//! Settings that cannot be intended are errors, and nothing is requested.

use haul::origin::{Origin, Response, Site};

use crate::cli::{haul, run, split_output};
use crate::folder::Folder;
use crate::program::Program;

fn site() -> (Origin, Folder) {
    let site = Site::builder()
        .fallback(Response::page("x"))
        .start()
        .unwrap();
    (site, Folder::new())
}

#[test]
fn an_unknown_variable_is_an_error_that_suggests_the_closest_one() {
    let (site, folder) = site();
    for (name, meant) in [
        ("HAUL_RETRYS", Some("HAUL_RETRIES?")),
        ("HAUL_PERHOST", Some("HAUL_PER_HOST?")),
        ("HAUL_WHATEVER_ELSE", None),
    ] {
        let mut command = haul(folder.path(), &["fetch", &site.url("/")]);
        let (code, _, stderr) = split_output(command.env(name, "1").output().unwrap());
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(name), "{stderr}");
        assert!(stderr.contains(meant.unwrap_or("long flags")), "{stderr}");
    }
    assert_eq!(site.log().requests(), 0);
    // A variable for another command is ignored, as is a key of the file.
    let mut command = haul(folder.path(), &["fetch", &site.url("/")]);
    let (code, _, stderr) = split_output(command.env("HAUL_ROUNDS", "9").output().unwrap());
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_flag_that_took_the_url_for_its_value_is_an_error_if_nothing_else_is_fetched() {
    let (site, folder) = site();
    for flag in ["--json", "--data", "-H", "-A", "-w"] {
        let url = site.url("/");
        let (code, _, stderr) = run(folder.path(), &["fetch", flag, &url]);
        assert_eq!(code, Some(2), "{flag}: {stderr}");
        assert!(stderr.contains("nothing to fetch"), "{flag}: {stderr}");
    }
    assert_eq!(site.log().requests(), 0);
}

#[test]
fn a_missing_file_is_reported_with_its_purpose() {
    let (_site, folder) = site();
    for line in [
        &["fetch", "http://h.invalid/", "--recipe", "gone.toml"][..],
        &["recipe", "check", "gone.toml"],
        &["report", "gone.json"],
    ] {
        let (code, _, stderr) = run(folder.path(), line);
        assert_eq!(code, Some(2), "{line:?}: {stderr}");
        assert!(
            stderr.contains("gone.") && !stderr.contains("the list"),
            "{stderr}"
        );
    }
}

#[test]
fn a_file_without_a_certificate_is_not_an_authority() {
    let (_site, folder) = site();
    std::fs::write(folder.path().join("empty.pem"), "no certificate\n").unwrap();
    for engine in ["async", "blocking"] {
        let line = [
            "https://h.invalid/",
            "--cacert",
            "empty.pem",
            "--engine",
            engine,
        ];
        let (code, _, stderr) = run(folder.path(), &line);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains("--cacert: no certificate is in empty.pem"),
            "{stderr}"
        );
    }
}

#[test]
fn a_host_is_given_an_address_by_any_of_its_spellings() {
    let (site, folder) = site();
    let port = site.address().port();
    let to = format!("b\u{fc}cher.example:{port}:127.0.0.1");
    let url = format!("http://b\u{fc}cher.example:{port}/");
    let (code, _, stderr) = run(folder.path(), &["fetch", &url, "--resolve", &to]);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn an_address_of_version_six_needs_no_scheme() {
    let (_site, folder) = site();
    let line = ["fetch", "[::1]:8080/x", "--dry-run", "-w", "%{url}\n"];
    let (_, stdout, stderr) = run(folder.path(), &line);
    assert_eq!(stdout, "http://[::1]:8080/x\n", "{stderr}");
}

#[test]
fn records_for_a_closed_standard_output_are_not_lost_silently() {
    let (site, folder) = site();
    let url = site.url("/");
    for (redirection, line, warned) in [
        (">&-", vec!["fetch", &url], true),
        (">&-", vec!["config"], true),
        (">&-", vec!["fetch", &url, "-o", "out.jsonl"], false),
        (">/dev/null", vec!["fetch", &url], false),
    ] {
        let script = format!("exec haul \"$@\" {redirection}");
        let mut command = Program::by("sh", folder.path(), &script);
        command.arg("sh").args(&line);
        let (code, _, stderr) = split_output(command.output().unwrap());
        assert_eq!(code, Some(0), "{redirection} {line:?}: {stderr}");
        assert_eq!(
            stderr.contains("standard output is closed"),
            warned,
            "{redirection} {line:?}: {stderr}"
        );
    }
}

#[test]
fn an_invalid_method_is_an_error_of_its_flag() {
    let (site, folder) = site();
    let line = ["fetch", &site.url("/"), "--method", "GE T"];
    let (code, _, stderr) = run(folder.path(), &line);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("--method"), "{stderr}");
    assert!(
        stderr.contains("\"GE T\" is not an HTTP method"),
        "{stderr}"
    );
    assert_eq!(site.log().requests(), 0);
}
