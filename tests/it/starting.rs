//! A run that cannot start reports why, and leaves existing files unchanged.

use haul::origin::{Response, Site};

use crate::folder::Folder;
use crate::program::{PATH, Program};
use crate::run::ENGINES;

#[test]
fn a_machine_that_starts_no_more_threads_or_processes_gets_an_error_and_no_panic() {
    let folder = Folder::new();
    let site = Site::builder()
        .fallback(Response::page("x"))
        .start()
        .unwrap();
    std::fs::write(folder.path().join("out.jsonl"), "before\n").unwrap();
    let is_root = rustix::process::getuid().is_root();
    // The limit does not apply to root, so run as another user, one without other processes.
    let uid = 50_000 + std::process::id() % 10_000;
    let binary = folder.path().join("haul");
    std::fs::copy(PATH, &binary).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    };
    open(folder.path());
    open(&folder.path().join("out.jsonl"));
    let mut failed = 0;
    for engine in ENGINES {
        for most in [1, 2, 3, 4, 5, 6, 7, 9] {
            let script = format!(
                "ulimit -u {most}; exec {} fetch {} --engine {engine} -o out.jsonl --no-config -q",
                binary.display(),
                site.url("/")
            );
            // The only shell that can limit threads.
            let mut command = Program::by("bash", folder.path(), &script);
            command.env("HOME", folder.path());
            if is_root {
                command.as_user(uid);
            }
            let output = command.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            let written = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
            assert!(!stderr.contains("panicked"), "{engine} {most}: {stderr}");
            // A child that cannot start its own threads reports that.
            let is_mute = stderr.contains("it ended before it was ready");
            assert!(!is_mute, "{engine} {most}: {stderr}");
            match output.status.code() {
                // The limit was high enough for all of them.
                Some(0) => {
                    assert_eq!(written.lines().count(), 1, "{engine} {most}");
                    std::fs::write(folder.path().join("out.jsonl"), "before\n").unwrap();
                }
                Some(1) => {
                    failed += 1;
                    assert!(
                        stderr.contains("cannot set up"),
                        "{engine} {most}: {stderr}"
                    );
                    assert!(["before\n", ""].contains(&written.as_str()), "{written}");
                }
                code => panic!("{engine} {most}: {code:?} {stderr}"),
            }
        }
    }
    assert!(failed >= ENGINES.len(), "{failed} runs could not start");
}

#[test]
fn a_child_process_that_cannot_work_says_why_and_no_row_is_lost() {
    let site = Site::builder()
        .fallback(Response::page("x"))
        .start()
        .unwrap();
    let mut config = crate::run::config("processes:2x2", [site.url("/")]);
    // It does not speak haul's protocol, and exits.
    config.program = Some("/bin/true".into());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(haul::crawl(&config, haul::Stop::new(), |_| {}));
    let error = ended.unwrap_err();
    assert!(
        matches!(
            error,
            haul::Error::Setup {
                what: "a child process",
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(site.log().requests(), 0);
}
