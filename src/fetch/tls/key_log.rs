//! A file with the secrets of connections, with which Wireshark decrypts a recording of them.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustls::KeyLog;

/// Appends the secrets of connections to a file, one per line, in the format of `SSLKEYLOGFILE` (RFC 9850).
#[derive(Debug)]
pub(super) struct KeyLogFile(File);

impl KeyLogFile {
    /// Opens the file; a new one can only be read by its owner.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.create(true).append(true).mode(0o600);
        options.open(path).map(Self)
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = label.to_owned();
        for bytes in [client_random, secret] {
            line.push(' ');
            for byte in bytes {
                let _ = write!(line, "{byte:02x}"); // writing to a string cannot fail
            }
        }
        line.push('\n');
        // One write, so that lines of several threads and processes do not mix. Without it, the connection works too.
        let _ = (&self.0).write_all(line.as_bytes());
    }
}
