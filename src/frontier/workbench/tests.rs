use super::*;
use crate::frontier::Terms;
use crate::url::PageUrl;

const SECOND: Duration = Duration::from_secs(1);

fn job(row: u64, url: &str) -> Box<Job> {
    let mut job = Box::new(Job::seed(row, PageUrl::parse(url).unwrap()));
    job.id = row;
    job
}

fn open(per_host: usize) -> Workbench {
    let limits = Limits::new(&Terms {
        per_host,
        ..Terms::default()
    });
    Workbench::new(limits, Access::Open)
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
    workbench.landed(&job(0, "http://a.example/").host, None, None, now, |_| ());
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
    workbench.landed(&first.host.clone(), None, None, now, |_| ());
    workbench.put_back(first, SECOND, now);
    assert_eq!(rows(&mut workbench, now), [2]);
    workbench.landed(&job(2, "http://a.example/2").host, None, None, now, |_| ());
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
        workbench.landed(&key, None, None, now, |_| ());
    }
    assert!(
        workbench.hosts.len() <= HOSTS + 1,
        "{}",
        workbench.hosts.len()
    );
}

/// Leases all jobs that may be sent into `flying`, and returns their row numbers.
fn lease(workbench: &mut Workbench, flying: &mut Vec<Box<Job>>, now: Instant) -> Vec<u64> {
    let mut rows = Vec::new();
    while let Turn::Job(job) = workbench.next(now) {
        rows.push(job.row.unwrap());
        flying.push(job);
    }
    rows
}

#[test]
fn an_address_has_no_more_in_flight_than_its_limit_and_its_hosts_take_turns() {
    let now = Instant::now();
    let mut workbench = open(8);
    workbench.limit_addresses(3);
    let here: IpAddr = "192.0.2.1".parse().unwrap();
    for row in 0..200 {
        workbench.put(job(row, &format!("http://h{}.localhost/", row % 20)), now);
    }
    let mut flying = Vec::new();
    // Their address is unknown, so one asks for all.
    assert_eq!(lease(&mut workbench, &mut flying, now), [0]);
    let (mut seen, mut asked) = (vec![0], Vec::new());
    while let Some(landed) = (!flying.is_empty()).then(|| flying.remove(0)) {
        workbench.landed(&landed.host, None, Some(here), now, |_| ());
        let rows = lease(&mut workbench, &mut flying, now);
        assert!(flying.len() <= 3);
        asked.push(flying.len());
        seen.extend(rows);
    }
    assert!(asked[..190].iter().all(|count| *count == 3), "{asked:?}");
    // Every host has one turn before any has the next.
    for round in seen.chunks(20).take(9) {
        let mut hosts: Vec<_> = round.iter().map(|row| row % 20).collect();
        hosts.sort_unstable();
        hosts.dedup();
        assert!(hosts.len() >= 18, "{round:?}");
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
    assert_eq!(workbench.waiting(), 0);
}

#[test]
fn a_host_that_is_held_gives_its_place_at_the_address_to_the_next() {
    let now = Instant::now();
    let mut workbench = open(8);
    workbench.limit_addresses(1);
    for (row, port) in [(1, 1001), (2, 1002), (3, 1003), (4, 1002)] {
        workbench.put(job(row, &format!("http://192.0.2.1:{port}/{row}")), now);
    }
    workbench.put(job(5, "http://192.0.2.2/"), now);
    let mut flying = Vec::new();
    assert_eq!(lease(&mut workbench, &mut flying, now), [1, 5]);
    workbench
        .host(&job(2, "http://192.0.2.1:1002/").host, now)
        .hold(now + SECOND);
    workbench.landed(&flying[0].host, None, None, now, |_| ());
    assert_eq!(lease(&mut workbench, &mut flying, now), [3]);
    workbench.landed(&flying[2].host, None, None, now, |_| ());
    assert_eq!(lease(&mut workbench, &mut flying, now + SECOND), [2]);
    workbench.landed(&flying[3].host, None, None, now, |_| ());
    assert_eq!(lease(&mut workbench, &mut flying, now + SECOND), [4]);
}

#[test]
fn a_host_nobody_knows_the_address_of_has_one_in_flight() {
    let now = Instant::now();
    let mut workbench = open(8);
    workbench.limit_addresses(4);
    for row in 0..10 {
        workbench.put(job(row, "http://a.example/"), now);
        workbench.put(job(100 + row, "http://b.example/"), now);
    }
    let mut flying = Vec::new();
    assert_eq!(lease(&mut workbench, &mut flying, now), [0, 100]);
    let (one, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
    workbench.landed(&flying[0].host, None, one, now, |_| ());
    assert_eq!(lease(&mut workbench, &mut flying, now).len(), 4);
    workbench.landed(&flying[1].host, None, other, now, |_| ());
    assert_eq!(lease(&mut workbench, &mut flying, now).len(), 4);
    // Without a response the address stays unknown: the next request may find it out.
    let lost = job(0, "http://c.example/");
    workbench.put(lost.clone(), now);
    workbench.put(lost.clone(), now);
    assert_eq!(lease(&mut workbench, &mut flying, now).len(), 1);
    workbench.landed(&lost.host, None, None, now, |_| ());
    assert_eq!(lease(&mut workbench, &mut flying, now).len(), 1);
}

#[test]
fn an_address_may_change_and_nothing_is_lost_or_forgotten() {
    let mut random = fastrand::Rng::with_seed(1);
    let now = Instant::now();
    let mut workbench = open(3);
    workbench.limit_addresses(2);
    for row in 0..3000 {
        let host = random.u32(..30);
        let url = format!(
            "http://h{host}.{}.example/",
            ["x", "y", "z"][row as usize % 3]
        );
        workbench.put(job(row, &url), now);
    }
    let (mut flying, mut count) = (Vec::new(), 0);
    loop {
        count += lease(&mut workbench, &mut flying, now).len();
        if flying.is_empty() {
            break;
        }
        let landed = flying.swap_remove(random.usize(..flying.len()));
        let from = (random.u8(..4) > 0).then(|| IpAddr::from([192, 0, 2, random.u8(..5)]));
        workbench.landed(&landed.host, None, from, now, |_| ());
    }
    assert_eq!((count, workbench.waiting()), (3000, 0));
    assert!(workbench.hosts.iter().flatten().all(|host| !host.listed));
    assert!(workbench.addresses.is_at_rest());
}
