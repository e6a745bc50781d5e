//! A body that does not have its checksum is a failure: it is fetched again, and neither saved nor archived.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use haul::origin::{Origin, Reply, Response, Site, Step};
use haul::seeds::{SeedSettings, SeedSource};
use haul::{ByteSize, Config};
use sha2::{Digest, Sha256, Sha512};

use crate::cli::run as command;
use crate::folder::Folder;
use crate::run::{Report, config, on, on_every_engine, run};
use crate::{tools, written};

const SMALL: usize = 1000;
/// More than is kept in memory.
const LARGE: usize = (1 << 20) + 5000;

fn body(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7 % 251) as u8).collect()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of a digest field for these bytes.
fn field(algorithm: &str, bytes: &[u8]) -> String {
    let digest = match algorithm {
        "sha-256" => STANDARD.encode(Sha256::digest(bytes)),
        _ => STANDARD.encode(Sha512::digest(bytes)),
    };
    format!("{algorithm}=:{digest}:")
}

fn reply(bytes: Vec<u8>) -> Reply {
    Reply::new(200)
        .header("Content-Type", "application/octet-stream")
        .body(bytes)
}

/// Runs a list of objects.
fn rows(engine: &str, folder: &Path, rows: &[serde_json::Value]) -> Report {
    let list = folder.join("rows.jsonl");
    let lines: Vec<_> = rows.iter().map(ToString::to_string).collect();
    fs::write(&list, lines.join("\n")).unwrap();
    let seeds = SeedSettings::of(vec![SeedSource::File(list)]);
    run(on(engine, Config::new(seeds)))
}

#[test]
fn the_digest_of_a_server_is_that_of_the_bytes_as_received() {
    let mut site = Site::builder();
    let (mut paths, mut expected) = (Vec::new(), Vec::new());
    for length in [SMALL, LARGE] {
        for encoded in [false, true] {
            let plain = body(length);
            let sent = if encoded {
                gzipped(&plain)
            } else {
                plain.clone()
            };
            for (name, value, checked) in [
                ("Repr-Digest", field("sha-256", &sent), Some("repr-digest")),
                ("Repr-Digest", field("sha-512", &sent), Some("repr-digest")),
                (
                    "Content-Digest",
                    field("sha-256", &sent),
                    Some("content-digest"),
                ),
                ("Repr-Digest", field("sha-256", b"another"), None),
                ("Content-Digest", field("sha-512", b"another"), None),
                ("Repr-Digest", "sha-256=nonsense".to_owned(), Some("")),
            ] {
                let path = format!("/{}", paths.len());
                let mut answer = reply(sent.clone()).header(name, value);
                if encoded {
                    answer = answer.header("Content-Encoding", "gzip");
                }
                site = site.route(&path, answer);
                paths.push(path);
                expected.push(checked);
            }
        }
    }
    let origin = site.start().unwrap();
    on_every_engine(|engine| {
        let mut settings = config(engine, paths.iter().map(|path| origin.url(path)));
        settings.parse.wants.digest = true;
        settings.frontier.retries = 1;
        let report = run(settings);
        for (record, expected) in report.records.iter().zip(&expected) {
            let Some(checked) = expected else {
                let ends = (record.end(), record.attempts.clone());
                assert_eq!(
                    ends,
                    ("checksum".into(), vec!["checksum".into()]),
                    "{record:?}"
                );
                assert!(record.message.contains("-Digest is "), "{}", record.message);
                continue;
            };
            assert_eq!(record.end(), "200", "{record:?}");
            let found = record.checked.as_deref().unwrap_or_default();
            assert_eq!(found, *checked, "{record:?}");
        }
        assert_eq!(report.records.len(), expected.len());
    });
}

#[test]
fn damage_on_the_way_is_repaired_by_another_attempt() {
    on_every_engine(|engine| {
        for length in [SMALL, LARGE] {
            let (whole, tries) = (body(length), AtomicUsize::new(0));
            let digest = field("sha-256", &whole);
            let origin = Site::builder().route_with("/x", move |_| {
                let mut bytes = whole.clone();
                bytes[length / 2] ^= u8::from(tries.fetch_add(1, Ordering::Relaxed) == 0);
                reply(bytes).header("Repr-Digest", digest.clone()).into()
            });
            let origin = origin.start().unwrap();
            let mut settings = config(engine, [origin.url("/x")]);
            settings.parse.wants.digest = true;
            let report = run(settings);
            let record = report.only();
            assert_eq!(
                (record.end(), record.attempts.len()),
                ("200".into(), 1),
                "{record:?}"
            );
            assert_eq!(record.attempts, ["checksum"]);
            assert_eq!(record.digest, Some(Sha256::digest(body(length)).into()));
        }
    });
}

