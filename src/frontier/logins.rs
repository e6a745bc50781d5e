//! Digest authentication: the hosts that have challenged, and the answers to them.
//!
//! A response with a challenge sends its request again at once, with an answer to it. Once an answer was accepted, later
//! requests to the host are answered before they are sent. Invariants: an answer only goes with a request that would
//! carry the same login by Basic authentication; and until one is accepted, a challenge is only answered by the requests
//! that met it, so even a host that accepts one answer to each lets them in.

use std::collections::HashMap;
use std::sync::Arc;

use crate::job::digest::Digest;
use crate::job::outgoing::Template;
use crate::job::{Answered, Job};
use crate::url::HostKey;
use crate::visit::Visit;

/// The most hosts whose challenges are kept; beyond that, all challenge again.
const HOSTS: usize = 4096;
/// The most challenges of one job that are answered.
const CHALLENGES: u8 = 4;

/// The hosts that have challenged.
#[derive(Debug)]
pub(super) struct Logins {
    template: Template,
    hosts: HashMap<HostKey, Host>,
}

/// The challenges of a host.
#[derive(Debug, Default)]
struct Host {
    /// The last one that was met.
    met: Option<Challenged>,
    /// One whose answer was accepted.
    proven: Option<Challenged>,
    /// Whether an answer to that was refused since.
    is_outdated: bool,
}

/// A challenge, and how often it was answered.
#[derive(Debug)]
struct Challenged {
    by: Arc<Digest>,
    count: u32,
}

impl Logins {
    pub(super) fn new(template: Template) -> Self {
        Self {
            template,
            hosts: HashMap::new(),
        }
    }

    /// Adds an answer to a job that is about to be sent: to the challenge that it met, or else to that of its host.
    pub(super) fn sign(&mut self, job: &mut Job) {
        let is_own = job.authorization.take().is_none();
        let own = job.answered.take().filter(|_| is_own);
        if own.is_none() && self.hosts.is_empty() {
            return;
        }
        let Some((method, user)) = self.template.login(job) else {
            return;
        };
        let of_host = || {
            let host = self.hosts.get_mut(&job.host)?;
            Some(Box::new(host.proven.as_mut()?.next()))
        };
        let Some(answered) = own.or_else(of_host) else {
            return;
        };
        let (digest, count) = (&answered.digest, answered.count);
        job.authorization = digest.answer(&user, method.as_str(), job.url.target(), count);
        job.answered = Some(answered);
    }

    /// Notes the challenge of a response. Returns whether the request can be sent again with an answer.
    pub(super) fn is_challenge(&mut self, visit: &mut Visit) -> bool {
        let Ok(page) = &visit.outcome else {
            return false;
        };
        if page.status != 401 {
            if visit.job.authorization.is_some() {
                self.accept(&visit.job);
            }
            return false;
        }
        if self.template.login(&visit.job).is_none() {
            return false;
        }
        let digest = match Digest::strongest(&page.headers.0) {
            Ok(Some(digest)) => digest,
            Ok(None) => return false,
            Err(problem) => {
                let note = format!("the Digest challenge was not answered: {problem}");
                visit.parsed.note.get_or_insert(note);
                return false;
            }
        };
        let job = &mut visit.job;
        let answered = job.answered.as_deref();
        if job.challenges >= CHALLENGES
            || answered.is_some_and(|answered| digest.refuses(&answered.digest, answered.count))
        {
            return false;
        }
        if let (Some(answered), Some(host)) = (answered, self.hosts.get_mut(&job.host)) {
            let is_it = |known: &Challenged| known.by.has_nonce_of(&answered.digest);
            host.is_outdated |= host.proven.as_ref().is_some_and(is_it);
        }
        job.challenges += 1;
        job.authorization = None;
        job.answered = Some(Box::new(self.note(&job.host, digest)));
        true
    }

    /// Notes the challenge of a host, and returns the next answer to it.
    fn note(&mut self, host: &HostKey, digest: Digest) -> Answered {
        if self.hosts.len() >= HOSTS && !self.hosts.contains_key(host) {
            self.hosts.clear();
        }
        let host = self.hosts.entry(host.clone()).or_default();
        // Answers to the same nonce are counted on: a number that was used before would be a replay.
        let known = host.proven.iter_mut().chain(&mut host.met);
        for challenged in known {
            if challenged.by.has_nonce_of(&digest) {
                return challenged.next();
            }
        }
        let by = Arc::new(digest);
        host.met.insert(Challenged { by, count: 0 }).next()
    }

    /// Notes that the answer of a job was accepted. An outdated challenge stays until there is another, so that no request
    /// to the host goes out without an answer.
    fn accept(&mut self, job: &Job) {
        let host = self.hosts.get_mut(&job.host);
        let (Some(answered), Some(host)) = (&job.answered, host) else {
            return;
        };
        if host.proven.is_some() && !host.is_outdated {
            return;
        }
        let is_it = |known: &mut Challenged| known.by.has_nonce_of(&answered.digest);
        // Of one that is not the last, only the first answer says that there were no others.
        let by = &answered.digest;
        let first = || {
            (answered.count == 1).then(|| Challenged {
                by: by.clone(),
                count: 1,
            })
        };
        if let Some(proven) = host.met.take_if(is_it).or_else(first) {
            host.proven = Some(proven);
            host.is_outdated = false;
        }
    }
}

impl Challenged {
    fn next(&mut self) -> Answered {
        self.count = self.count.saturating_add(1);
        Answered {
            digest: self.by.clone(),
            count: self.count,
        }
    }
}
