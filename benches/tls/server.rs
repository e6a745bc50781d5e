//! The server, a process of its own: all hosts, with a port for each workload.
//!
//! It writes its ports to its output, and then, for each line of its input, what it saw since the line before. It ends
//! when its input does.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use rustls::HandshakeKind;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Certificates;
use crate::counts::{Counter, Counts};
use crate::protocols::{http1, http2};
use crate::workload::{Workload, host_at};

/// The argument with which the benchmark starts itself as the server.
pub(crate) const SERVE: &str = "serve";

/// A server that was started.
pub(crate) struct Server {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    ports: Vec<u16>,
    /// The file with the certificate of its authority.
    pub(crate) authority: PathBuf,
}

impl Server {
    /// Starts a server that writes the certificate of its authority to a folder.
    pub(crate) fn start(folder: &Path) -> Self {
        let authority = folder.join("authority.pem");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(SERVE)
            .arg(&authority)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        Self {
            questions: child.stdin.take(),
            child,
            answers,
            ports: serde_json::from_str(&line).unwrap(),
            authority,
        }
    }

    /// The port of a workload.
    pub(crate) fn port(&self, workload: Workload) -> u16 {
        self.ports[workload as usize]
    }

    /// What it saw since it was last asked.
    pub(crate) fn take(&mut self) -> Counts {
        self.questions.as_mut().unwrap().write_all(b"\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}

/// Is the server, until the input ends.
pub(crate) fn serve(authority: &Path) {
    let certificates = Certificates::issue(authority);
    let counter = Arc::<Counter>::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let ports = Workload::ALL.map(|workload| {
        let listener = runtime.block_on(TcpListener::bind("0.0.0.0:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptors = certificates.acceptors(workload);
        runtime.spawn(accept(listener, workload, acceptors, counter.clone()));
        port
    });
    println!("{}", serde_json::to_string(&ports).unwrap());
    for _ in std::io::stdin().lines() {
        println!("{}", serde_json::to_string(&counter.take()).unwrap());
    }
}

async fn accept(
    listener: TcpListener,
    workload: Workload,
    acceptors: Vec<TlsAcceptor>,
    counter: Arc<Counter>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let Some(host) = host_at(stream.local_addr().unwrap().ip()) else {
            continue;
        };
        let (acceptor, counter) = (acceptors[host].clone(), counter.clone());
        // How a connection ends is the client's business.
        tokio::spawn(async move {
            let _ = connection(stream, workload, host, acceptor, &counter).await;
        });
    }
}

async fn connection(
    stream: TcpStream,
    workload: Workload,
    host: usize,
    acceptor: TlsAcceptor,
    counter: &Counter,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    counter.count(|counts| counts.connections += 1);
    stream.set_nodelay(true)?;
    let accepted = acceptor.accept(stream).await;
    let kind = accepted.as_ref().ok();
    let kind = kind.and_then(|stream| stream.get_ref().1.handshake_kind());
    counter.count(|counts| match kind {
        None => counts.failed += 1,
        Some(HandshakeKind::Resumed) => counts.resumed += 1,
        Some(_) => counts.full += 1,
    });
    match workload {
        Workload::Http2 => http2(accepted?, host, counter).await?,
        _ => http1(accepted?, host, workload.closes(), counter).await?,
    }
    Ok(())
}
