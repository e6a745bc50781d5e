//! A table of odd responses and their outcomes, which every engine has to match.
//!
//! What one engine reads, all of them read; what one rejects, all of them reject, with the same class.

use haul::fetch::{Override, TlsSettings};
use haul::origin::{Origin, Response, Site, Step};
use haul::{ByteSize, Config};

use crate::certificates::self_signed;
use crate::run::{Report, config, ms, on_every_engine, run};

/// The page that each row of the table sends in its own way.
const PAGE: &str = "<title>All of it</title>";

/// How a response is sent, and its outcome: a status with the page, or a failure class.
struct Row {
    what: &'static str,
    steps: Vec<Step>,
    end: &'static str,
}

fn row(what: &'static str, text: impl Into<bytes::Bytes>, end: &'static str) -> Row {
    Row {
        what,
        steps: vec![Step::send(text), Step::Close],
        end,
    }
}

/// The same, but the server keeps the connection open.
fn keep_open(what: &'static str, text: impl Into<bytes::Bytes>, end: &'static str) -> Row {
    Row {
        what,
        steps: vec![Step::send(text)],
        end,
    }
}

/// The page after a head with these lines and its length.
fn with_length(lines: &str) -> String {
    let length = PAGE.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{lines}Content-Length: {length}\r\n\r\n{PAGE}"
    )
}

/// A response with these header lines and this body.
fn framed(version: &str, lines: &str, body: &str) -> String {
    format!("HTTP/{version} 200 OK\r\nContent-Type: text/html\r\n{lines}\r\n{body}")
}

fn chunked(body: &str) -> String {
    framed("1.1", "Transfer-Encoding: chunked\r\n", body)
}

/// The page as one chunk.
fn chunk() -> String {
    format!("{:x}\r\n{PAGE}\r\n0\r\n\r\n", PAGE.len())
}

fn heads() -> Vec<Row> {
    let many = "X-Field: v\r\n".repeat(500);
    let long = format!("X-Long: {}\r\n", "v".repeat(200_000));
    vec![
        keep_open("a plain head", with_length(""), "200"),
        keep_open("500 fields", with_length(&many), "200"),
        keep_open("2,000 fields", with_length(&many.repeat(4)), "head"),
        keep_open("a field of 200 KB", with_length(&long), "200"),
        keep_open("fields of 2 MB", with_length(&long.repeat(10)), "head"),
        keep_open(
            "a folded line",
            with_length("X-Folded: one\r\n two\r\n\tthree\r\n"),
            "200",
        ),
        keep_open(
            "a folded length",
            framed("1.1", "Content-Length:\r\n 24\r\n", PAGE),
            "200",
        ),
        keep_open(
            "a space before a colon",
            with_length("X-Spaced : v\r\n"),
            "200",
        ),
        keep_open(
            "a space before the colon of the length",
            framed("1.1", "Content-Length : 24\r\n", PAGE),
            "200",
        ),
        keep_open(
            "a line that is not a field",
            with_length("what is this\r\n"),
            "200",
        ),
        keep_open("a field without a name", with_length(": v\r\n"), "200"),
        keep_open(
            "bytes beyond ASCII",
            with_length("X-Name: caf\u{e9}\r\n"),
            "200",
        ),
        keep_open(
            "lines that end in LF",
            with_length("").replace("\r\n", "\n"),
            "200",
        ),
        keep_open("no reason", with_length("").replacen(" OK", "", 1), "200"),
        keep_open(
            "interim answers",
            format!(
                "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{}",
                with_length("")
            ),
            "200",
        ),
        row(
            "an end within the head",
            "HTTP/1.1 200 OK\r\nX-Field: v\r\n",
            "closed",
        ),
        row("an end within the first line", "HTTP/1.1 2", "closed"),
        row("HTTP/0.9", PAGE, "protocol"),
        row(
            "a status of two digits",
            "HTTP/1.1 20 OK\r\n\r\n",
            "protocol",
        ),
        row("a status below 100", "HTTP/1.1 099 No\r\n\r\n", "protocol"),
        keep_open(
            "101 to a GET",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "protocol",
        ),
    ]
}

