//! The real binary: what it prints where, and how it exits.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::folder::Folder;
use crate::program::{Process, Program};

/// A server whose paths are its responses, such as `/404`.
///
/// `/held` signals that a request has arrived, and never responds.
pub(crate) struct Site {
    address: SocketAddr,
    pub(crate) arrived: Receiver<()>,
}

impl Site {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, arrived) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || answer(stream, &sender));
            }
        });
        Self { address, arrived }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn list(&self, folder: &Path, paths: &[&str]) {
        let lines: Vec<_> = paths.iter().map(|path| self.url(path)).collect();
        std::fs::write(folder.join("urls.txt"), lines.join("\n")).unwrap();
    }
}

fn answer(stream: TcpStream, sender: &Sender<()>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line != "\r\n" {
            head.push(line);
            continue;
        }
        let path = head[0]
            .split(' ')
            .nth(1)
            .unwrap()
            .trim_start_matches('/')
            .to_owned();
        if path == "held" {
            let _ = sender.send(());
            let _ = reader.read_to_end(&mut Vec::new());
            return;
        }
        let status: u16 = path.split('-').next().unwrap().parse().unwrap_or(200);
        let body = head.concat();
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
        head.clear();
    }
}

/// The binary as a command in this folder, with a clean environment.
pub(crate) fn haul(folder: &Path, arguments: &[&str]) -> Program {
    Program::new(folder, arguments)
}

