//! Digest authentication (RFC 7616): a password is proved and never sent.

use std::fmt;

use http::HeaderValue;
use http::header::{HeaderMap, WWW_AUTHENTICATE};
use md5::Md5;
use sha2::{Digest as _, Sha256, Sha512_256};
use uuid::Uuid;

use super::challenge::{self, Challenge};
use crate::url::UserInfo;

/// The longest realm, nonce or opaque value that is sent back, in bytes.
const MAX_VALUE: usize = 4 << 10;

/// A hash function, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

/// A challenge that can be answered.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    opaque: Option<Vec<u8>>,
    hash: Hash,
    /// The name of the algorithm, if the server gave one.
    algorithm: Option<String>,
    /// Whether the secret is mixed with the nonces (`-sess`).
    is_session: bool,
    /// Whether answers are counted (`qop=auth`); RFC 2069 did not.
    is_counted: bool,
    /// Whether the user is sent as a hash.
    hides_user: bool,
    /// Whether the nonce of the last answer was too old, and the password right.
    is_stale: bool,
    /// Our nonce: one for the challenge, because a session is bound to its first.
    own_nonce: String,
}

impl Digest {
    /// The strongest challenge of a response that can be answered; `None` if there is no Digest challenge.
    ///
    /// # Errors
    /// When there are some, and none can be answered: why the last one cannot.
    pub(crate) fn strongest(headers: &HeaderMap) -> Result<Option<Self>, &'static str> {
        let fields = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges = fields.flat_map(|field| challenge::parse(field.as_bytes()));
        let (mut strongest, mut problem) = (None::<Self>, None);
        for challenge in challenges.filter(|challenge| challenge.scheme == "digest") {
            match Self::of(&challenge) {
                Ok(digest)
                    if strongest
                        .as_ref()
                        .is_some_and(|best| best.hash >= digest.hash) => {}
                Ok(digest) => strongest = Some(digest),
                Err(why) => problem = Some(why),
            }
        }
        match (strongest, problem) {
            (None, Some(problem)) => Err(problem),
            (strongest, _) => Ok(strongest),
        }
    }

    fn of(challenge: &Challenge) -> Result<Self, &'static str> {
        let value = |name| match challenge.parameter(name) {
            Some(value) if value.len() > MAX_VALUE => Err("it is too long"),
            value => Ok(value.map(<[u8]>::to_vec)),
        };
        let is_true = |name| {
            challenge
                .parameter(name)
                .is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
        };
        let algorithm = challenge.parameter("algorithm");
        let algorithm = algorithm.map(|name| String::from_utf8_lossy(name).into_owned());
        let name = algorithm.as_deref().unwrap_or("MD5").to_ascii_uppercase();
        let hash = match name.strip_suffix("-SESS").unwrap_or(&name) {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            "SHA-512-256" => Hash::Sha512_256,
            _ => return Err("its algorithm is neither MD5, SHA-256 nor SHA-512-256"),
        };
        let qualities = challenge.parameter("qop").unwrap_or_default();
        let mut qualities = qualities
            .split(|byte| matches!(byte, b',' | b' ' | b'\t'))
            .filter(|quality| !quality.is_empty())
            .peekable();
        let has_qualities = qualities.peek().is_some();
        let is_counted = qualities.any(|quality| quality.eq_ignore_ascii_case(b"auth"));
        if has_qualities && !is_counted {
            return Err("it wants the body to be signed too, and that is not supported");
        }
        Ok(Self {
            realm: value("realm")?.ok_or("it has no realm")?,
            nonce: value("nonce")?.ok_or("it has no nonce")?,
            opaque: value("opaque")?,
            hash,
            is_session: name.ends_with("-SESS"),
            algorithm,
            is_counted,
            hides_user: is_true("userhash"),
            is_stale: is_true("stale"),
            own_nonce: Uuid::new_v4().simple().to_string(),
        })
    }

    /// Whether it has the same nonce.
    pub(crate) fn has_nonce_of(&self, other: &Self) -> bool {
        self.nonce == other.nonce
    }

    /// Whether a response with this challenge refuses an answer to `answered`, and not because of the nonce: then another
    /// answer would be refused too. `count` is the number of that answer.
    pub(crate) fn refuses(&self, answered: &Self, count: u32) -> bool {
        let is_other = self.realm != answered.realm;
        // Some servers use each nonce once, and do not say that it is stale.
        let is_renewed = self.is_stale || count > 1;
        !(is_other || is_renewed && !self.has_nonce_of(answered))
    }

    /// The value of `Authorization` for a request, marked as a secret. `count` is the number of the answer to this
    /// challenge, from 1. `None` if the user cannot be in a header.
    pub(crate) fn answer(
        &self,
        user: &UserInfo,
        method: &str,
        target: &str,
        count: u32,
    ) -> Option<HeaderValue> {
        let (name, nonce, own) = (user.user.as_bytes(), &self.nonce, self.own_nonce.as_bytes());
        let hash = |parts: &[&[u8]]| self.hash.of(parts);
        let mut secret = hash(&[name, &self.realm, user.password.as_bytes()]);
        if self.is_session {
            secret = hash(&[secret.as_bytes(), nonce, own]);
        }
        let request = hash(&[method.as_bytes(), target.as_bytes()]);
        let count = format!("{count:08x}");
        let response = match self.is_counted {
            true => hash(&[
                secret.as_bytes(),
                nonce,
                count.as_bytes(),
                own,
                b"auth",
                request.as_bytes(),
            ]),
            false => hash(&[secret.as_bytes(), nonce, request.as_bytes()]),
        };
        let hidden = hash(&[name, &self.realm]);
        let name = match self.hides_user {
            true => hidden.as_bytes(),
            false => name,
        };
        let mut value = b"Digest ".to_vec();
        quote(&mut value, "username", name);
        quote(&mut value, "realm", &self.realm);
        quote(&mut value, "nonce", nonce);
        quote(&mut value, "uri", target.as_bytes());
        quote(&mut value, "response", response.as_bytes());
        if let Some(algorithm) = &self.algorithm {
            add(&mut value, "algorithm", algorithm);
        }
        if self.is_counted || self.is_session {
            quote(&mut value, "cnonce", own);
        }
        if self.is_counted {
            add(&mut value, "qop", "auth");
            add(&mut value, "nc", &count);
        }
        if let Some(opaque) = &self.opaque {
            quote(&mut value, "opaque", opaque);
        }
        if self.hides_user {
            add(&mut value, "userhash", "true");
        }
        value.truncate(value.len() - 2);
        let mut value = HeaderValue::from_bytes(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Hash {
    /// The hash of the parts with colons in between, in hexadecimal.
    fn of(self, parts: &[&[u8]]) -> String {
        let text = parts.join(&b':');
        match self {
            Hash::Md5 => hex(&Md5::digest(text)),
            Hash::Sha256 => hex(&Sha256::digest(text)),
            Hash::Sha512_256 => hex(&Sha512_256::digest(text)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn quote(to: &mut Vec<u8>, name: &str, value: &[u8]) {
    to.extend_from_slice(name.as_bytes());
    to.extend_from_slice(b"=\"");
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            to.push(b'\\');
        }
        to.push(*byte);
    }
    to.extend_from_slice(b"\", ");
}

fn add(to: &mut Vec<u8>, name: &str, value: &str) {
    to.extend_from_slice(format!("{name}={value}, ").as_bytes());
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:?})", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(fields: &[&'static str]) -> Result<Option<Digest>, &'static str> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(field));
        }
        Digest::strongest(&headers)
    }

    fn user(user: &str, password: &str) -> UserInfo {
        UserInfo {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// The examples of RFC 7616 3.9.1 and 3.9.2; the hashes of the second, which are wrong there, by Python's hashlib.
    #[test]
    fn the_answers_are_those_of_the_standard() {
        let fields = [
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        ];
        let mufasa = user("Mufasa", "Circle of Life");
        for (fields, algorithm, response) in [
            (&fields[1..], "MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (
                &fields[..],
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let mut digest = challenge(fields).unwrap().unwrap();
            digest.own_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ".to_owned();
            let answer = digest.answer(&mufasa, "GET", "/dir/index.html", 1).unwrap();
            assert!(answer.is_sensitive());
            let text = answer.to_str().unwrap();
            for piece in [
                format!("response=\"{response}\""),
                format!("algorithm={algorithm}"),
                "nc=00000001".to_owned(),
                "username=\"Mufasa\"".to_owned(),
            ] {
                assert!(text.contains(&piece), "{piece}: {text}");
            }
        }
        let mut digest = challenge(&[
            "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, charset=UTF-8, userhash=true, \
             nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\"",
        ])
        .unwrap()
        .unwrap();
        digest.own_nonce = "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm".to_owned();
        let jason = user("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
        let answer = digest.answer(&jason, "GET", "/doe.json", 1).unwrap();
        let text = answer.to_str().unwrap();
        assert!(text.contains("userhash=true"), "{text}");
        assert!(
            text.contains(
                "username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\""
            ),
            "{text}"
        );
        assert!(
            text.contains(
                "response=\"7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c\""
            ),
            "{text}"
        );
    }

    #[test]
    fn the_strongest_challenge_is_answered_and_what_cannot_be_says_why() {
        let hash = |fields: &[&'static str]| challenge(fields).unwrap().unwrap().hash;
        let md5 = "Digest realm=a, nonce=n";
        let sha = "Digest realm=a, nonce=n, algorithm=sha-256-sess, qop=auth";
        let unknown = "Digest realm=a, nonce=n, algorithm=SHA3";
        assert_eq!(hash(&[md5, sha]), Hash::Sha256);
        assert_eq!(hash(&[sha, "Basic realm=a", md5]), Hash::Sha256);
        assert_eq!(hash(&[unknown, md5]), Hash::Md5);
        assert_eq!(challenge(&["Basic realm=a", "Negotiate"]), Ok(None));
        for (field, why) in [
            (unknown, "its algorithm is neither"),
            ("Digest realm=a", "no nonce"),
            ("Digest nonce=a", "no realm"),
            ("Digest realm=a, nonce=n, qop=auth-int", "body to be signed"),
        ] {
            assert!(challenge(&[field]).unwrap_err().contains(why), "{field}");
        }
    }

    #[test]
    fn hostile_values_are_quoted_and_never_break_the_field() {
        let digest = challenge(&["Digest realm=\"a\\\"b\\\\\", nonce=\"n, x=\\\"y\""])
            .unwrap()
            .unwrap();
        let answer = digest.answer(&user("an\"n", "x"), "GET", "/", 1).unwrap();
        let text = answer.to_str().unwrap();
        assert!(text.contains("username=\"an\\\"n\""), "{text}");
        assert!(text.contains("realm=\"a\\\"b\\\\\""), "{text}");
        assert!(text.contains("nonce=\"n, x=\\\"y\""), "{text}");
        assert!(
            !text.contains("nc=") && !text.contains("algorithm"),
            "{text}"
        );
        assert_eq!(digest.answer(&user("an\nn", "x"), "GET", "/", 1), None);
    }

    #[test]
    fn an_answer_is_given_again_only_if_the_nonce_or_the_realm_was_the_reason() {
        let first = challenge(&["Digest realm=a, nonce=1"]).unwrap().unwrap();
        let refuses = |field: &'static str, count| {
            let next = challenge(&[field]).unwrap().unwrap();
            next.refuses(&first, count)
        };
        assert!(refuses("Digest realm=a, nonce=1", 1));
        assert!(refuses("Digest realm=a, nonce=1, stale=true", 1));
        assert!(refuses("Digest realm=a, nonce=2", 1));
        assert!(!refuses("Digest realm=a, nonce=2, stale=TRUE", 1));
        assert!(!refuses("Digest realm=a, nonce=2", 2));
        assert!(!refuses("Digest realm=b, nonce=1", 1));
    }
}