fn bodies() -> Vec<Row> {
    let reset = |text: String| Row {
        what: "",
        steps: vec![Step::send(text), Step::Reset],
        end: "cut",
    };
    let length = PAGE.len();
    let announced = |length: &str| framed("1.1", &format!("Content-Length: {length}\r\n"), PAGE);
    let coded =
        |coding: &str, body: &str| framed("1.1", &format!("Transfer-Encoding: {coding}\r\n"), body);
    vec![
        row(
            "a body that ends with the connection",
            framed("1.1", "", PAGE),
            "200",
        ),
        Row {
            what: "a body that ends in a reset",
            ..reset(framed("1.1", "", PAGE))
        },
        Row {
            what: "a length that ends in a reset",
            ..reset(announced("9999"))
        },
        Row {
            what: "chunks that end in a reset",
            ..reset(chunked("5\r\n<titl\r\n"))
        },
        row("less than its length", announced("9999"), "cut"),
        keep_open(
            "the same length twice",
            announced(&format!("{length}, {length}")),
            "200",
        ),
        keep_open(
            "two lengths",
            announced(&format!("{length}, 5")),
            "protocol",
        ),
        keep_open(
            "a length that is not a number",
            announced("many"),
            "protocol",
        ),
        keep_open("a negative length", announced("-1"), "protocol"),
        keep_open("chunks", chunked(&chunk()), "200"),
        keep_open(
            "chunks and a length",
            with_length("Transfer-Encoding: chunked\r\n").replace(PAGE, &chunk()),
            "200",
        ),
        keep_open(
            "extensions and trailers",
            chunked(&format!(
                "{length:x} ;a=\"{}\"\r\n{PAGE}\r\n0\r\nX-Sum: 1\r\n\r\n",
                "b".repeat(99)
            )),
            "200",
        ),
        keep_open(
            "chunks whose lines end in LF",
            chunked(&chunk().replace("\r\n", "\n")),
            "protocol",
        ),
        row(
            "chunks that end in LF, and an end",
            chunked(&chunk().replace("\r\n", "\n")),
            "protocol",
        ),
        keep_open(
            "a chunk size that is not a number",
            chunked("zz\r\nno\r\n0\r\n\r\n"),
            "protocol",
        ),
        keep_open(
            "data beyond its chunk",
            chunked(&format!("5\r\n{PAGE}\r\n0\r\n\r\n")),
            "protocol",
        ),
        row("an end between chunks", chunked("5\r\n<titl\r\n"), "cut"),
        row(
            "an end before the last line",
            chunked(&chunk().replace("0\r\n\r\n", "0\r\n")),
            "cut",
        ),
        keep_open(
            "HTTP/1.0 with a length",
            framed("1.0", &format!("Content-Length: {length}\r\n"), PAGE),
            "200",
        ),
        row(
            "HTTP/1.0 that ends with the connection",
            framed("1.0", "", PAGE),
            "200",
        ),
        row(
            "HTTP/1.0 with chunks",
            framed("1.0", "Transfer-Encoding: chunked\r\n", &chunk()),
            "protocol",
        ),
        row("identity", coded("identity", PAGE), "200"),
        keep_open(
            "identity with a length",
            with_length("Transfer-Encoding: identity\r\n"),
            "200",
        ),
        row(
            "identity with less than its length",
            framed(
                "1.1",
                "Transfer-Encoding: identity\r\nContent-Length: 9999\r\n",
                PAGE,
            ),
            "cut",
        ),
        keep_open(
            "identity, then chunks",
            coded("identity, chunked", &chunk()),
            "200",
        ),
        row(
            "a coding that is unknown",
            coded("xchunked", &chunk()),
            "protocol",
        ),
        keep_open(
            "a coding below the chunks",
            coded("gzip, chunked", &chunk()),
            "protocol",
        ),
        row(
            "a coding over the chunks",
            coded("chunked, gzip", &chunk()),
            "protocol",
        ),
        keep_open(
            "chunks in chunks",
            coded("chunked, chunked", &chunk()),
            "protocol",
        ),
        keep_open(
            "utf-8 as a content coding",
            with_length("Content-Encoding: utf-8\r\n"),
            "200",
        ),
        keep_open(
            "a 204 that announces a body",
            "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
            "204",
        ),
    ]
}

