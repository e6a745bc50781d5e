//! A run's output belongs to it alone.
//!
//! It is not an input, not another output, and not another run's file or folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use haul::origin::{Origin, Response, Site};

use crate::cli::{self, haul, run, split_output};
use crate::folder::Folder;
use crate::run::outcome;

/// A site, and a folder with a list of three of its pages.
fn site() -> (Origin, Folder) {
    let folder = Folder::new();
    let site = Site::builder()
        .fallback(Response::page("<title>x</title>"))
        .start()
        .unwrap();
    let urls: Vec<_> = (0..3).map(|page| site.url(&format!("/{page}"))).collect();
    fs::write(folder.path().join("list.txt"), urls.join("\n")).unwrap();
    (site, folder)
}

/// Every file below a folder, with its content.
fn tree(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(tree(&path)),
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    files.sort();
    files
}

#[test]
fn an_output_that_is_an_input_is_refused_before_anything_is_opened() {
    let (site, folder) = site();
    let at = |name: &str| folder.path().join(name);
    symlink("list.txt", at("link.txt")).unwrap();
    fs::hard_link(at("list.txt"), at("hard.txt")).unwrap();
    fs::write(at("body"), "a=1").unwrap();
    fs::write(at("token"), "t").unwrap();
    fs::write(at("lines"), "1-2").unwrap();
    fs::write(at("conf.toml"), "retries = 1\n").unwrap();
    fs::write(at("recipe.toml"), "name = \"x\"\n[fields]\na = \"title\"\n").unwrap();
    let first_run = run(
        folder.path(),
        &["list.txt", "-o", "pages.warc.gz", "--output-dir", "saved"],
    );
    assert_eq!(first_run.0, Some(0), "{first_run:?}");
    let (before, requests) = (tree(folder.path()), site.log().requests());
    let url = site.url("/");
    for line in [
        &["list.txt", "-o", "list.txt"][..],
        &["list.txt", "-o", "./link.txt"],
        &["list.txt", "-o", "hard.txt"],
        &["-i", "list.txt", "--report", "list.txt"],
        &["crawl", "list.txt", "--broken", "list.txt"],
        &[
            "crawl",
            "list.txt",
            "--graph",
            "list.txt.csv",
            "-o",
            "list.txt.csv",
        ],
        &["--from", "pages.warc.gz", "-o", "pages.warc.gz"],
        &["--from", "saved", "--output-dir", "saved"],
        &["--from", "saved", "-o", "saved/records.jsonl"],
        &["--data", "@body", &url, "-f", "jsonl", "-o", "body"],
        &["-H", "@lines", &url, "-f", "jsonl", "-o", "lines"],
        &["--bearer-file", "token", &url, "-f", "jsonl", "-o", "token"],
        &["--rows", "@lines", "list.txt", "-f", "jsonl", "-o", "lines"],
        &[
            "--config",
            "conf.toml",
            &url,
            "-f",
            "jsonl",
            "-o",
            "conf.toml",
        ],
        &["-i", "saved/index.jsonl", "--output-dir", "saved"],
        &[&url, "-o", "a.jsonl", "-o", "./a.jsonl"],
        &[&url, "-o", "a.jsonl", "--report", "a.jsonl"],
        &[&url, "-o", "a.jsonl", "--output-dir", "a.jsonl"],
        &[&url, "--job", "job", "-o", "job/lock"],
        &[&url, "--job", "job", "-o", "job/frontier.db"],
        &["compare", "list.txt", "--report", "list.txt"],
        &["compare", "list.txt", "--json", "link.txt"],
    ] {
        let (code, stdout, stderr) = run(folder.path(), line);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{line:?}: {stderr}");
        assert!(stderr.starts_with("haul: "), "{line:?}: {stderr}");
    }
    assert_eq!(tree(folder.path()), before);
    assert_eq!(site.log().requests(), requests);
}

#[test]
fn standard_input_and_output_are_compared_too() {
    let (site, folder) = site();
    let list = || fs::File::open(folder.path().join("list.txt")).unwrap();
    let mut command = haul(folder.path(), &["fetch", "-o", "list.txt"]);
    let (code, _, stderr) = split_output(command.stdin(Stdio::from(list())).output().unwrap());
    assert_eq!(code, Some(2), "{stderr}");
    let after = fs::OpenOptions::new()
        .append(true)
        .open(folder.path().join("list.txt"))
        .unwrap();
    let mut command = haul(folder.path(), &["fetch", "list.txt"]);
    let (code, _, stderr) = split_output(command.stdout(after).output().unwrap());
    assert_eq!(code, Some(2), "{stderr}");
    assert_eq!(site.log().requests(), 0);
}

#[test]
fn the_library_refuses_an_output_that_is_an_input() {
    let (_site, folder) = site();
    let list = folder.path().join("list.txt");
    let before = fs::read(&list).unwrap();
    let seeds = haul::seeds::SeedSettings::of(vec![haul::seeds::SeedSource::File(list.clone())]);
    let mut config = haul::Config::new(seeds);
    let format = haul::sink::Format::Text(haul::sink::TextSettings::default());
    config
        .sinks
        .push(haul::sink::SinkSettings::file(&list, format));
    assert!(matches!(outcome(config), Err(haul::Error::Setting(_))));
    assert_eq!(fs::read(&list).unwrap(), before);
}

