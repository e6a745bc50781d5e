//! Requests for pages that are known already: what may be asked with a condition, and what need not be asked.

use http::{HeaderValue, Method, header};

use super::outgoing::{Outgoing, Template};
use crate::job::{Job, Role};
use crate::page::headers::is_harmless;
use crate::page::snapshot::Snapshot;

impl Template {
    /// The request of a job, if its response may be used in place of asking again: it is for a page, a `GET`, and nothing
    /// that the user attached may be a secret.
    ///
    /// The cookies that servers set do not count, as in any cache of one user (RFC 9111 4.1 leaves them to `Vary`).
    pub(crate) fn reusable(&self, job: &Job) -> Option<Outgoing<'_>> {
        let has_login = job.authorization.is_some() || self.login(job).is_some();
        let outgoing = self.outgoing(job);
        let is_usual = job.added.is_none() && outgoing.may_be_conditional(job);
        (is_usual && !has_login && outgoing.is_harmless()).then_some(outgoing)
    }
}

impl Outgoing<'_> {
    /// Whether no field may be a secret.
    pub(crate) fn is_harmless(&self) -> bool {
        self.headers.keys().all(|name| is_harmless(name.as_str()))
    }

    /// Whether the request may ask only for what changed since an earlier run: it is for a page, fully described by its
    /// URL, and the user did not make it conditional.
    pub(crate) fn may_be_conditional(&self, job: &Job) -> bool {
        let conditions = [
            header::IF_NONE_MATCH,
            header::IF_MODIFIED_SINCE,
            header::IF_MATCH,
            header::IF_UNMODIFIED_SINCE,
            header::IF_RANGE,
            header::RANGE,
        ];
        matches!(job.role, Role::Page | Role::Asset)
            && job.is_plain()
            && self.method == Method::GET
            && !conditions
                .iter()
                .any(|name| self.headers.contains_key(name))
    }

    /// Asks for the body only if it changed (RFC 9110 13.1.2, 13.1.3).
    ///
    /// A server that knows ETags ignores the date.
    pub(crate) fn ask_if_changed(&mut self, known: &Snapshot) {
        let validators = [
            (header::IF_NONE_MATCH, &known.etag),
            (header::IF_MODIFIED_SINCE, &known.last_modified),
        ];
        for (name, value) in validators {
            let value = value.as_deref().map(HeaderValue::try_from);
            if let Some(Ok(value)) = value {
                self.headers.to_mut().insert(name, value);
            }
        }
    }
}
