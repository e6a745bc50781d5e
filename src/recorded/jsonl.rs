//! Records in JSON Lines.
//!
//! Unless a field that may be long is wanted, the start of a long record suffices, because its long fields come last.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess};

use super::csv::LONGEST;
use super::error::{damaged, not_ours};
use super::item::{Choice, Item, Visitor};
use super::record::{Recorded, digest};
use super::wanted::{REQUIRED, Wanted};
use crate::error::Result;
use crate::input::Input;
use crate::input::lines::Line;
use crate::text::moment;

/// Passes each line that is not blank to the visitor.
///
/// # Errors
/// If it cannot be read, or has no record at all.
pub(super) fn each(
    path: &Path,
    mut lines: Input,
    wanted: Wanted,
    visitor: &mut dyn Visitor,
) -> Result<()> {
    if wanted.may_be_long() {
        lines.set_longest(LONGEST);
    }
    let (mut line, mut number) = (Line::default(), 0);
    let (mut records, mut foreign) = (0_u64, 0_u64);
    loop {
        let read = lines.next(&mut line, &mut ());
        if !read.map_err(|error| damaged(path, "line", line.number, &error))? {
            return match records == 0 && foreign > 0 {
                true => Err(not_ours(path)),
                false => Ok(()),
            };
        }
        let text = line.bytes.trim_ascii();
        if text.is_empty() {
            continue;
        }
        number += 1;
        let is_over = match visitor.choose(number) {
            Choice::Read => {
                let item = parse_record(text, line.cut, wanted);
                match item {
                    Some(_) => records += 1,
                    None => foreign += 1,
                }
                visitor.take(number, item).is_break()
            }
            Choice::Skip => false,
            Choice::Stop => true,
        };
        if is_over {
            return Ok(());
        }
    }
}

fn parse_record(line: &[u8], is_cut: bool, wanted: Wanted) -> Item {
    let mut partial = PartialRecord {
        wanted,
        recorded: Box::default(),
        seen: 0,
        final_url: false,
    };
    let mut json = serde_json::Deserializer::from_slice(line);
    let is_whole = (&mut partial).deserialize(&mut json).is_ok() && json.end().is_ok();
    let is_record = partial.seen == REQUIRED.len() && partial.final_url;
    (is_record && (is_whole || is_cut)).then_some(partial.recorded)
}

/// The fields of a record read so far; they remain usable when the rest cannot be read.
struct PartialRecord {
    wanted: Wanted,
    recorded: Box<Recorded>,
    /// The number of fields seen, of those that every record has.
    seen: usize,
    /// Whether it has the field that no other list has by accident.
    final_url: bool,
}

impl<'de> DeserializeSeed<'de> for &mut PartialRecord {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> serde::de::Visitor<'de> for &mut PartialRecord {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let recorded = &mut *self.recorded;
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            self.seen += usize::from(REQUIRED.contains(&&*name));
            self.final_url |= name == "final_url";
            if !self.wanted.has(&name) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            match &*name {
                "row" => recorded.row = map.next_value()?,
                "url" => recorded.url = map.next_value()?,
                "status" => recorded.status = map.next_value()?,
                "error" => recorded.error = map.next_value()?,
                "duplicate_of" => recorded.duplicate_of = map.next_value()?,
                "method" => recorded.method = map.next_value()?,
                "depth" => recorded.depth = map.next_value()?,
                "found_on" => recorded.found_on = map.next_value()?,
                "pass" => recorded.pass = map.next_value()?,
                "external" => recorded.external = or_default(&mut map)?,
                "columns" => recorded.columns = map.next_value()?,
                "final_url" => recorded.final_url = map.next_value()?,
                "location" => recorded.location = map.next_value()?,
                "content_type" => recorded.content_type = map.next_value()?,
                "charset" => recorded.charset = map.next_value()?,
                "sha256" => {
                    let text: Option<Cow<'_, str>> = map.next_value()?;
                    recorded.sha256 = text.and_then(|text| digest(&text));
                }
                "simhash" => {
                    let text: Option<Cow<'_, str>> = map.next_value()?;
                    recorded.simhash = text.and_then(|text| u64::from_str_radix(&text, 16).ok());
                }
                "title" => recorded.title = map.next_value()?,
                "sent" => {
                    let text: Option<Cow<'_, str>> = map.next_value()?;
                    recorded.sent = text.and_then(|text| moment::parse(&text));
                }
                "file" => recorded.file = map.next_value()?,
                "headers" => {
                    let headers: BTreeMap<String, Option<String>> = or_default(&mut map)?;
                    let there = |(name, value): (String, Option<String>)| Some((name, value?));
                    recorded.headers = headers.into_iter().filter_map(there).collect();
                }
                "fields" => recorded.fields = map.next_value()?,
                "items" => recorded.items = map.next_value()?,
                "body" => recorded.body = map.next_value()?,
                "total_ms" => recorded.total_ms = map.next_value()?,
                "attempts" => recorded.attempts = map.next_value()?,
                "redirects" => recorded.redirects = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The next value, or the default in place of `null`.
fn or_default<'de, T: Deserialize<'de> + Default, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<T, A::Error> {
    Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"row":3,"url":"http://a.example/","final_url":null,"status":503,"title":"é","error":"http-5xx","duplicate_of":null,"method":"HEAD","depth":1,"found_on":null,"headers":{"etag":"\"a\"","age":null},"columns":{"id":7},"items":{"p":[{"n":1}]},"body":"long"}"#;
    const NOTHING: Wanted = Wanted {
        columns: false,
        response: false,
        values: false,
        body: false,
        timing: false,
    };

    #[test]
    fn a_record_is_recognized_by_its_fields_and_its_end_may_be_cut_off() {
        let wanted = Wanted {
            columns: true,
            ..NOTHING
        };
        let parse = |line: &[u8], is_cut| parse_record(line, is_cut, wanted);
        let whole = parse(LINE.as_bytes(), false).unwrap();
        assert_eq!(
            (whole.row, whole.status, whole.depth),
            (Some(3), Some(503), Some(1))
        );
        assert_eq!(whole.columns["id"], 7);
        let start = &LINE.as_bytes()[..LINE.len() - 4];
        assert_eq!(parse(start, true), Some(whole));
        assert_eq!(parse(start, false), None, "a torn line is not a record");
        assert_eq!(parse(&LINE.as_bytes()[..40], true), None);
        assert_eq!(
            parse(br#"{"url":"http://a.example/","error":null}"#, false),
            None
        );
    }

    #[test]
    fn only_wanted_fields_are_read() {
        let least = parse_record(LINE.as_bytes(), false, NOTHING).unwrap();
        assert_eq!(least.url, "http://a.example/");
        assert!(least.columns.is_empty() && least.title.is_none() && least.items.is_none());
        let all = Wanted {
            columns: true,
            response: true,
            values: true,
            body: true,
            timing: true,
        };
        let whole = parse_record(LINE.as_bytes(), false, all).unwrap();
        assert_eq!(whole.title.as_deref(), Some("é"));
        assert_eq!(
            whole.headers,
            [("etag".to_owned(), "\"a\"".to_owned())].into()
        );
        assert_eq!(whole.items.unwrap()["p"][0]["n"], 1);
        assert_eq!(whole.body.as_deref(), Some("long"));
    }
}
