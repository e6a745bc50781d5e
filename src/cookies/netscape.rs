//! Files of cookies, in the form that Netscape had and that curl, wget and exports of browsers have.
//!
//! A line is a cookie: domain, whether it is for the names below too, path, whether it is secure, expiry, name and value,
//! separated by tabs. Invariant: no message quotes a line, because it may be a secret.

use super::cookie::{Cookie, is_control};
use super::domain;

/// The fields of a line.
const FIELDS: usize = 7;
/// What a domain begins with if scripts may not see the cookie.
const HTTP_ONLY: &[u8] = b"#HttpOnly_";

/// The cookies of a file.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) cookies: Vec<Cookie>,
    /// Cookies that are too long, or that no server could have set.
    pub(super) refused: usize,
}

/// Parses a file.
///
/// # Errors
/// The first line that is not a cookie, and why.
pub(super) fn parse(text: &[u8]) -> Result<Parsed, String> {
    if let Some(what) = other_form(text) {
        return Err(format!("line 1: it is {what}, not a file of cookies"));
    }
    let mut parsed = Parsed {
        cookies: Vec::new(),
        refused: 0,
    };
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
            Some(rest) => (rest, true),
            None if line.starts_with(b"#") || line.trim_ascii().is_empty() => continue,
            None => (line, false),
        };
        let problem = |problem: String| format!("line {}: {problem}", index + 1);
        match cookie(line, http_only).map_err(problem)? {
            Some(cookie) => parsed.cookies.push(cookie),
            None => parsed.refused += 1,
        }
    }
    Ok(parsed)
}

/// The cookie of a line; `None` if it may not be kept.
///
/// # Errors
/// Why the line is not a cookie.
fn cookie(line: &[u8], http_only: bool) -> Result<Option<Cookie>, String> {
    let fields: Vec<_> = line.split(|byte| *byte == b'\t').collect();
    // An editor may have removed the tab before an empty value.
    let value = match fields.len() {
        FIELDS => fields[FIELDS - 1],
        count if count == FIELDS - 1 => b"",
        count => {
            return Err(format!(
                "not a cookie: a line has {FIELDS} fields separated by tabs, and this one has {count}"
            ));
        }
    };
    if line.iter().any(|byte| is_control(*byte)) {
        return Err("a cookie cannot contain control characters".into());
    }
    let switch = |place: usize, what: &str| match fields[place].to_ascii_uppercase().as_slice() {
        b"TRUE" => Ok(true),
        b"FALSE" => Ok(false),
        _ => Err(format!("its {what} is neither TRUE nor FALSE")),
    };
    let with_below = switch(1, "second field, whether it is for a whole domain,")?;
    let secure = switch(3, "fourth field, whether it is secure,")?;
    let expires = text(fields[4]).and_then(seconds);
    let expires = expires.ok_or("its fifth field, the expiry, is not a number of seconds")?;
    let name = text(fields[0]).map(|name| name.strip_prefix('.').unwrap_or(name));
    let name = name.and_then(domain::canonical);
    let domain = name.ok_or("its first field is not the name of a host")?;
    let path = text(fields[2]).filter(|path| path.starts_with('/'));
    let path = path.unwrap_or("/");
    let is_suffix = domain::is_public_suffix(&domain);
    let host_only = !with_below || domain::is_address(&domain);
    let cookie = Cookie {
        name: fields[5].into(),
        value: value.into(),
        domain: domain.into(),
        host_only,
        path: path.into(),
        secure,
        http_only,
        expires: (expires > 0).then_some(expires),
        created: 0,
        used: 0,
    };
    let is_fine = cookie.may_be_kept(path == "/") && (host_only || !is_suffix);
    Ok(is_fine.then_some(cookie))
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

/// Seconds since 1970; some browsers export fractions of them.
fn seconds(text: &str) -> Option<i64> {
    let whole = text.split('.').next().unwrap_or_default();
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let far = if whole.starts_with('-') { 0 } else { i64::MAX };
    Some(whole.parse().unwrap_or(far))
}

/// What a file is whose first characters tell.
fn other_form(text: &[u8]) -> Option<&'static str> {
    match text.trim_ascii_start() {
        [b'{' | b'[', ..] => Some("JSON"),
        [b'<', ..] => Some("HTML or XML"),
        _ if text.starts_with(b"SQLite format 3") => Some("a database, as browsers have,"),
        _ if text.iter().take(512).any(|byte| *byte == 0) => Some("binary"),
        _ => None,
    }
}

