//! The user's own line for each record: `%{status} %{url}\n`, as in curl's `-w`.
//!
//! `%{name}` is a field of the record, or one of curl's names for it; `%{header{name}}` (or curl's `%header{name}`) is
//! a header field of the response; `%{json}` is the whole record. `\n`, `\t`, `\r` and `\\` are escapes, `%%` is a
//! percent sign. Unlike in curl, a template that does not end in a newline gets one: a list of records on one endless
//! line is a trap. Text from servers is [cleaned](crate::clean), except in `%{json}` and `%{body}`: a tab in a title
//! cannot shift a column.

use std::str::FromStr;
use std::time::Duration;

use http::HeaderName;

use super::field::Field;
use super::jsonl::object;
use super::lines::Render;
use super::value::put;
use super::{FIELDS, Record};
use crate::error::Result;
use crate::page::Page;
use crate::parse::Wants;
use crate::text::clean::clean;
use crate::text::nearest::nearest;
use crate::visit::Visit;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
    Curl(Curl),
    Header(HeaderName),
    Json,
}

/// A variable of curl's that a record does not have, or has in another unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curl {
    /// Three digits, `000` without a response.
    Code,
    UrlEffective,
    /// Body bytes over the wire, `0` without a response.
    Size,
    /// Seconds with six decimals.
    Total,
    /// Seconds with six decimals.
    FirstByte,
    Redirects,
    Retries,
    RemoteAddress,
    RemotePort,
}

/// curl's names, and their equivalents here.
const CURL: [(&str, Piece); 13] = [
    ("http_code", Piece::Curl(Curl::Code)),
    ("response_code", Piece::Curl(Curl::Code)),
    ("url_effective", Piece::Curl(Curl::UrlEffective)),
    ("size_download", Piece::Curl(Curl::Size)),
    ("time_total", Piece::Curl(Curl::Total)),
    ("time_starttransfer", Piece::Curl(Curl::FirstByte)),
    ("num_redirects", Piece::Curl(Curl::Redirects)),
    ("num_retries", Piece::Curl(Curl::Retries)),
    ("remote_ip", Piece::Curl(Curl::RemoteAddress)),
    ("remote_port", Piece::Curl(Curl::RemotePort)),
    ("errormsg", Piece::Field(Field::ErrorMessage)),
    ("filename_effective", Piece::Field(Field::File)),
    ("json", Piece::Json),
];

impl Template {
    /// Parses a template.
    ///
    /// ```
    /// # use haul::sink::Template;
    /// assert!(Template::parse(r"%{status} %{header{server}} %{url}\n").is_ok());
    /// assert!(Template::parse("%{stauts}").unwrap_err().contains("status"));
    /// ```
    ///
    /// # Errors
    /// On an unknown variable, with the closest known one, or an unclosed brace.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['%', '\\']) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            let parsed = if let Some(after) = rest.strip_prefix("%header{") {
                Some(header(after)?)
            } else if let Some(after) = rest.strip_prefix("%{header{") {
                let (piece, after) = header(after)?;
                let after = after
                    .strip_prefix('}')
                    .ok_or("%{header{name}} ends with two braces")?;
                Some((piece, after))
            } else if let Some(after) = rest.strip_prefix("%{") {
                let (name, after) = until_brace(after)?;
                Some((variable(name)?, after))
            } else {
                None
            };
            if let Some((piece, after)) = parsed {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(piece);
                rest = after;
            } else {
                rest = escape(rest, &mut plain);
            }
        }
        plain.push_str(rest);
        if !(plain.ends_with('\n') || plain.is_empty() && pieces.is_empty()) {
            plain.push('\n');
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// What its variables need from a page.
    pub(super) fn wants(&self) -> Wants {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Field(field) => field.wants(),
                Piece::Json => Wants {
                    digest: true,
                    title: true,
                    ..Wants::NOTHING
                },
                Piece::Text(_) | Piece::Curl(_) | Piece::Header(_) => Wants::NOTHING,
            })
            .fold(Wants::NOTHING, Wants::and)
    }

    fn write(&self, visit: &Visit, headers: &[HeaderName], cell: &mut Vec<u8>, out: &mut Vec<u8>) {
        let body = self.0.contains(&Piece::Field(Field::Body));
        let record = Record::of(visit, body).with_headers(visit, headers);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Field(Field::Body) => Field::Body.write(&record, out),
                Piece::Field(field) => {
                    cell.clear();
                    field.write(&record, cell);
                    put_clean(cell, out);
                }
                Piece::Curl(curl) => curl.write(visit, out),
                Piece::Header(name) => {
                    let page = visit.outcome.as_ref().ok();
                    if let Some(value) = page.and_then(|page| page.headers.0.get(name)) {
                        put_clean(value.as_bytes(), out);
                    }
                }
                Piece::Json => {
                    object(&Record::of(visit, false).with_headers(visit, headers), out);
                }
            }
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl Curl {
    fn write(self, visit: &Visit, out: &mut Vec<u8>) {
        let page = visit.outcome.as_ref().ok();
        let seconds = |of: fn(&Page) -> Duration| page.map(of).unwrap_or_default().as_secs_f64();
        match self {
            Self::Code => put(
                out,
                format_args!("{:03}", page.map_or(0, |page| page.status)),
            ),
            Self::UrlEffective => out.extend_from_slice(visit.job.url.as_str().as_bytes()),
            Self::Size => put(
                out,
                format_args!("{}", page.map_or(0, |page| page.wire_bytes)),
            ),
            Self::Total => put(
                out,
                format_args!("{:.6}", seconds(|page| page.timing.total)),
            ),
            Self::FirstByte => put(
                out,
                format_args!("{:.6}", seconds(|page| page.timing.first_byte)),
            ),
            Self::Redirects => put(out, format_args!("{}", visit.job.hops.len())),
            Self::Retries => put(out, format_args!("{}", visit.job.attempts.len())),
            Self::RemoteAddress => {
                if let Some(remote) = page.and_then(|page| page.remote) {
                    put(out, format_args!("{}", remote.ip()));
                }
            }
            Self::RemotePort => {
                if let Some(remote) = page.and_then(|page| page.remote) {
                    put(out, format_args!("{}", remote.port()));
                }
            }
        }
    }
}

