//! Archives that haul writes, read by other programs.
//!
//! The programs are warcio, pywb and wacz from the Python package index.

mod bodies;
mod records;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cli::run;
use crate::folder::Folder;

const STRANGERS: &str = include_str!("archive/strangers.py");

/// Runs one of the checks in `strangers.py` on an archive and returns what it prints.
pub(crate) fn run_strangers(python: &Path, what: &str, archive: &Path, more: &[&str]) -> String {
    let mut python = Command::new(python);
    python.args(["-c", STRANGERS, what]).arg(archive).args(more);
    let output = python.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{what} {}: {stderr}",
        archive.display()
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A response as it is sent, and its body as an archive should store it.
struct Served {
    path: &'static str,
    wire: Vec<u8>,
    body: Vec<u8>,
    coded: bool,
}

fn served(path: &'static str, head: &str, body: &[u8]) -> Served {
    let length = body.len();
    let mut wire = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    wire.extend_from_slice(body);
    Served {
        path,
        wire,
        body: body.to_vec(),
        coded: false,
    }
}

/// Responses of every kind.
fn answers() -> Vec<Served> {
    const EVIL: &[u8] = b"<title>a\rb\nc</title>\r\n\r\nWARC/1.1\r\nWARC-Type: response\r\nContent-Length: 0\r\n\r\n\r\n\r\nPK\x05\x06";
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed
        .write_all(&b"<title>Packed</title><p>text</p>".repeat(500))
        .unwrap();
    let packed = packed.finish().unwrap();
    let mut wire = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in packed.chunks(100) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    let mut random = fastrand::Rng::with_seed(5);
    let large: Vec<u8> = (0..9 << 20).map(|_| random.u8(..)).collect();
    let html = "200 OK\r\nContent-Type: text/html";
    vec![
        served("/plain", html, b"<title>Plain</title>"),
        Served {
            path: "/packed",
            wire,
            body: packed,
            coded: true,
        },
        served("/same", html, b"<title>Twice</title>"),
        served("/again", html, b"<title>Twice</title>"),
        served("/gone", "404 Not Found\r\nContent-Type: text/html", b"gone"),
        served(
            "/evil",
            "200 OK\r\nContent-Type: text/html\r\nX-Evil: na\u{ef}ve\t\"",
            EVIL,
        ),
        served(
            "/moved",
            "301 Moved\r\nLocation: /plain\r\nContent-Type: text/html",
            b"<a href=/plain>moved</a>",
        ),
        served("/empty", "200 OK\r\nContent-Type: text/plain", b""),
        served(
            "/large",
            "200 OK\r\nContent-Type: application/octet-stream",
            &large,
        ),
    ]
}

fn serve(answers: Arc<Vec<Served>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            thread::spawn(move || answer(stream, &answers));
        }
    });
    address
}

fn answer(mut stream: TcpStream, answers: &[Served]) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let first = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let target = first.split(' ').nth(1)?.to_owned();
        match answers.iter().find(|served| served.path == target) {
            Some(served) => stream.write_all(&served.wire).ok()?,
            None => return None,
        }
    }
}

/// A folder with the served bodies as files, an archive of them, and the server's origin.
fn archived(name: &str) -> (Folder, PathBuf, String) {
    let answers = Arc::new(answers());
    let folder = Folder::new();
    let below = folder.path().join("served");
    fs::create_dir(&below).unwrap();
    for served in answers.iter() {
        let end = if served.coded { ".coded" } else { "" };
        fs::write(
            below.join(format!("{}{end}", &served.path[1..])),
            &served.body,
        )
        .unwrap();
    }
    let origin = format!("http://{}", serve(Arc::clone(&answers)));
    let mut urls: Vec<String> = answers
        .iter()
        .map(|served| origin.clone() + served.path)
        .collect();
    urls.push("http://127.0.0.1:1/".to_owned());
    urls.push("no URL at\tall".to_owned());
    fs::write(folder.path().join("urls.txt"), urls.join("\n")).unwrap();
    let words = [
        "fetch",
        "urls.txt",
        "-q",
        "--no-config",
        "--retries",
        "0",
        "-o",
        name,
    ];
    let more = ["--max-failed", "100%", "--output-dir", "saved"];
    let (code, _, stderr) = run(folder.path(), &[&words[..], &more[..]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    let path = folder.path().join(name);
    (folder, path, origin)
}
