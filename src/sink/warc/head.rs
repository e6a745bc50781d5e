//! The head of a record, built field by field.
//!
//! Invariant: whatever a value contains, it stays on its line. Control characters are percent-encoded, and in URIs
//! also blanks and non-ASCII characters; field names are always our own.

use uuid::Uuid;

/// The head of a record that is being written.
pub(super) struct Head(Vec<u8>);

/// The types of record that are written (ISO 28500 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordKind {
    Warcinfo,
    Request,
    Response,
    Revisit,
    Metadata,
}

/// The name of a record, unique across all sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordId(Uuid);

impl RecordId {
    pub(super) fn new() -> Self {
        Self(Uuid::new_v4())
    }

    fn to_urn(self) -> String {
        format!("<{}>", self.0.urn())
    }
}

impl RecordKind {
    const fn name(self) -> &'static str {
        match self {
            RecordKind::Warcinfo => "warcinfo",
            RecordKind::Request => "request",
            RecordKind::Response => "response",
            RecordKind::Revisit => "revisit",
            RecordKind::Metadata => "metadata",
        }
    }

    /// The media type of its block (ISO 28500 5.6).
    const fn content_type(self) -> &'static str {
        match self {
            RecordKind::Request => "application/http; msgtype=request",
            RecordKind::Response | RecordKind::Revisit => "application/http; msgtype=response",
            RecordKind::Warcinfo | RecordKind::Metadata => "application/warc-fields",
        }
    }
}

impl Head {
    /// Starts a head with the fields that every record has.
    pub(super) fn new(kind: RecordKind, id: RecordId, date: &str) -> Self {
        let mut head = Self(Vec::with_capacity(640));
        head.0.extend_from_slice(b"WARC/1.1\r\n");
        head.field("WARC-Type", kind.name());
        head.field("WARC-Record-ID", &id.to_urn());
        head.field("WARC-Date", date);
        head.field("Content-Type", kind.content_type());
        head
    }

    /// Adds a field.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        on_one_line(value, &mut self.0);
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds a field whose value is a URI.
    pub(super) fn uri(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        for &byte in value.as_bytes() {
            match byte {
                b'!'..=b'~' => self.0.push(byte),
                _ => percent(byte, &mut self.0),
            }
        }
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds a field that names another record.
    pub(super) fn record(&mut self, name: &str, id: RecordId) {
        self.field(name, &id.to_urn());
    }

    /// The complete head, for a block of this many bytes.
    pub(super) fn finish(mut self, length: u64) -> Vec<u8> {
        self.field("Content-Length", &length.to_string());
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

/// Appends text on one line.
///
/// Characters that some readers take for line ends are encoded too.
pub(super) fn on_one_line(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        let mut bytes = [0; 4];
        let bytes = character.encode_utf8(&mut bytes).as_bytes();
        match character {
            '\u{2028}' | '\u{2029}' => bytes.iter().for_each(|byte| percent(*byte, out)),
            other if other.is_control() => bytes.iter().for_each(|byte| percent(*byte, out)),
            _ => out.extend_from_slice(bytes),
        }
    }
}

fn percent(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[
        b'%',
        HEX[usize::from(byte >> 4)],
        HEX[usize::from(byte & 15)],
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_value_contains_it_stays_on_its_line() {
        let mut head = Head::new(RecordKind::Metadata, RecordId::new(), "d\r\nX: y");
        for number in 0..0x3000 {
            let character = char::from_u32(number).unwrap();
            head.field("Value", &format!("a{character}WARC-Type: request"));
            head.uri("URI", &format!("a{character}WARC-Type: request"));
        }
        let text = String::from_utf8(head.finish(7)).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines.len(), 1 + 4 + 2 * 0x3000 + 1 + 2);
        // However a reader splits lines, the result is the same.
        assert!(!text.replace("\r\n", "").contains(char::is_control));
        assert!(!text.contains(['\u{2028}', '\u{2029}', '\u{85}']));
        assert!(
            lines[1..lines.len() - 2]
                .iter()
                .all(|line| line.contains(": "))
        );
        assert!(
            lines.contains(&"Value: a%0D%0AWARC-Type: request")
                || lines.contains(&"Value: a%0AWARC-Type: request")
        );
        assert!(lines.contains(&"URI: a%C3%A9WARC-Type:%20request"));
    }

    #[test]
    fn no_two_records_have_the_same_name() {
        let names: std::collections::BTreeSet<_> =
            (0..1000).map(|_| RecordId::new().to_urn()).collect();
        assert_eq!(names.len(), 1000);
        assert!(
            names
                .iter()
                .all(|name| name.starts_with("<urn:uuid:") && name.len() == 47)
        );
    }
}