/// Renders records with a template.
pub(super) struct TemplateLines {
    template: Template,
    headers: Vec<HeaderName>,
    cell: Vec<u8>,
}

impl TemplateLines {
    pub(super) fn new(template: Template, headers: Vec<HeaderName>) -> Self {
        Self {
            template,
            headers,
            cell: Vec::new(),
        }
    }
}

impl Render for TemplateLines {
    fn wants(&self) -> Wants {
        self.template.wants()
    }

    fn add(&mut self, visit: &Visit, out: &mut Vec<u8>) -> Result<()> {
        self.template
            .write(visit, &self.headers, &mut self.cell, out);
        Ok(())
    }
}

fn put_clean(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(clean(&String::from_utf8_lossy(bytes)).as_bytes());
}

fn variable(name: &str) -> Result<Piece, String> {
    if let Some(field) = Field::named(name) {
        return Ok(Piece::Field(field));
    }
    if let Some((_, piece)) = CURL.iter().find(|(known, _)| *known == name) {
        return Ok(piece.clone());
    }
    let known: Vec<&str> = FIELDS
        .into_iter()
        .chain(CURL.iter().map(|(known, _)| *known))
        .collect();
    Err(match nearest(name, &known) {
        Some(near) => format!("unknown variable %{{{name}}}; did you mean %{{{near}}}?"),
        None => format!(
            "unknown variable %{{{name}}}; the variables are {}, header{{name}}",
            known.join(", ")
        ),
    })
}

fn header(text: &str) -> Result<(Piece, &str), String> {
    let (name, after) = until_brace(text)?;
    let name =
        HeaderName::try_from(name).map_err(|_| format!("{name:?} is not the name of a header"))?;
    Ok((Piece::Header(name), after))
}

fn until_brace(text: &str) -> Result<(&str, &str), String> {
    text.split_once('}').ok_or_else(|| {
        let start = &text[..text.floor_char_boundary(20)];
        format!("the brace before {start:?} is not closed")
    })
}

