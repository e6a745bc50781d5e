//! The link graph of a site as CSV or as a Graphviz digraph: an edge for each link.
//!
//! A page's links are those that the crawl looked for, each URL once, whether it was followed or not: assets are
//! included if assets are requested. A redirect is an edge too, from the redirecting URL to its target. Invariant: at
//! a mark the file contains only whole pages; the brace that closes a digraph is written after the last mark, and is
//! cut off with everything after that mark when the job is resumed.

use super::output::Output;
use super::{Destination, Mark, Sink, Start};
use crate::error::{Error, Result, Setting};
use crate::parse::Wants;
use crate::visit::Visit;

/// The first line of a CSV.
const COLUMNS: &[u8] = b"from,to,kind,nofollow\n";
/// The start of a digraph. Nodes are named by URLs: they fit a box better than an ellipse.
const OPENING: &[u8] = b"digraph site {\n  node [shape=box];\n";
/// The end of a digraph.
const CLOSING: &[u8] = b"}\n";

/// The format that edges are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EdgeFormat {
    /// RFC 4180: from, to, kind, nofollow.
    Csv,
    /// The DOT language of Graphviz. The kind is the edge's class, which its drawings preserve.
    Dot,
}

/// The sink that writes the edges of a site.
pub(super) struct Edges {
    output: Output,
    form: EdgeFormat,
}

/// One edge.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    kind: &'static str,
    nofollow: bool,
}

impl Edges {
    /// Opens the output, and writes the opening line if it is new.
    ///
    /// # Errors
    /// When the file cannot be opened, or a digraph would be appended to a file.
    pub(super) fn open(to: &Destination, form: EdgeFormat, start: Start<'_>) -> Result<Self> {
        let after = matches!(to, Destination::File { append: true, .. });
        if after && form == EdgeFormat::Dot {
            return Err(Error::invalid(
                Setting::Output,
                "a digraph cannot be appended to a file",
            ));
        }
        let mut output = Output::open(to, start)?;
        if output.is_new() {
            output.buffer().extend_from_slice(match form {
                EdgeFormat::Csv => COLUMNS,
                EdgeFormat::Dot => OPENING,
            });
        }
        Ok(Self { output, form })
    }
}

impl Sink for Edges {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }

    fn write(&mut self, visit: &Visit) -> Result<()> {
        let buffer = self.output.buffer();
        let form = self.form;
        each_edge(visit, |edge| edge.write(form, buffer));
        self.output.record_done()
    }

    fn flush(&mut self) -> Result<()> {
        self.output.flush()
    }

    fn keep(&mut self) {
        self.output.keep();
    }

    fn take_back(&mut self) -> bool {
        self.output.take_back()
    }

    fn checkpoint(&mut self) -> Result<Mark> {
        self.output.checkpoint()
    }

    fn finish(mut self: Box<Self>) -> Result<Option<Mark>> {
        if self.form == EdgeFormat::Csv {
            return self.output.finish();
        }
        // A pipe has no mark, but still gets its closing brace.
        let before = self.output.position();
        self.output.buffer().extend_from_slice(CLOSING);
        Ok(self.output.finish()?.and(before))
    }
}

impl Edge<'_> {
    fn write(&self, form: EdgeFormat, out: &mut Vec<u8>) {
        match form {
            EdgeFormat::Csv => {
                cell(self.from, out);
                out.push(b',');
                cell(self.to, out);
                out.push(b',');
                out.extend_from_slice(self.kind.as_bytes());
                out.extend_from_slice(if self.nofollow {
                    b",true\n"
                } else {
                    b",false\n"
                });
            }
            EdgeFormat::Dot => {
                out.extend_from_slice(b"  ");
                node(self.from, out);
                out.extend_from_slice(b" -> ");
                node(self.to, out);
                out.extend_from_slice(b" [class=\"");
                out.extend_from_slice(self.kind.as_bytes());
                let end: &[u8] = match self.nofollow {
                    true => b" nofollow\", style=dashed];\n",
                    false => b"\"];\n",
                };
                out.extend_from_slice(end);
            }
        }
    }
}

