//! Files of cookies: what curl writes is read, and what haul writes is read by curl.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use haul::origin::{Origin, Reply, Response, Site};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::{haul, run};
use crate::folder::Folder;
use crate::run::{ms, wait};

/// A site that sets cookies of every kind, and shows what it was sent.
fn site() -> Origin {
    let kinds = [
        "session=1; Path=/",
        "lasting=2; Path=/; Max-Age=100000",
        "hidden=3; Path=/; HttpOnly",
        "deep=4; Path=/in/side",
        "sealed=5; Path=/; Secure",
        "wide=6; Path=/; Domain=www.shop.example; Max-Age=5000",
        "odd=\"7 8\" 9=10; Path=/",
        "empty=; Path=/",
        "gone=11; Path=/; Max-Age=0",
    ];
    let set = kinds.iter().fold(Reply::new(200), |reply, cookie| {
        reply.header("Set-Cookie", (*cookie).to_owned())
    });
    Site::builder()
        .route("/robots.txt", Response::status(404))
        .route("/set", set)
        .fallback(Response::page("a page"))
        .start()
        .unwrap()
}

/// What each of a site's pages was sent last, sorted.
fn sent(origin: &Origin, paths: &[&str]) -> Vec<Vec<String>> {
    let last = |path: &&str| {
        let hits = origin.log().hits(path);
        let cookies = hits
            .last()
            .and_then(|hit| hit.header("cookie"))
            .unwrap_or_default();
        let mut cookies: Vec<_> = cookies.split("; ").map(str::to_owned).collect();
        cookies.sort();
        cookies
    };
    paths.iter().map(last).collect()
}

fn curl(folder: &Path, arguments: &[&str]) -> bool {
    let curl = Command::new("curl")
        .args(["-sS", "-o", "body"])
        .args(arguments)
        .current_dir(folder)
        .status();
    curl.expect("curl is installed").success()
}

/// A name of the site's host, and the flag that leads there.
fn named(origin: &Origin) -> (String, String) {
    let port = origin.address().port();
    (
        format!("http://www.shop.example:{port}"),
        format!("www.shop.example:{port}:127.0.0.1"),
    )
}

