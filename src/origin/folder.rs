//! A folder of files as a site, with its rules applied.
//!
//! Invariant: only files that its grounds allow are opened. Small files are read on the event loop, usually from
//! the page cache: a practice server serves the same files again and again. Large ones are read while they are
//! sent.

use std::borrow::Cow;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::answer::{Body, Reply, Response};
use super::coding::{Coding, accepts, compress};
use super::editions::Changes;
use super::error::OriginError;
use super::grounds::{Grounds, Target};
use super::media::{content_type, is_html};
use super::nonces::Nonces;
use super::representation::{Representation, is_in_304};
use super::request::Request;
use super::revisions::{CHANGED_LIMIT, Revisions};
use super::rules::{Rule, Rules, RulesError};
use super::settings::OriginSettings;
use super::validators::Validators;

/// Larger files are read while they are sent.
const SMALL_BYTES: u64 = 256 << 10;

const NOT_FOUND: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>404 Not Found</title></head>\
    <body><h1>Not Found</h1><p>There is no such page. <a href=\"/\">Home</a></p></body></html>\n";

/// A folder as a site.
#[derive(Debug)]
pub(crate) struct FolderSite {
    grounds: Grounds,
    rules: Rules,
    revisions: Revisions,
    validators: Validators,
    nonces: Nonces,
    has_nonces: bool,
}

