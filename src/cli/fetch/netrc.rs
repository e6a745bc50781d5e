//! The netrc file: which one, and who may read it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use haul::Error;
use haul::fetch::Netrc;

/// The largest file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The user's own netrc file: `$NETRC`, or `.netrc` in the home folder.
///
/// # Errors
/// When there is no home folder.
pub(super) fn usual() -> haul::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || Some(PathBuf::from(set("HOME")?).join(".netrc"));
    let path = set("NETRC").map(PathBuf::from).or_else(home);
    path.ok_or_else(|| {
        Error::Setting(
            "--netrc: neither NETRC nor HOME is set; name the file with --netrc-file".into(),
        )
    })
}

/// Reads a netrc file. One that others may read is refused, as ssh refuses such keys: its passwords are not secret.
///
/// # Errors
/// When it cannot be read, others can read it, or it has a mistake.
pub(super) fn read(flag: &str, path: &Path) -> haul::Result<Netrc> {
    let name = path.display();
    let problem = |problem: String| Error::Setting(format!("{flag}: {problem}"));
    let unreadable = |error: io::Error| problem(format!("cannot read {name}: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_file() && about.permissions().mode() & 0o077 != 0 {
        return Err(problem(format!(
            "other users may read or change {name}, which has passwords; this mends it: chmod 600 {name}"
        )));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(problem(format!("{name} is larger than 1 MiB")));
    }
    let text = String::from_utf8(bytes).map_err(|_| problem(format!("{name} is not UTF-8")))?;
    Netrc::parse(&text)
        .map_err(|error| problem(format!("{name}:{}: {}", error.line, error.problem)))
}
