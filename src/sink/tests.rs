//! Tests of what every sink promises, read back by independent readers, and of saved files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::samples::{self, Written, format, open, tree};
use super::*;
use crate::page::body::{Body, Spool};
use crate::page::failure::FetchError;

/// Returns the number of records that an independent reader of the format finds in a text.
fn records(name: &str, text: &str) -> usize {
    match name {
        "jsonl" => {
            let lines = serde_json::Deserializer::from_str(text).into_iter();
            let values: Result<Vec<serde_json::Value>, _> = lines.collect();
            values.unwrap().len()
        }
        "csv" => {
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let rows: Result<Vec<_>, _> = reader.records().collect();
            rows.unwrap().len()
        }
        _ => text.lines().count(),
    }
}

#[test]
fn every_visit_is_one_record_for_an_independent_reader() {
    let visits = samples::every();
    for name in ["text", "jsonl", "csv"] {
        for body in [false, true] {
            let text = Written::all(name, body, &visits);
            assert_eq!(records(name, &text), visits.len(), "{name}");
            assert!(text.ends_with('\n'), "{name}");
        }
    }
    let written = Written::new();
    written.write(&template("%{json}"), false, &visits);
    assert_eq!(records("jsonl", &written.text()), visits.len());
}

#[test]
fn a_new_file_is_emptied_and_an_appended_one_is_not() {
    for name in ["text", "jsonl", "csv"] {
        let written = Written::new();
        let format = format(name, false);
        let visits = samples::every();
        written.write(&format, false, &visits);
        written.write(&format, false, &visits);
        assert_eq!(records(name, &written.text()), visits.len(), "{name}");
        written.append(name, &visits);
        assert_eq!(records(name, &written.text()), 2 * visits.len());
    }
}

#[test]
fn flushed_records_are_readable_before_the_end() {
    for name in ["text", "jsonl", "csv"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let settings = SinkSettings::file(&path, format(name, false));
        let mut sink = open(&settings, Start::Fresh).unwrap();
        sink.write(&samples::page(200)).unwrap();
        sink.flush().unwrap();
        assert_eq!(records(name, &fs::read_to_string(path).unwrap()), 1);
    }
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    for name in ["text", "jsonl", "csv"] {
        let path = PathBuf::from("/dev/full");
        let append = true;
        let settings = SinkSettings {
            format: format(name, false),
            destination: Destination::File { path, append },
        };
        let mut sink = open(&settings, Start::Fresh).unwrap();
        sink.write(&samples::page(200)).unwrap();
        let error = sink.finish().unwrap_err();
        assert_eq!(error.to_string(), "cannot write /dev/full");
    }
}

/// Saves a visit, and returns the path that its record names.
fn save(files: &mut Files, mut visit: Visit) -> Option<PathBuf> {
    files.save(&mut visit).unwrap();
    files.commit().unwrap();
    visit.parsed.saved
}

#[test]
fn a_body_is_saved_under_its_url_and_the_record_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("new/out");
    let mut files = Files::open(&below).unwrap();
    let url = "http://h.localhost/a/b.html?q=1";
    let path = save(&mut files, samples::saved_from(url, 200, "one")).unwrap();
    assert_eq!(path, below.join("h.localhost/a/b@q=1.html"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    files.flush().unwrap();
    let mut later = Files::open(&below).unwrap();
    assert_eq!(
        save(&mut later, samples::saved_from(url, 200, "two")),
        Some(path)
    );
    assert_eq!(
        tree(&below),
        [("h.localhost/a/b@q=1.html".into(), "two".into())]
    );
}

#[test]
fn bodies_with_clashing_names_are_all_saved() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    let mut expected = Vec::new();
    for number in 0..250 {
        let path = ["p", "P", "p/", "p/q", "p.html"][number % 5];
        let url = format!("http://h.localhost/{}/{path}", number / 5);
        let mut visit = samples::saved_from(&url, 200, url.clone());
        files.save(&mut visit).unwrap();
        expected.push((visit.parsed.saved.unwrap(), url));
    }
    files.flush().unwrap();
    for (path, url) in &expected {
        assert_eq!(&fs::read_to_string(path).unwrap(), url);
    }
    assert_eq!(tree(folder.path()).len(), 250);
}

#[test]
fn the_decoded_body_is_saved_and_a_large_one_is_moved_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    let mut visit = samples::saved_from("http://h.localhost/a", 200, "raw");
    visit.parsed.content = Some(Body::Memory("decoded".into()));
    save(&mut files, visit);
    for (place, name) in [(folder.path(), "near"), (Path::new("/dev/shm"), "far")] {
        let Ok(file) = tempfile::Builder::new().tempfile_in(place) else {
            continue;
        };
        fs::write(file.path(), name).unwrap();
        let spool = file.into_temp_path().keep().unwrap();
        let mut visit = samples::saved_from(&format!("http://h.localhost/{name}"), 200, "raw");
        visit.outcome.as_mut().unwrap().body = Body::Spooled(Spool::adopt(spool.clone(), 4, None));
        let path = save(&mut files, visit).unwrap();
        assert!(!spool.exists(), "{}", spool.display());
        let small = fs::metadata(folder.path().join("h.localhost/a~.html")).unwrap();
        let large = fs::metadata(path).unwrap();
        assert_eq!(large.permissions().mode(), small.permissions().mode());
    }
    let tree = tree(folder.path());
    assert_eq!(tree[0], ("h.localhost/a~.html".into(), "decoded".into()));
    assert!(tree.contains(&("h.localhost/near~.html".into(), "near".into())));
}

