//! What a run adds to the cache.

use http::header;

use super::run::Run;
use crate::cache::{Answer, Writer};
use crate::job::Role;
use crate::page::body::Body;
use crate::page::freshness::{Exchange, may_be_kept};
use crate::run::event::Event;
use crate::visit::Visit;

impl<F: FnMut(&Event<'_>)> Run<F> {
    /// Passes the response of a visit to the cache, if it may be used again.
    ///
    /// Not if it was asked with anything that may be a secret, the cookies that servers set included.
    pub(super) fn cache(&self, visit: &Visit) {
        let Some((cache, Ok(page))) = self.cache.as_ref().zip(Some(&visit.outcome)) else {
            return;
        };
        let job = &visit.job;
        let url = job.url.as_str();
        if visit.parsed.cached {
            return cache.used(url);
        }
        let request = self.plan.shared.reusable(job);
        let is_usual = matches!(job.role, Role::Page | Role::Asset) && job.cookie.is_none();
        let request = request
            .filter(|request| is_usual && !request.headers.contains_key(header::CACHE_CONTROL));
        let (Some(request), Some(sent)) = (request, page.timing.sent) else {
            return;
        };
        let Some(answered) = sent.checked_add(page.timing.first_byte) else {
            return;
        };
        let answer = Answer {
            headers: page.headers.0.clone(),
            request: request.headers.into_owned(),
            exchange: Exchange { sent, answered },
        };
        let compared = visit.parsed.compared.as_deref();
        let is_unchanged = compared.is_some_and(|compared| compared.is_unchanged);
        match (page.status, &page.body) {
            (500.., _) => {}
            _ if !may_be_kept(&answer.headers) => cache.forget(url),
            (304, _) if is_unchanged => cache.refresh(url, answer),
            (200, Body::Memory(body)) if visit.parsed.fault.is_none() => {
                cache.store(url, answer, body);
            }
            _ => cache.forget(url),
        }
    }

    /// Ends the cache, and tells why it was not written if so.
    pub(super) fn end_cache(&mut self) {
        if let Some(problem) = self.cache.take().and_then(Writer::finish) {
            let notice = format!("the cache was not written to its end: {problem}");
            (self.tell)(&Event::Notice(&notice));
        }
    }
}
