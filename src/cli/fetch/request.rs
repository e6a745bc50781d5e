//! The flags about the request: method, headers, credentials, body.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use haul::cookies::OwnCookies;
use haul::fetch::{Authentication, FetchSettings, method};
use haul::frontier::FrontierSettings;
use haul::{Error, Headers};
use http::Method;
use http::header::{self, HeaderName, HeaderValue};

use super::{given, netrc};

/// What is sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub(super) struct Sending {
    /// Send this header; 'Name:' removes one, @FILE reads them from a file; may be repeated
    ///
    /// Headers are sent to the hosts that you name, and not to other hosts that they redirect to.
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// Set the User-Agent header [default: haul/VERSION]
    #[arg(short = 'A', long, value_name = "TEXT", value_parser = header_value)]
    user_agent: Option<HeaderValue>,

    /// Log in with this name and password
    #[arg(short, long, value_name = "NAME:PASSWORD")]
    user: Option<String>,

    /// Use Bearer authentication with the token in this file
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<PathBuf>,

    /// Never send a password: log in only to hosts that ask for Digest authentication
    ///
    /// Without this, -u and other logins are sent at once by Basic authentication; a host that asks for Digest then gets it.
    #[arg(long)]
    digest: bool,

    /// Read the logins of hosts from $NETRC, or ~/.netrc
    ///
    /// Each is only sent to the host that it is for. -u, --bearer-file and a password in the URL take precedence.
    #[arg(long)]
    netrc: bool,

    /// Read the logins of hosts from this file
    #[arg(long, value_name = "FILE")]
    netrc_file: Option<PathBuf>,

    /// Send these cookies, as in 'a=1; b=2', or read the file of cookies of this name; may be repeated
    ///
    /// They are sent to the hosts that you name, together with cookies that servers set; a header given with -H 'Cookie:
    /// …' replaces both. Without '=' the value is a file, as curl and browsers' extensions write it: its cookies go to the
    /// hosts that it names, and cookies are kept for the whole run. haul compare reads no files.
    #[arg(short = 'b', long, value_name = "NAME=VALUE|FILE")]
    cookie: Vec<String>,

    /// Use this method [default: GET, or POST with --data or --json]
    #[arg(short = 'X', long, value_name = "METHOD", value_parser = method)]
    method: Option<Method>,

    /// Send this form data; @FILE reads a file and @- standard input; repeated values are joined with &
    ///
    /// As with curl, line ends in a file are removed.
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    data: Vec<String>,

    /// The value of [`JsonBody`], for the commands that have it.
    #[arg(skip)]
    pub(super) json: Option<String>,

    /// Follow at most N redirects in a row; 0 for none
    #[arg(long, value_name = "N", default_value = "20", alias = "max-redirects")]
    max_redirs: u16,
}

/// The body as JSON. Apart from the flags above because `--json` of `haul compare` names an output file.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub(super) struct JsonBody {
    /// Send this JSON; @FILE reads a file and @- standard input
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    pub(super) json: Option<String>,
}

impl Sending {
    /// How many of these flags read standard input.
    pub(super) fn stdin_readers(&self) -> usize {
        let files = self.data.iter().chain(&self.json).chain(&self.header);
        let files = files.filter_map(|text| text.strip_prefix('@').map(Path::new));
        files
            .chain(self.bearer_file.as_deref())
            .filter(|path| given::is_stdin(path))
            .count()
    }

    /// Applies these flags to the frontier settings.
    pub(super) fn apply_to_frontier(&self, frontier: &mut FrontierSettings) {
        frontier.max_redirects = self.max_redirs;
    }

    /// The values of -b that are files; an empty one means that cookies are kept without reading any, as with curl.
    pub(super) fn cookie_files(&self) -> Vec<PathBuf> {
        let files = self.cookie.iter().filter(|value| !value.contains('='));
        files.map(PathBuf::from).collect()
    }

    fn given_cookies(&self) -> String {
        let cookies = self.cookie.iter().filter(|value| value.contains('='));
        cookies.map(String::as_str).collect::<Vec<_>>().join("; ")
    }

    /// What becomes of other cookies: those of -b are added to them, while a Cookie header replaces them.
    pub(super) fn own_cookies(&self, fetch: &FetchSettings) -> OwnCookies {
        let given = self.given_cookies();
        match fetch.headers.0.get(header::COOKIE) {
            Some(sent) if sent.as_bytes() != given.as_bytes() => OwnCookies::Replace,
            _ => OwnCookies::Add,
        }
    }

