//! The secrets of the suite, and the search for them in everything that haul lets out.
//!
//! Whatever runs haul searches: a [`Program`](crate::program::Program) its output, [`run`](crate::run::run) its records,
//! events and errors, and a [`Folder`](crate::folder::Folder) all files that are in it at the end. So a test only has to
//! use a secret that is searched for, and the tests in here check that it does, and that there is no other way.

use std::path::Path;
use std::sync::{LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::Finder;
use regex::Regex;

use crate::folder::files;

/// A part of every password, token and cookie in the tests.
pub(crate) const SECRET: &str = "s3cret";
/// A part of every private key.
const KEY: &str = "PRIVATE KEY-----";

/// The forms in which a secret would be found.
static FORMS: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| {
    let bytes = SECRET.bytes().map(|byte| byte.to_string());
    let bytes = bytes.collect::<Vec<_>>().join(", ");
    let hexadecimal: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![SECRET.to_owned(), KEY.to_owned(), bytes, hexadecimal];
    forms.extend((0..3).map(in_base64));
    let finder = |form: &String| Finder::new(form).into_owned();
    forms.iter().map(finder).collect()
});

/// Other secrets, which are not known before a test runs.
static NOTED: Mutex<Vec<Finder<'static>>> = Mutex::new(Vec::new());

/// The part of a longer text in base64 that is the same whatever surrounds the secret, which has this many bytes before
/// it, counted modulo 3.
fn in_base64(before: usize) -> String {
    let all = STANDARD.encode([vec![0; before], SECRET.into(), vec![0; 3]].concat());
    let (start, end) = (8 * before, 8 * (before + SECRET.len()));
    all[start.div_ceil(6)..end / 6].to_owned()
}

/// Searches for this secret, too, from now on.
pub(crate) fn note(secret: &str) {
    assert!(secret.len() >= 16, "too short to be unique: {secret}");
    NOTED.lock().unwrap().push(Finder::new(secret).into_owned());
}

/// Searches for a private key from now on, in PEM.
pub(crate) fn note_key(pem: &str) {
    let body = pem.lines().filter(|line| line.len() == 64);
    body.for_each(note);
}

/// Asserts that there is no secret in what haul let out.
pub(crate) fn search(what: &str, bytes: &[u8]) {
    if let Some(leak) = leak(bytes) {
        panic!("{what} has a secret: {leak}");
    }
}

/// The first secret in these bytes, with what surrounds it.
pub(crate) fn leak(bytes: &[u8]) -> Option<String> {
    let noted = NOTED.lock().unwrap();
    let at = FORMS
        .iter()
        .chain(noted.iter())
        .find_map(|form| form.find(bytes))?;
    let around = &bytes[at.saturating_sub(80)..bytes.len().min(at + 80)];
    Some(format!("{:?}", String::from_utf8_lossy(around)))
}

#[test]
fn a_secret_is_found_in_every_form() {
    for before in ["", "a", "ab", "abc", "ann:"] {
        let text = format!("{before}{SECRET}-of-a-test");
        let hexadecimal: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let forms = [
            text.clone(),
            STANDARD.encode(&text),
            hexadecimal,
            format!("{:?}", text.as_bytes()),
        ];
        for form in forms {
            assert!(leak(form.as_bytes()).is_some(), "{form}");
        }
    }
    let line = "aGF1bA".repeat(11)[..64].to_owned();
    note_key(&format!(
        "-----BEGIN A KEY-----\n{line}\n-----END A KEY-----\n"
    ));
    assert!(leak(format!("key: {line}").as_bytes()).is_some());
    assert!(leak(b"-----BEGIN EC PRIVATE KEY-----").is_some());
    assert_eq!(leak("a secret, s3cre, czNjcmV\u{e9}".as_bytes()), None);
}

/// The sources of the tests, by their paths below `tests/it`, without this one.
fn sources() -> Vec<(String, String)> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let sources = files(&tests).into_iter().filter_map(|path| {
        let name = path.strip_prefix(&tests).unwrap().display().to_string();
        (name != "leaks.rs").then(|| (name, std::fs::read_to_string(path).unwrap()))
    });
    sources.collect()
}

#[test]
fn nothing_runs_haul_without_a_search() {
    // These are about running the library by hand, and have no secrets.
    const BY_HAND: [&str; 4] = ["feeding.rs", "runner.rs", "starting.rs", "stored.rs"];
    // These have the folders of other programs, which may know secrets.
    const OTHERS: [&str; 3] = ["report/browser.rs", "stranger.rs", "tools.rs"];
    let allowed: [(&str, &[&str], &[&str]); 5] = [
        ("CARGO_BIN_EXE_", &["program.rs"], &[]),
        ("Command::new(PATH", &[], &[]),
        ("tempdir()", &["folder.rs"], &OTHERS),
        ("haul::crawl(", &["run.rs"], &BY_HAND),
        (".visits()", &["run.rs"], &BY_HAND),
    ];
    for (name, source) in sources() {
        for (text, one, others) in allowed {
            let may = one.contains(&name.as_str()) || others.contains(&name.as_str());
            assert!(may || !source.contains(text), "{name} has {text}");
        }
        let by_hand = BY_HAND.contains(&name.as_str());
        assert!(!by_hand || !source.contains(SECRET), "{name} has a secret");
    }
}

#[test]
fn every_password_in_the_tests_is_searched_for() {
    let password = [
        r#"://[^/\s"{}]*:([^@/\s"{}]+)@"#, // in a URL
        r#"password \\?"?([^\s"\\{}]+)"#,  // in a netrc file
        r#"Bearer ([^\s"\\{}]+)"#,
        r#""(?:-u|--user)",\s*"[^":]*:([^"]+)""#,
    ];
    let password = Regex::new(&password.join("|")).unwrap();
    let mut count = 0;
    for (name, source) in sources() {
        let literals = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for found in password.captures_iter(&literals.collect::<Vec<_>>().join("\n")) {
            let is_searched = found[0].contains(SECRET);
            assert!(is_searched, "{name}: {} has no {SECRET:?}", &found[0]);
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
