//! Each kind of broken or hostile response has its own class and ends in bounded time.
//!
//! The rest of the list is unaffected.

mod table;

use std::time::{Duration, Instant};

use haul::fetch::{Override, TlsSettings};
use haul::origin::{Origin, OriginSettings, Response, Site, SiteBuilder, Step};
use haul::{ByteSize, Config, FetchError};

use crate::certificates::self_signed;
use crate::run::{config, ms, on_every_engine, run};
use crate::stranger;
use crate::ways::{on_every_engine_and_way, ways};
use table::{site, table, urls};

/// The time limit for all faults together, including every timeout.
const BOUND: Duration = Duration::from_secs(30);

/// The practice server, and a path that never responds.
fn practice() -> SiteBuilder {
    let settings = OriginSettings {
        pages: 100,
        ..OriginSettings::default()
    };
    let silent = Response::Raw(vec![Step::WaitForever]);
    Site::builder().settings(settings).route("/silent", silent)
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

#[test]
fn each_fault_ends_as_its_own_class_and_the_rest_of_the_list_is_untouched() {
    on_every_engine_and_way(|engine, way| {
        let rows = table();
        let origin = way.start(site(&rows));
        let pages = (0..rows.len()).map(|page| origin.url(&format!("/page/{page}")));
        let urls = urls(&rows, &origin, way).into_iter().zip(pages);
        let begun = Instant::now();
        let urls = urls.flat_map(|(fault, page)| [fault, page]);
        let mut config = with_short_deadlines(way.config(engine, urls));
        config.fetch.body_limit = ByteSize(512 << 10); // a tiny chunk at a time
        let report = run(config);
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        let mut wrong = Vec::new();
        for (row, pair) in rows.iter().zip(report.records.chunks(2)) {
            let [fault, well] = pair else {
                panic!("{pair:?}")
            };
            let is_whole = row
                .title()
                .is_none_or(|title| fault.title.as_deref() == Some(title));
            if fault.end() != row.end(way) || !is_whole {
                let message = fault.fault.as_ref().unwrap_or(&fault.message);
                wrong.push(format!(
                    "{}: {} and not {}: {message}",
                    row.what,
                    fault.end(),
                    row.end(way)
                ));
            }
            let title = well.title.as_deref().unwrap_or_default();
            if well.end() != "200" || !title.ends_with("The Practice Gazette") {
                wrong.push(format!("the page after {}: {well:?}", row.what));
            }
            let documented = |class| FetchError::CLASSES.iter().any(|(known, _)| *known == class);
            assert!(fault.class.is_none_or(documented), "{fault:?}");
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    });
}

#[test]
fn endless_interim_responses_run_into_the_deadline() {
    // One way after the other: this keeps every processor busy.
    // reqwest gives no event loop back while plain bytes are arriving, and cannot be made to.
    for way in ways().filter(|way| way.is_encrypted() || !way.has_tunnel()) {
        on_every_engine(|engine| {
            let origin = way.start(practice());
            let urls = ["/fault/endless-interim", "/page/1"].map(|path| origin.url(path));
            let report = run(with_short_deadlines(way.config(engine, urls)));
            assert_eq!(report.row(1).class, Some("timeout"), "{:?}", report.row(1));
            assert_eq!(report.row(2).status, Some(200), "{way:?}");
        });
    }
}

#[test]
fn a_page_that_ends_every_connection_is_not_asked_for_again_and_again() {
    on_every_engine_and_way(|engine, way| {
        let origin = way.start(practice());
        // The connections that it ends have been used before.
        let pages = (1..=8).map(|page| format!("/page/{page}"));
        let paths = pages.chain(["/fault/empty".to_owned()]);
        let urls = paths.map(|path| origin.url(&path));
        let report = run(with_short_deadlines(way.config(engine, urls)));
        assert_eq!(report.row(9).end(), "closed");
        let hits = origin.log().hits("/fault/empty").len();
        assert!(hits <= 4, "{hits}");
    });
}

#[test]
fn a_timeout_reports_what_was_waited_for_and_how_long() {
    on_every_engine_and_way(|engine, way| {
        let origin = way.start(practice());
        let config = |paths: &[&str]| {
            let urls = paths.iter().map(|path| origin.url(path));
            with_short_deadlines(way.config(engine, urls))
        };
        let mut patient = config(&["/silent", "/fault/stall", "/fault/slow", "/fault/slow?2"]);
        // A server may take longer to start its response than it may pause within a body.
        patient.fetch.deadlines.between_chunks = ms(500);
        patient.fetch.deadlines.first_byte = ms(1100);
        let records = run(patient).records;
        let messages: Vec<_> = records.iter().map(|record| &record.message).collect();
        assert_eq!(messages[0], "timed out waiting for a response after 1.1s");
        assert_eq!(
            messages[1],
            "timed out waiting for more of the body after 500ms"
        );
        assert_eq!(messages[2], messages[1]);
        let mut slow = config(&["/fault/slow"]);
        slow.fetch.deadlines.between_chunks = Duration::ZERO;
        let report = run(slow);
        assert!(
            report.only().message.contains("slower than 100 bytes/s"),
            "{report:?}"
        );
        let mut slow = config(&["/fault/slow"]);
        slow.fetch.deadlines.least_rate = 0;
        slow.fetch.deadlines.total = ms(1300);
        assert_eq!(run(slow).only().message, "timed out in all after 1.3s");
    });
}

#[test]
fn a_refused_connection_says_so() {
    on_every_engine(|engine| {
        let refused = format!("http://{}/", stranger::nobody());
        let report = run(with_short_deadlines(config(engine, [refused])));
        assert_eq!(report.only().message, "cannot connect: connection refused");
    });
}

#[test]
fn a_dead_address_is_skipped_for_plain_and_encrypted_pages() {
    on_every_engine(|engine| {
        let plain = Site::builder()
            .fallback(Response::page(""))
            .start()
            .unwrap();
        let sealed = self_signed(Site::builder().fallback(Response::page("")));
        let url = |scheme: &str, origin: &Origin| {
            format!("{scheme}://twofold.example:{}/", origin.address().port())
        };
        let urls = [url("http", &plain), url("https", &sealed)];
        let mut settings = with_short_deadlines(config(engine, urls));
        settings.fetch.tls = TlsSettings::Insecure;
        // Nothing listens on the first two.
        let text = "twofold.example:*:127.0.0.2,127.0.0.3,127.0.0.1";
        settings.fetch.resolve = vec![Override::parse(text).unwrap()];
        let report = run(settings);
        let remotes: Vec<_> = report.records.iter().map(|record| record.remote).collect();
        assert_eq!(report.ends(), ["200", "200"], "{:?}", report.records);
        assert_eq!(remotes, [Some(plain.address()), Some(sealed.address())]);
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
    on_every_engine_and_way(|engine, way| {
        let origin = way.start(practice());
        let urls = bombs
            .iter()
            .map(|path| origin.url(path))
            .chain([origin.url("/page/1")]);
        let report = run(with_short_deadlines(way.config(engine, urls)));
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
    on_every_engine_and_way(|engine, way| {
        let origin = way.start(practice());
        let report = run(way.config(engine, [origin.url("/fault/wrong-charset")]));
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
    on_every_engine_and_way(|engine, way| {
        let origin = way.start(practice());
        let urls = ["/fault/garbage", "/fault/redirect-file"].map(|path| origin.url(path));
        let report = run(with_short_deadlines(way.config(engine, urls)));
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
                failures.example.starts_with(&origin.url("")),
                "{failures:?}"
            );
        }
    });
}
