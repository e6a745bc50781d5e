//! JSON Lines: one object per line with `url`, optionally `method`, `headers`, `body`.
//!
//! All other members are columns: they are carried through to the record.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};

use super::entry::{Entry, JobBuilder, bad};
use super::feeder::{Enough, Feeder};
use super::repair::{may_round, repaired};
use super::words;
use crate::error::{Error, Result};
use crate::input::encoding;
use crate::input::lines::Line;
use crate::input::{Input, unreadable};
use crate::job::{self, Request};

/// The longest line: it may be a record with the text of its page.
const LONGEST: usize = 16 << 20;
/// Fields that identify a line as a record written by haul.
///
/// The `body` and `headers` of a record are those of the response, not of a request.
const RECORD_FIELDS: [&str; 6] = [
    "row",
    "final_url",
    "redirects",
    "attempts",
    "error_message",
    "duplicate_of",
];

/// Checks that an input is not a single JSON document over several lines.
///
/// # Errors
/// If it is, or if it cannot be read.
pub(super) fn check(name: &str, lines: &mut Input) -> Result<()> {
    let sample = lines.sample(1, &mut ());
    let sample = sample.map_err(|source| unreadable(name, source))?;
    let text = sample.trim_ascii_start();
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let first = text[..end.unwrap_or(text.len())].trim_ascii_end();
    match first == b"[" || first == b"{" || first.starts_with(b"[{") {
        true => Err(Error::Table {
            name: name.to_owned(),
            problem: "one JSON document, not one object per line: jq -c '.[]' FILE | haul fetch - reads an array"
                .to_owned(),
        }),
        false => Ok(()),
    }
}

/// Reads a list of JSON Lines.
///
/// # Errors
/// If the input cannot be read.
pub(super) fn read(
    lines: &mut Input,
    maker: &mut JobBuilder,
    feeder: &mut Feeder<'_>,
) -> io::Result<Result<(), Enough>> {
    let requested = feeder.settings.url_column.clone();
    let column = requested.unwrap_or_else(|| "url".to_owned());
    lines.set_longest(LONGEST);
    let mut line = Line::default();
    while lines.next(&mut line, feeder)? {
        let text = words::trimmed_bytes(&line.bytes);
        let fed = match feeder.wants(line.number) {
            Ok(true) if text.is_empty() => Ok(()),
            Ok(true) if line.cut => {
                let problem = format!("longer than {} MiB", LONGEST >> 20);
                feeder.feed(bad(feeder.row, &without_headers(text), problem, None))
            }
            Ok(true) => {
                let entry = entry(maker, feeder.row, text, &column);
                feeder.feed(entry)
            }
            Ok(false) => Ok(()),
            Err(enough) => Err(enough),
        };
        if fed.is_err() {
            return Ok(fed);
        }
    }
    Ok(Ok(()))
}

/// The part of a bad line to show: it ends before the headers, which may be secrets.
fn without_headers(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let end = text.find("\"headers\"").unwrap_or(text.len());
    text[..end].to_owned()
}

/// The members of a line, repaired if necessary.
fn members(line: &[u8], url: &str) -> serde_json::Result<Map<String, Value>> {
    if !may_round(line)
        && let Ok(members) = serde_json::from_slice(line)
    {
        return Ok(members);
    }
    let members: Map<String, Value> = serde_json::from_str(&repaired(&encoding::text(line)))?;
    if str::from_utf8(line).is_ok() {
        return Ok(members);
    }
    // Columns may be in an older encoding, but what is sent must be exactly what the line says.
    let exact: Map<String, Value> =
        serde_json::from_str(&repaired(&String::from_utf8_lossy(line)))?;
    let is_column = |name: &str| ![url, "method", "headers", "body"].contains(&name);
    let exact_or_column = |name: String, value: Value| match is_column(&name) {
        true => (name, value),
        false => (name.clone(), exact.get(&name).cloned().unwrap_or(value)),
    };
    Ok(members
        .into_iter()
        .map(|(name, value)| exact_or_column(name, value))
        .collect())
}

fn entry(maker: &mut JobBuilder, row: u64, line: &[u8], column: &str) -> Entry {
    let text = || without_headers(line);
    match members(line, column) {
        Ok(members) => entry_of(maker, row, members, text, column),
        Err(error) => bad(row, &text(), format!("not a JSON object: {error}"), None),
    }
}

/// The entry of a row with these members; `text` is shown of a row that is none.
pub(super) fn entry_of(
    maker: &mut JobBuilder,
    row: u64,
    mut members: Map<String, Value>,
    text: impl Fn() -> String,
    column: &str,
) -> Entry {
    let url = members.remove(column);
    let request = match RECORD_FIELDS.iter().all(|name| members.contains_key(*name)) {
        true => request_of_record(&mut members),
        false => request(&mut members),
    };
    let (request, problem) = match request {
        Ok(request) => (request, None),
        Err(problem) => {
            // The rest of the request does not become columns: a header may be a secret.
            for name in ["method", "headers", "body"] {
                members.remove(name);
            }
            (Request::default(), Some(problem))
        }
    };
    let columns = members
        .into_iter()
        .map(|(name, value)| (Arc::from(name), value))
        .collect();
    let request = Request { columns, ..request };
    let request = request.says_something().then_some(request);
    match (url, problem) {
        (Some(Value::String(url)), None) => maker.request(row, &url, request),
        (_, Some(problem)) => bad(row, &text(), problem, request),
        (Some(_), None) => bad(row, &text(), format!("{column:?} is not a string"), request),
        (None, None) => bad(row, &text(), format!("no member {column:?}"), request),
    }
}

