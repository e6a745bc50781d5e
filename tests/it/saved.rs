//! The names and times of saved bodies, compared with what curl makes of the same responses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use haul::origin::{Origin, Reply, Site};
use serde_json::Value;

use crate::cli::run;
use crate::folder::Folder;
use crate::{tools, written};

const MODIFIED: &str = "Fri, 20 Nov 2020 10:00:00 GMT";
/// The same moment, in seconds since 1970.
const MODIFIED_SECONDS: u64 = 1_605_866_400;

fn named(disposition: &'static str, body: &'static str) -> Reply {
    Reply::new(200)
        .header("Content-Disposition", disposition)
        .body(body)
}

/// Runs a list with its bodies saved to `saved`, and returns the file of each row, below the folder of the host.
fn saved(folder: &Path, origin: &Origin, paths: &[&str], flags: &[&str]) -> Vec<String> {
    let urls: Vec<_> = paths.iter().map(|path| origin.url(path)).collect();
    fs::write(folder.join("urls.txt"), urls.join("\n")).unwrap();
    let line = [
        "urls.txt",
        "-q",
        "-c",
        "1",
        "-o",
        "out.jsonl",
        "--output-dir",
        "saved",
    ];
    let (code, _, stderr) = run(folder, &[&line[..], flags].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let records = written::jsonl(&folder.join("out.jsonl"));
    let files = records.iter().map(|record: &Value| {
        let file = Path::new(record["file"].as_str().unwrap());
        let below = file.strip_prefix("saved").unwrap();
        let host = below.iter().next().unwrap();
        below.strip_prefix(host).unwrap().display().to_string()
    });
    files.collect()
}

/// The folder of the only host.
fn host_folder(folder: &Path) -> PathBuf {
    let mut folders = fs::read_dir(folder.join("saved")).unwrap();
    let folder = folders.find_map(|entry| Some(entry.unwrap().path()).filter(|path| path.is_dir()));
    folder.unwrap()
}

#[test]
fn files_are_named_by_the_server_and_never_leave_their_folder_or_replace_one_another() {
    let origin = Site::builder()
        .route("/get/1", named("attachment; filename=\"report.pdf\"", "1"))
        .route("/get/2", named("attachment; filename=\"report.pdf\"", "2"))
        .route(
            "/get/up",
            named("attachment; filename=\"../../up.txt\"", "3"),
        )
        .route(
            "/get/etc",
            named("attachment; filename=\"/etc/x.conf\"", "4"),
        )
        .route(
            "/get/star",
            named("inline; filename=x; filename*=UTF-8''%e2%82%ac.txt", "5"),
        )
        .route("/get/none.txt", Reply::new(200).body("6"))
        .route("/get/dots", named("attachment; filename=\"..\"", "7"))
        .start()
        .unwrap();
    let folder = Folder::new();
    let paths =
        ["1", "2", "up", "etc", "star", "none.txt", "dots"].map(|name| format!("/get/{name}"));
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let by_header = &["--name-by", "header"];
    let files = saved(folder.path(), &origin, &paths, by_header);
    let second = files[1].clone();
    assert!(
        second.starts_with("get/report~") && second.ends_with(".pdf"),
        "{second}"
    );
    let names = [
        "report.pdf",
        &second[4..],
        "up.txt",
        "x.conf",
        "€.txt",
        "none.txt",
        "dots~",
    ];
    assert_eq!(files, names.map(|name| format!("get/{name}")));
    let host = host_folder(folder.path());
    for (file, body) in files.iter().zip(1..) {
        assert_eq!(
            fs::read_to_string(host.join(file)).unwrap(),
            body.to_string()
        );
    }
    assert_eq!(written::files(folder.path(), "out.jsonl", "saved"), 7);
    // A second run replaces no file, because it may be another response's.
    fs::write(host.join("get/report.pdf"), "precious").unwrap();
    let again = saved(folder.path(), &origin, &paths[..1], by_header);
    assert!(
        again[0].starts_with("get/report~") && again[0] != second,
        "{again:?}"
    );
    assert_eq!(
        fs::read_to_string(host.join("get/report.pdf")).unwrap(),
        "precious"
    );
    // By default the header has no effect.
    let by_url = saved(folder.path(), &origin, &paths[..1], &[]);
    assert_eq!(by_url, ["get/1~"]);
}

#[test]
fn a_harmless_name_is_the_one_that_curl_uses() {
    let Some(curl) = tools::program("curl") else {
        return;
    };
    let dispositions = [
        "attachment; filename=\"report.pdf\"",
        "attachment; filename=report.tar.gz",
        "attachment; size=3; filename=\"a;b.txt\"; x=1",
        "attachment; filename=\"../../up.txt\"",
        "inline; filename=README",
    ];
    for disposition in dispositions {
        let origin = Site::builder()
            .route("/get", named(disposition, "x"))
            .start()
            .unwrap();
        let (ours, theirs) = (Folder::new(), Folder::new());
        let files = saved(ours.path(), &origin, &["/get"], &["--name-by", "header"]);
        let status = Command::new(&curl)
            .args(["-sOJ", &origin.url("/get")])
            .current_dir(theirs.path())
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{disposition}");
        let mut names = fs::read_dir(theirs.path()).unwrap();
        let name = names
            .next()
            .unwrap()
            .unwrap()
            .file_name()
            .into_string()
            .unwrap();
        assert_eq!(files, [name], "{disposition}");
    }
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn files_get_the_time_of_the_server_as_with_curl_unless_it_makes_no_sense() {
    let started = SystemTime::now();
    let dated = |date: &str| {
        Reply::new(200)
            .header("Last-Modified", date.to_owned())
            .body("x")
    };
    let large = Reply::new(200)
        .header("Last-Modified", MODIFIED)
        .body(vec![7; 3 << 20]);
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let origin = Site::builder()
        .route("/small.bin", dated(MODIFIED))
        .route("/large.bin", large)
        .route("/future.bin", dated(&httpdate::fmt_http_date(tomorrow)))
        .route("/nonsense.bin", dated("yesterday"))
        .route("/none.bin", Reply::new(200).body("x"))
        .start()
        .unwrap();
    let folder = Folder::new();
    let paths = [
        "/small.bin",
        "/large.bin",
        "/future.bin",
        "/nonsense.bin",
        "/none.bin",
    ];
    let files = saved(folder.path(), &origin, &paths, &["--remote-time"]);
    let host = host_folder(folder.path());
    let times: Vec<_> = files
        .iter()
        .map(|file| modified(&host.join(file)))
        .collect();
    let dated = UNIX_EPOCH + Duration::from_secs(MODIFIED_SECONDS);
    assert_eq!(times[..2], [dated, dated]);
    // The clock of the file system may lag by a tick.
    let started = started - Duration::from_secs(1);
    assert!(
        times[2..]
            .iter()
            .all(|time| (started..tomorrow).contains(time)),
        "{times:?}"
    );
    saved(folder.path(), &origin, &paths, &[]);
    assert!(
        modified(&host.join(&files[0])) >= started,
        "the flag makes the difference"
    );
    let Some(curl) = tools::program("curl") else {
        return;
    };
    let status = Command::new(curl)
        .args(["-sRO", &origin.url("/small.bin")])
        .current_dir(folder.path())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(modified(&folder.path().join("small.bin")), dated);
}

#[test]
fn flags_about_saved_bodies_need_a_folder() {
    let folder = Folder::new();
    for flags in [&["--name-by", "header"][..], &["--remote-time"]] {
        let line = [&["fetch", "http://h.invalid/"][..], flags].concat();
        let (code, _, stderr) = run(folder.path(), &line);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("--output-dir"), "{stderr}");
    }
}
