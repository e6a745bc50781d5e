//! Each kind of broken or hostile response has its own class and ends in bounded time.
//!
//! The rest of the list is unaffected.

use std::time::{Duration, Instant};

use haul::origin::{Origin, OriginSettings, Reply, Response, Site, Step};
use haul::{ByteSize, Config, FetchError};

use crate::run::{Report, config, ms, on_every_engine, run};
use crate::stranger;

/// The time limit for all faults together, including every timeout.
const BOUND: Duration = Duration::from_secs(30);

/// The faults of the practice server, and the class of each.
const ENDS: [(&str, &str); 26] = [
    ("/fault/reset-before", "closed"),
    ("/fault/reset-middle", "cut"),
    ("/fault/truncated-length", "cut"),
    ("/fault/truncated-chunked", "cut"),
    ("/fault/wrong-length", "200"),
    ("/fault/two-lengths", "protocol"),
    ("/fault/garbage", "protocol"),
    ("/fault/empty", "closed"),
    ("/fault/endless-header", "head"),
    ("/fault/many-headers", "head"),
    ("/many", "200"),
    ("/hundreds", "200"),
    ("/too-many", "head"),
    ("/fault/endless-body", "too-large"),
    ("/size/5000000", "too-large"),
    ("/fault/slow", "timeout"),
    ("/fault/stall", "timeout"),
    ("/silent", "timeout"),
    ("/fault/redirect-loop", "redirects"),
    ("/fault/redirect-file", "redirect"),
    ("/redirect-nowhere", "redirect"),
    ("/redirect-utf-8", "200"),
    ("/redirect-latin-1", "200"),
    ("/fault/redirect-private", "private"),
    ("/fault/redirect-metadata", "private"),
    ("/fault/unavailable", "503"),
];

fn origin() -> Origin {
    Site::builder()
        .settings(OriginSettings {
            pages: 100,
            ..OriginSettings::default()
        })
        .route("/silent", Response::Raw(vec![Step::WaitForever]))
        .route("/redirect-utf-8", Response::redirect(302, "/page/1?caf\u{e9}"))
        .route("/redirect-latin-1", Response::raw(&b"HTTP/1.1 302 Found\r\nLocation: /page/1?caf\xe9\r\nConnection: close\r\n\r\n"[..]))
        .route("/many", with_headers(90, 700))
        .route("/hundreds", with_headers(300, 10))
        .route("/too-many", with_headers(1500, 10))
        .route("/redirect-nowhere", Response::redirect(302, "http://"))
        .start()
        .unwrap()
}

fn with_headers(count: usize, length: usize) -> Reply {
    (0..count).fold(Reply::new(200), |reply, number| {
        reply.header(format!("X-{number}"), "v".repeat(length))
    })
}

/// Shortens the deadlines and turns off retries.
fn with_short_deadlines(mut config: Config) -> Config {
    config.frontier.retries = 0;
    config.frontier.pause_after = 0;
    config.fetch.body_limit = ByteSize::mib(4);
    let deadlines = &mut config.fetch.deadlines;
    deadlines.connect = Duration::from_secs(5);
    deadlines.first_byte = ms(3000);
    deadlines.between_chunks = ms(2500);
    deadlines.least_rate = 100;
    deadlines.least_rate_over = ms(600);
    config
}

fn one(engine: &str, url: impl Into<String>) -> Report {
    run(with_short_deadlines(config(engine, [url.into()])))
}

#[test]
fn each_fault_ends_as_its_own_class_and_the_rest_of_the_list_is_untouched() {
    on_every_engine(|engine| {
        let origin = origin();
        let pages = (0..ENDS.len()).map(|page| format!("/page/{page}"));
        let faults = ENDS.iter().map(|(path, _)| (*path).to_owned());
        let paths = faults.zip(pages).flat_map(|(fault, page)| [fault, page]);
        let begun = Instant::now();
        let report = run(with_short_deadlines(config(
            engine,
            paths.map(|path| origin.url(&path)),
        )));
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        for (index, (path, end)) in ENDS.iter().enumerate() {
            let fault = report.row(2 * index as u64 + 1);
            assert_eq!(fault.end(), *end, "{path}: {fault:?}");
            let well = report.row(2 * index as u64 + 2);
            assert_eq!(
                (well.end().as_str(), well.decoded_bytes > Some(5000)),
                ("200", true),
                "{well:?}"
            );
            assert!(
                well.title
                    .as_ref()
                    .unwrap()
                    .ends_with("The Practice Gazette"),
                "{well:?}"
            );
        }
        let documented = |class: &str| FetchError::CLASSES.iter().any(|(known, _)| *known == class);
        assert!(
            report
                .records
                .iter()
                .all(|record| record.class.is_none_or(documented))
        );
    });
}

#[test]
fn endless_interim_responses_run_into_the_deadline() {
    on_every_engine(|engine| {
        let origin = origin();
        let mut config = with_short_deadlines(config(
            engine,
            ["/fault/endless-interim", "/page/1"].map(|path| origin.url(path)),
        ));
        config.fetch.deadlines.first_byte = ms(1000);
        let report = run(config);
        assert_eq!(report.row(1).class, Some("timeout"), "{:?}", report.row(1));
        assert_eq!(report.row(2).status, Some(200));
    });
}

