//! A client for the tests here: a blocking socket, bytes in and bytes out, no HTTP library.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tempfile::TempDir;

use super::{Origin, OriginSettings};

/// Longer than any response takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to an origin.
pub(crate) struct Visitor {
    stream: TcpStream,
    input: Vec<u8>,
}

/// A parsed response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A header's value; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Visitor {
    pub(crate) fn of(origin: &Origin) -> Visitor {
        let stream = TcpStream::connect(origin.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Visitor {
            stream,
            input: Vec::new(),
        }
    }

    /// Sends these bytes.
    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).unwrap();
    }

    /// Requests a path with these header lines, each ended by CRLF.
    pub(crate) fn get(&mut self, path: &str, headers: &str) -> Response {
        self.send(format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
        ));
        self.response().unwrap()
    }

    /// Reads one framed response.
    pub(crate) fn response(&mut self) -> io::Result<Response> {
        self.response_to("GET")
    }

    /// Reads one framed response to a request of that method.
    pub(crate) fn response_to(&mut self, method: &str) -> io::Result<Response> {
        let end = self.read_to(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&self.take(end)).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let mut response = Response {
            status,
            head,
            body: Vec::new(),
        };
        if method == "HEAD" || matches!(status, 100 | 204 | 304) {
            return Ok(response);
        }
        if response.header("transfer-encoding") == "chunked" {
            loop {
                let line = self.read_to(b"\r\n")?;
                let line = self.take(line);
                let size =
                    usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
                self.need(size + 2)?;
                let mut chunk = self.take(size + 2);
                chunk.truncate(size);
                response.body.append(&mut chunk);
                if size == 0 {
                    return Ok(response);
                }
            }
        }
        let length = response.header("content-length").parse().unwrap();
        self.need(length)?;
        response.body = self.take(length);
        Ok(response)
    }

    /// Reads to the end of the connection, or `most` bytes; an error if it was reset.
    pub(crate) fn rest(&mut self, most: usize) -> io::Result<Vec<u8>> {
        while self.input.len() < most && self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.input))
    }

    fn read_to(&mut self, end: &[u8]) -> io::Result<usize> {
        loop {
            if let Some(at) = self
                .input
                .windows(end.len())
                .position(|window| window == end)
            {
                return Ok(at + end.len());
            }
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn need(&mut self, length: usize) -> io::Result<()> {
        while self.input.len() < length {
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.input.drain(..length).collect()
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 << 10];
        let read = self.stream.read(&mut buffer)?;
        self.input.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

/// Requests one path from an origin on a connection of its own.
pub(crate) fn get(origin: &Origin, path: &str) -> Response {
    Visitor::of(origin).get(path, "")
}

/// Waits for an event in an origin's log.
pub(crate) fn wait<T>(event: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, event).await.unwrap() })
}

/// A temporary folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Serves this folder.
pub(crate) fn start(folder: &TempDir) -> Origin {
    Origin::start(OriginSettings {
        folder: Some(folder.path().to_owned()),
        ..OriginSettings::default()
    })
    .unwrap()
}
