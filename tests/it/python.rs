//! Other people's programs, as they come from the Python package index.
//!
//! They are put into an environment of their own below `target/` the first time, and stay there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The environment of this name with these packages in it. Made once, whoever asks first.
pub(crate) fn environment(name: &str, packages: &[&str]) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(|broken| broken.into_inner());
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let whole = here.join("whole");
    if fs::read_to_string(&whole).is_ok_and(|told| told == packages.join(" ")) {
        return here;
    }
    let made = |command: &mut Command| {
        let output = command.output().expect("python3, with venv");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
    };
    made(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&here),
    );
    made(
        Command::new(here.join("bin/pip"))
            .args(["install", "-q"])
            .args(packages),
    );
    fs::write(whole, packages.join(" ")).unwrap();
    here
}
