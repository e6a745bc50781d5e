//! A private Apache for a test, with mod_auth_digest: a server that others wrote.

use std::fs::{self, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::tools;

/// How long it may take to start.
const START: Duration = Duration::from_secs(20);
/// Where Debian puts its modules.
const MODULES: &str = "/usr/lib/apache2/modules";

/// A running Apache, with its files in a temporary folder.
pub(crate) struct Apache {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Apache {
    /// Starts Apache with ten pages, `/0` to `/9`, for a user and a password, or returns `None` if it is not installed.
    pub(crate) fn start(user: &str, password: &str) -> Option<Self> {
        let program = tools::program("apache2")?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        // Started as root, it works as somebody who may read nothing else.
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(path.join("pages")).unwrap();
        for page in 0..10 {
            fs::write(path.join(format!("pages/{page}")), "a page").unwrap();
        }
        let secret = md5_of(&format!("{user}:the realm:{password}"));
        let line = format!("{user}:the realm:{secret}\n");
        fs::write(path.join("passwords"), line).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let modules: String = [
            "mpm_event",
            "authn_core",
            "authn_file",
            "authz_core",
            "authz_user",
            "auth_digest",
        ]
        .map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"))
        .concat();
        let text = format!(
            "ServerRoot {folder}
             Listen 127.0.0.1:{port}
             ServerName localhost
             {modules}
             User nobody
             Group nogroup
             PidFile {folder}/pid
             ErrorLog {folder}/error.log
             LogFormat \"%>s %m %u %U %{{Authorization}}i\" told
             CustomLog {folder}/access.log told
             DocumentRoot {folder}/pages
             <Location />
               AuthType Digest
               AuthName \"the realm\"
               AuthDigestProvider file
               AuthUserFile {folder}/passwords
               Require valid-user
             </Location>\n",
            folder = path.display(),
        );
        fs::write(path.join("apache.conf"), text).unwrap();
        let child = Command::new(program)
            .args(["-D", "FOREGROUND", "-f"])
            .arg(path.join("apache.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let apache = Self {
            child,
            folder,
            port,
        };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < START, "Apache does not start");
            thread::yield_now();
        }
        Some(apache)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The lines of the log: the status, method, user, path, and login of each request.
    pub(crate) fn log(mut self) -> Vec<String> {
        self.stop();
        let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// Ends it and its children: they end with their parent only if it can tell them.
    fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        self.stop();
    }
}

fn md5_of(text: &str) -> String {
    use md5::Digest;
    let bytes = md5::Md5::digest(text);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