/// The request of a record written by haul. Only the columns of its list remain as members.
fn request_of_record(members: &mut Map<String, Value>) -> Result<Request, String> {
    let columns = match members.remove("columns") {
        Some(Value::Object(columns)) => columns,
        _ => Map::new(),
    };
    let mut record = std::mem::replace(members, columns);
    let method = record.remove("method");
    recorded_method(method.as_ref().and_then(Value::as_str)).map(|method| Request {
        method,
        ..Request::default()
    })
}

/// The method of a recorded request, if it can be sent again without a body.
///
/// # Errors
/// The method, and that a record does not include the body and headers to send with it.
pub(super) fn recorded_method(method: Option<&str>) -> Result<Option<Method>, String> {
    let Some(method) = method.filter(|method| !method.is_empty()) else {
        return Ok(None);
    };
    match Method::from_bytes(method.as_bytes()) {
        Ok(known) if known.is_safe() => Ok(Some(known)),
        _ => Err(format!(
            "a record of a {method} request, which lacks the body and headers that were sent: fetch it from its original list"
        )),
    }
}

/// The request that the line describes; its members are removed.
fn request(members: &mut Map<String, Value>) -> Result<Request, String> {
    let method = match members.remove("method") {
        None | Some(Value::Null) => None,
        Some(Value::String(method)) => {
            let method = job::method(&method);
            Some(method.ok_or_else(|| "\"method\" is not an HTTP method".to_owned())?)
        }
        Some(_) => return Err("\"method\" is not a string".to_owned()),
    };
    let mut headers = HeaderMap::new();
    match members.remove("headers") {
        None | Some(Value::Null) => {}
        Some(Value::Object(fields)) => {
            for (name, value) in fields {
                let text = match &value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    _ => return Err(format!("the header {name:?} is not a string")),
                };
                let name = HeaderName::try_from(&name)
                    .map_err(|_| format!("{name:?} is not a header name"))?;
                let mut value = HeaderValue::try_from(text).map_err(|_| {
                    format!("the header {name:?} has bytes that a header cannot have")
                })?;
                value.set_sensitive(true);
                headers.append(name, value);
            }
        }
        Some(_) => return Err("\"headers\" is not an object".to_owned()),
    }
    let body = match members.remove("body") {
        None | Some(Value::Null) => None,
        Some(Value::String(body)) => Some(Bytes::from(body)),
        Some(json) => {
            headers
                .entry(http::header::CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/json"));
            Some(Bytes::from(json.to_string()))
        }
    };
    Ok(Request {
        method,
        headers,
        body,
        checksum: None,
        columns: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Entry {
        entry(&mut JobBuilder::default(), 3, line.as_bytes(), "url")
    }

    #[test]
    fn a_line_describes_its_request_and_carries_other_members_along() {
        let Entry::Job(job) = read_line(
            r#"{"url":"a.example/x","method":"post","headers":{"X-A":"1"},"body":{"k":1},"id":42,"tags":["x"]}"#,
        ) else {
            panic!("it is a job")
        };
        let request = job.request.as_ref().unwrap();
        assert_eq!(request.method, Some(Method::POST));
        assert_eq!(
            (request.headers["x-a"].as_bytes(), request.body.as_deref()),
            (&b"1"[..], Some(&br#"{"k":1}"#[..]))
        );
        assert_eq!(request.headers["content-type"], "application/json");
        let columns: Vec<_> = request
            .columns
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(columns, ["id=42", r#"tags=["x"]"#]);
    }

    #[test]
    fn a_bad_line_says_what_is_wrong_and_keeps_its_columns() {
        for (line, problem) in [
            ("{", "not a JSON object"),
            (r#"{"id":1}"#, "no member \"url\""),
            (r#"{"url":7}"#, "not a string"),
            (
                r#"{"url":"a.example","headers":{"a b":"x"}}"#,
                "not a header name",
            ),
            (
                r#"{"url":"a.example","method":"a b"}"#,
                "not an HTTP method",
            ),
        ] {
            let Entry::Bad(visit) = read_line(line) else {
                panic!("{line}")
            };
            let message = visit.outcome.unwrap_err().to_string();
            assert!(message.contains(problem), "{message}");
        }
        let Entry::Bad(visit) = read_line(r#"{"id":1}"#) else {
            panic!("it has no URL")
        };
        assert_eq!(visit.job.request.unwrap().columns.len(), 1);
        let Entry::Bad(visit) = read_line(r#"{"id":1,"headers":{"Cookie":"s3cret"},"method":7}"#)
        else {
            panic!("its method is a number")
        };
        assert!(!format!("{visit:?}").contains("s3cret"), "{visit:?}");
    }
}