/// Shortens the deadlines and turns off retries.
fn with_short_deadlines(mut config: Config) -> Config {
    config.frontier.retries = 0;
    config.frontier.pause_after = 0;
    config.fetch.body_limit = ByteSize::mib(4);
    config.fetch.deadlines.first_byte = ms(5000);
    config.fetch.deadlines.between_chunks = ms(5000);
    config
}

fn site(rows: &[Row]) -> haul::origin::SiteBuilder {
    let answer = |row: &Row| Response::Raw(row.steps.clone());
    rows.iter()
        .enumerate()
        .fold(Site::builder(), |site, (index, row)| {
            site.route(&format!("/{index}"), answer(row))
        })
}

fn urls(origin: &Origin, rows: &[Row]) -> Vec<String> {
    let path = |index| origin.url(&format!("/{index}"));
    (0..rows.len()).map(path).collect()
}

/// The rows whose outcome differs from the table.
fn differences(rows: &[Row], report: &Report) -> Vec<String> {
    let differs = rows
        .iter()
        .zip(&report.records)
        .filter_map(|(row, record)| {
            let whole = row.end != "200" || record.title.as_deref() == Some("All of it");
            let same = record.end() == row.end && whole;
            let (what, end) = (row.what, record.end());
            let message = record.fault.as_deref().unwrap_or(&record.message);
            (!same).then(|| format!("{what}: {end} and not {}: {message}", row.end))
        });
    differs.collect()
}

#[test]
fn every_engine_reads_and_rejects_the_same() {
    on_every_engine(|engine| {
        for rows in [heads(), bodies()] {
            let origin = site(&rows).start().unwrap();
            let report = run(with_short_deadlines(config(engine, urls(&origin, &rows))));
            let differences = differences(&rows, &report);
            assert!(differences.is_empty(), "\n{}", differences.join("\n"));
        }
    });
}

#[test]
fn an_encrypted_body_that_ends_without_a_notice_is_cut() {
    on_every_engine(|engine| {
        let rows = [
            row("a notice", framed("1.1", "", PAGE), "200"),
            Row {
                what: "no notice",
                // A stream that is not TCP is closed rather than reset, without a close_notify.
                steps: vec![Step::send(framed("1.1", "", PAGE)), Step::Reset],
                end: "cut",
            },
        ];
        let origin = self_signed(site(&rows));
        let mut settings = with_short_deadlines(config(engine, urls(&origin, &rows)));
        settings.fetch.tls = TlsSettings::Insecure;
        let report = run(settings);
        let differences = differences(&rows, &report);
        assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    });
}

#[test]
fn a_dead_address_is_skipped_for_plain_and_encrypted_pages() {
    on_every_engine(|engine| {
        let plain = Site::builder()
            .fallback(Response::page(PAGE))
            .start()
            .unwrap();
        let sealed = self_signed(Site::builder().fallback(Response::page(PAGE)));
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
fn plain_pages_are_requested_from_a_proxy_in_absolute_form() {
    on_every_engine(|engine| {
        let proxy = Site::builder()
            .fallback(Response::page(PAGE))
            .start()
            .unwrap();
        let urls = ["/a?b=c", "/"].map(|path| format!("http://anything.example{path}"));
        let mut settings = with_short_deadlines(config(engine, urls));
        settings.fetch.proxies = vec![
            format!("http://ann:s3cret@{}", proxy.address())
                .parse()
                .unwrap(),
        ];
        assert_eq!(run(settings).ends(), ["200", "200"]);
        let hits = proxy.log().all_hits();
        assert_eq!(hits.len(), 2);
        for hit in hits {
            assert_eq!(hit.method, "GET", "{hit:?}");
            assert_eq!(hit.host, "anything.example");
            let credentials = hit.header("proxy-authorization");
            assert_eq!(credentials, Some("Basic YW5uOnMzY3JldA=="));
        }
    });
}
