//! The folder in which the runs of a user share the pace of hosts.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The folder: in the user's runtime directory, or else a folder of the user among the temporary files.
///
/// A runtime directory that is not there or belongs to somebody else, as after `sudo`, counts as none.
pub(super) fn folder(environment: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    let runtime = environment("XDG_RUNTIME_DIR").map(PathBuf::from);
    let is_ours = |folder: &PathBuf| {
        folder.is_absolute()
            && fs::metadata(folder).is_ok_and(|known| known.is_dir() && known.uid() == user)
    };
    match runtime.filter(is_ours) {
        Some(runtime) => runtime.join("haul"),
        None => std::env::temp_dir().join(format!("haul-{user}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_runtime_directory_of_the_user_is_used() {
        let own = tempfile::tempdir().unwrap();
        let of = |path: &str| folder(|_| Some(OsString::from(path)));
        let path = own.path().to_str().unwrap();
        assert_eq!(of(path), own.path().join("haul"));
        let user = rustix::process::geteuid().as_raw();
        let other = std::env::temp_dir().join(format!("haul-{user}"));
        for path in ["", "relative", "/no/such/folder", "/proc/version"] {
            assert_eq!(of(path), other, "{path}");
        }
        assert_eq!(folder(|_| None), other);
    }
}