/// Runs the binary, which has to end with 0, and returns what it says on standard error.
pub(crate) fn go(folder: &Path, arguments: &[&str]) -> String {
    let (code, _, errors) = run(folder, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {errors}");
    errors
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    split_output(haul(folder, arguments).output().unwrap())
}

pub(crate) fn split_output(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn interrupt(child: &Process) {
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

#[test]
fn a_list_becomes_records_on_stdout_and_a_summary_on_stderr() {
    let (site, folder) = (Site::start(), Folder::new());
    site.list(folder.path(), &["a", "b", "c"]);
    for arguments in [
        &["fetch", "urls.txt"][..],
        &["urls.txt"],
        &["-i", "urls.txt"],
    ] {
        let (code, stdout, stderr) = run(folder.path(), arguments);
        assert_eq!(
            (code, stdout.lines().count()),
            (Some(0), 3),
            "{stdout}{stderr}"
        );
        assert!(
            stderr.starts_with("3 records in ") && stderr.contains("200 × 3"),
            "{stderr}"
        );
    }
    let (_, stdout, stderr) = run(folder.path(), &["fetch", "urls.txt", "-qq"]);
    assert_eq!((stdout.lines().count(), stderr.as_str()), (3, ""));
}

#[test]
fn standard_input_is_the_list_if_none_is_given() {
    let (site, folder) = (Site::start(), Folder::new());
    let mut child = haul(folder.path(), &["fetch", "-q"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", site.url("a")).unwrap();
    let (code, stdout, _) = split_output(child.wait_with_output().unwrap());
    assert_eq!((code, stdout.lines().count()), (Some(0), 1));
}

#[test]
fn only_the_selected_rows_are_fetched() {
    let (site, folder) = (Site::start(), Folder::new());
    site.list(folder.path(), &["a", "b", "c", "d"]);
    std::fs::write(folder.path().join("rows"), "2-3\n").unwrap();
    for (rows, count) in [("1-3", 3), ("2", 1), ("2,4-", 2), ("@rows", 2), ("9-", 0)] {
        let (code, stdout, _) = run(folder.path(), &["fetch", "urls.txt", "--rows", rows]);
        assert_eq!((code, stdout.lines().count()), (Some(0), count), "{rows}");
    }
    let words = ["fetch", &site.url("a"), "urls.txt", "--rows", "1-2"];
    assert_eq!(
        run(folder.path(), &words).1.lines().count(),
        2,
        "row numbers continue from one input to the next"
    );
}

#[test]
fn the_exit_code_shows_how_much_of_the_list_failed() {
    let (site, folder) = (Site::start(), Folder::new());
    let (good, bad) = (site.url("a"), site.url("404"));
    let code = |arguments: &[&str]| run(folder.path(), arguments).0;
    assert_eq!(code(&[&good]), Some(0));
    assert_eq!(code(&[&good, &bad]), Some(3));
    assert_eq!(code(&[&good, &bad, "--max-failed", "50%"]), Some(0));
    assert_eq!(code(&[&bad]), Some(4));
    assert_eq!(code(&["fetch", "--no-such-flag"]), Some(2));
    assert_eq!(code(&["fetch", "-i", "no-such-list.txt"]), Some(2));
    assert_eq!(
        code(&["fetch", &good, "-o", "no/such/folder.jsonl"]),
        Some(5)
    );
    assert_eq!(code(&["--version"]), Some(0));
}

#[test]
fn an_error_is_printed_with_its_cause() {
    let folder = Folder::new();
    let (_, stdout, stderr) = run(folder.path(), &["fetch", "-i", "no-such-list.txt"]);
    let lines: Vec<_> = stderr.lines().collect();
    assert_eq!(lines[0], "haul: cannot read the list no-such-list.txt");
    assert!(
        lines[1].starts_with("  because: ") && lines.len() == 2,
        "{stderr}"
    );
    assert_eq!(stdout, "");
}

#[test]
fn a_reader_that_closes_the_pipe_early_is_not_a_failure() {
    let (site, folder) = (Site::start(), Folder::new());
    let urls: Vec<_> = (0..20_000).map(|_| site.url("a")).collect();
    std::fs::write(folder.path().join("urls.txt"), urls.join("\n")).unwrap();
    let mut child = haul(
        folder.path(),
        &["fetch", "urls.txt", "--dry-run", "--keep-duplicates"],
    )
    .spawn()
    .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let (code, _, stderr) = split_output(child.wait_with_output().unwrap());
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_interrupted_run_finishes_what_is_in_flight_and_prints_the_command_for_the_rest() {
    let (site, folder) = (Site::start(), Folder::new());
    site.list(folder.path(), &["a", "b", "held", "c", "d", "e"]);
    let line = [
        "fetch",
        "urls.txt",
        "-c",
        "1",
        "-o",
        "out.jsonl",
        "-u",
        "ann:s3cret",
    ];
    let mut child = haul(folder.path(), &line).spawn().unwrap();
    site.arrived.recv().unwrap();
    interrupt(&child);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut draining = String::new();
    stderr.read_line(&mut draining).unwrap();
    assert_eq!(
        draining,
        "haul: finishing 1 request in flight; press Ctrl-C again to abort\n"
    );
    interrupt(&child);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let command = rest.lines().last().unwrap().trim();
    // The last row is only known if the end of the list was read in time.
    assert_eq!(
        command.replace("3-6 ", "3- "),
        "haul fetch --output out.jsonl --concurrency 1 --user '…' --append --rows 3- urls.txt"
    );

    site.list(folder.path(), &["a", "b", "now", "c", "d", "e"]);
    let words: Vec<_> = command
        .split(' ')
        .skip(1)
        .filter(|word| !["--user", "'…'"].contains(word))
        .collect();
    assert_eq!(run(folder.path(), &words).0, Some(0));
    let written = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    let mut rows: Vec<u64> = written
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["row"]
                .as_u64()
                .unwrap()
        })
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn the_second_interrupt_ends_every_engine_at_once() {
    for engine in [
        "sequential",
        "threads:2",
        "blocking:2",
        "async:2",
        "processes:1x2",
    ] {
        let (site, folder) = (Site::start(), Folder::new());
        let line = ["fetch", &site.url("held"), "--engine", engine];
        let mut child = haul(folder.path(), &line).spawn().unwrap();
        site.arrived.recv().unwrap();
        interrupt(&child);
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut String::new()).unwrap();
        let interrupted = std::time::Instant::now();
        interrupt(&child);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{engine}");
        // The request, to which the server never responds, has a deadline of 30 seconds.
        assert!(interrupted.elapsed().as_secs() < 15, "{engine}");
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("--rows 1"), "{engine}: {rest}");
    }
}

#[test]
fn a_run_whose_time_is_up_exits_with_124_and_prints_the_command_for_the_rest() {
    let (site, folder) = (Site::start(), Folder::new());
    let (code, _, stderr) = run(folder.path(), &[&site.url("held"), "--max-time", "200ms"]);
    assert_eq!(code, Some(124), "{stderr}");
    assert!(
        stderr.contains("stopped by --max-time") && stderr.contains("--rows 1"),
        "{stderr}"
    );
}

#[test]
fn settings_come_from_the_users_file_and_haul_reports_it() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("haul")).unwrap();
    let file = folder.path().join("haul/config.toml");
    std::fs::write(&file, "# mine\nretries = 7\n").unwrap();
    let (code, stdout, _) = run(folder.path(), &["config", "--per-host", "3"]);
    let line = |name: &str| stdout.lines().find(|line| line.starts_with(name)).unwrap();
    assert_eq!(code, Some(0));
    assert!(
        line("retries = 7").ends_with("config.toml:2") && line("per-host = 3").ends_with("flag")
    );
    std::fs::write(&file, "retriez = 7\n").unwrap();
    let (code, _, stderr) = run(folder.path(), &["config"]);
    assert!(
        code == Some(2) && stderr.contains("config.toml:1") && stderr.contains("\"retries\""),
        "{stderr}"
    );
}

#[test]
fn every_engine_can_be_selected_by_name() {
    let (site, folder) = (Site::start(), Folder::new());
    for engine in [
        "sequential",
        "threads:2",
        "blocking:2",
        "async:2",
        "processes:2x2",
    ] {
        let arguments = [&site.url("a"), "-q", "--engine", engine];
        let (code, stdout, stderr) = run(folder.path(), &arguments);
        assert_eq!(
            (code, stdout.lines().count()),
            (Some(0), 1),
            "{engine}: {stderr}"
        );
    }
}

#[test]
fn progress_for_programs_is_one_object_per_line() {
    let (site, folder) = (Site::start(), Folder::new());
    let (_, _, stderr) = run(folder.path(), &[&site.url("a"), "--progress", "json"]);
    let last = stderr.lines().rfind(|line| line.starts_with('{')).unwrap();
    let object: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!((&object["done"], &object["total"]), (&1.into(), &1.into()));
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let folder = Folder::new();
    assert!(
        run(folder.path(), &["completions", "bash"])
            .1
            .contains("--per-host")
    );
    assert!(
        run(folder.path(), &["man", "fetch"])
            .1
            .contains("per\\-host")
    );
    assert!(run(folder.path(), &["man"]).1.contains(".TH haul"));
}

#[test]
fn a_run_that_cannot_start_leaves_the_output_as_it_is() {
    let folder = Folder::new();
    let output = folder.path().join("out.jsonl");
    std::fs::write(&output, "kept\n").unwrap();
    let line = [
        "fetch",
        "http://127.0.0.1:9/",
        "--cacert",
        "nowhere.pem",
        "-o",
        "out.jsonl",
    ];
    let (code, _, stderr) = split_output(haul(folder.path(), &line).output().unwrap());
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("nowhere.pem"), "{stderr}");
    assert_eq!(std::fs::read_to_string(output).unwrap(), "kept\n");
}
