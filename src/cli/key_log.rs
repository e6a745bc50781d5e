//! `SSLKEYLOGFILE`, the environment variable that browsers and curl obey too.

use std::path::PathBuf;

use haul::fetch::FetchSettings;

/// Writes the secrets of TLS connections to the file that the environment names, if it names one, and returns a warning:
/// whoever has the file can read what was sent.
pub(crate) fn log_keys(fetch: &mut FetchSettings) -> Option<String> {
    let path = std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty());
    let path = path.map(PathBuf::from)?;
    let warning = format!(
        "SSLKEYLOGFILE is set: the keys of all TLS connections are written to {}",
        path.display()
    );
    fetch.key_log = Some(path);
    Some(warning)
}
