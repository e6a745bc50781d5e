//! Metrics of a run, read by a stranger's parser and by clients that mean no good.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{ChildStderr, Command, Stdio};

use haul::origin::{Gate, Response, Site};

use crate::cli::{self, haul};
use crate::folder::Folder;
use crate::program::{Process, Program, Searched};
use crate::run::wait;
use crate::tools;

/// A run that serves metrics at a free port, and the address that it prints.
struct Watched {
    child: Process,
    stderr: BufReader<Searched<ChildStderr>>,
    address: String,
}

impl Watched {
    fn start(command: &mut Program) -> Self {
        let mut child = command.args(&["--metrics", "0"]).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("haul: metrics: http://").unwrap();
        let address = url.strip_suffix("/metrics").unwrap().to_owned();
        Self {
            child,
            stderr,
            address,
        }
    }

    /// The response to a request with these lines.
    fn ask(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .write_all(format!("{head}\r\n\r\n").as_bytes())
            .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    fn metrics(&self) -> String {
        let response = self.ask(&format!("GET /metrics HTTP/1.1\r\nHost: {}", self.address));
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{response}");
        assert!(
            head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
            "{head}"
        );
        body.to_owned()
    }

    /// The metrics as soon as they have this line.
    fn metrics_with(&self, line: &str) -> String {
        loop {
            let metrics = self.metrics();
            if metrics.lines().any(|known| known == line) {
                return metrics;
            }
        }
    }

    /// Its exit code and the rest of what it prints.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

/// A site whose page `/late` comes when the gate is open.
fn site(gate: &Gate) -> haul::origin::Origin {
    Site::builder()
        .route("/late", Response::page("late").held(gate))
        .route("/404", Response::status(404))
        .fallback(Response::page("a page"))
        .start()
        .unwrap()
}

fn value(metrics: &str, sample: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in {metrics}"))
        .parse()
        .unwrap()
}

#[test]
fn a_stranger_reads_the_figures_of_a_run_that_is_under_way() {
    let (gate, folder) = (Gate::new(), Folder::new());
    let site = site(&gate);
    let urls: Vec<_> = ["/a", "/404", "/late", "/b"]
        .map(|path| site.url(path))
        .into();
    fs::write(folder.path().join("urls.txt"), urls.join("\n")).unwrap();
    let line = [
        "fetch",
        "urls.txt",
        "-c",
        "1",
        "--job",
        "job",
        "--progress",
        "none",
    ];
    let run = Watched::start(&mut haul(folder.path(), &line));
    wait(site.log().wait_for_hits(3));
    let metrics = run.metrics_with("haul_waiting 1");
    for (sample, expected) in [
        ("haul_records_total{outcome=\"fetched\"}", 1.0),
        ("haul_records_total{outcome=\"failed\"}", 1.0),
        ("haul_final_responses_total{status=\"404\"}", 1.0),
        ("haul_failures_total{class=\"http-4xx\"}", 1.0),
        ("haul_responses_total", 2.0),
        ("haul_expected_records", 4.0),
        ("haul_waiting", 1.0),
        ("haul_response_seconds_count", 2.0),
        ("haul_response_seconds_bucket{le=\"+Inf\"}", 2.0),
    ] {
        assert_eq!(value(&metrics, sample), expected, "{sample}: {metrics}");
    }
    assert!(
        value(&metrics, "haul_checkpoint_age_seconds") < 60.0,
        "{metrics}"
    );
    let host = site.url("/").trim_end_matches('/').to_owned();
    let waiting = format!("haul_host_waiting{{host=\"{host}\"}}");
    assert_eq!(value(&metrics, &waiting), 1.0, "{metrics}");
    gate.open();
    assert_eq!(run.end().0, Some(3));

    let Some(python) = tools::python("metrics") else {
        return;
    };
    let parse = "import sys\nfrom prometheus_client.parser import text_string_to_metric_families as parse\n\
        for family in parse(sys.stdin.read()):\n    assert family.documentation and family.samples, family\n    \
        print(family.name, family.type, len(family.samples))";
    let mut child = Command::new(python)
        .args(["-c", parse])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(metrics.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let families = String::from_utf8(output.stdout).unwrap();
    for family in [
        "haul_records counter 4",
        "haul_response_seconds histogram 17",
        "haul_in_flight gauge 1",
    ] {
        assert!(
            families.lines().any(|line| line == family),
            "{family}: {families}"
        );
    }
}

#[test]
fn only_the_busiest_hosts_have_a_label() {
    let (gate, folder) = (Gate::new(), Folder::new());
    let site = site(&gate);
    let port = site.address().port();
    let urls = (0..60).map(|number| match number {
        0 => site.url("/late"),
        number => format!("http://h{}.localhost:{port}/{number}", number % 30),
    });
    let urls: Vec<_> = urls.collect();
    fs::write(folder.path().join("urls.txt"), urls.join("\n")).unwrap();
    let line = ["fetch", "urls.txt", "-c", "1", "--progress", "none"];
    let run = Watched::start(&mut haul(folder.path(), &line));
    wait(site.log().wait_for_hits(1));
    let metrics = run.metrics_with("haul_in_flight 1");
    let labels = metrics
        .lines()
        .filter(|line| line.starts_with("haul_host_waiting{"));
    let labels: Vec<_> = labels.collect();
    assert_eq!(labels.len(), 21, "{labels:?}");
    let sum: f64 = labels
        .iter()
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum();
    assert_eq!(sum, value(&metrics, "haul_waiting"), "{metrics}");
    gate.open();
    assert_eq!(run.end().0, Some(0));
}

#[test]
fn clients_that_mean_no_good_get_little_and_do_not_disturb_the_run() {
    let (gate, folder) = (Gate::new(), Folder::new());
    let site = site(&gate);
    let late = site.url("/late");
    let line = ["fetch", &late, "--progress", "none", "-o", "out.jsonl"];
    let run = Watched::start(&mut haul(folder.path(), &line));
    wait(site.log().wait_for_hits(1));
    for (head, status) in [
        ("GET /metrics HTTP/1.1\r\nHost: evil.example", "403"),
        ("GET /fault/ HTTP/1.1\r\nHost: localhost", "404"),
        (
            "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0",
            "405",
        ),
        ("nonsense", "400"),
    ] {
        let response = run.ask(head);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}")),
            "{head}: {response}"
        );
    }
    let head = run.ask("HEAD /metrics HTTP/1.1\r\nHost: localhost");
    assert!(
        head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    // A head without end is cut off.
    let mut endless = TcpStream::connect(&run.address).unwrap();
    let piece = [b'x'; 1 << 16];
    let start = endless.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ");
    let refused = start.and_then(|()| (0..1024).try_for_each(|_| endless.write_all(&piece)));
    assert!(refused.is_err(), "64 MiB of a request head were taken");
    // Clients that connect and say nothing hold all the room that there is, and the run does not care.
    let silent: Vec<_> = (0..60)
        .map(|_| TcpStream::connect(&run.address).unwrap())
        .collect();
    gate.open();
    let (code, rest) = run.end();
    assert_eq!(code, Some(0), "{rest}");
    drop(silent);
}

#[test]
fn an_address_that_is_taken_is_an_error_before_the_run() {
    let (site, folder) = (cli::Site::start(), Folder::new());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let url = site.url("a");
    let (code, stdout, stderr) = cli::run(folder.path(), &["fetch", &url, "--metrics", &port]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(
        stderr.contains("--metrics: cannot listen at 127.0.0.1:"),
        "{stderr}"
    );
}
