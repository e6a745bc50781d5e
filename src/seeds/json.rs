//! JSON Lines: an object a line with `url`, and perhaps `method`, `headers` and `body`.
//!
//! Every other member is a column: it is carried through to the record.

use std::io::{self, BufRead};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};

use super::entry::{Maker, bad};
use super::{Enough, Entry, Feeder, text};
use crate::job::Request;

/// # Errors
/// When the input cannot be read.
pub(super) fn read(
    input: &mut dyn BufRead,
    maker: &mut Maker,
    feeder: &mut Feeder<'_>,
) -> io::Result<Result<(), Enough>> {
    let column = feeder
        .settings
        .url_column
        .clone()
        .unwrap_or_else(|| "url".to_owned());
    text::lines(input, feeder, |feeder, line| {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let entry = entry(maker, feeder.row, line, &column);
        feeder.feed(entry)
    })
}

fn entry(maker: &mut Maker, row: u64, line: &[u8], column: &str) -> Entry {
    // Headers may be secrets: nothing from them on is told.
    let told = || {
        let text = String::from_utf8_lossy(line.trim_ascii());
        let end = text.find("\"headers\"").unwrap_or(text.len());
        text[..end].to_owned()
    };
    let mut members = match serde_json::from_slice::<Map<String, Value>>(line) {
        Ok(members) => members,
        Err(error) => return bad(row, &told(), format!("not a JSON object: {error}"), None),
    };
    let url = members.remove(column);
    let request = request(&mut members);
    let (request, problem) = match request {
        Ok(request) => (request, None),
        Err(problem) => {
            // What is left of the request is no column: a header may be a secret.
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
    let plain = request.method.is_none()
        && request.headers.is_empty()
        && request.body.is_none()
        && request.columns.is_empty();
    let request = (!plain).then_some(request);
    match (url, problem) {
        (Some(Value::String(url)), None) => maker.request(row, url.trim(), request),
        (_, Some(problem)) => bad(row, &told(), problem, request),
        (Some(_), None) => bad(row, &told(), format!("{column:?} is not a string"), request),
        (None, None) => bad(row, &told(), format!("no member {column:?}"), request),
    }
}

/// What the line says about its request; those members are taken out.
fn request(members: &mut Map<String, Value>) -> Result<Request, String> {
    let method = match members.remove("method") {
        None | Some(Value::Null) => None,
        Some(Value::String(method)) => {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
            Some(method.map_err(|_| "\"method\" is not an HTTP method".to_owned())?)
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
                    .map_err(|_| format!("{name:?} is not a header's name"))?;
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
        columns: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Entry {
        entry(&mut Maker::default(), 3, line.as_bytes(), "url")
    }

    #[test]
    fn a_line_names_its_request_and_carries_the_rest_along() {
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
    fn a_line_that_is_wrong_says_how_and_keeps_its_columns() {
        for (line, problem) in [
            ("{", "not a JSON object"),
            (r#"{"id":1}"#, "no member \"url\""),
            (r#"{"url":7}"#, "not a string"),
            (
                r#"{"url":"a.example","headers":{"a b":"x"}}"#,
                "not a header's name",
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
