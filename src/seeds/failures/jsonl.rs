//! Records in JSON Lines.
//!
//! The start of a long record suffices, because its long fields come last.

use std::fmt;
use std::io;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::recorded::{Item, PASS, Recorded, WANTED};
use crate::seeds::feeder::Enough;
use crate::seeds::input::Input;
use crate::seeds::lines::Line;
use crate::seeds::words;

/// Calls `visit` for each line that is not blank.
///
/// # Errors
/// If the input cannot be read.
pub(super) fn each(
    mut lines: Input,
    visit: &mut dyn FnMut(Item) -> Result<(), Enough>,
) -> io::Result<()> {
    let mut line = Line::default();
    while lines.next(&mut line, &mut ())? {
        let text = words::trimmed_bytes(&line.bytes);
        if !text.is_empty() && visit(parse_record(text, line.cut)).is_err() {
            break;
        }
    }
    Ok(())
}

fn parse_record(line: &[u8], is_cut: bool) -> Item {
    let mut partial = PartialRecord::default();
    let mut json = serde_json::Deserializer::from_slice(line);
    let is_whole = (&mut partial).deserialize(&mut json).is_ok() && json.end().is_ok();
    let is_record = partial.seen == WANTED.len() - 1 && partial.final_url;
    (is_record && (is_whole || is_cut)).then_some(partial.recorded)
}

/// The fields of a record read so far; they remain usable when the rest cannot be read.
#[derive(Default)]
struct PartialRecord {
    recorded: Recorded,
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

impl<'de> Visitor<'de> for &mut PartialRecord {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let recorded = &mut self.recorded;
        while let Some(name) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            match &*name {
                "row" => recorded.row = map.next_value()?,
                "url" => recorded.url = map.next_value()?,
                "status" => recorded.status = map.next_value()?,
                "error" => recorded.error = map.next_value()?,
                "duplicate_of" => recorded.duplicate_of = map.next_value()?,
                "method" => recorded.method = map.next_value()?,
                "depth" => recorded.depth = map.next_value()?,
                "found_on" => recorded.found_on = map.next_value()?,
                "columns" => recorded.columns = map.next_value()?,
                PASS => recorded.pass = map.next_value()?,
                _ => {
                    self.final_url |= name == "final_url";
                    map.next_value::<IgnoredAny>()?;
                }
            }
            // Records without columns have no such field.
            self.seen += usize::from(WANTED.contains(&&*name) && name != "columns");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"row":3,"url":"http://a.example/","final_url":null,"status":503,"error":"http-5xx","duplicate_of":null,"method":"HEAD","depth":1,"found_on":null,"columns":{"id":7},"body":"long"}"#;

    #[test]
    fn a_record_is_recognized_by_its_fields_and_its_end_may_be_cut_off() {
        let whole = parse_record(LINE.as_bytes(), false).unwrap();
        assert_eq!(
            (whole.row, whole.status, whole.depth),
            (Some(3), Some(503), Some(1))
        );
        assert_eq!(whole.columns["id"], 7);
        let start = &LINE.as_bytes()[..LINE.len() - 4];
        assert_eq!(parse_record(start, true), Some(whole));
        assert_eq!(
            parse_record(start, false),
            None,
            "a torn line is not a record"
        );
        assert_eq!(parse_record(&LINE.as_bytes()[..40], true), None);
        assert_eq!(
            parse_record(br#"{"url":"http://a.example/","error":null}"#, false),
            None
        );
    }
}
