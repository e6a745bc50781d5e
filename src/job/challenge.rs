//! The challenges in a `WWW-Authenticate` field (RFC 9110 11.6.1).
//!
//! A field may have several, separated by the same comma as their parameters. What cannot be parsed ends the list: a
//! challenge with a quote that is never closed, or with a parameter twice, is no challenge.

/// The most bytes of a field that are read.
const MAX_FIELD: usize = 16 << 10;
/// The most challenges of a field.
const MAX_CHALLENGES: usize = 16;
/// The most parameters of a challenge.
const MAX_PARAMETERS: usize = 32;

/// One challenge.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Its scheme, in lower case.
    pub(super) scheme: String,
    /// Its parameters, with names in lower case and values without quotes.
    parameters: Vec<(String, Vec<u8>)>,
    is_broken: bool,
}

impl Challenge {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&[u8]> {
        let parameter = self.parameters.iter().find(|(known, _)| known == name);
        parameter.map(|(_, value)| value.as_slice())
    }

    fn add(&mut self, name: String, value: Vec<u8>) {
        let is_known = self.parameter(&name).is_some();
        self.is_broken |= is_known || self.parameters.len() >= MAX_PARAMETERS;
        if !self.is_broken {
            self.parameters.push((name, value));
        }
    }
}

/// Parses a field.
pub(super) fn parse(field: &[u8]) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut scanner = Scanner(&field[..field.len().min(MAX_FIELD)]);
    loop {
        scanner.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
        let word = scanner.token();
        if word.is_empty() {
            if scanner.0.is_empty() {
                break;
            }
            scanner.skip(|byte| byte != b','); // a piece of a token68
            continue;
        }
        let word = String::from_utf8_lossy(word).to_ascii_lowercase();
        scanner.skip(is_space);
        if scanner.0.first() != Some(&b'=') {
            if challenges.len() >= MAX_CHALLENGES {
                break;
            }
            challenges.push(Challenge {
                scheme: word,
                ..Challenge::default()
            });
            continue;
        }
        scanner.0 = &scanner.0[1..];
        scanner.skip(is_space);
        let value = match scanner.0.first() {
            Some(b'"') => scanner.quoted(),
            _ => Some(scanner.token().to_vec()),
        };
        let Some(challenge) = challenges.last_mut() else {
            break; // a parameter of nothing
        };
        match value {
            Some(value) => challenge.add(word, value),
            None => challenge.is_broken = true,
        }
    }
    // The last one may be cut.
    if field.len() > MAX_FIELD {
        challenges.pop();
    }
    challenges.retain(|challenge| !challenge.is_broken);
    challenges
}

struct Scanner<'f>(&'f [u8]);

impl<'f> Scanner<'f> {
    fn skip(&mut self, which: impl Fn(u8) -> bool) {
        let end = self.0.iter().position(|byte| !which(*byte));
        self.0 = &self.0[end.unwrap_or(self.0.len())..];
    }

    fn token(&mut self) -> &'f [u8] {
        let end = self.0.iter().position(|byte| !is_of_token(*byte));
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        token
    }

    /// A quoted string without its quotes and escapes (RFC 9110 5.6.4); `None` if it is not closed.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        let mut bytes = self.0.iter().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.0 = &self.0[at + 1..];
                    return Some(value);
                }
                b'\\' => value.push(*bytes.next()?.1),
                byte => value.push(*byte),
            }
        }
        self.0 = &[];
        None
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Whether a byte may be in a token (RFC 9110 5.6.2).
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str) -> Vec<String> {
        let text = |challenge: &Challenge| {
            let mut text = challenge.scheme.clone();
            for (name, value) in &challenge.parameters {
                text += &format!(" {name}={}", String::from_utf8_lossy(value));
            }
            text
        };
        parse(field.as_bytes()).iter().map(text).collect()
    }

    #[test]
    fn challenges_and_their_parameters_share_a_comma() {
        for (field, challenges) in [
            ("", &[][..]),
            ("Basic realm=\"a\"", &["basic realm=a"]),
            (
                "Digest realm=\"a, \\\"b\\\"\" ,nonce = x,, qop=\"auth,auth-int\",Basic realm=c",
                &[
                    "digest realm=a, \"b\" nonce=x qop=auth,auth-int",
                    "basic realm=c",
                ],
            ),
            ("Negotiate", &["negotiate"]),
            (
                "Negotiate abc==, Digest nonce=1",
                &["negotiate abc=", "digest nonce=1"],
            ),
            (
                "Bearer a/b+c, Digest nonce=1",
                &["bearer", "a", "digest nonce=1"],
            ),
            ("Digest realm=a, realm=b, Basic realm=c", &["basic realm=c"]),
            (
                "Basic realm=c, Digest realm=\"a, nonce=1",
                &["basic realm=c"],
            ),
            ("Digest realm=\"a\\", &[]),
            ("realm=a, Digest nonce=1", &[]),
        ] {
            assert_eq!(read(field), challenges, "{field}");
        }
    }

    #[test]
    fn a_huge_field_is_cut_and_its_last_challenge_ignored() {
        let field = format!("Basic realm=a, Digest nonce=\"{}\"", "n".repeat(64 << 10));
        assert_eq!(read(&field), ["basic realm=a"]);
        let many = "Digest a=1,".repeat(1000);
        assert_eq!(read(&many).len(), MAX_CHALLENGES);
        let wide: String = (0..100).map(|number| format!("p{number}=1,")).collect();
        assert_eq!(read(&format!("Digest {wide}")).len(), 0);
    }
}
