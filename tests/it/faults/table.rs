//! The table of faults: how servers respond when they are broken, hostile or odd, and how each visit ends.
//!
//! There is one table for every engine and every way to a server. Where a proxy makes a difference, a row says so and
//! why; everything else ends as if the proxy was not there.

use haul::origin::{Origin, OriginSettings, Reply, Response, Site, SiteBuilder, Step};

use crate::stranger;
use crate::ways::Way;

/// The page that a row sends in its own way, if nothing is wrong with it.
const PAGE: &str = "<title>All of it</title>";

/// How a server responds, and how the visit ends.
pub(super) struct Row {
    pub(super) what: &'static str,
    from: From,
    /// A status, or a failure class.
    end: &'static str,
    by_proxy: ByProxy,
    /// Whether the page is [`PAGE`].
    sends_page: bool,
}

/// How a row ends through a proxy.
enum ByProxy {
    /// As without it.
    Same,
    /// In another way, for this reason.
    Differs {
        request: &'static str,
        tunnel: &'static str,
        _because: &'static str,
    },
}

/// Where the response of a row comes from.
enum From {
    /// From this path of the practice server.
    Path,
    /// From a route of its own.
    Route(Response),
    /// From another host and port.
    Host(String),
}

impl Row {
    const fn new(what: &'static str, from: From, end: &'static str) -> Self {
        Self {
            what,
            from,
            end,
            by_proxy: ByProxy::Same,
            sends_page: false,
        }
    }

    /// How it ends this way.
    pub(super) fn end(&self, way: Way) -> &'static str {
        match self.by_proxy {
            ByProxy::Differs { request, .. } if way.has_reading_proxy() => request,
            ByProxy::Differs { tunnel, .. } if way.has_tunnel() => tunnel,
            _ => self.end,
        }
    }

    /// The title of its page, if one is sent.
    pub(super) fn title(&self) -> Option<&'static str> {
        self.sends_page.then_some("All of it")
    }
}

/// All rows.
pub(super) fn table() -> Vec<Row> {
    let parts = [practice(), own(), unreachable(), heads(), bodies()];
    parts.into_iter().flatten().collect()
}

/// The server of a table.
pub(super) fn site(rows: &[Row]) -> SiteBuilder {
    let site = Site::builder().settings(OriginSettings {
        pages: 1000,
        ..OriginSettings::default()
    });
    rows.iter()
        .enumerate()
        .fold(site, |site, (index, row)| match &row.from {
            From::Route(response) => site.route(&format!("/row/{index}"), response.clone()),
            From::Path | From::Host(_) => site,
        })
}

/// The URLs of a table, whose rows are in their order.
pub(super) fn urls(rows: &[Row], origin: &Origin, way: Way) -> Vec<String> {
    let url = |(index, row): (usize, &Row)| match &row.from {
        From::Path => origin.url(row.what),
        From::Route(_) => origin.url(&format!("/row/{index}")),
        From::Host(host) => format!("{}://{host}/", way.scheme()),
    };
    rows.iter().enumerate().map(url).collect()
}

/// The faults of the practice server.
fn practice() -> Vec<Row> {
    [
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
        ("/fault/endless-body", "too-large"),
        ("/size/5000000", "too-large"),
        ("/fault/slow", "timeout"),
        ("/fault/stall", "timeout"),
        ("/fault/redirect-loop", "redirects"),
        ("/fault/redirect-file", "redirect"),
        ("/fault/redirect-private", "private"),
        ("/fault/redirect-metadata", "private"),
        ("/fault/unavailable", "503"),
    ]
    .map(|(path, end)| Row::new(path, From::Path, end))
    .into()
}

/// Responses that need more than bytes.
fn own() -> Vec<Row> {
    let with_headers = |count: usize, length: usize| {
        let field = |reply: Reply, number| reply.header(format!("X-{number}"), "v".repeat(length));
        (0..count).fold(Reply::new(200), field).into()
    };
    let latin =
        &b"HTTP/1.1 302 Found\r\nLocation: /page/1?caf\xe9\r\nConnection: close\r\n\r\n"[..];
    [
        ("90 fields of 700 bytes", with_headers(90, 700), "200"),
        ("300 fields", with_headers(300, 10), "200"),
        ("1,500 fields", with_headers(1500, 10), "head"),
        ("silence", Response::Raw(vec![Step::WaitForever]), "timeout"),
        (
            "a redirect to no host",
            Response::redirect(302, "http://"),
            "redirect",
        ),
        (
            "a redirect in UTF-8",
            Response::redirect(302, "/page/1?caf\u{e9}"),
            "200",
        ),
        ("a redirect in Latin-1", Response::raw(latin), "200"),
    ]
    .map(|(what, response, end)| Row::new(what, From::Route(response), end))
    .into()
}

/// Hosts that cannot be reached.
fn unreachable() -> Vec<Row> {
    let nobody = stranger::nobody().to_string();
    [
        ("a name without an address", "no-such-name.invalid".to_owned(), "dns"),
        ("a port without a listener", nobody, "connect"),
    ].map(|(what, host, end)| Row {
        by_proxy: ByProxy::Differs {
            request: "502",
            tunnel: "proxy",
            _because: "the proxy connects to the host: it responds to a request itself, and opens no tunnel",
        },
        ..Row::new(what, From::Host(host), end)
    }).into()
}

fn sent(what: &'static str, steps: Vec<Step>, end: &'static str) -> Row {
    Row {
        sends_page: end == "200",
        ..Row::new(what, From::Route(Response::Raw(steps)), end)
    }
}

/// A response after which the server closes the connection.
fn row(what: &'static str, text: impl Into<bytes::Bytes>, end: &'static str) -> Row {
    sent(what, vec![Step::send(text), Step::Close], end)
}

/// A response after which the server resets the connection.
fn reset(what: &'static str, text: impl Into<bytes::Bytes>, end: &'static str) -> Row {
    sent(what, vec![Step::send(text), Step::Reset], end)
}

/// A response after which the server keeps the connection open.
fn keep_open(what: &'static str, text: impl Into<bytes::Bytes>, end: &'static str) -> Row {
    sent(what, vec![Step::send(text)], end)
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
        reset(
            "a body that ends in a reset",
            framed("1.1", "", PAGE),
            "cut",
        ),
        reset("a length that ends in a reset", announced("9999"), "cut"),
        reset(
            "chunks that end in a reset",
            chunked("5\r\n<titl\r\n"),
            "cut",
        ),
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
