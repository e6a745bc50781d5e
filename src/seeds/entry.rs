//! An entry of a list: turns the text of a line into a job.

use std::collections::HashSet;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use serde_json::Value;

use super::words;
use crate::job::{Job, Request, basic};
use crate::page::checksum::Checksum;
use crate::page::failure::FetchError;
use crate::text::secret::without_password;
use crate::url::{HostKey, PageUrl, UserInfo};
use crate::visit::Visit;

/// The most host keys cached for sharing; beyond that, the cache starts over.
const HOSTS: usize = 4096;
/// The name of the column with the SHA-256 that the body of a row must have.
const COLUMN: &str = "sha256";
/// The most characters of a bad line that are shown.
const SHOWN: usize = 200;

/// An entry of a list.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A valid entry.
    Job(Box<Job>),
    /// An invalid entry.
    Bad(Box<Visit>),
}

/// Turns lines into jobs; the key of each host is created once and shared.
#[derive(Default)]
pub(super) struct JobBuilder {
    /// The SHA-256 for entries that have none of their own.
    checksum: Option<Checksum>,
    last: Option<HostKey>,
    hosts: HashSet<HostKey>,
}

impl JobBuilder {
    /// Gives each entry this SHA-256, unless it has its own.
    pub(super) fn new(checksum: Option<Checksum>) -> Self {
        Self {
            checksum,
            ..Self::default()
        }
    }

    /// The entry of a line that is only a URL.
    pub(super) fn url(&mut self, row: u64, text: &str) -> Entry {
        self.request(row, text, None)
    }

    /// The entry of a line that has a URL and its own request.
    pub(super) fn request(&mut self, row: u64, text: &str, request: Option<Request>) -> Entry {
        let text = words::trimmed(text);
        if let Some(problem) = words::problem(text) {
            return bad(row, text, problem.to_owned(), request);
        }
        let own = match request.as_ref().map(column).transpose() {
            Ok(own) => own.flatten(),
            Err(problem) => return bad(row, text, problem, request),
        };
        let checksum = own.or(self.checksum);
        match PageUrl::parse_with_user(text) {
            Ok((url, user)) => {
                let mut request = request;
                if checksum.is_some() {
                    request.get_or_insert_default().checksum = checksum;
                }
                let host = self.host(&url);
                let mut job = Box::new(Job::seed_on(row, url, host));
                let request = match user {
                    Some(user) => Some(with_user(request.unwrap_or_default(), &user)),
                    None => request,
                };
                job.request = request.map(Arc::new);
                Entry::Job(job)
            }
            Err(error) => bad(row, text, error.to_string(), request),
        }
    }

    pub(super) fn host(&mut self, url: &PageUrl) -> HostKey {
        let origin = url.origin_text();
        if let Some(last) = self.last.as_ref().filter(|last| last.as_str() == origin) {
            return last.clone();
        }
        let key = match self.hosts.get(origin) {
            Some(key) => key.clone(),
            None => {
                if self.hosts.len() >= HOSTS {
                    self.hosts.clear();
                }
                let key = url.host_key();
                self.hosts.insert(key.clone());
                key
            }
        };
        self.last = Some(key.clone());
        key
    }
}

/// The SHA-256 in the column of that name; it stays a column too, as all others do.
///
/// # Errors
/// When the column has something else.
fn column(request: &Request) -> Result<Option<Checksum>, String> {
    let is_it = |name: &str| name.eq_ignore_ascii_case(COLUMN);
    let column = request.columns.iter().find(|(name, _)| is_it(name));
    let text = match column {
        None | Some((_, Value::Null)) => return Ok(request.checksum),
        Some((_, Value::String(text))) => words::trimmed(text),
        Some(_) => return Err(format!("{COLUMN:?} is not a string")),
    };
    match text {
        "" => Ok(request.checksum),
        text => text
            .parse()
            .map(Some)
            .map_err(|problem| format!("the column {COLUMN:?}: {problem}")),
    }
}

/// An entry that says what is wrong with its line; the line's columns stay with it.
pub(super) fn bad(row: u64, text: &str, problem: String, request: Option<Request>) -> Entry {
    let mut job = Job::seed(row, PageUrl::placeholder());
    job.request = request.map(Arc::new);
    let text = without_password(text).chars().take(SHOWN).collect();
    let error = FetchError::Malformed { text, problem };
    Entry::Bad(Box::new(Visit::unsent(job, error)))
}

/// Turns `user:password@` in a URL into Basic authentication (RFC 7617), as a secret.
fn with_user(mut request: Request, user: &UserInfo) -> Request {
    let value = basic::header(user);
    request.headers.entry(AUTHORIZATION).or_insert(value);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_becomes_a_header_and_appears_nowhere_else() {
        let Entry::Job(job) = JobBuilder::default().url(1, "http://ann:s3cret@a.example/x") else {
            panic!("it is a URL")
        };
        let request = job.request.as_ref().unwrap();
        assert_eq!(request.headers[AUTHORIZATION], "Basic YW5uOnMzY3JldA==");
        assert!(!format!("{job:?}").contains("s3cret"), "{job:?}");
    }

    #[test]
    fn the_column_with_a_checksum_is_read_and_stays_a_column() {
        let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let general: Checksum = "00".repeat(32).parse().unwrap();
        let with = |name: &str, value: Value| {
            let request = Request {
                columns: vec![("n".into(), 1.into()), (name.into(), value)],
                ..Request::default()
            };
            JobBuilder::new(Some(general)).request(3, "http://a.example/", Some(request))
        };
        for (name, value, expected) in [
            ("sha256", hex.into(), hex.parse().unwrap()),
            ("SHA256", format!(" {hex} ").into(), hex.parse().unwrap()),
            ("sha256", "".into(), general),
            ("sha256", Value::Null, general),
            ("sha1", "xyz".into(), general),
        ] {
            let Entry::Job(job) = with(name, value) else {
                panic!("{name} is valid")
            };
            assert_eq!(job.checksum(), Some(&expected), "{name}");
            assert_eq!(job.request.unwrap().columns.len(), 2);
        }
        for wrong in ["xyz".into(), 7.into(), hex[1..].into()] {
            let Entry::Bad(visit) = with("sha256", wrong) else {
                panic!("it is no SHA-256")
            };
            let message = visit.outcome.unwrap_err().to_string();
            assert!(
                message.contains("sha256") && visit.job.row == Some(3),
                "{message}"
            );
        }
    }

    #[test]
    fn a_bad_line_is_reported_with_its_row() {
        let Entry::Bad(visit) = JobBuilder::default().url(7, "htp:/not a url") else {
            panic!("it is not a URL")
        };
        assert_eq!(visit.job.row, Some(7));
        assert!(visit.outcome.unwrap_err().to_string().contains("not http"));
    }
}
