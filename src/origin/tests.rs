//! Tests of the server from the outside: what a client sees, and what the log saw.

use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::visitor::{Visitor, get, wait};
use super::*;

fn paged(settings: OriginSettings) -> Origin {
    Origin::start(OriginSettings {
        pages: 100,
        ..settings
    })
    .unwrap()
}

#[test]
fn a_connection_stays_open_for_any_number_of_requests() {
    let origin = paged(OriginSettings::default());
    let mut visitor = Visitor::of(&origin);
    for number in 0..50 {
        let response = visitor.get(&format!("/page/{number}"), "");
        assert_eq!(
            (response.status, response.header("connection")),
            (200, "keep-alive")
        );
    }
    assert_eq!(
        (origin.log().requests(), origin.log().connections()),
        (50, 1)
    );
    assert!(
        origin
            .log()
            .all_hits()
            .iter()
            .all(|hit| hit.connection == 1 && hit.status == Some(200))
    );
}

#[test]
fn pipelined_requests_get_their_responses_in_order_although_some_wait() {
    let origin = Origin::start(OriginSettings::default()).unwrap();
    let mut visitor = Visitor::of(&origin);
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let paths = [
        "/status/201",
        "/delay/20",
        "/status/202",
        "/size/70000",
        "/delay/1",
        "/status/203",
    ];
    visitor.send(paths.map(ask).concat());
    assert_eq!(
        paths.map(|_| visitor.response().unwrap().status),
        [201, 200, 202, 200, 200, 203]
    );
    assert_eq!(origin.log().paths(), paths);
}

#[test]
fn a_head_request_gets_the_head_of_the_response_and_no_body() {
    let origin = paged(OriginSettings::default());
    let mut visitor = Visitor::of(&origin);
    let length = visitor.get("/page/1", "").body.len();
    visitor.send("HEAD /page/1 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        visitor
            .response_to("HEAD")
            .unwrap()
            .header("content-length"),
        length.to_string()
    );
    assert_eq!(visitor.response().unwrap().status, 204);
}

#[test]
fn the_connection_is_closed_if_the_client_asks_for_it_or_uses_http_1_0() {
    let origin = paged(OriginSettings::default());
    let mut visitor = Visitor::of(&origin);
    assert_eq!(
        visitor
            .get("/", "Connection: close\r\n")
            .header("connection"),
        "close"
    );
    assert_eq!(visitor.rest(1).unwrap(), b"");
    let mut old = Visitor::of(&origin);
    old.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(old.response().unwrap().status, 200);
    assert_eq!(old.rest(1).unwrap(), b"");
}

#[test]
fn a_sequence_sends_its_responses_in_order_and_repeats_the_last_one() {
    let busy = Reply::new(503).header("Retry-After", "0");
    let answers = vec![
        busy.into(),
        Response::Raw(vec![Step::Reset]),
        Response::page("well").after(Duration::from_millis(5)),
    ];
    let origin = Site::builder()
        .route("/x", Response::Sequence(answers))
        .route("/none", Response::Sequence(vec![]))
        .start()
        .unwrap();
    assert_eq!(get(&origin, "/x").status, 503);
    let mut reset = Visitor::of(&origin);
    reset.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        reset.rest(1).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!([(); 3].map(|()| get(&origin, "/x").text()), ["well"; 3]);
    assert_eq!(get(&origin, "/none").status, 404);
}

#[test]
fn raw_steps_send_exactly_their_bytes() {
    let steps = vec![
        Step::send("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"),
        Step::Drip("abc".into(), Duration::from_millis(5)),
        Step::Repeat("xy".into(), Some(3)),
        Step::Wait(Duration::from_millis(5)),
        Step::send("zz"),
    ];
    let origin = Site::builder()
        .route("/x", Response::Raw(steps))
        .start()
        .unwrap();
    let mut visitor = Visitor::of(&origin);
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(
            visitor.get("/x", "").text(),
            "abcxyxyxyzz",
            "and the connection stays open"
        );
        assert!(start.elapsed().as_millis() >= 15);
    }
}