#[test]
fn a_second_run_does_not_write_to_an_output_that_another_one_has_open() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    for (name, more) in [
        ("out.jsonl", None),
        ("out.csv.gz", None),
        ("out.sqlite", None),
        ("out.parquet", None),
        ("out.warc.gz", None),
        ("out.jsonl", Some("--append")),
    ] {
        let (held, url) = (site.url("held"), site.url("a"));
        let mut line = vec!["fetch", &held, "-o", name];
        line.extend(more);
        let mut first = haul(folder.path(), &line).spawn().unwrap();
        site.arrived.recv().unwrap(); // now its output is open
        let (code, _, stderr) = run(folder.path(), &["fetch", &url, "-o", name]);
        assert_eq!(code, Some(5), "{name}: {stderr}");
        assert!(
            stderr.contains("another haul is writing to it"),
            "{name}: {stderr}"
        );
        first.kill().unwrap();
        first.wait().unwrap();
        let (code, _, stderr) = run(folder.path(), &["fetch", &url, "-o", name]);
        assert_eq!(code, Some(0), "{name}: {stderr}");
    }
}

#[test]
fn a_folder_that_is_not_a_job_keeps_its_files() {
    let (site, folder) = site();
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("records.jsonl"), "precious\n").unwrap();
    let before = tree(&mine);
    for more in [None, Some("--fresh")] {
        let url = site.url("/");
        let mut line = vec!["fetch", &url, "--job", "mine"];
        line.extend(more);
        let (code, _, stderr) = run(folder.path(), &line);
        assert_eq!(code, Some(6), "{stderr}");
        assert!(stderr.contains("not empty"), "{stderr}");
    }
    assert_eq!(tree(&mine), before);
    assert_eq!(site.log().requests(), 0);
    // An empty folder becomes a job, and starts over with --fresh.
    fs::create_dir(folder.path().join("empty")).unwrap();
    for more in [None, Some("--fresh")] {
        let url = site.url("/");
        let mut line = vec!["fetch", &url, "--job", "empty"];
        line.extend(more);
        assert_eq!(run(folder.path(), &line).0, Some(0));
    }
}

#[test]
fn a_url_is_not_a_path() {
    let (site, folder) = site();
    let url = site.url("/");
    for (flag, path) in [
        ("--job", "postgres://ann:s3cret@h/db"),
        ("--output", "s3://bucket/out.jsonl"),
        ("--output-dir", "s3://bucket"),
        ("--report", "https://ann:s3cret@h/report.html"),
        ("--input", "s3://bucket/list.txt"),
        ("--recipe", "https://h/recipe.toml"),
        ("--bearer-file", "file:///token"),
        ("--cacert", "https://h/ca.pem"),
        ("--serve", "https://h/"),
        ("--data", "@https://h/body"),
    ] {
        let (code, stdout, stderr) = run(folder.path(), &["fetch", flag, path, &url]);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{flag}: {stderr}");
        assert!(
            stderr.contains(flag) && stderr.contains("URL"),
            "{flag}: {stderr}"
        );
    }
    let job = "postgres://ann:s3cret@h/db";
    for line in [&["job", job][..], &["retry", job], &["explain", job, &url]] {
        let (code, _, stderr) = run(folder.path(), line);
        assert_eq!(code, Some(2), "{line:?}: {stderr}");
        assert!(stderr.contains("URL"), "{stderr}");
    }
    assert_eq!(site.log().requests(), 0);
    assert_eq!(
        tree(folder.path()).len(),
        1,
        "no folder of that name is created"
    );
}

#[test]
fn a_format_that_contradicts_the_suffix_is_an_error() {
    let (site, folder) = site();
    let url = site.url("/");
    for (flag, format, file) in [
        ("-f", "jsonl", "x.warc.gz"),
        ("-f", "warc", "x.jsonl"),
        ("-f", "sqlite", "x.parquet"),
        ("-f", "text", "x.sqlite"),
        ("-f", "sqlite", "x.txt"),
        ("-w", "%{url}", "x.warc"),
    ] {
        let (code, _, stderr) = run(folder.path(), &["fetch", &url, flag, format, "-o", file]);
        assert_eq!(code, Some(2), "{format} {file}: {stderr}");
        assert!(stderr.contains("cannot be combined"), "{stderr}");
    }
    for (flag, format, file) in [
        ("-f", "jsonl", "x.json"),
        ("-f", "csv", "x.txt"),
        ("-f", "jsonl", "x.csv"),
        ("-f", "jsonl", "x.log"),
        ("-w", "%{url}\n", "x.csv"),
    ] {
        let (code, _, stderr) = run(folder.path(), &["fetch", &url, flag, format, "-o", file]);
        assert_eq!(code, Some(0), "{format} {file}: {stderr}");
    }
}
