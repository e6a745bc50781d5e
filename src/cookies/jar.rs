//! The jar: cookies by site, with bounds.

use std::collections::HashMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

use super::cookie::{Cookie, is_control};
use super::domain;
use crate::url::PageUrl;

/// The most `Set-Cookie` fields of one response that are read, as in curl.
const FIELDS: usize = 50;
/// The longest `Cookie` header that is sent, in bytes: servers refuse longer ones.
const LONGEST_HEADER: usize = 8 << 10;
/// The seconds by which an expiry may move without being worth writing to a job.
const SMALL_MOVE: i64 = 60;

/// The bounds of a jar.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The most cookies of one registrable domain.
    per_site: usize,
    /// The most cookies in all.
    cookies: usize,
    /// The most bytes in all.
    bytes: usize,
}

/// Cookies by site.
#[derive(Clone)]
pub(crate) struct Jar {
    sites: HashMap<Box<str>, Vec<Cookie>>,
    limits: Limits,
    count: usize,
    bytes: usize,
    /// Counts the changes and uses of cookies.
    clock: u64,
    /// Whether a cookie changed since `take_changed` was last called.
    changed: bool,
}

impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jar({} cookies)", self.count)
    }
}

/// A moment in seconds since 1970.
pub(crate) fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Jar {
    /// An empty jar for a whole run.
    pub(crate) fn for_run() -> Self {
        Self::with(Limits {
            per_site: 180,
            cookies: 3000,
            bytes: 4 << 20,
        })
    }

    /// An empty jar for one chain of redirects.
    pub(crate) fn for_chain() -> Self {
        Self::with(Limits {
            per_site: 50,
            cookies: 50,
            bytes: 64 << 10,
        })
    }

    fn with(limits: Limits) -> Self {
        Self {
            sites: HashMap::new(),
            limits,
            count: 0,
            bytes: 0,
            clock: 0,
            changed: false,
        }
    }

    /// Takes the cookies of a response to a request for this URL.
    pub(crate) fn take(&mut self, url: &PageUrl, response: &HeaderMap, now: i64) {
        for field in response.get_all(SET_COOKIE).iter().take(FIELDS) {
            if let Some(cookie) = Cookie::parse(field.as_bytes(), url, now) {
                self.set(cookie, is_secure(url), now);
            }
        }
    }

    /// The value of the `Cookie` header for a URL; `None` if no cookie goes there.
    pub(crate) fn header(&mut self, url: &PageUrl, now: i64) -> Option<HeaderValue> {
        if self.count == 0 {
            return None;
        }
        let host = url.as_url().host_str()?;
        let cookies = self.sites.get_mut(domain::site(host))?;
        let (path, secure) = (url.as_url().path(), is_secure(url));
        let is_sent = |cookie: &&mut Cookie| {
            (secure || !cookie.secure) && !cookie.is_expired(now) && cookie.is_for(host, path)
        };
        let mut sent: Vec<_> = cookies.iter_mut().filter(is_sent).collect();
        // RFC 6265bis 5.8.3: longer paths first, then those that were set first.
        sent.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.created));
        let mut text = Vec::new();
        self.clock += 1;
        for cookie in sent {
            let length = text.len() + 3 + cookie.name.len() + cookie.value.len();
            if length > LONGEST_HEADER {
                break;
            }
            if !text.is_empty() {
                text.extend_from_slice(b"; ");
            }
            if !cookie.name.is_empty() {
                text.extend_from_slice(&cookie.name);
                text.push(b'=');
            }
            text.extend_from_slice(&cookie.value);
            cookie.used = self.clock;
        }
        let mut value = HeaderValue::from_bytes(&text).ok()?;
        value.set_sensitive(true);
        (!text.is_empty()).then_some(value)
    }

    /// Adds or replaces a cookie; one that has expired is removed.
    ///
    /// `over_tls` says whether it came over a connection that may set secure cookies.
    fn set(&mut self, mut cookie: Cookie, over_tls: bool, now: i64) {
        if cookie.secure && !over_tls {
            return;
        }
        self.clock += 1;
        (cookie.created, cookie.used) = (self.clock, self.clock);
        let site: Box<str> = domain::site(&cookie.domain).into();
        let cookies = self.sites.entry(site.clone()).or_default();
        if !over_tls && cookies.iter().any(|other| other.is_shadowed_by(&cookie)) {
            return;
        }
        let known = cookies.iter().position(|other| other.is_same(&cookie));
        if let Some(known) = known {
            let old = cookies.swap_remove(known);
            cookie.created = old.created;
            self.count -= 1;
            self.bytes -= old.size();
            self.changed |= differs(&old, &cookie);
        }
        if cookie.is_expired(now) {
            self.changed |= known.is_some();
        } else {
            self.changed |= known.is_none();
            self.count += 1;
            self.bytes += cookie.size();
            cookies.push(cookie);
            if cookies.len() > self.limits.per_site {
                let (count, bytes) = evict(cookies, 1, now);
                self.count -= count;
                self.bytes -= bytes;
            }
            while self.count > self.limits.cookies || self.bytes > self.limits.bytes {
                self.make_room(now);
            }
        }
        if self.sites.get(&site).is_some_and(Vec::is_empty) {
            self.sites.remove(&site);
        }
    }

    /// Evicts cookies of any site; several at once, so that a full jar does not cost a search for each new cookie.
    fn make_room(&mut self, now: i64) {
        let all = self.sites.values().flatten();
        let mut used: Vec<_> = all.map(|cookie| cookie.used).collect();
        let few = (used.len() / 20).max(1);
        used.sort_unstable();
        let last = used[few - 1];
        for cookies in self.sites.values_mut() {
            let old = cookies.iter().filter(|cookie| cookie.used <= last).count();
            let (count, bytes) = evict(cookies, old, now);
            self.count -= count;
            self.bytes -= bytes;
        }
        self.sites.retain(|_, cookies| !cookies.is_empty());
    }

    /// The cookies in the order in which they were set, without those that have expired.
    pub(super) fn cookies(&self, now: i64) -> Vec<&Cookie> {
        let all = self.sites.values().flatten();
        let mut live: Vec<_> = all.filter(|cookie| !cookie.is_expired(now)).collect();
        live.sort_by_key(|cookie| cookie.created);
        live
    }

    /// The cookies as they are stored, if any changed since the last call.
    pub(crate) fn changes(&mut self, now: i64) -> Option<serde_json::Value> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        serde_json::to_value(self.cookies(now)).ok()
    }

    /// Adds cookies of a file. Returns how many of those that have not expired there was no room for.
    pub(super) fn put(&mut self, cookies: Vec<Cookie>, now: i64) -> usize {
        let first = self.clock;
        let mut live = 0;
        for cookie in cookies.into_iter().filter(|cookie| !cookie.is_expired(now)) {
            let known = self.sites.get(domain::site(&cookie.domain));
            let known = known
                .into_iter()
                .flatten()
                .any(|other| other.is_same(&cookie));
            live += usize::from(!known);
            self.set(cookie, true, now);
        }
        let put = self.sites.values().flatten();
        let put = put.filter(|cookie| cookie.created > first).count();
        live.saturating_sub(put)
    }

    /// Adds cookies that were stored; those that make no sense are left out.
    pub(crate) fn restore(&mut self, stored: serde_json::Value, now: i64) {
        let cookies: Vec<Cookie> = serde_json::from_value(stored).unwrap_or_default();
        for cookie in cookies {
            let is_root = &*cookie.path == "/";
            let text = cookie.name.iter().chain(&cookie.value);
            if cookie.may_be_kept(is_root) && !text.copied().any(is_control) {
                self.set(cookie, true, now);
            }
        }
        self.changed = false;
    }
}

