//! Several hauls on one machine: together they ask a host no faster than one of them may, as the server's log shows.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use haul::origin::{Hit, Origin, OriginSettings, Reply, Request, Response, Site};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli::haul;
use crate::folder::Folder;
use crate::politeness::{assert_apart, hits, on};
use crate::program::{Process, Program};
use crate::run::{ms, wait};

/// Pages that each haul asks for.
const PAGES: usize = 12;
/// The time between two requests to a host, as `DELAY` says it.
const APART: Duration = ms(200);
const DELAY: [&str; 2] = ["--delay", "200ms"];

fn pages() -> Origin {
    Origin::start(OriginSettings {
        pages: 1000,
        page_bytes: 100,
        ..OriginSettings::default()
    })
    .unwrap()
}

/// A haul that asks for pages of its own, from this number on; all hauls with the same runtime folder share.
fn fetching(runtime: &Path, origin: &Origin, first: usize, more: &[&str]) -> Program {
    fetching_of(runtime, first, more, |page| {
        origin.url(&format!("/page/{page}"))
    })
}

fn fetching_of(
    runtime: &Path,
    first: usize,
    more: &[&str],
    url: impl Fn(usize) -> String,
) -> Program {
    let urls: Vec<_> = (first..first + PAGES).map(url).collect();
    let list = format!("urls-{first}.txt");
    std::fs::write(runtime.join(&list), urls.join("\n")).unwrap();
    let mut command = haul(runtime, &["fetch", &list, "--max-failed", "0%"]);
    command.args(more).env("XDG_RUNTIME_DIR", runtime);
    command
}

/// Waits for a run that has to succeed; returns what it printed about itself.
fn succeeds(process: Process) -> String {
    let output = process.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        PAGES
    );
    stderr
}

/// Asserts that these requests were sent this far apart.
///
/// A busy machine may shift when the server sees one by half of that. Two hauls that do not share differ by less.
fn assert_shared(hits: &[Hit], apart: Duration) {
    let gaps: Vec<_> = hits
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .collect();
    let whole = apart * gaps.len() as u32;
    let is_kept = gaps.iter().all(|gap| *gap >= apart / 2);
    assert!(
        is_kept && gaps.iter().sum::<Duration>() + apart / 2 >= whole,
        "{gaps:?}"
    );
}

/// Whether a request is for a page of the haul that began with this one.
fn is_of(hit: &Hit, first: usize) -> bool {
    let page: usize = hit.path.trim_start_matches("/page/").parse().unwrap();
    (first..first + PAGES).contains(&page)
}

#[test]
fn two_hauls_that_ask_one_host_share_its_pace_and_take_turns() {
    let (origin, runtime) = (pages(), Folder::new());
    let start = |first| fetching(runtime.path(), &origin, first, &DELAY).spawn();
    let both = [start(0).unwrap(), start(PAGES).unwrap()];
    for process in both {
        succeeds(process);
    }
    let hits = origin.log().all_hits();
    assert_eq!(hits.len(), 2 * PAGES);
    assert_shared(&hits, APART);
    // While both have pages left, neither has to wait for more than one request of the other.
    let last = |first| hits.iter().rposition(|hit| is_of(hit, first)).unwrap();
    let begun = |first| hits.iter().position(|hit| is_of(hit, first)).unwrap();
    let shared = begun(0).max(begun(PAGES))..last(0).min(last(PAGES));
    let turns: Vec<bool> = hits[shared].iter().map(|hit| is_of(hit, 0)).collect();
    let twice = turns.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(twice * 4 <= turns.len(), "{turns:?}");
}

#[test]
fn a_haul_that_does_not_share_keeps_only_its_own_pace() {
    let (origin, runtime) = (pages(), Folder::new());
    let apart = [DELAY[0], DELAY[1], "--no-share"];
    let start = |first| fetching(runtime.path(), &origin, first, &apart).spawn();
    let both = [start(0).unwrap(), start(PAGES).unwrap()];
    for process in both {
        succeeds(process);
    }
    assert!(!runtime.path().join("haul").exists());
    let hits = origin.log().all_hits();
    for first in [0, PAGES] {
        let own: Vec<_> = hits
            .iter()
            .filter(|hit| is_of(hit, first))
            .cloned()
            .collect();
        assert_shared(&own, APART);
    }
    let took = hits[hits.len() - 1].at.duration_since(hits[0].at);
    let shared = APART * (2 * PAGES as u32 - 1);
    assert!(took < shared * 3 / 4, "{took:?}");
}