#[test]
fn a_row_with_a_checksum_succeeds_only_with_that_body() {
    let mut site = Site::builder().route("/empty", Reply::new(204));
    for (name, length) in [("small", SMALL), ("large", LARGE)] {
        let packed = reply(gzipped(&body(length))).header("Content-Encoding", "gzip");
        let cut = gzipped(&body(length));
        let cut = cut[..cut.len() - 9].to_vec();
        site = site
            .route(&format!("/{name}"), reply(body(length)))
            .route(&format!("/{name}.gz"), packed)
            .route(
                &format!("/{name}.cut"),
                reply(cut).header("Content-Encoding", "gzip"),
            )
            .route(
                &format!("/{name}.moved"),
                Response::redirect(302, format!("/{name}")),
            );
    }
    let origin = site.start().unwrap();
    let row = |path: &str, sum: &str| serde_json::json!({"url": origin.url(path), "sha256": sum});
    on_every_engine(|engine| {
        let folder = Folder::new();
        let (small, large) = (hex(&body(SMALL)), hex(&body(LARGE)));
        let mut list = Vec::new();
        for (name, right, wrong) in [("small", &small, &large), ("large", &large, &small)] {
            for end in ["", ".gz", ".moved"] {
                list.push((row(&format!("/{name}{end}"), right), "200"));
                list.push((row(&format!("/{name}{end}"), wrong), "checksum"));
            }
            list.push((row(&format!("/{name}.cut"), right), "checksum"));
        }
        list.push((row("/empty", &small), "checksum"));
        list.push((row("/gone", &small), "404"));
        list.push((row("/small", "abc"), "malformed"));
        list.push((row("/small", ""), "200"));
        let (objects, expected): (Vec<_>, Vec<_>) = list.into_iter().unzip();
        // Nothing else in this run wants the bytes.
        let report = rows(engine, folder.path(), &objects);
        assert_eq!(report.ends(), expected, "{:#?}", report.records);
        for record in &report.records {
            let is_checked = record.end() == "200" && record.row < objects.len() as u64;
            assert_eq!(
                record.checked.as_deref(),
                is_checked.then_some("sha256"),
                "{record:?}"
            );
            if record.end() == "checksum" {
                assert_eq!(
                    record.attempts,
                    ["checksum"],
                    "once more, and no more: {record:?}"
                );
            }
        }
        let wrong = report.row(2);
        assert!(
            wrong.message.contains(&small) && wrong.message.contains(&large),
            "{wrong:?}"
        );
        assert!(
            report.row(17).message.contains("sha256"),
            "{:?}",
            report.row(17)
        );
    });
}

#[test]
fn a_body_that_is_not_downloaded_has_not_passed_its_check() {
    let origin = Site::builder()
        .route("/x", reply(body(SMALL)))
        .start()
        .unwrap();
    on_every_engine(|engine| {
        let changes: [fn(&mut Config); 2] = [
            |settings| settings.fetch.types.merge(&"text/html".parse().unwrap()),
            |settings| settings.fetch.method = haul::fetch::method("HEAD").unwrap(),
        ];
        for change in changes {
            let mut settings = config(engine, [origin.url("/x")]);
            settings.seeds.checksum = hex(&body(SMALL)).parse().ok();
            change(&mut settings);
            assert_eq!(run(settings).only().end(), "checksum");
        }
    });
}

#[test]
fn a_resumed_download_is_checked_as_a_whole() {
    on_every_engine(|engine| {
        for damaged in [false, true] {
            let (whole, half) = (body(400_000), 200_000);
            let digest = field("sha-256", &whole);
            let origin = Site::builder().route_with("/x", move |request| {
                if request.header("range").is_none() {
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: {}\r\n\r\n",
                        whole.len()
                    );
                    let half = whole[..half].to_vec();
                    return Response::Raw(vec![Step::send(head), Step::send(half), Step::Close]);
                }
                let mut rest = whole[half..].to_vec();
                rest[7] ^= u8::from(damaged);
                Reply::new(206)
                    .header("ETag", "\"v\"")
                    .header("Content-Range", format!("bytes {half}-399999/400000"))
                    .header("Content-Digest", field("sha-256", &rest))
                    .header("Repr-Digest", digest.clone())
                    .body(rest)
                    .into()
            });
            let origin = origin.start().unwrap();
            let folder = Folder::new();
            let mut settings = config(engine, [origin.url("/x")]);
            settings.fetch.spool.over = ByteSize::kib(16);
            settings.fetch.spool.folder = Some(folder.path().to_owned());
            settings.frontier.retries = 1;
            let report = run(settings);
            let record = report.only();
            let (end, checked) = match damaged {
                true => ("checksum", None),
                false => ("200", Some("repr-digest")),
            };
            assert_eq!(record.end(), end, "{record:?}");
            assert_eq!(record.attempts, ["cut"]);
            assert_eq!(record.checked.as_deref(), checked);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    });
}