    /// Applies what every request has in common.
    ///
    /// # Errors
    /// When a file cannot be read, a header cannot be sent, or two flags contradict each other.
    pub(super) fn apply(&self, fetch: &mut FetchSettings) -> haul::Result<()> {
        if !self.data.is_empty() && self.json.is_some() {
            return Err(contradiction("--data", "--json", "a request has one body"));
        }
        if self.user.is_some() && self.bearer_file.is_some() {
            return Err(contradiction(
                "--user",
                "--bearer-file",
                "a request has one Authorization header",
            ));
        }
        self.apply_body(fetch)?;
        self.apply_credentials(&mut fetch.headers)?;
        if self.digest {
            fetch.authentication = Authentication::Digest;
        }
        fetch.netrc = match &self.netrc_file {
            Some(path) => Some(netrc::read("--netrc-file", path)?),
            None if self.netrc => Some(netrc::read("--netrc", &netrc::usual()?)?),
            None => None,
        };
        if let Some(agent) = &self.user_agent {
            fetch.headers.0.insert(header::USER_AGENT, agent.clone());
        }
        // Last, so that they win over what the other flags imply.
        let mut lines = Vec::new();
        for line in &self.header {
            match line.strip_prefix('@') {
                Some(path) => lines.extend(
                    given::text("--header", Path::new(path))?
                        .lines()
                        .map(str::to_owned),
                ),
                None => lines.push(line.clone()),
            }
        }
        apply_headers(&lines, &mut fetch.headers)
    }

    fn apply_body(&self, fetch: &mut FetchSettings) -> haul::Result<()> {
        let mut implied = Method::GET;
        if !self.data.is_empty() {
            let parts: Vec<Vec<u8>> = self
                .data
                .iter()
                .map(|part| form_part(part))
                .collect::<haul::Result<_>>()?;
            fetch.body = Some(parts.join(&b'&').into());
            set(
                &mut fetch.headers,
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded",
            );
            implied = Method::POST;
        }
        if let Some(json) = &self.json {
            fetch.body = Some(bytes("--json", json)?.into());
            set(&mut fetch.headers, header::CONTENT_TYPE, "application/json");
            set(&mut fetch.headers, header::ACCEPT, "application/json");
            implied = Method::POST;
        }
        fetch.method = self.method.clone().unwrap_or(implied);
        Ok(())
    }

    fn apply_credentials(&self, headers: &mut Headers) -> haul::Result<()> {
        if let Some(user) = &self.user {
            if !user.contains(':') {
                let problem = "--user needs a name and a password, as in -u ann:secret";
                return Err(Error::Setting(problem.into()));
            }
            let secret = format!("Basic {}", STANDARD.encode(user));
            headers
                .0
                .insert(header::AUTHORIZATION, sensitive("--user", &secret)?);
        }
        if let Some(path) = &self.bearer_file {
            let token = given::text("--bearer-file", path)?;
            let secret = format!("Bearer {}", token.trim());
            headers
                .0
                .insert(header::AUTHORIZATION, sensitive("--bearer-file", &secret)?);
        }
        let cookies = self.given_cookies();
        if !cookies.is_empty() {
            headers
                .0
                .insert(header::COOKIE, sensitive("--cookie", &cookies)?);
        }
        Ok(())
    }
}

/// `Name: value` sets or adds, `Name:` removes, `Name;` sends the name with nothing, as with curl.
pub(super) fn apply_headers(lines: &[String], headers: &mut Headers) -> haul::Result<()> {
    let mut own: Vec<HeaderName> = Vec::new();
    for line in lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
    {
        let (name, content) = match line.split_once(':') {
            Some((name, content)) => (
                name,
                Some(content.trim()).filter(|content| !content.is_empty()),
            ),
            None => match line.strip_suffix(';') {
                Some(name) => (name, Some("")),
                None => {
                    return Err(Error::Setting(format!(
                        "--header {:?} is not 'Name: value'",
                        super::secret::shown("header", line)
                    )));
                }
            },
        };
        let known = HeaderName::try_from(name.trim()).map_err(|_| {
            let shown = super::secret::shown("header", name);
            Error::Setting(format!("--header: {shown:?} is not the name of a header"))
        })?;
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(&known) {
            return Err(Error::Setting(format!(
                "--header: {known} is set by haul itself"
            )));
        }
        let Some(content) = content else {
            headers.0.remove(&known);
            continue;
        };
        let content = if haul::is_harmless(known.as_str()) {
            value("--header", content)?
        } else {
            sensitive("--header", content)?
        };
        if own.contains(&known) {
            headers.0.append(known, content);
        } else {
            headers.0.insert(known.clone(), content);
            own.push(known);
        }
    }
    Ok(())
}

fn contradiction(one: &str, other: &str, because: &str) -> Error {
    Error::Setting(format!("{one} and {other} cannot be combined: {because}"))
}

fn set(headers: &mut Headers, name: HeaderName, content: &'static str) {
    headers.0.insert(name, HeaderValue::from_static(content));
}

fn value(flag: &str, content: &str) -> haul::Result<HeaderValue> {
    header_value(content).map_err(|problem| Error::Setting(format!("{flag}: {problem}")))
}

fn header_value(content: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_str(content)
        .or_else(|_| HeaderValue::from_bytes(content.as_bytes()))
        .map_err(|_| "a control character cannot be sent in a header")
}

pub(super) fn sensitive(flag: &str, content: &str) -> haul::Result<HeaderValue> {
    let mut content = value(flag, content)?;
    content.set_sensitive(true);
    Ok(content)
}

/// The bytes that a flag's value stands for.
fn bytes(flag: &str, text: &str) -> haul::Result<Vec<u8>> {
    match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_vec()),
        Some(path) => given::bytes(flag, Path::new(path)),
    }
}

fn form_part(text: &str) -> haul::Result<Vec<u8>> {
    let mut read = bytes("--data", text)?;
    if text.starts_with('@') {
        read.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    }
    Ok(read)
}