impl FolderSite {
    /// Opens a folder, and reads its rules and the names of its hosts, once.
    pub(crate) fn open(
        folder: &Path,
        settings: &OriginSettings,
    ) -> Result<FolderSite, OriginError> {
        let grounds = Grounds::open(folder)?;
        let rules_file = grounds.rules_file();
        let rules = match fs::read_to_string(rules_file) {
            Ok(text) => Rules::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Rules::default()),
            Err(error) => Err(RulesError::Unreadable(error)),
        };
        let path = rules_file.to_owned();
        let rules = rules.map_err(|source| OriginError::Rules { path, source })?;
        Ok(FolderSite {
            revisions: Revisions::open(&grounds, settings),
            grounds,
            rules,
            validators: settings.validators.unwrap_or(Validators::Both),
            nonces: Nonces::new(),
            has_nonces: settings.nonces,
        })
    }

    /// The response to a request; `None` if the path has neither a file nor a rule.
    pub(crate) fn answer(&self, request: &Request) -> Option<Response> {
        let host = request.host_name();
        let rule = self.rules.find(&host, request.path());
        let target = self.grounds.target(&host, request.path());
        if rule.is_none() && matches!(target, Target::Nowhere) {
            return None;
        }
        let plain = Rule::default();
        let rule = rule.unwrap_or(&plain);
        let reply = if request.is_read_only() {
            self.reply(request, rule, target)
        } else {
            Reply::explained(405).header("Allow", "GET, HEAD")
        };
        let unchanged = reply.status == 304;
        let headers = rule
            .headers
            .iter()
            .filter(|(name, _)| !unchanged || is_in_304(name));
        let reply = headers.fold(reply, |reply, (name, value)| {
            reply.header(name.clone(), value.clone())
        });
        let answer = Response::from(reply);
        Some(if rule.delay.is_zero() {
            answer
        } else {
            answer.after(rule.delay)
        })
    }

    fn reply(&self, request: &Request, rule: &Rule, target: Target) -> Reply {
        if let Some(location) = &rule.location {
            return Reply::explained(rule.status.unwrap_or(302))
                .header("Location", location.clone());
        }
        let path = match target {
            Target::File(path) => path,
            Target::NoSlash => {
                let query = request
                    .path_and_query()
                    .strip_prefix(request.path())
                    .unwrap_or_default();
                let path = request.path().trim_start_matches('/'); // "//name/" would be another host
                return Reply::explained(301).header("Location", format!("/{path}/{query}"));
            }
            Target::Nowhere => return Reply::explained(rule.status.unwrap_or(404)),
        };
        match self.represent(&path, request, rule) {
            Ok((representation, coding)) => {
                // 13.2.1: preconditions and ranges are for responses that would succeed.
                let succeeds = rule.status.is_none_or(|status| status < 300);
                let mut reply = match succeeds {
                    true => representation.reply(request),
                    false => representation.whole(),
                };
                if rule.encoding.is_some() {
                    reply = reply.header("Vary", "Accept-Encoding");
                }
                if let Some(coding) = coding.filter(|_| matches!(reply.status, 200 | 206)) {
                    reply = reply.header("Content-Encoding", coding.name());
                }
                let status = rule
                    .status
                    .filter(|_| reply.status == 200)
                    .unwrap_or(reply.status);
                Reply { status, ..reply }
            }
            Err(_) => Reply::explained(403), // it was there a moment ago, so we must lack the permission
        }
    }

    fn represent(
        &self,
        path: &Path,
        request: &Request,
        rule: &Rule,
    ) -> io::Result<(Representation, Option<Coding>)> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        let (length, modified) = (about.len(), about.modified()?);
        let nanoseconds = modified
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        let fits = length <= CHANGED_LIMIT;
        let coding = rule
            .encoding
            .filter(|coding| fits && accepts(request, *coding));
        let content_type = rule
            .content_type
            .clone()
            .map_or_else(|| Cow::Borrowed(content_type(path)), Cow::Owned);
        let edition = if fits {
            self.revisions.last_change(path)
        } else {
            1
        };
        let has_nonce = self.has_nonces && fits && is_html(&content_type);
        let validators = rule.validators.unwrap_or(self.validators);
        let is_named = has_nonce || validators == Validators::ChangingEtag;
        let nonce = is_named.then(|| self.nonces.next());

        let mut version = format!("{length:x}-{nanoseconds:x}");
        let is_read = coding.is_some() || edition > 1 || has_nonce;
        let body = if length <= SMALL_BYTES || is_read {
            let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            file.take(length).read_to_end(&mut bytes)?; // bytes that are appended meanwhile are left to the next request
            if edition > 1 {
                self.revisions.rewrite(&mut bytes, edition);
                let _ = write!(version, "-{edition:x}"); // writing to memory cannot fail
            }
            if let Some(nonce) = nonce.filter(|_| has_nonce) {
                bytes.extend_from_slice(format!("<!-- {nonce:016x} -->\n").as_bytes());
            }
            Body::Bytes(match coding {
                Some(coding) => compress(&bytes, coding)?,
                None => bytes.into(),
            })
        } else {
            Body::File {
                file: Arc::new(file),
                from: 0,
                length,
            }
        };
        if let Some(coding) = coding {
            let _ = write!(version, "-{}", coding.name()); // another representation, another tag
        }
        let representation = Representation {
            body,
            content_type,
            version,
            nonce,
            // Later than the first edition, and in no run another time.
            modified: modified.checked_add(Duration::from_secs(edition - 1)),
            validators,
        };
        Ok((representation, coding))
    }

    /// What differs between an earlier edition and this one.
    pub(crate) fn changes_since(&self, edition: u64) -> Changes {
        self.revisions.changes_since(edition)
    }

    /// The 404 page.
    pub(crate) fn not_found() -> Response {
        Reply::new(404)
            .header("Content-Type", "text/html; charset=utf-8")
            .body(NOT_FOUND)
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::visitor::{Visitor, folder, get, start};
    use super::super::{Origin, OriginSettings};
    use super::*;

    #[test]
    fn files_have_their_type_and_a_folder_shows_its_index() {
        let folder = folder(&[
            ("index.html", "home"),
            ("a b/index.html", "ab"),
            ("a b/data.JSON", "{}"),
            ("naked", "?"),
        ]);
        let origin = start(&folder);
        let response = |path: &str| {
            let response = get(&origin, path);
            (
                response.status,
                response.header("content-type").to_owned(),
                response.text(),
            )
        };
        assert_eq!(
            response("/?x=1"),
            (200, "text/html".to_owned(), "home".to_owned())
        );
        assert_eq!(
            response("/a%20b/data.JSON"),
            (200, "application/json".to_owned(), "{}".to_owned())
        );
        assert_eq!(response("/naked").1, "application/octet-stream");
        assert_eq!(response("/a%20b/").2, "ab");
        let moved = get(&origin, "/a%20b?x=1");
        assert_eq!(
            (moved.status, moved.header("location")),
            (301, "/a%20b/?x=1")
        );
        let elsewhere = get(&origin, "//a%20b");
        assert_eq!(
            elsewhere.header("location"),
            "/a%20b/",
            "not to the host of that name"
        );
        let missing = get(&origin, "/index.html/");
        assert_eq!(
            (missing.status, missing.header("content-type")),
            (404, "text/html; charset=utf-8")
        );
        assert!(missing.text().contains("<h1>Not Found</h1>"));
    }

    #[test]
    fn a_file_is_served_in_part_on_request_and_not_at_all_if_the_client_has_it() {
        let long = "0123456789".repeat(100_000); // too large to be read at once
        let folder = folder(&[("small", "0123456789"), ("large", &long)]);
        let origin = start(&folder);
        let mut visitor = Visitor::of(&origin);
        for (path, length) in [("/small", 10), ("/large", 1_000_000)] {
            let whole = visitor.get(path, "");
            assert_eq!((whole.status, whole.body.len()), (200, length));
            let etag = whole.header("etag").to_owned();
            let part = visitor.get(path, &format!("Range: bytes=3-5\r\nIf-Range: {etag}\r\n"));
            assert_eq!(
                (
                    part.status,
                    part.text().as_str(),
                    part.header("content-range")
                ),
                (206, "345", format!("bytes 3-5/{length}").as_str())
            );
            assert_eq!(visitor.get(path, "Range: bytes=-2\r\n").text(), "89");
            assert_eq!(visitor.get(path, "Range: bytes=1000000-\r\n").status, 416);
            assert_eq!(
                visitor
                    .get(path, &format!("If-None-Match: {etag}\r\n"))
                    .status,
                304
            );
            let modified = whole.header("last-modified").to_owned();
            assert_eq!(
                visitor
                    .get(path, &format!("If-Modified-Since: {modified}\r\n"))
                    .status,
                304
            );
        }
    }

    #[test]
    fn the_rules_are_applied() {
        let rules = "[[rule]]\nhost = \"localhost\"\npath = \"/old\"\nstatus = 301\nlocation = \"/new/\"\n\
            [[rule]]\npath = \"/latin\"\ncontent-type = \"text/html; charset=iso-8859-1\"\nheaders = { \"X-Robots-Tag\" = \"noindex\" }\n\
            [[rule]]\npath = \"/gone\"\nstatus = 410\n\
            [[rule]]\npath = \"/packed\"\nencoding = \"gzip\"\n\
            [[rule]]\npath = \"/slow\"\ndelay = \"30ms\"\n";
        let folder = folder(&[
            ("serve.toml", rules),
            ("latin", "x"),
            ("packed", &"packed ".repeat(1000)),
            ("slow", "slow"),
            ("gone", "farewell"),
        ]);
        let origin = start(&folder);
        let old = get(&origin, "/old?x");
        assert_eq!((old.status, old.header("location")), (301, "/new/"));
        let latin = get(&origin, "/latin");
        assert_eq!(
            (latin.header("content-type"), latin.header("x-robots-tag")),
            ("text/html; charset=iso-8859-1", "noindex")
        );
        let gone = get(&origin, "/gone");
        assert_eq!((gone.status, gone.text().as_str()), (410, "farewell"));
        let start = std::time::Instant::now();
        assert_eq!(get(&origin, "/slow").text(), "slow");
        assert!(start.elapsed().as_millis() >= 30);

        let mut visitor = Visitor::of(&origin);
        let packed = visitor.get("/packed", "Accept-Encoding: br;q=1, GZIP;q=0.5\r\n");
        assert_eq!(
            (packed.header("content-encoding"), packed.header("vary")),
            ("gzip", "Accept-Encoding")
        );
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed.body[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "packed ".repeat(1000));
        for refuses in ["", "Accept-Encoding: gzip;q=0, br\r\n"] {
            let plain = visitor.get("/packed", refuses);
            assert_eq!(
                (
                    plain.header("content-encoding"),
                    plain.header("vary"),
                    plain.body.len()
                ),
                ("", "Accept-Encoding", 7000)
            );
            assert_ne!(
                plain.header("etag"),
                packed.header("etag"),
                "another representation, another tag"
            );
        }
    }

    #[test]
    fn a_rule_sets_validators_and_only_what_succeeds_is_confirmed() {
        let rules = "[[rule]]\npath = \"/weak\"\nvalidators = \"weak-etag\"\n\
            headers = { \"Cache-Control\" = \"max-age=9\", \"Content-Language\" = \"en\" }\n\
            [[rule]]\npath = \"/gone\"\nstatus = 410\n";
        let folder = folder(&[("serve.toml", rules), ("weak", "x"), ("gone", "farewell")]);
        let origin = start(&folder);
        let mut visitor = Visitor::of(&origin);
        let whole = visitor.get("/weak", "");
        let etag = whole.header("etag");
        assert!(etag.starts_with("W/\""), "{etag}");
        assert_eq!(whole.header("last-modified"), "");
        let part = format!("Range: bytes=0-0\r\nIf-Range: {etag}\r\n");
        assert_eq!(visitor.get("/weak", &part).status, 200);
        let unchanged = visitor.get("/weak", &format!("If-None-Match: {etag}\r\n"));
        assert_eq!(
            (
                unchanged.status,
                unchanged.header("cache-control"),
                unchanged.header("content-language")
            ),
            (304, "max-age=9", "")
        );
        let gone = visitor.get("/gone", "If-None-Match: *\r\nRange: bytes=0-0\r\n");
        assert_eq!((gone.status, gone.text().as_str()), (410, "farewell"));
    }

    #[test]
    fn a_wrong_rule_or_a_missing_folder_keeps_the_server_from_starting() {
        let folder = folder(&[("serve.toml", "[[rule]]\npath = \"/\"\nredirct = \"/b\"\n")]);
        let settings = |path: &Path| OriginSettings {
            folder: Some(path.to_owned()),
            ..OriginSettings::default()
        };
        let OriginError::Rules { source, .. } = Origin::start(settings(folder.path())).unwrap_err()
        else {
            panic!("no rules error")
        };
        assert!(source.to_string().contains("redirct"), "{source}");
        let missing = Origin::start(settings(&folder.path().join("none"))).unwrap_err();
        assert!(matches!(missing, OriginError::Folder { .. }), "{missing}");
    }

    #[test]
    fn a_folder_is_read_only() {
        let folder = folder(&[("a", "a")]);
        let origin = start(&folder);
        let mut visitor = Visitor::of(&origin);
        visitor.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        let response = visitor.response().unwrap();
        assert_eq!(
            (response.status, response.header("allow")),
            (405, "GET, HEAD")
        );
    }
}
