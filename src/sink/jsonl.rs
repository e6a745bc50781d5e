//! JSON Lines: one object per record, in the order in which visits ended.

use http::HeaderName;

use super::Record;
use super::field::Field;
use super::lines::Render;
use crate::error::Result;
use crate::parse::Wants;
use crate::visit::Visit;

/// Renders records as JSON Lines.
pub(super) struct Jsonl {
    /// Whether records include the text of pages.
    pub(super) body: bool,
    /// The header fields that records include.
    pub(super) headers: Vec<HeaderName>,
}

impl Render for Jsonl {
    fn wants(&self) -> Wants {
        super::wants::wants_of_records(self.body)
    }

    fn add(&mut self, visit: &Visit, out: &mut Vec<u8>) -> Result<()> {
        let record = Record::of(visit, self.body).with_headers(visit, &self.headers);
        object(&record, out);
        out.push(b'\n');
        Ok(())
    }
}

/// Appends a record to a buffer as a JSON object.
pub(super) fn object(record: &Record<'_>, out: &mut Vec<u8>) {
    let mut before = b'{';
    for field in Field::ALL {
        if let Some(value) = field.of(record) {
            out.push(before);
            before = b',';
            out.push(b'"');
            out.extend_from_slice(field.name().as_bytes());
            out.extend_from_slice(b"\":");
            value.json(out);
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_line_matches_what_serde_writes_for_the_record() {
        for visit in samples::every() {
            for body in [false, true] {
                let names = [
                    HeaderName::from_static("server"),
                    HeaderName::from_static("etag"),
                ];
                let record =
                    Record::of(&visit, body).with_headers(&visit, &names[..usize::from(body) * 2]);
                let mut line = Vec::new();
                object(&record, &mut line);
                let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
                assert_eq!(line, serde_json::to_value(&record).unwrap());
            }
        }
    }

    #[test]
    fn a_line_is_json_whatever_the_title_contains() {
        let mut visit = samples::page(200);
        for character in (0..0x100).filter_map(char::from_u32) {
            visit.parsed.title = Some(format!("{character}\u{2028}é"));
            let mut line = Vec::new();
            object(&Record::of(&visit, false), &mut line);
            let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
            assert_eq!(line["title"].as_str(), visit.parsed.title.as_deref());
        }
    }
}
