//! Inputs that can be read only once, such as pipes: each is opened once, in its turn.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use haul::origin::{Response, Site};
use haul::seeds::{SeedSettings, SeedSource};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::{haul, split_output};
use crate::folder::Folder;
use crate::lists::list;
use crate::program::Program;
use crate::run::{run, wait};

fn fifo(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    path
}

/// Runs a command line of bash in a folder, with `haul` as a command.
fn bash(folder: &Path, line: &str) -> (Option<i32>, String, String) {
    let mut bash = Program::by("bash", folder, line);
    split_output(bash.output().unwrap())
}

#[test]
fn a_named_pipe_is_a_list_however_often_it_is_tried() {
    let folder = Folder::new();
    for round in 0..20 {
        let path = fifo(folder.path(), &format!("pipe-{round}"));
        let writer = {
            let path = path.clone();
            thread::spawn(move || fs::write(path, "http://a.example/1\nhttp://a.example/2\n"))
        };
        let mut config = list("x", "").dry();
        config.seeds = SeedSettings::of(vec![SeedSource::File(path)]);
        assert_eq!(run(config).records.len(), 2);
        writer.join().unwrap().unwrap();
    }
}

#[test]
fn pipes_are_opened_in_their_turn_so_one_writer_can_fill_them_in_order() {
    let folder = Folder::new();
    let paths = ["one", "two"].map(|name| fifo(folder.path(), name));
    let writer = {
        let paths = paths.clone();
        thread::spawn(move || {
            for path in paths {
                fs::write(path, "http://a.example/\n".repeat(10_000)).unwrap();
            }
        })
    };
    let mut config = list("x", "").dry();
    config.seeds = SeedSettings::of(paths.map(SeedSource::File).to_vec());
    assert_eq!(run(config).records.len(), 20_000);
    writer.join().unwrap();
}

#[test]
fn every_flag_that_names_a_file_takes_a_process_substitution() {
    let site = Site::builder()
        .fallback(Response::page("<title>t</title>"))
        .start()
        .unwrap();
    let folder = Folder::new();
    let line = format!(
        "haul fetch -q -i <(printf '{0}\\n{0}?2\\n{0}?3\\n') --rows @<(echo 1,3) -w @<(printf '%%{{status}} %%{{url}}\\n') \
         -H @<(echo 'X-A: 1') --data @<(printf 'k=1') --config <(echo 'user-agent = \"piped\"') --per-host 1 \
         --bearer-file <(echo s3cret)",
        site.url("/x")
    );
    let (code, out, error) = bash(folder.path(), &line);
    assert_eq!(code, Some(0), "{error}");
    let expected = format!("200 {0}\n200 {0}?3\n", site.url("/x"));
    assert_eq!(out, expected);
    let hit = &site.log().hits("/x")[0];
    assert_eq!((hit.method.as_str(), &hit.body[..]), ("POST", &b"k=1"[..]));
    assert_eq!(hit.header("x-a"), Some("1"));
    assert_eq!(hit.header("user-agent"), Some("piped"));
    assert_eq!(hit.header("authorization"), Some("Bearer s3cret"));
}

#[test]
fn recipes_and_standard_input_by_its_other_names_are_read_once() {
    let site = Site::builder()
        .fallback(Response::page("<h1>A plane</h1>"))
        .start()
        .unwrap();
    let folder = Folder::new();
    let recipe = "name = \"thing\"\nurls = [\"**\"]\n[fields]\ntitle = \"h1\"\n";
    fs::write(folder.path().join("recipe.toml"), recipe).unwrap();
    let url = site.url("/x");
    for list in ["-", "/dev/stdin", "-i /dev/stdin", "-i /dev/fd/0"] {
        let line = format!("echo '{url}' | haul fetch -q -f jsonl {list}");
        let (code, out, error) = bash(folder.path(), &line);
        assert_eq!((code, out.lines().count()), (Some(0), 1), "{list}: {error}");
    }
    let line = "haul recipe check <(cat recipe.toml)";
    let (code, out, error) = bash(folder.path(), line);
    let (plain_code, plain, _) = bash(folder.path(), "haul recipe check recipe.toml");
    assert_eq!((code, out), (plain_code, plain), "{error}");
    for line in [
        "echo x | haul fetch -i - -i /dev/stdin",
        "echo x | haul fetch - -H @-",
        "echo x | haul fetch http://a.example -w @- --data @-",
        "echo x | haul fetch /dev/stdin --rows @-",
    ] {
        let (code, _, error) = bash(folder.path(), line);
        assert_eq!(code, Some(2), "{line}: {error}");
        assert!(error.contains("standard input"), "{line}: {error}");
    }
    let line = format!("echo '%{{status}}' | haul fetch {url} -q -w @-");
    assert_eq!(bash(folder.path(), &line).1, "200\n");
}

#[test]
fn a_run_that_waits_for_a_pipe_ends_at_the_first_signal() {
    let site = Site::builder()
        .fallback(Response::page("x"))
        .start()
        .unwrap();
    let folder = Folder::new();
    fifo(folder.path(), "pipe");
    let url = site.url("/first");
    let child = haul(folder.path(), &["fetch", &url, "-i", "pipe"])
        .spawn()
        .unwrap();
    wait(site.log().wait_for_hits(1));
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, Signal::INT).unwrap();
    let (code, out, error) = split_output(child.wait_with_output().unwrap());
    assert_eq!(code, Some(130), "{error}");
    assert!(out.contains("/first"), "{out}");
}

#[test]
fn an_archive_in_a_pipe_is_refused_and_not_read_twice() {
    let folder = Folder::new();
    let (code, _, error) = bash(folder.path(), "haul fetch --from <(echo WARC/1.1)");
    assert_ne!(code, Some(0));
    assert!(error.contains("read from a file"), "{error}");
}
