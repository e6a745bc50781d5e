use super::*;
use crate::url::PageUrl;

const SECOND: Duration = Duration::from_secs(1);

fn job(row: u64, url: &str) -> Box<Job> {
    let mut job = Box::new(Job::seed(row, PageUrl::parse(url).unwrap()));
    job.id = row;
    job
}

fn open(per_host: usize) -> Workbench {
    Workbench::new(per_host, Duration::ZERO, Access::Open)
}

fn rows(workbench: &mut Workbench, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| match workbench.next(now) {
        Turn::Job(job) => job.row,
        _ => None,
    })
    .collect()
}

#[test]
fn hosts_take_turns_and_no_host_has_more_in_flight_than_its_limit() {
    let now = Instant::now();
    let mut workbench = open(2);
    for row in 0..4 {
        workbench.put(job(row, "http://a.example/"), now);
    }
    for row in 10..12 {
        workbench.put(job(row, "http://b.example/"), now);
    }
    assert_eq!(rows(&mut workbench, now), [0, 10, 1, 11]);
    assert!(matches!(workbench.next(now), Turn::Nothing));
    workbench.landed(&job(0, "http://a.example/").host, now);
    assert_eq!(rows(&mut workbench, now), [2]);
}

#[test]
fn a_held_host_is_one_entry_in_the_heap_and_hides_nobody() {
    let now = Instant::now();
    let mut workbench = open(0);
    for row in 0..1000 {
        workbench.put(job(row, "http://slow.example/"), now);
    }
    workbench
        .host(&job(0, "http://slow.example/").host, now)
        .hold(now + SECOND);
    workbench.put(job(5000, "http://fast.example/"), now);
    assert_eq!(rows(&mut workbench, now), [5000]);
    assert_eq!(workbench.later.len(), 1);
    assert!(matches!(workbench.next(now), Turn::NotBefore(at) if at == now + SECOND));
    assert_eq!(rows(&mut workbench, now + SECOND).len(), 1000);
}

#[test]
fn a_job_that_backs_off_does_not_hold_its_host() {
    let now = Instant::now();
    let mut workbench = open(1);
    workbench.put(job(1, "http://a.example/1"), now);
    workbench.put(job(2, "http://a.example/2"), now);
    let Turn::Job(first) = workbench.next(now) else {
        panic!("one is ready")
    };
    workbench.landed(&first.host.clone(), now);
    workbench.put_back(first, SECOND, now);
    assert_eq!(rows(&mut workbench, now), [2]);
    workbench.landed(&job(2, "http://a.example/2").host, now);
    assert!(matches!(workbench.next(now), Turn::NotBefore(at) if at == now + SECOND));
    assert_eq!(rows(&mut workbench, now + SECOND), [1]);
    assert_eq!(workbench.waiting(), 0);
}

#[test]
fn hosts_with_nothing_to_remember_are_forgotten() {
    let now = Instant::now();
    let mut workbench = open(8);
    for row in 0..50_000u64 {
        let job = job(row, &format!("http://h{row}.example/"));
        let key = job.host.clone();
        workbench.put(job, now);
        assert_eq!(rows(&mut workbench, now), [row]);
        workbench.landed(&key, now);
    }
    assert!(
        workbench.hosts.len() <= HOSTS + 1,
        "{}",
        workbench.hosts.len()
    );
}
