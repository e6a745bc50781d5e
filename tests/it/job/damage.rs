//! Jobs with damaged files or a full disk: haul stops and leaves the output unchanged.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::JobCrawl;
use crate::run::wait;

/// The offset of a job's format in its SQLite file.
///
/// File format 1.3: the user version, big-endian.
const FORMAT_AT: u64 = 60;

fn shorten(path: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

fn flip(path: &Path, bit: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << (bit % 8)], bit / 8)
        .unwrap();
}

#[test]
fn a_truncated_store_is_rejected_and_nothing_is_changed() {
    let job = JobCrawl::of(800);
    job.run_and_signal(Signal::TERM, 400); // a clean shutdown: all of the store is in its one file
    let size = fs::metadata(job.folder.path().join("job/frontier.db"))
        .unwrap()
        .len();
    // Missing bytes of the last page are read as zero, and may have been: cutting less than a page might lose nothing.
    for length in [0, 100, 3000, size / 2, size - 4096] {
        let copy = job.copy();
        shorten(&copy.path().join("job/frontier.db"), length);
        job.assert_rejected(copy.path(), "damaged");
    }
    for length in [0, 7, 15] {
        let copy = job.copy();
        shorten(&copy.path().join("job/commits"), length);
        job.assert_rejected(copy.path(), "damaged");
    }
    let copy = job.copy();
    fs::remove_file(copy.path().join("job/commits")).unwrap();
    job.assert_rejected(copy.path(), "damaged or missing");
    let copy = job.copy();
    let old = OpenOptions::new()
        .write(true)
        .open(copy.path().join("job/frontier.db"));
    old.unwrap().write_all_at(&[0; 4], FORMAT_AT).unwrap();
    job.assert_rejected(copy.path(), "format 0");
}

#[test]
fn a_damaged_definition_of_a_table_that_is_only_written_to_is_rejected_before_the_run_begins() {
    let job = JobCrawl::of(200);
    job.run_and_signal(Signal::TERM, 120);
    let copy = job.copy();
    let store = copy.path().join("job/frontier.db");
    let bytes = fs::read(&store).unwrap();
    let column = b"recipes TEXT";
    let at = bytes.windows(column.len()).position(|at| at == column);
    flip(&store, at.unwrap() as u64 * 8);
    job.assert_rejected(copy.path(), "damaged");
}

#[test]
fn a_flipped_bit_in_a_store_is_rejected_or_harmless() {
    let job = JobCrawl::of(200);
    job.run_and_signal(Signal::TERM, 120);
    let mut random = fastrand::Rng::with_seed(7);
    let size = fs::metadata(job.folder.path().join("job/frontier.db"))
        .unwrap()
        .len();
    let mut refused = 0;
    for trial in 0..30 {
        let copy = job.copy();
        let bit = random.u64(..size * 8);
        flip(&copy.path().join("job/frontier.db"), bit);
        let before = fs::read(copy.path().join("out.jsonl")).unwrap();
        match job.run_in(copy.path(), &["-q"]) {
            (Some(6), text) => {
                refused += 1;
                assert!(
                    text.contains("damaged") || text.contains("format"),
                    "{text}"
                );
                assert_eq!(fs::read(copy.path().join("out.jsonl")).unwrap(), before);
            }
            // The bit is in unused space.
            (Some(0), _) => job.audit_in(copy.path()),
            other => panic!("trial {trial}, bit {bit}: {other:?}"),
        }
    }
    assert!(refused > 5, "{refused} of 30");
}

#[test]
fn a_log_that_is_damaged_after_a_kill_is_rejected() {
    let job = JobCrawl::of(1500);
    let run = job.start_in(job.folder.path(), &["-q"]);
    wait(job.origin.log().wait_for_hits(700));
    run.kill();
    let log = job.folder.path().join("job/frontier.db-wal");
    let size = fs::metadata(&log).unwrap().len();
    assert!(size > 10_000, "{size} bytes");
    for damage in 0..3 {
        let copy = job.copy();
        let log = copy.path().join("job/frontier.db-wal");
        match damage {
            0 => shorten(&log, size / 2),
            1 => flip(&log, size * 4),
            _ => fs::remove_file(&log).unwrap(),
        }
        job.assert_rejected(copy.path(), "damaged");
    }
    assert_eq!(job.run(&["-q"]).0, Some(0), "the undamaged original");
    job.audit();
}

#[test]
fn a_shortened_output_is_rejected() {
    let job = JobCrawl::of(800);
    job.run_and_signal(Signal::TERM, 200);
    let out = job.folder.path().join("out.jsonl");
    let whole = job.out();
    shorten(&out, whole.len() as u64 - 1);
    let (code, text) = job.run(&["-q"]);
    assert_eq!(code, Some(5), "{text}");
    assert!(text.contains("somebody changed it"), "{text}");
    assert_eq!(job.out(), whole[..whole.len() - 1]);
    fs::write(&out, &whole).unwrap();
    assert_eq!(job.run(&["-q"]).0, Some(0));
    job.audit();
}

/// A small file system, mounted for a test.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one, or returns `None` if that is not permitted.
    fn of(folder: &Path, size: &str) -> Option<Self> {
        let path = folder.join("disk");
        fs::create_dir(&path).unwrap();
        let mounted = mount(
            &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"],
            &path,
        );
        mounted.then(|| Self(path))
    }

    fn grow(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}")], &self.0));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let mut mount = Command::new("mount");
    let output = mount.args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_disk_ends_the_run_and_with_more_room_the_same_command_finishes_the_job() {
    for size in ["300k", "600k", "1m"] {
        let job = JobCrawl::of(2000);
        let Some(disk) = Disk::of(job.folder.path(), size) else {
            println!("skipped: no small disk can be mounted here");
            return;
        };
        let (code, text) = job.run_in(&disk.0, &["-q"]);
        assert_eq!(code, Some(5), "{text}");
        assert!(text.contains("cannot write"), "{text}");
        // The disk is still full: nothing gets worse.
        let (code, text) = job.run_in(&disk.0, &["-q"]);
        assert_eq!(code, Some(5), "{text}");
        disk.grow("64m");
        let (code, text) = job.run_in(&disk.0, &["-q"]);
        assert_eq!(code, Some(0), "{size}: {text}");
        job.audit_in(&disk.0);
    }
}