#[test]
fn curl_and_haul_read_each_others_files_of_cookies() {
    let (origin, folder) = (site(), Folder::new());
    let (base, resolve) = named(&origin);
    let folder = folder.path();
    let urls = ["/page", "/in/side/page"].map(|path| format!("{base}{path}"));
    let set = format!("{base}/set");
    assert!(curl(
        folder,
        &["--resolve", &resolve, "-c", "curl.txt", &set]
    ));
    let (code, _, stderr) = run(
        folder,
        &[
            "fetch",
            &set,
            "--resolve",
            &resolve,
            "--cookie-jar",
            "haul.txt",
            "-q",
        ],
    );
    assert_eq!(code, Some(0), "{stderr}");
    let mut all = Vec::new();
    for file in ["curl.txt", "haul.txt"] {
        for url in &urls {
            assert!(curl(folder, &["--resolve", &resolve, "-b", file, url]));
        }
        all.push(sent(&origin, &["/page", "/in/side/page"]));
        let line = [
            "fetch",
            &urls[0],
            &urls[1],
            "--resolve",
            &resolve,
            "-b",
            file,
            "-q",
        ];
        let (code, _, stderr) = run(folder, &line);
        assert_eq!(code, Some(0), "{stderr}");
        all.push(sent(&origin, &["/page", "/in/side/page"]));
    }
    let expected = [
        "empty=",
        "hidden=3",
        "lasting=2",
        "odd=\"7 8\" 9=10",
        "session=1",
        "wide=6",
    ];
    assert_eq!(all[0][0], expected);
    assert_eq!(all[0][1].len(), 7);
    assert!(all.iter().all(|other| *other == all[0]), "{all:#?}");

    let lines = |file: &str| {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let is_cookie = |line: &&str| line.contains('\t');
        // The two were written at different moments.
        let without_time = |line: &str| {
            let fields: Vec<_> = line.split('\t').collect();
            let lasts = if fields[4] == "0" {
                "session"
            } else {
                "lasting"
            };
            [&fields[..4], &[lasts], &fields[5..]].concat().join(" ")
        };
        let mut lines: Vec<_> = text.lines().filter(is_cookie).map(without_time).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines("haul.txt"), lines("curl.txt"));
    let mode = fs::metadata(folder.join("haul.txt"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn one_file_may_be_read_and_written_and_is_written_after_an_interrupt_too() {
    let folder = Folder::new();
    let origin = Site::builder()
        .route("/robots.txt", Response::status(404))
        .route(
            "/",
            Reply::new(200)
                .header("Set-Cookie", "first=1")
                .header("Set-Cookie", "old=1; Max-Age=9999"),
        )
        .route(
            "/second",
            Reply::new(200)
                .header("Set-Cookie", "second=2")
                .header("Set-Cookie", "old=; Max-Age=0"),
        )
        .route("/slow", Response::page("slow").after(ms(30_000)))
        .start()
        .unwrap();
    let url = |path: &str| origin.url(path);
    let both = ["-b", "jar.txt", "--cookie-jar", "jar.txt", "-q"];
    let fetch = |urls: &[&str]| {
        let arguments: Vec<_> = ["fetch"].iter().chain(urls).chain(&both).copied().collect();
        let (code, _, stderr) = run(folder.path(), &arguments);
        assert_eq!(code, Some(0), "{stderr}");
    };
    fetch(&[&url("/")]);
    fetch(&[&url("/second")]);
    let text = || fs::read_to_string(folder.path().join("jar.txt")).unwrap();
    assert!(
        text().contains("first\t1") && text().contains("second\t2"),
        "{}",
        text()
    );
    assert!(!text().contains("old"), "{}", text());

    fs::remove_file(folder.path().join("jar.txt")).unwrap();
    let (first, slow) = (url("/"), url("/slow"));
    let line = [
        "fetch",
        &first,
        &slow,
        "--cookie-jar",
        "jar.txt",
        "--engine",
        "async:1",
    ];
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    wait(origin.log().wait_for_hits(4));
    let id = Pid::from_raw(child.id().cast_signed()).unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    // The first lets the request in flight finish, the second ends it.
    kill_process(id, Signal::INT).unwrap();
    stderr.read_line(&mut String::new()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(text().contains("first\t1"), "{}", text());
    let files = crate::folder::files(folder.path());
    assert!(
        !files
            .iter()
            .any(|file| file.display().to_string().contains(".haul-cookies")),
        "{files:?}"
    );
}

#[test]
fn a_file_that_has_no_cookies_is_an_error_before_anything_is_requested() {
    let (origin, folder) = (
        site(),
        Folder::with_secrets_in(&["json.txt", "binary.txt", "page.txt", "header.txt"]),
    );
    let url = origin.url("/");
    let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
    write("json.txt", b"{\"cookie\": \"s3cret\"}");
    write("binary.txt", b"\x89PNG\0\0s3cret");
    write("page.txt", b"<!doctype html>\n<p>s3cret");
    write("header.txt", b"# a comment\nCookie: a=s3cret\n");
    for (arguments, problem) in [
        (&["-b", "json.txt"][..], "json.txt: line 1: it is JSON"),
        (&["-b", "binary.txt"], "binary.txt: line 1: it is binary"),
        (&["-b", "page.txt"], "page.txt: line 1: it is HTML"),
        (
            &["-b", "header.txt"],
            "header.txt: line 2: not a cookie: a line has 7 fields",
        ),
        (&["-b", "s3cret"], "neither name=value nor a file"),
        (
            &["-b", "s3cret", "--cookie-jar", "jar.txt"],
            "neither name=value nor a file",
        ),
        (&["-b", "."], "cookie file .: "),
        (&["--cookie-jar", "none/jar.txt"], "none/jar.txt"),
        (&["--cookie-jar", "."], "is not a file"),
        (&["--cookie-jar", "-"], "files only"),
        (
            &["--cookie-jar", "out.jsonl", "-o", "out.jsonl"],
            "out.jsonl",
        ),
        (&["-b", "page.txt", "--no-cookies"], "--no-cookies"),
        (&["--cookies", "--no-cookies"], "--no-cookies"),
    ] {
        let line: Vec<_> = ["fetch", &url]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        let (code, _, stderr) = run(folder.path(), &line);
        assert!(code.is_some_and(|code| code != 0), "{arguments:?} {stderr}");
        assert!(stderr.contains(problem), "{arguments:?} {stderr}");
    }
    assert_eq!(origin.log().requests(), 0);
    assert!(!folder.path().join("out.jsonl").exists());
}

#[test]
fn cookies_beyond_the_bounds_are_left_out_with_a_message() {
    let (origin, folder) = (site(), Folder::new());
    let line =
        |host: usize, value: &str| format!("h{host}.example\tFALSE\t/\tFALSE\t0\ta\t{value}\n");
    let many: String = (0..10_000).map(|host| line(host, "1")).collect();
    fs::write(folder.path().join("many.txt"), &many).unwrap();
    fs::write(
        folder.path().join("long.txt"),
        line(1, &"x".repeat(1 << 20)) + &line(2, "1"),
    )
    .unwrap();
    fs::write(folder.path().join("huge.txt"), many.repeat(100)).unwrap();
    let url = origin.url("/page");
    for (file, message) in [
        ("many.txt", "of the 10000 cookies in many.txt were left out"),
        ("long.txt", "1 of the 2 cookies in long.txt were left out"),
    ] {
        let (code, _, stderr) = run(folder.path(), &["fetch", &url, "-b", file]);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
    let (code, _, stderr) = run(folder.path(), &["fetch", &url, "-b", "huge.txt"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("longer than 32 MiB"), "{stderr}");
}

#[test]
fn in_a_job_a_file_of_cookies_wins_only_if_it_is_newer_than_the_job() {
    let folder = Folder::new();
    let origin = Site::builder()
        .route("/robots.txt", Response::status(404))
        .route(
            "/",
            Reply::new(200)
                .header("Content-Type", "text/html")
                .header("Set-Cookie", "a=job")
                .body("<a href=/2>"),
        )
        .fallback(Response::page("<a href=/3>"))
        .start()
        .unwrap();
    let file = folder.path().join("cookies.txt");
    let write = |value: &str| {
        fs::write(
            &file,
            format!("127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t{value}\n"),
        )
        .unwrap();
    };
    let url = origin.url("/");
    let crawl = |limit: &str| {
        let line = [
            "crawl",
            &url,
            "--job",
            "job",
            "-b",
            "cookies.txt",
            "-n",
            limit,
            "--allow-changes",
            "-q",
        ];
        let (code, _, stderr) = run(folder.path(), &line);
        assert_eq!(code, Some(0), "{stderr}");
    };
    write("file");
    let opened = fs::File::options().write(true).open(&file).unwrap();
    opened
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    crawl("1");
    crawl("2");
    write("newer");
    crawl("3");
    let expected = [["a=file"], ["a=job"], ["a=newer"]];
    assert_eq!(sent(&origin, &["/", "/2", "/3"]), expected);
}
