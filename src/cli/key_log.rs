//! `SSLKEYLOGFILE`, the environment variable that browsers and curl obey too.

use std::io::Write;
use std::path::PathBuf;

use haul::fetch::FetchSettings;

use crate::progress::Verbosity;

/// Writes the secrets of TLS connections to the file that the environment names, if it names one, and warns of it:
/// whoever has the file can read what was sent.
pub(crate) fn log_keys(fetch: &mut FetchSettings, verbosity: Verbosity) {
    let path = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty());
    let Some(path) = path.map(PathBuf::from) else {
        return;
    };
    if verbosity >= Verbosity::Quiet {
        let text = format!(
            "haul: SSLKEYLOGFILE is set: the keys of all TLS connections are written to {}\n",
            path.display()
        );
        // If this cannot be written, there is nobody left to report it to.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    fetch.key_log = Some(path);
}
