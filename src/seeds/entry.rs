//! An entry of a list: turns the text of a line into a job.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::words;
use crate::job::{Job, Request};
use crate::page::failure::FetchError;
use crate::text::secret::without_password;
use crate::url::{HostKey, PageUrl, UserInfo};
use crate::visit::Visit;

/// The most host keys cached for sharing; beyond that, the cache starts over.
const HOSTS: usize = 4096;
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
    last: Option<HostKey>,
    hosts: HashSet<HostKey>,
}

impl JobBuilder {
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
        match PageUrl::parse_with_user(text) {
            Ok((url, user)) => {
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
    let secret = STANDARD.encode(format!("{}:{}", user.user, user.password));
    if let Ok(mut value) = HeaderValue::try_from(format!("Basic {secret}")) {
        value.set_sensitive(true);
        request.headers.entry(AUTHORIZATION).or_insert(value);
    }
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
    fn a_bad_line_is_reported_with_its_row() {
        let Entry::Bad(visit) = JobBuilder::default().url(7, "htp:/not a url") else {
            panic!("it is not a URL")
        };
        assert_eq!(visit.job.row, Some(7));
        assert!(visit.outcome.unwrap_err().to_string().contains("not http"));
    }
}