/// Calls `emit` with each edge of a visit: redirects in order, then links in page order.
fn each_edge(visit: &Visit, mut emit: impl FnMut(Edge<'_>)) {
    let job = &visit.job;
    let redirect = |from, to| Edge {
        from,
        to,
        kind: "redirect",
        nofollow: false,
    };
    let chain = job.hops.iter().map(|hop| &hop.url).chain([&job.url]);
    for (from, to) in chain.clone().zip(chain.skip(1)) {
        emit(redirect(from.as_str(), to.as_str()));
    }
    let Ok(page) = &visit.outcome else {
        return;
    };
    // A redirect that was not followed: its target has its own record or is not part of the crawl.
    if let Some(to) = page.target().and_then(|target| job.url.join(&target).ok()) {
        emit(redirect(job.url.as_str(), to.as_str()));
    }
    let Some(found) = &visit.parsed.found else {
        return;
    };
    for link in found.iter() {
        emit(Edge {
            from: job.url.as_str(),
            to: link.url,
            kind: link.kind.as_str(),
            nofollow: found.nofollow || link.nofollow,
        });
    }
}

/// Writes a URL as a cell, in quotes if need be, as URLs may contain commas.
fn cell(url: &str, out: &mut Vec<u8>) {
    if url.contains([',', '"', '\n', '\r']) {
        out.push(b'"');
        out.extend_from_slice(url.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(url.as_bytes());
    }
}

/// Writes a URL as a node's name, in quotes.
///
/// DOT knows only the escape `\"`, and drawing tools interpret other backslashes: both characters are percent-encoded,
/// which means nearly the same in a URL.
fn node(url: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in url.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"%22"),
            b'\\' => out.extend_from_slice(b"%5C"),
            b'\n' | b'\r' | 0 => {}
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::{Format, SinkSettings, samples};
    use super::*;
    use crate::job::Hop;
    use crate::url::PageUrl;
    use crate::visit::found::{FoundKind, FoundLink, FoundLinks};

    fn linking(from: &str, links: &[(&str, FoundKind, bool)]) -> Visit {
        let mut visit = samples::saved_from(from, 200, "");
        let mut found = FoundLinks::default();
        for &(url, kind, nofollow) in links {
            found.push(FoundLink {
                url,
                fingerprint: 0,
                kind,
                is_part: false,
                nofollow,
                led: false,
                recipe: None,
            });
        }
        visit.parsed.found = Some(Box::new(found));
        visit
    }

    fn redirecting(from: &str, location: &str) -> Visit {
        let mut visit = samples::saved_from(from, 302, "");
        let location = http::HeaderValue::from_str(location).unwrap();
        let headers = &mut visit.outcome.as_mut().unwrap().headers;
        headers.0.insert(http::header::LOCATION, location);
        visit
    }

    fn written(format: Format, visits: &[Visit]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edges");
        let settings = SinkSettings::file(&path, format);
        let mut sink = samples::open(&settings, Start::Fresh).unwrap();
        visits.iter().for_each(|visit| sink.write(visit).unwrap());
        sink.finish().unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    fn site() -> Vec<Visit> {
        let mut chain = linking("http://h.example/c", &[]);
        let hop = |url| Hop::new(PageUrl::parse(url).unwrap(), 301);
        chain.job.hops = vec![hop("http://h.example/a"), hop("http://h.example/b")];
        vec![
            linking(
                "http://h.example/",
                &[
                    ("http://h.example/a", FoundKind::Page, false),
                    ("http://h.example/x,y?\\", FoundKind::Asset, true),
                ],
            ),
            chain,
            redirecting("http://h.example/old", "/new?q=1,2"),
            samples::saved_from("http://h.example/dead", 404, ""),
        ]
    }

    const EXPECTED: [[&str; 4]; 5] = [
        ["http://h.example/", "http://h.example/a", "page", "false"],
        [
            "http://h.example/",
            "http://h.example/x,y?\\",
            "asset",
            "true",
        ],
        [
            "http://h.example/a",
            "http://h.example/b",
            "redirect",
            "false",
        ],
        [
            "http://h.example/b",
            "http://h.example/c",
            "redirect",
            "false",
        ],
        [
            "http://h.example/old",
            "http://h.example/new?q=1,2",
            "redirect",
            "false",
        ],
    ];

    #[test]
    fn a_csv_has_a_row_for_each_link_and_each_redirect() {
        let text = written(Format::Edges, &site());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(
            reader.headers().unwrap(),
            vec!["from", "to", "kind", "nofollow"]
        );
        let rows: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        assert_eq!(rows, EXPECTED);
    }

    #[test]
    fn a_digraph_has_the_same_edges_and_a_brace_at_each_end() {
        let text = written(Format::Dot, &site());
        let edges = text
            .strip_prefix("digraph site {\n  node [shape=box];\n")
            .unwrap();
        let edges = edges.strip_suffix("}\n").unwrap();
        let edges: Vec<Vec<&str>> = edges
            .lines()
            .map(|line| line.split('"').collect())
            .collect();
        assert_eq!(edges.len(), EXPECTED.len());
        for (edge, [from, to, kind, nofollow]) in edges.iter().zip(EXPECTED) {
            let to = to.replace('\\', "%5C");
            let (class, end) = match nofollow {
                "true" => (format!("{kind} nofollow"), ", style=dashed];"),
                _ => (kind.to_owned(), "];"),
            };
            assert_eq!(*edge, ["  ", from, " -> ", &to, " [class=", &class, end]);
        }
    }

    #[test]
    fn a_nofollow_page_makes_all_its_links_nofollow() {
        let mut visit = linking(
            "http://h.example/",
            &[("http://h.example/a", FoundKind::Page, false)],
        );
        visit.parsed.found.as_mut().unwrap().nofollow = true;
        let text = written(Format::Edges, &[visit]);
        assert!(text.ends_with("/a,page,true\n"), "{text}");
    }
}