#[test]
fn each_haul_leaves_its_own_delay_after_its_own_requests() {
    let (origin, runtime) = (pages(), Folder::new());
    let start =
        |first, delay| fetching(runtime.path(), &origin, first, &["--for-host", delay]).spawn();
    let slow = start(0, "127.0.0.1 delay=300ms").unwrap();
    let quick = start(PAGES, "127.0.0.1 rate=10/s").unwrap();
    succeeds(quick);
    succeeds(slow);
    let hits = origin.log().all_hits();
    for pair in hits.windows(2) {
        let delay = if is_of(&pair[0], 0) { ms(300) } else { ms(100) };
        assert_shared(pair, delay);
    }
}

#[test]
fn the_delay_that_a_robots_txt_asks_for_is_shared_too() {
    let robots = Response::body("text/plain", "User-agent: *\nCrawl-delay: 0.2\n");
    let origin = Site::builder()
        .route("/robots.txt", robots)
        .fallback(Response::page("a page"))
        .start()
        .unwrap();
    let runtime = Folder::new();
    let start = |first| fetching(runtime.path(), &origin, first, &["--robots"]).spawn();
    let both = [start(0).unwrap(), start(PAGES).unwrap()];
    for process in both {
        succeeds(process);
    }
    let hits = origin.log().all_hits().into_iter();
    let hits: Vec<_> = hits.filter(|hit| hit.path != "/robots.txt").collect();
    assert_eq!(hits.len(), 2 * PAGES);
    assert_shared(&hits, APART);
}

#[test]
fn a_turn_is_not_lost_if_the_rate_of_the_run_delays_its_request() {
    let (origin, runtime) = (pages(), Folder::new());
    let more = ["--rate", "6/s", DELAY[0], DELAY[1]];
    let start = |first| {
        let url = |page: usize| {
            let name = ["a", "b"][page % 2];
            on(name, &origin, &format!("/page/{page}"))
        };
        fetching_of(runtime.path(), first, &more, url).spawn()
    };
    let both = [start(0).unwrap(), start(PAGES).unwrap()];
    for process in both {
        succeeds(process);
    }
    for name in ["a", "b"] {
        let hits = hits(name, &origin);
        assert_eq!(hits.len(), PAGES);
        assert_shared(&hits, APART);
    }
}

#[test]
fn hosts_that_a_run_serves_itself_are_its_own() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("site")).unwrap();
    std::fs::write(folder.path().join("site/index.html"), "<p>home</p>").unwrap();
    let words = "fetch http://a.localhost/ http://b.localhost/ --serve site --delay 5ms";
    let words: Vec<_> = words.split(' ').collect();
    let mut command = haul(folder.path(), &words);
    let output = command.env("XDG_RUNTIME_DIR", folder.path()).output();
    assert!(output.unwrap().status.success());
    assert!(!folder.path().join("haul").exists());
}

#[test]
fn a_haul_that_is_killed_leaves_the_host_to_the_others() {
    let (origin, runtime) = (pages(), Folder::new());
    let start = |first| {
        fetching(runtime.path(), &origin, first, &DELAY)
            .spawn()
            .unwrap()
    };
    let (mut killed, lives) = (start(0), start(PAGES));
    wait(origin.log().wait_for_hits(8));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = origin.log().requests() as usize;
    succeeds(lives);
    let hits = origin.log().all_hits();
    assert_shared(&hits, APART);
    // What the other had booked is over soon: then there is one request each delay, and not each second one.
    let after = &hits[before..];
    let gaps = after.windows(2).map(|pair| pair[1].at - pair[0].at);
    let long = gaps.filter(|gap| *gap >= APART * 3 / 2).count();
    assert!(
        after.len() >= 5 && long * 3 <= after.len(),
        "{long} of {}",
        after.len()
    );
}

