//! The external programs that tests run: a browser, a web server, shells, Python packages.
//!
//! Tests never install anything: `tests/setup` does, and contains the lists of what it installs. A test whose tool is
//! missing is skipped and counted, with a message on standard error that the test harness does not capture. If `CI` is
//! set, a skip is a failure. `tests/run` prints the number of skipped tests at the end.
//!
//! ```ignore
//! let Some(nginx) = tools::program("nginx") else { return };
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

/// Folders of server programs, which are not on every user's `PATH`.
const SERVERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The path of an installed program, or `None` after counting a skipped test.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    find(name).or_else(|| skip(name))
}

/// The Python interpreter with the packages of `tests/python/NAME.txt`.
///
/// Returns `None` after counting a skipped test.
pub(crate) fn python(name: &str) -> Option<PathBuf> {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("python")
        .join(name);
    let list = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(name)
        .with_extension("txt");
    let wanted = fs::read(&list).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    match fs::read(environment.join("installed.txt")) {
        Ok(installed) if installed == wanted => Some(environment.join("bin/python")),
        _ => skip(&format!("Python environment {name}")),
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(SERVERS.map(PathBuf::from));
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Counts the test that runs on this thread as skipped.
fn skip<T>(missing: &str) -> Option<T> {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED {test}: {missing} is missing; tests/setup installs it");
    let in_ci = env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    assert!(!in_ci, "{line}");
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    // Written directly, because the harness captures `println!` and `eprintln!`.
    let _ = writeln!(io::stderr(), "{line} ({count} skipped so far)");
    if let Some(list) = env::var_os("SKIPPED_TESTS") {
        let mut list = OpenOptions::new().append(true).open(list).unwrap();
        list.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    None
}

#[test]
fn a_test_whose_tool_is_missing_is_counted_as_skipped_and_fails_in_ci() {
    const INNER: &str = "TEST_A_MISSING_TOOL";
    if env::var_os(INNER).is_some() {
        assert_eq!(program("no-such-program"), None);
        return;
    }
    let list = tempfile::NamedTempFile::new().unwrap();
    let run_with_ci = |ci: &str| {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", thread::current().name().unwrap()])
            .env(INNER, "1")
            .env("SKIPPED_TESTS", list.path())
            .env("CI", ci)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), stderr)
    };
    let (passed, stderr) = run_with_ci("");
    assert!(passed, "{stderr}");
    assert!(stderr.contains("(1 skipped so far)"), "{stderr}");
    let listed = fs::read_to_string(list.path()).unwrap();
    assert!(listed.contains("no-such-program is missing"), "{listed}");
    let (passed, _) = run_with_ci("true");
    assert!(!passed, "a skip passed in CI");
    let unchanged = fs::read_to_string(list.path()).unwrap();
    assert_eq!(unchanged, listed);
}

/// The Rust and Python files of the tests below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    files
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "rs" || end == "py")
        })
        .collect()
}

#[test]
fn no_test_installs_anything() {
    // Each in two pieces, because this file is searched too.
    let words = [
        ("apt", "-get"),
        ("pip", " install"),
        ("/pi", "p\""),
        ("ve", "nv\""),
    ];
    let words = words.map(|(one, two)| format!("{one}{two}"));
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"));
    assert!(files.len() > 40, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for word in &words {
            assert!(!text.contains(word), "{word} in {}", file.display());
        }
    }
}

#[test]
fn the_run_of_all_tests_says_how_many_were_skipped_and_ends_as_they_do() {
    let root = tempfile::tempdir().unwrap();
    let program = |path: &str, script: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let runs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run")).unwrap();
    let runs = program("tests/run", &runs);
    program("tests/setup", "#!/bin/sh\necho installed\n");
    // Two tests are skipped, one of them in two threads, and one test fails.
    let tests = "#!/bin/sh\necho \"tested $*\"\n\
        printf 'SKIPPED a: x is missing\\nSKIPPED b: x is missing\\nSKIPPED a: x is missing\\n' >> \"$SKIPPED_TESTS\"\nexit 101\n";
    let cargo = program("bin/cargo", tests);
    let path = env::var_os("PATH").unwrap();
    let folders = [cargo.parent().unwrap().to_owned()]
        .into_iter()
        .chain(env::split_paths(&path));
    let output = Command::new(runs)
        .arg("waits")
        .env("PATH", env::join_paths(folders).unwrap())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        stdout.lines().collect::<Vec<_>>(),
        [
            "installed",
            "tested test --release --locked waits",
            "SKIPPED a: x is missing",
            "SKIPPED b: x is missing",
            "2 tests skipped",
        ]
    );
    assert_eq!(output.status.code(), Some(101));
}
