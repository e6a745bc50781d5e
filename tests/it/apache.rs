//! A private Apache for a test, with mod_auth_digest: a server that others wrote.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rustix::process::Signal;

use crate::stranger::{self, Stranger, free_ports};
use crate::tools;

/// Where Debian puts its modules.
const MODULES: &str = "/usr/lib/apache2/modules";

/// A running Apache.
pub(crate) struct Apache {
    server: Stranger,
    port: u16,
}

impl Apache {
    /// Starts Apache with ten pages, `/0` to `/9`, for a user and a password, or returns `None` if it is not installed.
    pub(crate) fn start(user: &str, password: &str) -> Option<Self> {
        let program = tools::program("apache2")?;
        let folder = stranger::folder();
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
        let port = free_ports(1)[0];
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
        let mut command = Command::new(program);
        let arguments = ["-D", "FOREGROUND", "-f"];
        command.args(arguments).arg(path.join("apache.conf"));
        // On SIGTERM it would kill children that are still writing to the log.
        let server = Stranger::start(folder, &mut command, port, Signal::WINCH);
        Some(Self { server, port })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The lines of the log: the status, method, user, path, and login of each request.
    pub(crate) fn log(self) -> Vec<String> {
        self.server.log()
    }
}

fn md5_of(text: &str) -> String {
    use md5::Digest;
    let bytes = md5::Md5::digest(text);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