#[test]
fn a_scripted_connection_ignores_what_the_client_sends() {
    let origin = Site::builder()
        .opening(Opening::Script(vec![
            Step::send("SSH-2.0-not\r\n"),
            Step::Close,
        ]))
        .opening(Opening::Script(vec![
            Step::ReadHead,
            Step::send("HTTP/9.9 nonsense\r\n\r\n"),
            Step::Close,
        ]))
        .opening(Opening::Converse)
        .start()
        .unwrap();
    assert_eq!(Visitor::of(&origin).rest(99).unwrap(), b"SSH-2.0-not\r\n");
    let mut second = Visitor::of(&origin);
    second.send("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(second.rest(99).unwrap(), b"HTTP/9.9 nonsense\r\n\r\n");
    assert_eq!(get(&origin, "/status/204").status, 204);
    assert_eq!(
        (origin.log().requests(), origin.log().connections()),
        (1, 3)
    );
}

#[test]
fn responses_wait_at_a_gate_and_the_log_shows_them_in_flight() {
    let gate = Gate::new();
    let origin = Site::builder()
        .route("/held", Response::page("free").held(&gate))
        .start()
        .unwrap();
    let mut visitors = [(); 3].map(|()| Visitor::of(&origin));
    for visitor in &mut visitors {
        visitor.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait(origin.log().wait_for_hits(3));
    assert_eq!(
        (
            origin.log().counts().in_flight,
            origin.log().max_in_flight("a")
        ),
        (3, 3)
    );
    assert!(
        origin
            .log()
            .hits("/held")
            .iter()
            .all(|hit| hit.until.is_none())
    );
    gate.open();
    for visitor in &mut visitors {
        assert_eq!(visitor.response().unwrap().text(), "free");
    }
    wait(origin.log().wait_for_answers(3));
    assert!(
        origin
            .log()
            .hits("/held")
            .iter()
            .all(|hit| hit.until.is_some())
    );
}

#[test]
fn a_client_that_disconnects_while_it_waits_is_no_longer_in_flight() {
    let origin = Site::builder()
        .route("/held", Response::page("free").held(&Gate::new()))
        .start()
        .unwrap();
    let mut visitor = Visitor::of(&origin);
    visitor.send("GET /held?a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(wait(origin.log().wait_for("/held")).path, "/held?a");
    drop(visitor);
    wait(origin.log().wait_until_closed());
    assert_eq!(origin.log().counts().in_flight, 0);
}

#[test]
fn chunked_replies_are_framed_in_chunks_of_that_size() {
    let text = "0123456789".repeat(1_000);
    let origin = Site::builder()
        .route("/x", Reply::new(200).body(text.clone()).chunked(7))
        .start()
        .unwrap();
    let mut visitor = Visitor::of(&origin);
    let response = visitor.get("/x", "");
    assert_eq!(
        (
            response.header("transfer-encoding"),
            response.text() == text
        ),
        ("chunked", true)
    );
    assert_eq!(visitor.get("/status/204", "").status, 204);
}

#[test]
fn latency_applies_to_pages_and_not_to_practice_paths() {
    let origin = paged(OriginSettings {
        latency: Duration::from_millis(60),
        ..OriginSettings::default()
    });
    let took = |path: &str| {
        let start = Instant::now();
        get(&origin, path);
        start.elapsed()
    };
    assert!(took("/page/1") >= Duration::from_millis(60));
    let least = (0..5).map(|_| took("/status/200")).min().unwrap();
    assert!(least < Duration::from_millis(60), "{least:?}");
}

#[test]
fn bandwidth_delays_a_body_according_to_its_size() {
    let origin = paged(OriginSettings {
        page_bytes: 20_000,
        bandwidth: NonZeroU64::new(100_000),
        ..OriginSettings::default()
    });
    for path in ["/page/1", "/size/20000"] {
        let start = Instant::now();
        let bytes = get(&origin, path).body.len();
        // The last twentieth of a second's worth is not waited for.
        let least = Duration::from_secs_f64((bytes - 5_000) as f64 / 100_000.0);
        let took = start.elapsed();
        assert!(took >= least, "{path}: {took:?} for {bytes} bytes");
    }
}

#[test]
fn only_pages_have_errors_and_the_rate_limit_sends_retry_after() {
    let origin = paged(OriginSettings {
        error_rate: 1.0,
        ..OriginSettings::default()
    });
    let ask = || {
        let mut visitor = Visitor::of(&origin);
        visitor.send("GET /page/1 HTTP/1.1\r\nHost: a\r\n\r\n");
        visitor.response().map(|response| response.status)
    };
    let outcomes: Vec<_> = (0..30).map(|_| ask()).collect();
    assert!(
        outcomes
            .iter()
            .any(|one| one.as_ref().is_ok_and(|status| *status == 503))
    );
    assert!(outcomes.iter().any(|one| {
        one.as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
    }));
    assert!(
        outcomes
            .iter()
            .all(|one| one.is_err() || one.as_ref().is_ok_and(|status| *status == 503))
    );
    assert_eq!(get(&origin, "/status/200").status, 200);

    let origin = paged(OriginSettings {
        rate_limit: Some(0.01),
        ..OriginSettings::default()
    });
    assert_eq!(get(&origin, "/page/1").status, 200);
    let busy = get(&origin, "/page/1");
    assert_eq!((busy.status, busy.header("retry-after")), (429, "100"));
}

#[test]
fn several_listeners_share_one_site_and_one_log() {
    let site = Arc::new(Site::new(OriginSettings::default()).unwrap());
    let origins = [(); 2].map(|()| Origin::of(Arc::clone(&site)).unwrap());
    assert_ne!(origins[0].address(), origins[1].address());
    for origin in &origins {
        assert_eq!(get(origin, "/status/204").status, 204);
    }
    assert_eq!(site.log().requests(), 2);
    assert_eq!(
        origins[0].url("/a"),
        format!("http://{}/a", origins[0].address())
    );
}

#[test]
fn a_dropped_origin_stops_even_while_responses_wait() {
    let origin = Origin::start(OriginSettings::default()).unwrap();
    let mut visitor = Visitor::of(&origin);
    visitor.send("GET /fault/stall HTTP/1.1\r\nHost: a\r\n\r\n");
    wait(origin.log().wait_for_hits(1));
    let (address, site) = (origin.address(), Arc::clone(origin.site()));
    drop(origin);
    assert_eq!(
        (
            site.log().counts().open_connections,
            site.log().counts().in_flight
        ),
        (0, 0)
    );
    assert_eq!(
        std::net::TcpStream::connect(address).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_panic_in_a_route_resumes_when_the_origin_is_dropped() {
    let origin = Site::builder()
        .route_with("/x", |request| panic!("unexpected {}", request.path()))
        .start()
        .unwrap();
    let mut visitor = Visitor::of(&origin);
    visitor.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(visitor.rest(1).unwrap_or_default(), b"");
    assert_eq!(
        get(&origin, "/status/204").status,
        204,
        "the others are served until then"
    );
    let cause = catch_unwind(AssertUnwindSafe(|| drop(origin))).unwrap_err();
    assert_eq!(cause.downcast_ref::<String>().unwrap(), "unexpected /x");
}

#[test]
fn a_stream_need_not_be_a_socket() {
    wait(async {
        let site = Arc::new(Site::new(OriginSettings::default()).unwrap());
        let (mut near, far) = tokio::io::duplex(4096);
        let talking = converse(
            far,
            SocketAddr::from(([127, 0, 0, 1], 9)),
            Arc::clone(&site),
        );
        let asking = async {
            near.write_all(b"GET /fault/reset-before HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .unwrap();
            let mut answer = Vec::new();
            near.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, b"", "without TCP a reset is a normal end");
        };
        tokio::join!(talking, asking);
        assert_eq!(site.log().hits("/fault/reset-before")[0].status, None);
    });
}

#[test]
fn an_origin_can_wrap_each_stream() {
    let site = Site::builder().encrypted().build().unwrap();
    let origin =
        Origin::dressed(site, async |stream| Ok(tokio::io::BufStream::new(stream))).unwrap();
    let mut visitor = Visitor::of(&origin);
    for size in [10, 100_000, 10] {
        let response = visitor.get(&format!("/size/{size}"), "");
        assert_eq!(
            response.body.len(),
            size,
            "and nothing stays in the wrapper"
        );
    }
    assert!(origin.url("/").starts_with("https://127.0.0.1:"));
}

/// Runs a test with a clock that jumps ahead whenever nothing else can happen.
fn with_jumping_clock(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test);
}

#[test]
fn a_client_that_is_silent_or_never_ends_its_head_is_disconnected_after_a_minute() {
    for (says, expected) in [("", ""), ("GET / HTTP/1.1\r\nHost", "HTTP/1.1 408 ")] {
        with_jumping_clock(async {
            let site = Arc::new(Site::new(OriginSettings::default()).unwrap());
            let (mut near, far) = tokio::io::duplex(4096);
            near.write_all(says.as_bytes()).await.unwrap();
            let start = tokio::time::Instant::now();
            converse(far, HOME, site).await;
            assert!(
                (60..70).contains(&start.elapsed().as_secs()),
                "{:?}",
                start.elapsed()
            );
            let mut answer = String::new();
            near.read_to_string(&mut answer).await.unwrap();
            assert!(
                answer.starts_with(expected) && answer.is_empty() == expected.is_empty(),
                "{answer}"
            );
        });
    }
}

#[test]
fn a_client_that_never_reads_is_disconnected_after_a_minute() {
    with_jumping_clock(async {
        let site = Arc::new(Site::new(OriginSettings::default()).unwrap());
        let (mut near, far) = tokio::io::duplex(4096);
        near.write_all(b"GET /fault/endless-body HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let start = tokio::time::Instant::now();
        converse(far, HOME, Arc::clone(&site)).await;
        assert!(
            (60..70).contains(&start.elapsed().as_secs()),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(site.log().counts().in_flight, 0);
    });
}

#[tokio::test]
async fn a_server_can_be_started_inside_a_runtime() {
    let origin = Origin::start(OriginSettings::default()).unwrap();
    assert_ne!(origin.address().port(), 0);
}