#[test]
fn visits_without_a_good_body_save_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    let mut head = samples::saved_from("http://h.localhost/", 200, "");
    let length = http::HeaderValue::from_static("10");
    let headers = &mut head.outcome.as_mut().unwrap().headers.0;
    headers.insert(http::header::CONTENT_LENGTH, length);
    let mut coded = samples::page(200);
    let coding = http::HeaderValue::from_static("gzip");
    let headers = &mut coded.outcome.as_mut().unwrap().headers.0;
    headers.insert(http::header::CONTENT_ENCODING, coding);
    let mut visits = vec![head, coded, samples::failed(FetchError::Closed)];
    visits.extend([404, 500, 302, 304, 204].map(samples::page));
    for visit in visits {
        assert_eq!(save(&mut files, visit), None);
    }
    assert_eq!(tree(folder.path()), []);
    assert!(
        save(
            &mut files,
            samples::saved_from("http://h.localhost/e", 200, "")
        )
        .is_some()
    );
}

#[test]
fn a_body_that_cannot_be_decoded_is_saved_as_received() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    let mut fault = samples::saved_from("http://h.localhost/a", 200, "as received");
    fault.parsed.fault = Some("gzip: cut".into());
    let path = save(&mut files, fault).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "as received");
}

#[test]
fn a_planted_link_is_never_followed() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let folder = tempfile::tempdir().unwrap();
    symlink(outside.path(), folder.path().join("linked.localhost")).unwrap();
    fs::create_dir(folder.path().join("h.localhost")).unwrap();
    symlink(&victim, folder.path().join("h.localhost/file.txt")).unwrap();
    symlink(outside.path(), folder.path().join("h.localhost/down")).unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    for url in [
        "http://linked.localhost/victim",
        "http://linked.localhost/x/y",
        "http://h.localhost/file.txt",
        "http://h.localhost/down/victim",
    ] {
        let path = save(&mut files, samples::saved_from(url, 200, "evil")).unwrap();
        let real = path.canonicalize().unwrap();
        assert!(
            real.starts_with(folder.path().canonicalize().unwrap()),
            "{url}"
        );
        assert_eq!(fs::read_to_string(path).unwrap(), "evil");
    }
    assert_eq!(tree(outside.path()), [("victim".into(), "precious".into())]);
}

#[test]
fn a_link_planted_after_the_check_is_not_followed_either() {
    let outside = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    save(
        &mut files,
        samples::saved_from("http://h.localhost/a/one", 200, "1"),
    );
    // The name `h.localhost/a` is already known as a folder, and is not checked again.
    fs::remove_dir_all(folder.path().join("h.localhost/a")).unwrap();
    symlink(outside.path(), folder.path().join("h.localhost/a")).unwrap();
    let path = save(
        &mut files,
        samples::saved_from("http://h.localhost/a/two", 200, "2"),
    )
    .unwrap();
    files.flush().unwrap();
    assert_eq!(path.parent(), Some(folder.path()));
    assert_eq!(fs::read_to_string(path).unwrap(), "2");
    assert_eq!(tree(outside.path()), []);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [
        file.clone(),
        file.join("below"),
        PathBuf::from("/proc/none"),
    ] {
        let error = Files::open(&path).err().unwrap();
        assert_eq!(
            error.to_string(),
            format!("cannot write {}", path.display())
        );
    }
    assert_eq!(tree(folder.path()).len(), 1);
}

#[test]
fn bodies_that_were_never_renamed_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path()).unwrap();
    files.save(&mut samples::page(200)).unwrap();
    assert!(tree(folder.path())[0].0.contains(".haul-"));
    drop(files);
    assert_eq!(tree(folder.path()), []);
}

#[test]
fn a_sink_has_the_same_name_in_every_session_and_no_two_share_one() {
    use std::os::unix::ffi::OsStrExt;
    let named = |format: Format, path: &[u8]| {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(path));
        let destination = Destination::File { path, append: true };
        name(&SinkSettings {
            destination,
            format,
        })
    };
    let csv = || format("csv", false);
    assert_eq!(
        named(format("jsonl", true), b"out/a b.jsonl"),
        "jsonl:out/a b.jsonl"
    );
    assert_eq!(named(csv(), b"out"), "csv:out");
    assert_ne!(named(csv(), b"out\xff"), named(csv(), b"out\xfe"));
    assert_eq!(named(template("%{url}"), b"out"), "template:out");
    let files = FilesSettings::folder("pages");
    assert_eq!(files_name(&files), "files:pages");
    let index = files.index().unwrap();
    assert_eq!(index_name(&index), "index:pages/index.jsonl");
    assert_eq!(name(&SinkSettings::default()), "text:-");
}

/// Returns the format of a template.
fn template(text: &str) -> Format {
    Format::Template(TemplateSettings {
        template: Template::parse(text).unwrap(),
        headers: Vec::new(),
    })
}