#[test]
fn a_haul_that_is_stopped_does_not_stop_the_others() {
    let (origin, runtime) = (pages(), Folder::new());
    let start = |first| {
        fetching(runtime.path(), &origin, first, &DELAY)
            .spawn()
            .unwrap()
    };
    let (stopped, lives) = (start(0), start(PAGES));
    wait(origin.log().wait_for_hits(8));
    let pid = Pid::from_raw(stopped.id() as i32).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    succeeds(lives);
    // It goes on where it was, and still keeps the pace.
    kill_process(pid, Signal::CONT).unwrap();
    succeeds(stopped);
    let hits = origin.log().all_hits();
    assert_eq!(hits.len(), 2 * PAGES);
    assert_shared(&hits, APART);
}

/// Creates the table as haul does, and returns its path.
fn table(runtime: &Path) -> PathBuf {
    let folder = runtime.join("haul");
    DirBuilder::new().mode(0o700).create(&folder).unwrap();
    let path = folder.join("hosts.1");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(&path).unwrap();
    path
}

#[test]
fn a_lock_that_is_never_given_back_holds_nobody_up_for_long() {
    let (origin, runtime) = (pages(), Folder::new());
    // As a process has it that was stopped in the wrong moment.
    let file = File::open(table(runtime.path())).unwrap();
    file.lock().unwrap();
    let delay = ["--delay", "20ms"];
    let mut both = [0, PAGES].map(|first| {
        let haul = fetching(runtime.path(), &origin, first, &delay).spawn();
        haul.unwrap()
    });
    let begun = Instant::now();
    let held = both.each_mut().map(|process| {
        let mut text = String::new();
        process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(process.wait().unwrap().success(), "{text}");
        text.matches("hosts.1 and does not go on").count()
    });
    assert_eq!(held, [1, 1], "each says so once");
    let hits = origin.log().all_hits();
    assert_eq!(hits.len(), 2 * PAGES);
    for first in [0, PAGES] {
        let own: Vec<_> = hits
            .iter()
            .filter(|hit| is_of(hit, first))
            .cloned()
            .collect();
        assert!(own[0].at.saturating_duration_since(begun) < ms(10_000));
        assert_apart(&own, ms(20));
    }
}

#[test]
fn a_host_that_asks_one_haul_to_wait_is_left_alone_by_the_others() {
    for more in [&[][..], &["--delay", "10ms"], &["--no-share"]] {
        let requests = AtomicUsize::new(0);
        let busy = move |_: &Request| match requests.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::explained(429).header("Retry-After", "3").into(),
            _ => Response::page("well again"),
        };
        let origin = Site::builder()
            .route_with("/busy", busy)
            .fallback(Response::page("well"))
            .start()
            .unwrap();
        let runtime = Folder::new();
        let mut first = haul(runtime.path(), &["fetch", "-v", &origin.url("/busy")]);
        let mut first = first.spawn().unwrap();
        let mut lines = BufReader::new(first.stderr.take().unwrap()).lines();
        // When it says this, it has told the others.
        let is_pause = |line: io::Result<String>| line.unwrap().contains("paused for 3s");
        assert!(lines.any(is_pause));
        succeeds(fetching(runtime.path(), &origin, 0, more).spawn().unwrap());
        assert!(lines.all(|line| line.is_ok()));
        assert!(first.wait().unwrap().success());
        let hits = origin.log().all_hits();
        let refused = hits.iter().find(|hit| hit.status == Some(429)).unwrap();
        let others: Vec<_> = hits.iter().filter(|hit| hit.path != "/busy").collect();
        let gap = others[0].at.duration_since(refused.at);
        assert_eq!(others.len(), PAGES);
        assert_eq!(gap + APART >= ms(3000), more != ["--no-share"], "{gap:?}");
    }
}