/// Removes the expired cookies, or if there are none, the few that were used least recently.
///
/// Returns the number of those removed, and their bytes.
fn evict(cookies: &mut Vec<Cookie>, few: usize, now: i64) -> (usize, usize) {
    let bytes = |cookies: &[Cookie]| cookies.iter().map(Cookie::size).sum::<usize>();
    let before = (cookies.len(), bytes(cookies));
    cookies.retain(|cookie| !cookie.is_expired(now));
    if cookies.len() == before.0 {
        cookies.sort_unstable_by_key(|cookie| cookie.used);
        cookies.drain(..few.min(before.0));
    }
    (before.0 - cookies.len(), before.1 - bytes(cookies))
}

/// Whether a request for this URL may carry and set secure cookies.
fn is_secure(url: &PageUrl) -> bool {
    let host = url.as_url().host_str().unwrap_or_default();
    url.as_url().scheme() == "https" || domain::is_this_machine(host)
}

/// Whether a cookie changed so much that it is worth writing.
fn differs(old: &Cookie, new: &Cookie) -> bool {
    let moved = match (old.expires, new.expires) {
        (Some(old), Some(new)) => old.abs_diff(new) > SMALL_MOVE.unsigned_abs(),
        (old, new) => old != new,
    };
    moved || (&old.value, old.secure, old.http_only) != (&new.value, new.secure, new.http_only)
}
