//! One cookie, and how a `Set-Cookie` field describes it (RFC 6265bis 5.6 and 5.7).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{date, domain};
use crate::url::PageUrl;

/// The most bytes of a name and its value together.
pub(super) const LONGEST: usize = 4096;
/// The most bytes of an attribute's value; longer attributes are ignored.
const LONGEST_ATTRIBUTE: usize = 1024;
/// The longest time that a cookie may live, in seconds: 400 days.
const LONGEST_LIFE: i64 = 400 * 86_400;

/// One cookie.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cookie {
    #[serde(with = "latin_1")]
    pub(super) name: Box<[u8]>,
    #[serde(with = "latin_1")]
    pub(super) value: Box<[u8]>,
    /// The host that set it, or the domain that it is for.
    pub(super) domain: Box<str>,
    /// Whether it goes only to `domain` itself, and not to names below it.
    pub(super) host_only: bool,
    pub(super) path: Box<str>,
    pub(super) secure: bool,
    /// Whether scripts may not see it; haul runs none, but writes it to files.
    pub(super) http_only: bool,
    /// When it expires, in seconds since 1970; `None` at the end of the session.
    pub(super) expires: Option<i64>,
    /// The order in which cookies were set.
    #[serde(skip)]
    pub(super) created: u64,
    /// The order in which they were last sent or set.
    #[serde(skip)]
    pub(super) used: u64,
}

/// Names and values are secrets.
impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cookie({}{} …)", self.domain, self.path)
    }
}

impl Cookie {
    /// Reads a `Set-Cookie` field of a response; `None` if it is not one that may be kept.
    ///
    /// A cookie that has expired removes the one that it replaces.
    pub(super) fn parse(field: &[u8], url: &PageUrl, now: i64) -> Option<Self> {
        if field.iter().any(|byte| is_control(*byte)) {
            return None;
        }
        let mut parts = field.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (&[][..], pair), // a value without a name
        };
        let (name, value) = (name.trim_ascii(), value.trim_ascii());
        let host = url.as_url().host_str()?;
        let mut cookie = Self {
            name: name.into(),
            value: value.into(),
            domain: host.into(),
            host_only: true,
            path: default_path(url.as_url().path()).into(),
            secure: false,
            http_only: false,
            expires: None,
            created: 0,
            used: 0,
        };
        let (mut max_age, mut domain, mut has_path) = (None, None, false);
        for part in parts {
            let (name, value) = match part.iter().position(|byte| *byte == b'=') {
                Some(at) => (&part[..at], part[at + 1..].trim_ascii()),
                None => (part, &[][..]),
            };
            if value.len() > LONGEST_ATTRIBUTE {
                continue;
            }
            match name.trim_ascii().to_ascii_lowercase().as_slice() {
                b"expires" => cookie.expires = date::parse(value).or(cookie.expires),
                b"max-age" => max_age = seconds_of(value).or(max_age),
                b"domain" => domain = Some(value.strip_prefix(b".").unwrap_or(value)),
                b"path" => {
                    let given = std::str::from_utf8(value).ok();
                    let given = given.filter(|path| path.starts_with('/'));
                    has_path = given.is_some();
                    cookie.path = given
                        .unwrap_or_else(|| default_path(url.as_url().path()))
                        .into();
                }
                b"secure" => cookie.secure = true,
                b"httponly" => cookie.http_only = true,
                _ => {} // SameSite too: see the module
            }
        }
        if let Some(seconds) = max_age {
            cookie.expires = Some(now.saturating_add(seconds)); // it wins over Expires
        }
        let latest = now.saturating_add(LONGEST_LIFE);
        cookie.expires = cookie.expires.map(|at| at.min(latest));
        if let Some(domain) = domain.filter(|domain| !domain.is_empty()) {
            cookie.apply_domain(std::str::from_utf8(domain).ok()?)?;
        }
        let is_root = has_path && &*cookie.path == "/";
        cookie.may_be_kept(is_root).then_some(cookie)
    }

    /// Makes it a cookie for a whole domain; `None` if the host may not set such a cookie.
    fn apply_domain(&mut self, name: &str) -> Option<()> {
        let name = domain::canonical(name)?;
        if name == *self.domain && (domain::is_address(&name) || domain::is_public_suffix(&name)) {
            return Some(()); // for itself alone
        }
        if domain::is_public_suffix(&name) || !domain::matches(&self.domain, &name) {
            return None;
        }
        self.domain = name.into();
        self.host_only = false;
        Some(())
    }

    /// Whether its size and its name allow it. `is_root` says whether it was set for the path `/`.
    pub(super) fn may_be_kept(&self, is_root: bool) -> bool {
        let size = self.name.len() + self.value.len();
        if size == 0 || size > LONGEST {
            return false;
        }
        // A cookie without a name would be sent as its value, so that must not look like a name.
        let shown = match self.name.is_empty() {
            true => &self.value,
            false => &self.name,
        };
        let begins = |prefix: &str| {
            let start = shown.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let (for_secure, for_host) = (begins("__Secure-"), begins("__Host-"));
        match self.name.is_empty() {
            true => !for_secure && !for_host,
            false => {
                (!for_secure || self.secure)
                    && (!for_host || self.secure && self.host_only && is_root)
            }
        }
    }

    /// Whether it replaces another one, and is replaced by it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.domain, self.host_only, &self.path)
            == (&other.name, &other.domain, other.host_only, &other.path)
    }

    pub(super) fn is_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// Whether it goes with requests for this host and path.
    pub(super) fn is_for(&self, host: &str, path: &str) -> bool {
        let for_host = match self.host_only {
            true => host == &*self.domain,
            false => domain::matches(host, &self.domain),
        };
        for_host && path_matches(path, &self.path)
    }

    /// Whether a cookie without `Secure` would take its place (RFC 6265bis 5.7, step 16).
    pub(super) fn is_shadowed_by(&self, other: &Self) -> bool {
        let related = domain::matches(&self.domain, &other.domain)
            || domain::matches(&other.domain, &self.domain);
        self.secure && self.name == other.name && related && path_matches(&other.path, &self.path)
    }

    /// Its size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.value.len() + self.domain.len() + self.path.len()
    }
}

/// The characters that end a header or a line of a file, or do worse to whoever prints them.
pub(super) fn is_control(byte: u8) -> bool {
    matches!(byte, 0..=8 | 10..=31 | 127)
}

/// The path of a cookie that names none (RFC 6265bis 5.1.4).
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) if at > 0 && at <= LONGEST_ATTRIBUTE => &path[..at],
        _ => "/",
    }
}

/// Whether a cookie for the second path goes with a request for the first.
fn path_matches(path: &str, cookie: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// The seconds of `Max-Age`; `None` if it is not a number.
fn seconds_of(value: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number that does not fit is a very long time.
    let seconds = std::str::from_utf8(digits)
        .ok()?
        .parse()
        .unwrap_or(i64::MAX);
    Some(if is_negative { 0 } else { seconds })
}

/// Serializes bytes as text with one character for each, so that nothing is lost.
mod latin_1 {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&bytes.iter().copied().map(char::from).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<[u8]>, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = text
            .chars()
            .map(|character| u8::try_from(u32::from(character)));
        bytes
            .collect::<Result<_, _>>()
            .map_err(|_| D::Error::custom("not a byte"))
    }
}