#[test]
fn a_wait_for_another_haul_says_so() {
    let (origin, runtime) = (pages(), Folder::new());
    let start = |first, list: &[&str]| {
        fetching(runtime.path(), &origin, first, list)
            .spawn()
            .unwrap()
    };
    let slow = start(0, &["--delay", "4s"]);
    wait(origin.log().wait_for_hits(1));
    let mut other = start(PAGES, &["--delay", "10ms", "--progress", "json"]);
    let lines = BufReader::new(other.stderr.take().unwrap()).lines();
    let told = lines
        .map(Result::unwrap)
        .find(|line| line.contains("other_run"));
    let told: Value = serde_json::from_str(&told.unwrap()).unwrap();
    let host = origin.url("");
    assert_eq!(told["first_wait"]["host"], host.trim_end_matches('/'));
    for mut process in [slow, other] {
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

#[test]
fn a_folder_or_a_file_that_is_not_the_users_own_is_not_used_and_the_run_says_so() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil); 6] = [
        ("a symbolic link", |runtime| {
            std::fs::create_dir(runtime.join("elsewhere")).unwrap();
            symlink(runtime.join("elsewhere"), runtime.join("haul")).unwrap();
        }),
        ("may be used by other users", |runtime| {
            let folder = runtime.join("haul");
            std::fs::create_dir(&folder).unwrap();
            std::fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        }),
        ("may be used by other users", |runtime| {
            let path = table(runtime);
            std::fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
        }),
        ("is a symbolic link", |runtime| {
            let path = table(runtime);
            std::fs::rename(&path, runtime.join("precious")).unwrap();
            symlink(runtime.join("precious"), &path).unwrap();
        }),
        ("is not a file with one name", |runtime| {
            std::fs::hard_link(table(runtime), runtime.join("precious")).unwrap();
        }),
        ("is not a file with one name", |runtime| {
            let path = table(runtime);
            std::fs::remove_file(&path).unwrap();
            let mode = Mode::RUSR | Mode::WUSR;
            mknodat(CWD, &path, FileType::Fifo, mode, 0).unwrap();
        }),
    ];
    for (problem, spoil) in cases {
        let (origin, runtime) = (pages(), Folder::new());
        spoil(runtime.path());
        let haul = fetching(runtime.path(), &origin, 0, &["--delay", "5ms"]).spawn();
        let stderr = succeeds(haul.unwrap());
        let notice = "haul: the pace of hosts is not shared with other runs: ";
        let said: Vec<_> = stderr
            .lines()
            .filter(|line| line.starts_with(notice))
            .collect();
        assert!(
            said.len() == 1 && said[0].contains(problem),
            "{problem}: {stderr}"
        );
        assert_apart(&origin.log().all_hits(), ms(5));
        for untouched in ["elsewhere/hosts.1", "precious"] {
            let length = std::fs::metadata(runtime.path().join(untouched));
            assert!(length.is_err() || length.unwrap().len() == 0);
        }
    }
}

#[test]
fn a_damaged_table_holds_nobody_up_and_is_used_again() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut noise = vec![0; 3 << 20];
    random.fill(&mut noise);
    for damage in [&noise[..], &[0xff; 1 << 20], b"short"] {
        let (origin, runtime) = (pages(), Folder::new());
        std::fs::write(table(runtime.path()), damage).unwrap();
        let start = |first| fetching(runtime.path(), &origin, first, &DELAY).spawn();
        let both = [start(0).unwrap(), start(PAGES).unwrap()];
        for process in both {
            assert!(!succeeds(process).contains("not shared"));
        }
        assert_shared(&origin.log().all_hits(), APART);
    }
}

#[test]
fn without_a_runtime_directory_a_folder_of_the_user_among_the_temporary_files_is_used() {
    let (origin, folder) = (pages(), Folder::new());
    let start = |first, temporary: &Path| {
        let mut haul = fetching(folder.path(), &origin, first, &["--delay", "5ms"]);
        haul.env("XDG_RUNTIME_DIR", folder.path().join("none"))
            .env("TMPDIR", temporary);
        succeeds(haul.spawn().unwrap())
    };
    assert!(!start(0, folder.path()).contains("not shared"));
    let user = rustix::process::geteuid().as_raw();
    assert!(folder.path().join(format!("haul-{user}/hosts.1")).exists());
    let nowhere = start(0, &folder.path().join("nowhere"));
    assert!(
        nowhere.contains("nowhere") && nowhere.contains("not shared"),
        "{nowhere}"
    );
}

#[test]
fn a_run_without_a_delay_leaves_nothing_behind() {
    let (origin, runtime) = (pages(), Folder::new());
    succeeds(fetching(runtime.path(), &origin, 0, &[]).spawn().unwrap());
    assert!(!runtime.path().join("haul").exists());
}
