//! The file with the table, and the folder that it is in.
//!
//! Both belong to the user alone: what others could write or lock is not used, so that nobody else can hold up a run or
//! make one impolite. Nothing is followed that is not what it seems: no symbolic link, no second name of a file.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// The name of the file; a format that differs gets another.
pub(super) const FILE: &str = "hosts.1";
/// Permissions of anybody but the user.
const OF_OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);

/// Opens the file, and creates it and its folder if `create` says so; `None` if it does not exist.
///
/// # Errors
/// Why it cannot be used, as the end of a sentence.
pub(super) fn open(folder: &Path, create: bool) -> Result<Option<File>, String> {
    let shown = folder.display();
    let failed = |error: Errno| format!("{shown}: {}", io::Error::from(error));
    if create {
        match rustix::fs::mkdirat(CWD, folder, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match rustix::fs::openat(CWD, folder, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::NOENT) if !create => return Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => {
            return Err(format!("{shown} is not a folder, or a symbolic link"));
        }
        Err(error) => return Err(failed(error)),
    };
    check(&rustix::fs::fstat(&opened).map_err(failed)?)
        .map_err(|problem| format!("{shown} {problem}"))?;
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let flags = match create {
        true => flags | OFlags::CREATE,
        false => flags,
    };
    let shown = folder.join(FILE);
    let shown = shown.display();
    let failed = |error: Errno| format!("{shown}: {}", io::Error::from(error));
    let file = match rustix::fs::openat(&opened, FILE, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) if !create => return Ok(None),
        Err(Errno::LOOP) => return Err(format!("{shown} is a symbolic link")),
        Err(error) => return Err(failed(error)),
    };
    let status = rustix::fs::fstat(&file).map_err(failed)?;
    check(&status).map_err(|problem| format!("{shown} {problem}"))?;
    let is_file = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
    match is_file && status.st_nlink == 1 {
        true => Ok(Some(file)),
        false => Err(format!("{shown} is not a file with one name")),
    }
}

/// Whether a file still has its name, so that other runs can find it.
pub(super) fn is_there(file: &File) -> bool {
    rustix::fs::fstat(file).is_ok_and(|status| status.st_nlink > 0)
}

/// Checks that something belongs to the user alone.
fn check(status: &Stat) -> Result<(), &'static str> {
    if status.st_uid != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user");
    }
    match Mode::from_raw_mode(status.st_mode).intersects(OF_OTHERS) {
        true => Err("may be used by other users"),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_folder_and_a_file_are_made_for_the_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("haul");
        assert!(open(&folder, false).unwrap().is_none());
        assert!(!folder.exists(), "looking leaves nothing behind");
        let file = open(&folder, true).unwrap().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
        assert!(open(&folder, false).unwrap().is_some());
        assert!(is_there(&file));
        fs::remove_file(folder.join(FILE)).unwrap();
        assert!(!is_there(&file));
    }

    #[test]
    fn what_is_not_the_users_own_is_refused_with_a_reason() {
        let parent = tempfile::tempdir().unwrap();
        let refused = |name: &str| {
            let folder = parent.path().join(name);
            for create in [false, true] {
                let problem = open(&folder, create).unwrap_err();
                assert!(problem.contains(name), "{problem}");
            }
            open(&folder, true).unwrap_err()
        };
        let at = |name: &str| parent.path().join(name);
        open(&at("real"), true).unwrap();
        symlink(at("real"), at("link")).unwrap();
        assert!(refused("link").ends_with("is not a folder, or a symbolic link"));
        fs::write(at("file"), "").unwrap();
        assert!(refused("file").ends_with("is not a folder, or a symbolic link"));
        open(&at("open"), true).unwrap();
        fs::set_permissions(at("open"), Permissions::from_mode(0o755)).unwrap();
        assert!(refused("open").ends_with("may be used by other users"));
        open(&at("table"), true).unwrap();
        let table = at("table").join(FILE);
        fs::set_permissions(&table, Permissions::from_mode(0o604)).unwrap();
        assert!(refused("table").ends_with("may be used by other users"));
        open(&at("two"), true).unwrap();
        fs::hard_link(at("two").join(FILE), at("other")).unwrap();
        assert!(refused("two").ends_with("is not a file with one name"));
        open(&at("leads"), true).unwrap();
        fs::remove_file(at("leads").join(FILE)).unwrap();
        symlink(at("other"), at("leads").join(FILE)).unwrap();
        assert!(refused("leads").ends_with("is a symbolic link"));
        assert!(open(&at("no").join("parent"), true).is_err());
    }
}
