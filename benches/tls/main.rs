//! HTTPS: 5,000 URLs on 500 hosts with 64 in flight, fetched by haul and by other tools.
//!
//! Over HTTP/1.1 and HTTP/2, with connections that are kept or closed, and with full or resumed handshakes. Every
//! tool is a whole process, verifies certificates, gets the same URLs in the same order, and is checked against what
//! the server counted. Rounds are interleaved, the first is not counted, and medians are printed.
//!
//! `cargo bench --bench tls [-- ROUNDS] [kept] [resumed] [full] [http2]`: all of it with 5 rounds takes about ten
//! minutes. `benches/README.md` has the results.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod bare;
mod certificates;
mod contestants;
mod counts;
mod protocols;
mod server;
mod table;
mod workload;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;

use crate::contestants::{Contestant, Files};
use crate::server::Server;
use crate::table::Round;
use crate::workload::Workload;

fn main() -> ExitCode {
    // Every process may have a connection to each host.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let words: Vec<_> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [server::SERVE, authority] => server::serve(Path::new(authority)),
        [bare::BARE, list, authority] => {
            if !bare::fetch(Path::new(list), Path::new(authority)) {
                return ExitCode::FAILURE;
            }
        }
        _ => measure(&words),
    }
    ExitCode::SUCCESS
}

fn measure(words: &[String]) {
    let rounds = words.iter().find_map(|word| word.parse().ok());
    let is_selected = |workload: Workload| words.iter().any(|word| word == workload.word());
    let is_any = Workload::ALL.into_iter().any(is_selected);
    let folder = tempfile::tempdir().unwrap();
    let contestants = Contestant::all(folder.path());
    let mut server = Server::start(folder.path());
    for workload in Workload::ALL {
        if is_selected(workload) || !is_any {
            let files = files(folder.path(), &server, workload);
            println!("{}:\n", workload.title());
            compete(&contestants, &files, &mut server, rounds.unwrap_or(5));
        }
    }
}

/// Writes the list of a workload.
fn files(folder: &Path, server: &Server, workload: Workload) -> Files {
    let files = Files {
        folder: folder.to_owned(),
        list: folder.join("urls.txt"),
        curl: folder.join("curl.txt"),
        authority: server.authority.clone(),
    };
    let urls = || workload::urls(server.port(workload));
    let list: String = urls().map(|url| url + "\n").collect();
    std::fs::write(&files.list, list).unwrap();
    let curl = urls().map(|url| format!("url=\"{url}\"\noutput=/dev/null\n"));
    std::fs::write(&files.curl, curl.collect::<String>()).unwrap();
    files
}

fn compete(contestants: &[Contestant], files: &Files, server: &mut Server, rounds: usize) {
    let mut results: Vec<_> = contestants
        .iter()
        .map(|contestant| (contestant.name, Vec::new()))
        .collect();
    for round in 0..=rounds {
        for (contestant, (_, results)) in contestants.iter().zip(&mut results) {
            let result = run(contestant.command(files), server);
            if round > 0 {
                results.push(result);
            }
        }
    }
    table::print(&results);
}

fn run(mut command: Command, server: &mut Server) -> Round {
    server.take();
    let (before, began) = (cpu(), Instant::now());
    let status = command.status().unwrap();
    Round {
        wall: began.elapsed().as_secs_f64(),
        cpu: cpu() - before,
        is_success: status.success(),
        counts: server.take(),
    }
}

/// The CPU seconds of all children that have ended.
fn cpu() -> f64 {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    (used.user_time() + used.system_time()).num_microseconds() as f64 / 1e6
}