#[test]
fn a_timeout_reports_what_was_waited_for_and_how_long() {
    on_every_engine(|engine| {
        let origin = origin();
        let mut config = with_short_deadlines(config(
            engine,
            ["/silent", "/fault/stall", "/fault/slow", "/fault/slow?2"]
                .map(|path| origin.url(path)),
        ));
        // A server may take longer to start its response than it may pause within a body.
        config.fetch.deadlines.between_chunks = ms(500);
        config.fetch.deadlines.first_byte = ms(1100);
        let messages: Vec<_> = run(config)
            .records
            .into_iter()
            .map(|record| record.message)
            .collect();
        assert_eq!(messages[0], "timed out waiting for a response after 1.1s");
        assert_eq!(
            messages[1],
            "timed out waiting for more of the body after 500ms"
        );
        assert_eq!(messages[2], messages[1]);
        let mut config =
            with_short_deadlines(crate::run::config(engine, [origin.url("/fault/slow")]));
        config.fetch.deadlines.between_chunks = Duration::ZERO;
        assert!(
            run(config)
                .only()
                .message
                .contains("slower than 100 bytes/s")
        );
        let mut config =
            with_short_deadlines(crate::run::config(engine, [origin.url("/fault/slow")]));
        config.fetch.deadlines.least_rate = 0;
        config.fetch.deadlines.total = ms(1300);
        assert_eq!(run(config).only().message, "timed out in all after 1.3s");
    });
}

#[test]
fn a_name_without_an_address_and_a_port_without_a_listener_are_different_failures() {
    let refused = format!("http://{}/", stranger::nobody());
    on_every_engine(|engine| {
        let origin = origin();
        let urls = [
            "http://no-such-name.invalid/".to_owned(),
            refused.clone(),
            origin.url("/page/1"),
        ];
        let report = run(with_short_deadlines(config(engine, urls)));
        assert_eq!(
            report.ends(),
            ["dns", "connect", "200"],
            "{:?}",
            report.records
        );
        assert_eq!(report.row(2).message, "cannot connect: connection refused");
    });
}

#[test]
fn a_host_with_one_dead_address_is_reached_by_the_other() {
    on_every_engine(|engine| {
        let origin = origin();
        // Nothing listens on the first.
        let mut config = with_short_deadlines(config(
            engine,
            [format!(
                "http://twofold.example:{}/page/1",
                origin.address().port()
            )],
        ));
        config.fetch.resolve = vec!["twofold.example:*:127.0.0.9,127.0.0.1"]
            .into_iter()
            .map(|text| haul::fetch::Override::parse(text).unwrap())
            .collect();
        assert_eq!(run(config).only().remote, Some(origin.address()));
    });
}

#[test]
fn a_bomb_is_a_fault_of_the_page_and_counts_as_a_failure() {
    let bombs = [
        "/fault/bomb-gzip?mib=64",
        "/fault/bomb-deflate?mib=64",
        "/fault/bomb-zstd?mib=64",
        "/fault/bomb-brotli?mib=64",
        "/fault/many-members",
        "/fault/many-codings",
    ];
    on_every_engine(|engine| {
        let origin = origin();
        let urls = bombs
            .iter()
            .map(|path| origin.url(path))
            .chain([origin.url("/page/1")]);
        let report = run(with_short_deadlines(config(engine, urls)));
        for record in &report.records[..bombs.len()] {
            assert_eq!(record.status, Some(200), "{record:?}");
            assert!(
                record.fault.is_some() && record.digest.is_none(),
                "{record:?}"
            );
        }
        assert_eq!(report.row(7).fault, None);
        let decode = &report.outcome.tally.failures["decode"];
        assert_eq!(decode.count, bombs.len() as u64);
    });
}

#[test]
fn a_charset_other_than_the_announced_one_is_harmless() {
    on_every_engine(|engine| {
        let report = one(engine, origin().url("/fault/wrong-charset"));
        let record = report.only();
        assert_eq!((record.status, record.fault.as_deref()), (Some(200), None));
        assert!(
            record.title.as_ref().unwrap().starts_with("Caf"),
            "{record:?}"
        );
    });
}

#[test]
fn a_message_names_the_request_and_has_no_control_characters_of_the_response() {
    on_every_engine(|engine| {
        let origin = origin();
        let report = run(with_short_deadlines(config(
            engine,
            ["/fault/garbage", "/fault/redirect-file"].map(|path| origin.url(path)),
        )));
        for record in &report.records {
            assert!(!record.message.is_empty(), "{record:?}");
            assert!(
                !record.message.chars().any(char::is_control),
                "{:?}",
                record.message
            );
        }
        assert!(
            report.row(2).message.contains("file:"),
            "{:?}",
            report.row(2).message
        );
        for failures in report.outcome.tally.failures.values() {
            assert!(
                failures.example.starts_with("http://127.0.0.1:"),
                "{failures:?}"
            );
        }
    });
}
