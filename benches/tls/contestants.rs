//! The tools that are measured: those that are installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bare::BARE;
use crate::workload::IN_FLIGHT;

/// How long a contestant may take, in seconds.
const PATIENCE: &str = "120";

/// A tool that fetches lists of URLs.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: fn(&Files, &mut Command),
}

/// The files that contestants read and write.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    /// One URL a line.
    pub(crate) list: PathBuf,
    /// The same URLs for curl.
    pub(crate) curl: PathBuf,
    /// The certificate of the authority.
    pub(crate) authority: PathBuf,
}

impl Contestant {
    /// haul, and those of the others that are there.
    pub(crate) fn all(folder: &Path) -> Vec<Self> {
        let tool = |name, program: &str, arguments| Self {
            name,
            program: program.into(),
            arguments,
        };
        let ours = std::env::current_exe().unwrap();
        let mut all = vec![
            tool("haul", env!("CARGO_BIN_EXE_haul"), haul),
            tool("reqwest in a bare loop", ours.to_str().unwrap(), bare),
        ];
        if is_installed("wget2", "--version") {
            all.push(tool("wget2", "wget2", wget2));
        }
        if is_installed("curl", "--version") {
            all.push(tool("curl -Z", "curl", curl));
        }
        if is_installed("go", "version") {
            let program = folder.join("list");
            let built = Command::new("go")
                .args(["build", "-o"])
                .arg(&program)
                .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/tls/list.go"))
                .status();
            assert!(built.unwrap().success());
            all.push(tool("Go net/http", program.to_str().unwrap(), go));
        }
        all
    }

    /// What fetches a list, as a process that changes nothing outside the folder.
    pub(crate) fn command(&self, files: &Files) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--foreground", PATIENCE]).arg(&self.program);
        (self.arguments)(files, &mut command);
        // What a tool remembers of a run, such as sessions, must not help it in the next.
        let home = files.folder.join("home");
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir(&home).unwrap();
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command
            .env("HOME", &home)
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

fn is_installed(program: &str, question: &str) -> bool {
    let asked = Command::new(program)
        .arg(question)
        .stdout(Stdio::null())
        .status();
    let is_there = asked.is_ok_and(|status| status.success());
    if !is_there {
        println!("{program} is not installed, and not measured");
    }
    is_there
}

fn haul(files: &Files, command: &mut Command) {
    command
        .args(["fetch", "--no-config", "-i"])
        .arg(&files.list)
        .args(["-c", &IN_FLIGHT.to_string(), "--per-host", "0"])
        .args(["-q", "--progress", "none", "-f", "jsonl", "-o"])
        .arg(files.folder.join("records.jsonl"))
        .arg("--cacert")
        .arg(&files.authority);
}

fn bare(files: &Files, command: &mut Command) {
    command.arg(BARE).arg(&files.list).arg(&files.authority);
}

fn wget2(files: &Files, command: &mut Command) {
    command
        .args(["-q", "--tls-resume", "-O", "/dev/null"])
        .arg(format!("--max-threads={IN_FLIGHT}"))
        .arg(format!("--ca-certificate={}", files.authority.display()))
        .arg("-i")
        .arg(&files.list);
}

fn curl(files: &Files, command: &mut Command) {
    command
        .args(["-s", "--no-progress-meter"])
        .args(["-Z", "--parallel-immediate", "--parallel-max"])
        .args([&IN_FLIGHT.to_string(), "--cacert"])
        .arg(&files.authority)
        .arg("-K")
        .arg(&files.curl);
}

fn go(files: &Files, command: &mut Command) {
    command
        .arg(&files.list)
        .arg(IN_FLIGHT.to_string())
        .arg(&files.authority);
}
