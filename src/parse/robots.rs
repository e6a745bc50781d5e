//! Reads the robots.txt rules out of a response.
//!
//! Invariant: a body that cannot be decoded never allows anything (RFC 9309 2.3.1.4). Complete lines decoded before
//! the damage count, just as the first 500 KiB of a long file do (2.5). If they contain no rule at all, there are no
//! rules.

use std::fs::File;
use std::io::{BufReader, Read};

use http::header::CONTENT_ENCODING;

use super::content::codings;
use super::decode::{DecodeError, DecodeLimits, Decoder};
use crate::page::Page;
use crate::page::body::Body;
use crate::page::coding;
use crate::robots::Rules;

/// How many bytes of a robots.txt are read: one more than counts, to detect a line that is cut at the limit.
const READ: usize = Rules::LONGEST + 1;
/// Bytes decoded at a time.
const CHUNK: usize = 16 << 10;

/// The rules for an agent, and what was wrong with the body.
///
/// Without rules, the robots.txt could not be read.
pub(super) fn rules(
    page: &Page,
    agent: &str,
    limits: DecodeLimits,
) -> (Option<Rules>, Option<String>) {
    let mut text = Vec::new();
    let Err(error) = read(page, limits, &mut text) else {
        let lines = page.headers.0.get_all(CONTENT_ENCODING);
        let ignored = lines.iter().find_map(|line| coding::note(line.as_bytes()));
        // An ignored name may be a coding that haul does not know; then the bytes are not text.
        return match ignored.filter(|_| !is_text(&text)) {
            Some(note) => (None, Some(note)),
            None => (Some(Rules::parse(&text, agent)), None),
        };
    };
    // An incomplete line is dropped.
    let last_line_end = text.iter().rposition(|byte| *byte == b'\n');
    let rules = Rules::parse(&text[..last_line_end.map_or(0, |end| end + 1)], agent);
    (
        Some(rules).filter(Rules::has_rules),
        Some(error.to_string()),
    )
}

/// Whether the bytes look like text, in any encoding that is a superset of ASCII.
fn is_text(bytes: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    !bytes.iter().any(is_control)
}

/// Decodes the whole body within the limits, and keeps its beginning.
fn read(page: &Page, limits: DecodeLimits, text: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut source: Box<dyn Read + '_> = match &page.body {
        Body::Memory(bytes) => Box::new(&bytes[..]),
        Body::Spooled(spool) => Box::new(BufReader::new(
            File::open(spool.path()).map_err(DecodeError::Read)?,
        )),
        Body::Dropped(0) => Box::new(std::io::empty()),
        Body::Dropped(_) => {
            let problem = std::io::Error::other("the body was not kept");
            return Err(DecodeError::Read(problem));
        }
    };
    if page.is_encoded() {
        source = Box::new(Decoder::new(source, codings(page)?, limits)?);
    }
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = source
            .read(&mut chunk)
            .map_err(super::content::into_decode_error)?;
        if count == 0 {
            return Ok(());
        }
        text.extend_from_slice(&chunk[..count.min(READ - text.len())]);
        if text.len() == READ && !page.is_encoded() {
            return Ok(());
        }
    }
}