/// The text of a file with these cookies.
///
/// Cookies without a name and those with a tab are left out: other programs would read others.
pub(super) fn text_of<'c>(cookies: impl IntoIterator<Item = &'c Cookie>) -> Vec<u8> {
    let mut text = b"# Netscape HTTP Cookie File\n\
        # https://curl.se/docs/http-cookies.html\n\
        # Written by haul. Whoever has these cookies has your sessions.\n\n"
        .to_vec();
    for cookie in cookies {
        let parts = [&cookie.name, &cookie.value, cookie.path.as_bytes()];
        if cookie.name.is_empty() || parts.iter().any(|part| part.contains(&b'\t')) {
            continue;
        }
        if cookie.http_only {
            text.extend_from_slice(HTTP_ONLY);
        }
        let switch = |on: bool| if on { "TRUE" } else { "FALSE" };
        let dot = if cookie.host_only { "" } else { "." };
        let head = format!(
            "{dot}{}\t{}\t{}\t{}\t{}\t",
            cookie.domain,
            switch(!cookie.host_only),
            cookie.path,
            switch(cookie.secure),
            cookie.expires.unwrap_or(0).max(0),
        );
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(&cookie.name);
        text.push(b'\t');
        text.extend_from_slice(&cookie.value);
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_writer_are_read() {
        let text = "# Netscape HTTP Cookie File\r\n\r\n\
            .shop.example\tTRUE\t/\tFALSE\t1900000000\ta\t1\r\n\
            shop.example\tFALSE\t/x\ttrue\t0\tb\tx=y z\r\n\
            #HttpOnly_Shop.EXAMPLE\tFALSE\t/\tFALSE\t1900000000.25\tc\t\n\
            127.0.0.1\tTRUE\t\tFALSE\t-1\td\n\
            b\u{fc}cher.example\tTRUE\t/\tFALSE\t0\te\t\u{e4}";
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.refused, 0);
        let text = String::from_utf8(text_of(&parsed.cookies)).unwrap();
        let lines: Vec<_> = text.lines().skip(4).collect();
        assert_eq!(
            lines,
            [
                ".shop.example\tTRUE\t/\tFALSE\t1900000000\ta\t1",
                "shop.example\tFALSE\t/x\tTRUE\t0\tb\tx=y z",
                "#HttpOnly_shop.example\tFALSE\t/\tFALSE\t1900000000\tc\t",
                "127.0.0.1\tFALSE\t/\tFALSE\t0\td\t",
                ".xn--bcher-kva.example\tTRUE\t/\tFALSE\t0\te\t\u{e4}",
            ]
        );
        assert_eq!(parse(text.as_bytes()).unwrap().cookies, parsed.cookies);
    }

    #[test]
    fn what_is_no_file_of_cookies_is_an_error_with_its_line_and_without_its_text() {
        for (text, problem) in [
            (
                "# c\n\nn4me=s3cret\n",
                "line 3: not a cookie: a line has 7 fields",
            ),
            ("[{\"name\": \"s3cret\"}]", "line 1: it is JSON"),
            ("\n<html>s3cret", "line 1: it is HTML"),
            ("SQLite format 3\0s3cret", "line 1: it is a database"),
            ("\x7fELF\0s3cret", "line 1: it is binary"),
            (
                "h.example\tFALSE\t/\tFALSE\t0\ta\ts3cret\tx",
                "line 1: not a cookie",
            ),
            (
                "h.example\tFALSE\t/\tFALSE\tsoon\ta\ts3cret",
                "line 1: its fifth",
            ),
            (
                "h.example\tmaybe\t/\tFALSE\t0\ta\ts3cret",
                "line 1: its second",
            ),
            ("h.example\tFALSE\t/\t1\t0\ta\ts3cret", "line 1: its fourth"),
            ("a b\tFALSE\t/\tFALSE\t0\ta\ts3cret", "line 1: its first"),
            (
                "h.example\tFALSE\t/\tFALSE\t0\ta\ts3cret\u{1}",
                "line 1: a cookie cannot",
            ),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(problem), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn cookies_that_no_server_could_set_are_refused() {
        let text = "co.uk\tTRUE\t/\tFALSE\t0\ta\t1\n\
            example.org\tFALSE\t/\tFALSE\t0\t__Host-a\t1\n\
            example.org\tTRUE\t/\tTRUE\t0\t__Host-a\t1\n\
            example.org\tFALSE\t/\tTRUE\t0\t__Host-a\t1\n";
        let long = format!(
            "{text}example.org\tFALSE\t/\tFALSE\t0\tb\t{}\n",
            "x".repeat(1 << 20)
        );
        let parsed = parse(long.as_bytes()).unwrap();
        assert_eq!((parsed.cookies.len(), parsed.refused), (1, 4));
    }
}
