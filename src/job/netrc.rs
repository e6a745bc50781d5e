//! The logins of a netrc file: the format of ftp(1), as curl reads it.
//!
//! An entry is for the host that it names, on every port, and for no other. Errors have the line, and never contain any
//! of the file.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::url::UserInfo;

/// The logins of a netrc file.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Netrc {
    /// By host name, in the order of the file.
    machines: HashMap<String, Vec<Login>>,
    /// For every other host.
    default: Option<Login>,
}

/// A mistake in a netrc file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct NetrcError {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong, without any text of the file.
    pub problem: &'static str,
}

/// What one entry says.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Login {
    /// The user; `None` is any.
    user: Option<String>,
    password: String,
}

/// The words of a file, without comments.
struct Words<'t> {
    rest: &'t str,
    line: usize,
}

impl Netrc {
    /// Parses the text of a netrc file.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse(text: &str) -> Result<Self, NetrcError> {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut words = Words { rest, line: 1 };
        let mut netrc = Self::default();
        let mut entry: Option<(Option<String>, Login)> = None;
        while let Some(word) = words.next()? {
            let line = words.line;
            let problem = |problem| Err(NetrcError { line, problem });
            match word.as_str() {
                "machine" => {
                    netrc.add(entry.take());
                    let Some(name) = host(&words.value()?) else {
                        return problem("the name of the machine is not a host name");
                    };
                    entry = Some((Some(name), Login::default()));
                }
                "default" => {
                    netrc.add(entry.take());
                    entry = Some((None, Login::default()));
                }
                "macdef" => words.skip_macro(),
                key @ ("login" | "password" | "account") => {
                    let value = words.value()?;
                    match (&mut entry, key) {
                        (None, _) => return problem("this belongs to no machine"),
                        (Some((_, login)), "login") => login.user = Some(value),
                        (Some((_, login)), "password") => login.password = value,
                        _ => {} // only FTP has accounts
                    }
                }
                _ => {
                    return problem(
                        "neither machine, default, login, password, account nor macdef",
                    );
                }
            }
        }
        netrc.add(entry);
        Ok(netrc)
    }

    fn add(&mut self, entry: Option<(Option<String>, Login)>) {
        match entry {
            Some((Some(host), login)) => self.machines.entry(host).or_default().push(login),
            Some((None, login)) => self.default = self.default.take().or(Some(login)),
            None => {}
        }
    }

    /// The login for a host as it is in a URL. With a user, only an entry of that user will do; `or_default`: the entry
    /// for every other host too.
    pub(crate) fn login(
        &self,
        host: &str,
        user: Option<&str>,
        or_default: bool,
    ) -> Option<UserInfo> {
        let default = self.default.as_ref().filter(|_| or_default);
        let login = match self.machines.get(host) {
            Some(logins) => logins.iter().find(|login| login.is_of(user)),
            None => default.filter(|login| login.is_of(user)),
        }?;
        let user = user.or(login.user.as_deref()).unwrap_or_default();
        Some(UserInfo {
            user: user.to_owned(),
            password: login.password.clone(),
        })
    }
}

impl Login {
    fn is_of(&self, user: Option<&str>) -> bool {
        user.is_none() || self.user.is_none() || self.user.as_deref() == user
    }
}

/// A host name in the form that it has in a URL.
fn host(name: &str) -> Option<String> {
    if let Ok(IpAddr::V6(address)) = name.trim_matches(['[', ']']).parse() {
        return Some(format!("[{address}]"));
    }
    Some(url::Host::parse(name).ok()?.to_string())
}