/// A site with a file, and the SHA-256 that sha256sum finds in what curl downloads from it.
fn site_and_sum(curl: &Path, sha256sum: &Path) -> (Origin, String) {
    let origin = Site::builder()
        .route("/file.bin", reply(body(LARGE)))
        .start()
        .unwrap();
    let folder = Folder::new();
    let curl = Command::new(curl)
        .args(["-sO", &origin.url("/file.bin")])
        .current_dir(folder.path())
        .status();
    assert!(curl.unwrap().success());
    let output = Command::new(sha256sum)
        .arg(folder.path().join("file.bin"))
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    (origin, text[..64].to_owned())
}

#[test]
fn a_file_is_saved_and_archived_only_with_the_sum_that_sha256sum_finds() {
    let programs = (tools::program("curl"), tools::program("sha256sum"));
    let (Some(curl), Some(sha256sum)) = programs else {
        return;
    };
    let (origin, sum) = site_and_sum(&curl, &sha256sum);
    let url = origin.url("/file.bin");
    let fetch = |checksum: &str| {
        let folder = Folder::new();
        let outputs = [
            "-q",
            "-o",
            "out.jsonl",
            "-o",
            "out.warc",
            "--output-dir",
            "saved",
        ];
        let line = [&[url.as_str(), "--checksum", checksum][..], &outputs].concat();
        let (code, _, stderr) = command(folder.path(), &line);
        let records = written::jsonl(&folder.path().join("out.jsonl"));
        let archive = fs::read(folder.path().join("out.warc")).unwrap();
        let archive = String::from_utf8_lossy(&archive).into_owned();
        let pages = archive.matches("WARC-Type: response").count();
        let listed = fs::read_to_string(folder.path().join("saved/index.jsonl")).unwrap();
        (
            code,
            records[0].clone(),
            pages,
            listed.lines().count(),
            stderr,
        )
    };
    for spelling in ["sha256=", "sha-256="] {
        let (code, record, pages, files, stderr) = fetch(&format!("{spelling}{sum}"));
        assert_eq!((code, pages, files), (Some(0), 1, 1), "{stderr}");
        assert_eq!(
            (&record["checked"], &record["sha256"]),
            (&"sha256".into(), &sum.clone().into())
        );
    }
    let wrong = "0".repeat(64);
    let (code, record, pages, files, stderr) = fetch(&format!("sha256={wrong}"));
    assert_eq!((code, pages, files), (Some(4), 0, 0), "{stderr}");
    assert_eq!(record["error"], "checksum");
    let message = record["error_message"].as_str().unwrap();
    assert!(
        message.contains(&wrong) && message.contains(&sum),
        "{message}"
    );
    assert!(record["file"].is_null() && record.get("checked").is_none());
}

#[test]
fn the_sums_of_a_table_are_checked_again_when_its_failures_are_retried() {
    let origin = Site::builder()
        .route("/x", reply(body(SMALL)))
        .start()
        .unwrap();
    let folder = Folder::new();
    let folder = folder.path();
    let table = format!(
        "url;sha256\n{url};{right}\n{url};{wrong}\n{url};xyz\n",
        url = origin.url("/x"),
        right = hex(&body(SMALL)),
        wrong = "0".repeat(64),
    );
    fs::write(folder.join("list.csv"), table).unwrap();
    let list_to_out = ["list.csv", "-q", "-o", "out.jsonl"];
    let in_job = ["list.csv", "-q", "--job", "job"];
    let first = &["", "checksum", "malformed"][..];
    let retried = &["", "checksum", "checksum", "malformed"];
    for (line, output, expected) in [
        (&list_to_out[..], "out.jsonl", first),
        (&["retry", "out.jsonl", "--", "-q"], "out.jsonl", retried),
        (&in_job, "job/records.jsonl", first),
        (&["retry", "job", "--", "-q"], "job/records.jsonl", retried),
    ] {
        let (code, _, stderr) = command(folder, line);
        assert!(matches!(code, Some(3 | 4)), "{line:?}: {code:?} {stderr}");
        let records = written::jsonl(&folder.join(output));
        let errors = records.iter().map(|record| record["error"].as_str());
        let mut errors: Vec<_> = errors.map(Option::unwrap_or_default).collect();
        errors.sort_unstable();
        assert_eq!(errors, expected, "{line:?}: {records:#?}");
    }
}

#[test]
fn a_checksum_on_the_command_line_is_about_a_single_url() {
    let folder = Folder::new();
    fs::write(folder.path().join("list.txt"), "http://h.invalid/").unwrap();
    let sum = "sha256=".to_owned() + &"0".repeat(64);
    for (line, problem) in [
        (&["list.txt", "--checksum", &sum][..], "column sha256"),
        (
            &[
                "http://h.invalid/1",
                "http://h.invalid/2",
                "--checksum",
                &sum,
            ],
            "column sha256",
        ),
        (&["http://h.invalid/", "--checksum", "md5=0"], "sha256=HEX"),
        (
            &["http://h.invalid/", "--checksum", "sha256=0"],
            "64 hexadecimal digits",
        ),
    ] {
        let (code, _, stderr) = command(folder.path(), line);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains("--checksum") && stderr.contains(problem),
            "{stderr}"
        );
    }
}
