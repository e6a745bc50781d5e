//! Signals: each one that ends a run drains it first, and has its own exit code.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{ChildStderr, Command};

use haul::origin::{Gate, Response, Site};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::cli::{self, haul};
use crate::folder::Folder;
use crate::program::{Process, Program, Searched};
use crate::run::wait;

fn send(child: &Process, signal: Signal) {
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Sends a signal to a process and its children, as terminals and service managers do.
fn send_to_all(child: &Process, signal: Signal) {
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    kill_process_group(pid, signal).unwrap();
}

/// Starts a run and waits until it is in the middle.
///
/// A record is written, a request is in flight, and rows are waiting.
fn begin(command: &mut Program, site: &cli::Site) -> (Process, BufReader<Searched<ChildStderr>>) {
    let mut child = command.spawn().unwrap();
    site.arrived.recv().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    (child, stderr)
}

const LINE: [&str; 6] = ["fetch", "urls.txt", "-c", "1", "-o", "out.csv.gz"];

/// The text of a gzip file, which has to be complete.
fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn every_signal_that_ends_a_run_drains_it_and_has_a_code_of_its_own() {
    for (signal, code) in [
        (Signal::INT, 130),
        (Signal::TERM, 143),
        (Signal::HUP, 129),
        (Signal::QUIT, 131),
    ] {
        for engine in ["async", "processes:1x1"] {
            let (site, folder) = (cli::Site::start(), Folder::new());
            site.list(folder.path(), &["a", "held", "b"]);
            let mut command = haul(folder.path(), &LINE);
            command.args(&["--engine", engine]);
            let (mut child, mut stderr) = begin(&mut command, &site);
            send(&child, signal);
            let mut draining = String::new();
            stderr.read_line(&mut draining).unwrap();
            assert!(
                draining.contains("finishing 1 request in flight"),
                "{signal:?}: {draining}"
            );
            send(&child, signal);
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).unwrap();
            assert_eq!(
                child.wait().unwrap().code(),
                Some(code),
                "{signal:?} {engine}"
            );
            assert!(rest.contains("--rows 2-"), "{signal:?}: {rest}");
            let text = unpacked(&folder.path().join("out.csv.gz"));
            assert_eq!(
                text.lines().count(),
                2,
                "a header and the record of a: {text}"
            );
        }
    }
}

#[test]
fn a_signal_to_all_processes_of_a_run_lets_its_children_finish_what_is_in_flight() {
    for (signal, code) in [
        (Signal::INT, 130),
        (Signal::TERM, 143),
        (Signal::HUP, 129),
        (Signal::QUIT, 131),
    ] {
        let (gate, folder) = (Gate::new(), Folder::new());
        let site = Site::builder()
            .fallback(Response::page("late").held(&gate))
            .start()
            .unwrap();
        let urls: Vec<_> = (0..3).map(|page| site.url(&format!("/{page}"))).collect();
        std::fs::write(folder.path().join("urls.txt"), urls.join("\n")).unwrap();
        let line = ["fetch", "urls.txt", "--engine", "processes:1x1"];
        let mut command = haul(folder.path(), &[&line[..], &["-o", "out.jsonl"]].concat());
        let mut child = command.in_a_group().spawn().unwrap();
        wait(site.log().wait_for_hits(1));
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        send_to_all(&child, signal);
        let mut message = String::new();
        stderr.read_line(&mut message).unwrap();
        assert!(
            message.contains("finishing 1 request in flight"),
            "{signal:?}: {message}"
        );
        gate.open();
        stderr.read_to_string(&mut message).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{message}");
        let records = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
        assert_eq!(
            records.lines().count(),
            1,
            "{signal:?}: {records} {message}"
        );
        assert!(message.contains("--rows 2-"), "{signal:?}: {message}");
    }
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "held", "b"]);
    // As nohup does, and a shell for a background job.
    let script = format!("trap '' HUP INT; exec haul {}", LINE.join(" "));
    let mut command = Program::by("sh", folder.path(), &script);
    let (mut child, mut stderr) = begin(&mut command, &site);
    send(&child, Signal::HUP);
    send(&child, Signal::INT);
    send(&child, Signal::HUP);
    send(&child, Signal::TERM);
    let mut draining = String::new();
    stderr.read_line(&mut draining).unwrap();
    // If not ignored, the first three signals would have aborted the run before it reports what is missing.
    assert!(
        draining.contains("finishing 1 request in flight"),
        "{draining}"
    );
    send(&child, Signal::TERM);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{rest}");
    assert!(rest.contains("--rows 2-"), "{rest}");
}

#[test]
fn one_signal_ends_a_run_whose_output_is_a_pipe_that_nobody_reads() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a"]);
    let pipe = folder.path().join("pipe");
    let mkfifo = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(mkfifo.success());
    let line = [
        "fetch",
        "urls.txt",
        "-f",
        "jsonl",
        "-o",
        "pipe",
        "--progress",
        "json",
    ];
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut message = String::new();
    stderr.read_line(&mut message).unwrap();
    send(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("--rows 1-"), "{rest}");

    // With a reader, the pipe gets its records.
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    let mut records = String::new();
    OpenOptions::new()
        .read(true)
        .open(&pipe)
        .unwrap()
        .read_to_string(&mut records)
        .unwrap();
    assert_eq!(records.lines().count(), 1, "{records}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_run_without_a_job_that_is_killed_leaves_outputs_that_can_be_read() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    site.list(folder.path(), &["a", "b", "held"]);
    let mut line = vec![
        "fetch",
        "urls.txt",
        "-c",
        "1",
        "--first-byte-timeout",
        "0",
        "--progress",
        "json",
    ];
    let names = ["out.jsonl.gz", "out.csv.zst", "out.parquet", "out.sqlite"];
    for name in names {
        line.extend(["-o", name]);
    }
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    site.arrived.recv().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut figures = BufReader::new(child.stderr.take().unwrap());
    // Progress is printed every second: a good moment to check whether the records are in the files yet.
    let has = |name: &str| std::fs::metadata(at(name)).is_ok_and(|file| file.len() > 0);
    while !(has("out.jsonl.gz") && has("out.csv.zst") && parts(&at("out.parquet")) > 0) {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended too early"
        );
        figures.read_line(&mut String::new()).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(unpacked(&at("out.jsonl.gz")).lines().count(), 2);
    let csv = zstd::decode_all(std::fs::File::open(at("out.csv.zst")).unwrap()).unwrap();
    assert_eq!(String::from_utf8(csv).unwrap().lines().count(), 3);
    let database = rusqlite::Connection::open(at("out.sqlite")).unwrap();
    let pages: i64 = database
        .query_row("SELECT count(*) FROM pages", [], |row| row.get(0))
        .unwrap();
    assert_eq!(pages, 2);
}

/// The number of complete Parquet files below a folder: those that end with the magic bytes.
fn parts(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let whole = |path: &Path| {
        path.extension().is_some_and(|end| end == "parquet")
            && std::fs::read(path).is_ok_and(|bytes| bytes.ends_with(b"PAR1"))
    };
    entries
        .flatten()
        .map(|entry| match entry.path() {
            path if path.is_dir() => parts(&path),
            path => usize::from(whole(&path)),
        })
        .sum()
}