impl Words<'_> {
    /// The next word; `None` at the end.
    fn next(&mut self) -> Result<Option<String>, NetrcError> {
        loop {
            let start = self.rest.trim_start();
            let skipped = &self.rest[..self.rest.len() - start.len()];
            self.line += skipped.matches('\n').count();
            self.rest = start;
            match start.chars().next() {
                None => return Ok(None),
                Some('#') => self.take(start.find('\n').unwrap_or(start.len())),
                Some('"') => return self.quoted().map(Some),
                Some(_) => {
                    let end = start.find(char::is_whitespace).unwrap_or(start.len());
                    self.take(end);
                    return Ok(Some(start[..end].to_owned()));
                }
            }
        }
    }

    /// The value after a key.
    fn value(&mut self) -> Result<String, NetrcError> {
        let line = self.line;
        self.next()?.ok_or(NetrcError {
            line,
            problem: "the last word has no value; one that begins with # must be in quotes",
        })
    }

    /// A word in quotes, with the escapes that curl knows.
    fn quoted(&mut self) -> Result<String, NetrcError> {
        let mut word = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            let escaped = match character {
                '"' => {
                    self.take(at + 1);
                    return Ok(word);
                }
                '\n' => break,
                '\\' => characters.next().map(|(_, escaped)| escaped),
                plain => {
                    word.push(plain);
                    continue;
                }
            };
            word.push(match escaped {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('\n') | None => break,
                Some(other) => other,
            });
        }
        Err(NetrcError {
            line: self.line,
            problem: "a quote is not closed in its line",
        })
    }

    /// Skips the rest of a macro: up to an empty line.
    fn skip_macro(&mut self) {
        let mut end = 0;
        // The first line has its name.
        for (number, line) in self.rest.split_inclusive('\n').enumerate() {
            end += line.len();
            if number > 0 && line.trim().is_empty() {
                break;
            }
        }
        self.line += self.rest[..end].matches('\n').count();
        self.take(end);
    }

    fn take(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Netrc({} machines)", self.machines.len())
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# logins
machine a.example login ann password s3cret   # a comment
machine B.example
\tlogin bob
\taccount none password \"with \\\"space\\\" \\\\ and\\ttab\"
macdef init
machine not.example login no password no

machine b.example login eve password '\u{fc}'
machine b\u{fc}cher.example password \"#1\"
machine ::1 login six password 6
default login guest password me
";

    fn found(host: &str, user: Option<&str>, or_default: bool) -> Option<(String, String)> {
        let login = Netrc::parse(FILE).unwrap().login(host, user, or_default);
        login.map(|login| (login.user, login.password))
    }

    #[test]
    fn entries_are_found_by_host_and_by_user_if_there_is_one() {
        let is = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(found("a.example", None, false), is("ann", "s3cret"));
        assert_eq!(found("a.example", Some("bob"), true), None);
        let bob = is("bob", "with \"space\" \\ and\ttab");
        assert_eq!(found("b.example", None, false), bob);
        assert_eq!(
            found("b.example", Some("eve"), false),
            is("eve", "'\u{fc}'")
        );
        assert_eq!(found("xn--bcher-kva.example", None, false), is("", "#1"));
        assert_eq!(
            found("xn--bcher-kva.example", Some("x"), false),
            is("x", "#1")
        );
        assert_eq!(found("[::1]", None, false), is("six", "6"));
        for other in ["www.a.example", "not.example"] {
            assert_eq!(found(other, None, true), is("guest", "me"));
            assert_eq!(found(other, None, false), None);
        }
    }

    #[test]
    fn a_mistake_has_its_line_and_nothing_of_the_file() {
        for (text, line) in [
            ("machine", 1),
            ("machine a.example\nlogin ann password", 2),
            ("\nmachine a.example login ann passwort s3cret", 2),
            ("login s3cret", 1),
            ("# x\n\nmachine a.example password \"s3cret", 3),
            ("machine a.example password \"s3cret\\\nx\"", 1),
            ("machine https://s3cret", 1),
            ("macdef x\ny\n\ns3cret", 4),
        ] {
            let error = Netrc::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        assert_eq!(Netrc::parse(""), Ok(Netrc::default()));
        let shown = format!("{:?}", Netrc::parse(FILE));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