/// Reads an escape that starts with `%` or `\`; as in curl, an unknown one stands for itself.
fn escape<'a>(text: &'a str, plain: &mut String) -> &'a str {
    const ESCAPES: [(&str, char); 5] = [
        ("%%", '%'),
        ("\\n", '\n'),
        ("\\t", '\t'),
        ("\\r", '\r'),
        ("\\\\", '\\'),
    ];
    for (escape, meant) in ESCAPES {
        if let Some(after) = text.strip_prefix(escape) {
            plain.push(meant);
            return after;
        }
    }
    plain.push_str(&text[..1]);
    &text[1..]
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::page::failure::FetchError;

    fn rendered(template: &str, visit: &Visit) -> String {
        let mut out = Vec::new();
        let template = Template::parse(template).unwrap();
        template.write(visit, &[], &mut Vec::new(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_field_of_a_record_is_a_variable() {
        let visit = samples::redirected();
        let json = serde_json::to_value(Record::of(&visit, true)).unwrap();
        for name in FIELDS {
            let text = rendered(&format!("%{{{name}}}"), &visit);
            if let Some(expected) = json.get(name).and_then(serde_json::Value::as_str) {
                assert_eq!(text, format!("{expected}\n"), "{name}");
            }
        }
        assert_eq!(
            rendered("%{row}|%{status}|%{total_ms}", &visit),
            "2|200|12.300\n"
        );
        let whole: serde_json::Value = serde_json::from_str(&rendered("%{json}", &visit)).unwrap();
        assert_eq!(whole["url"], json["url"]);
        assert!(whole.get("body").is_none());
    }

    #[test]
    fn curls_names_give_what_curl_gives() {
        let visit = samples::redirected();
        let template = "%{http_code} %{response_code} %{url_effective} %{size_download} %{time_total} \
            %{time_starttransfer} %{num_redirects} %{num_retries} %{remote_ip} %{remote_port} %{http_version}";
        assert_eq!(
            rendered(template, &visit),
            "200 200 https://example.org/new 4200 0.012300 0.008100 1 0 192.0.2.7 443 1.1\n"
        );
        let failed = samples::failed(FetchError::Closed);
        assert_eq!(
            rendered(
                "%{http_code} %{size_download} %{time_total} [%{remote_ip}] %{errormsg}",
                &failed
            ),
            "000 0 0.000000 [] connection closed before a response\n"
        );
    }

    #[test]
    fn headers_are_found_in_both_spellings_and_any_case() {
        let visit = samples::page(200);
        assert_eq!(
            rendered(
                "%{header{Server}}|%header{server}|%{header{x-none}}",
                &visit
            ),
            "origin/1|origin/1|\n"
        );
    }

    #[test]
    fn escapes_are_read_and_unknown_ones_stand_for_themselves() {
        let visit = samples::page(200);
        assert_eq!(
            rendered(r"100%% %x \t\\n \q é%", &visit),
            "100% %x \t\\n \\q é%\n"
        );
    }

    #[test]
    fn a_template_ends_in_exactly_the_newline_it_needs() {
        let visit = samples::page(200);
        assert_eq!(rendered("%{status}", &visit), "200\n");
        assert_eq!(rendered(r"%{status}\n", &visit), "200\n");
        assert_eq!(rendered("%{status}\n", &visit), "200\n");
        assert_eq!(rendered("x", &visit), "x\n");
        assert_eq!(rendered("", &visit), "");
    }

    #[test]
    fn an_unknown_variable_is_refused_with_the_closest_known_one() {
        let error = |text: &str| Template::parse(text).unwrap_err();
        assert!(error("%{stauts}").contains("%{status}"));
        assert!(error("%{time_totl}").contains("%{time_total}"));
        assert!(error("%{elephant}").contains("first_byte_ms"));
        assert!(error("%{status").contains("not closed"));
        assert!(error("%{header{server}").contains("two braces"));
        assert!(error("%{header{a b}}").contains("name of a header"));
    }

    #[test]
    fn only_what_the_variables_need_is_wanted() {
        let wants = |text: &str| Template::parse(text).unwrap().wants();
        assert_eq!(
            wants("%{status} %{url} %{header{server}} %{time_total}"),
            Wants::NOTHING
        );
        assert!(wants("%{sha256}").digest && !wants("%{sha256}").title);
        assert!(wants("%{title}").title && !wants("%{title}").text);
        assert!(wants("%{body}").text);
        assert!(wants("%{json}").digest && wants("%{json}").title && !wants("%{json}").text);
    }

    #[test]
    fn a_title_cannot_break_a_line_or_control_a_terminal() {
        let mut visit = samples::page(200);
        visit.parsed.title = Some("a\tb\u{1b}[2Jc\u{202e}".into());
        assert_eq!(rendered("%{title}", &visit), "a␉b␛[2Jc\u{fffd}\n");
    }
}
