//! The requests of an output with records: each record has its last request, and those before it.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::queue::Queue;
use super::request::Request;
use super::source::Source;
use super::verdict::Unknown;
use crate::earlier::RunKind;
use crate::error::{Error, Result};
use crate::recorded::{Item, Output, Recorded, Visitor, Wanted};
use crate::text::moment;
use crate::url::PageUrl;

/// Records have times to the millisecond, and each is cut to one.
const PRECISION: i64 = 2_000;

/// Reads the requests of an output.
///
/// # Errors
/// When it cannot be read to its end.
pub(super) fn read(path: &Path, queue: &mut Queue) -> Result<Source> {
    let wanted = Wanted {
        response: true,
        timing: true,
        ..Wanted::default()
    };
    let mut requests = Requests {
        queue,
        lacks_times: false,
        failure: None,
    };
    Output::open(path)?.each(wanted, &mut requests)?;
    if let Some(error) = requests.failure {
        return Err(error);
    }
    let mut unknown = vec![Unknown::Unrecorded, Unknown::Robots];
    if requests.lacks_times {
        unknown.push(Unknown::Times);
    }
    Ok(Source {
        kind: RunKind::Records,
        sessions: std::collections::BTreeMap::new(),
        unknown,
        precision: PRECISION,
        job: None,
    })
}

struct Requests<'q> {
    queue: &'q mut Queue,
    /// Whether an attempt or a redirect does not say when it was sent.
    lacks_times: bool,
    failure: Option<Error>,
}

impl Visitor for Requests<'_> {
    fn take(&mut self, _number: u64, item: Item) -> ControlFlow<()> {
        let Some(record) = item else {
            return ControlFlow::Continue(());
        };
        match self.add_all(&record) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Requests<'_> {
    fn add_all(&mut self, record: &Recorded) -> Result<()> {
        if record.duplicate_of.is_some() {
            return Ok(()); // another record has the request
        }
        let hops = list(record.redirects.as_ref());
        for hop in hops {
            let is_internal = hop.get("internal") == Some(&Value::Bool(true));
            if let Some(url) = hop
                .get("url")
                .and_then(Value::as_str)
                .filter(|_| !is_internal)
            {
                self.add_part(url, hop)?;
            }
        }
        // An attempt does not say at which URL of a chain it was: at the last one, as far as is known.
        let url = record.final_url.as_deref().unwrap_or(&record.url);
        for attempt in list(record.attempts.as_ref()) {
            self.add_part(url, attempt)?;
        }
        let Some(sent) = record.sent.and_then(microseconds) else {
            return Ok(()); // nothing was sent
        };
        let wait = record.headers.get("retry-after");
        let wait = wait.and_then(|seconds| seconds.trim().parse::<i64>().ok());
        let wait = wait.map(|seconds| seconds.saturating_mul(1_000_000));
        self.add(url, sent, record.total_ms, record.status, wait)
    }

    fn add_part(&mut self, url: &str, part: &Value) -> Result<()> {
        let sent = part
            .get("sent")
            .and_then(Value::as_str)
            .and_then(moment::parse)
            .and_then(microseconds);
        let Some(sent) = sent else {
            self.lacks_times |= part.get("sent").is_none();
            return Ok(());
        };
        let status = part.get("status").and_then(Value::as_u64);
        let wait = part.get("retry_after_s").and_then(Value::as_i64);
        self.add(
            url,
            sent,
            part.get("ms").and_then(Value::as_f64),
            status.and_then(|status| u16::try_from(status).ok()),
            wait.map(|seconds| seconds.saturating_mul(1_000_000)),
        )
    }

    fn add(
        &mut self,
        url: &str,
        sent: i64,
        took: Option<f64>,
        status: Option<u16>,
        wait: Option<i64>,
    ) -> Result<()> {
        let Ok(page) = PageUrl::parse(url) else {
            return Ok(());
        };
        let took = took.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok());
        let took = took.and_then(|took| i64::try_from(took.as_micros()).ok());
        let ended = took.map(|took| sent.saturating_add(took));
        self.queue.add(&Request {
            ended,
            status: status.unwrap_or(0),
            wait,
            known: ended.unwrap_or(sent).saturating_add(super::rules::NOTICED),
            url: Some(url.to_owned()),
            ..Request::at(page.host_key(), sent)
        })
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn microseconds(moment: SystemTime) -> Option<i64> {
    let since = moment.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}
