//! A strict reader of haul's own archives, for tests.
//!
//! It requires that each record is framed as in ISO 28500 4, that each digest is right, and that in `.gz` files
//! each record is a member of its own.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::digest::Hash;

/// A record that was read.
pub(in super::super) struct Record {
    fields: Vec<(String, String)>,
    pub(in super::super) block: Vec<u8>,
}

impl Record {
    /// The value of a field that must occur, and only once.
    pub(in super::super) fn field(&self, name: &str) -> &str {
        self.get(name)
            .unwrap_or_else(|| panic!("no {name}: {:?}", self.fields))
    }

    pub(in super::super) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(own, _)| own == name);
        let value = values.next().map(|(_, value)| value.as_str());
        let may_repeat = name == "WARC-Concurrent-To";
        assert!(may_repeat || values.next().is_none(), "{name} twice");
        value
    }

    pub(in super::super) fn is(&self, kind: &str) -> bool {
        self.field("WARC-Type") == kind
    }

    /// The head and the body of the HTTP message in it.
    pub(in super::super) fn message(&self) -> (&[u8], &[u8]) {
        let end = self
            .block
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .unwrap();
        self.block.split_at(end + 4)
    }
}

/// All records of a file.
pub(in super::super) fn records(path: &Path) -> Vec<Record> {
    let bytes = fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let end = path.extension().unwrap();
    if end == "wacz" {
        // APPNOTE 4.3.7 and 4.5.3: the length of the first entry, and the start of its content.
        let number = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
        let name = usize::from(number(26));
        let start = 30 + name + usize::from(number(28));
        let length = bytes[30 + name + 4..][..8].try_into().unwrap();
        rest = &bytes[start..start + u64::from_le_bytes(length) as usize];
    }
    let mut records = Vec::new();
    while !rest.is_empty() {
        if end == "warc" {
            records.push(record(&mut rest));
            continue;
        }
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let mut plain = Vec::new();
        member.read_to_end(&mut plain).unwrap();
        rest = member.into_inner();
        let mut plain = &plain[..];
        records.push(record(&mut plain));
        assert!(plain.is_empty(), "two records in a member");
    }
    records
}

/// The numbers of the responses, checking that each has its own body, request and metadata.
pub(in super::super) fn numbers(path: &Path) -> Vec<usize> {
    let records = records(path);
    let numbers_of = |kind: &str| -> Vec<usize> {
        let of_kind = records
            .iter()
            .filter(|record| record.field("WARC-Type") == kind);
        let url = |record: &Record| record.field("WARC-Target-URI").to_owned();
        of_kind
            .map(|record| url(record).rsplit_once('/').unwrap().1.parse().unwrap())
            .collect()
    };
    let responses = numbers_of("response");
    assert_eq!(
        (&numbers_of("request"), &numbers_of("metadata")),
        (&responses, &responses)
    );
    for record in records
        .iter()
        .filter(|record| record.field("WARC-Type") == "response")
    {
        let url = record.field("WARC-Target-URI");
        assert!(
            record
                .block
                .ends_with(url.rsplit_once('/').unwrap().1.as_bytes())
        );
    }
    assert_eq!(records[0].field("WARC-Type"), "warcinfo");
    let names: std::collections::BTreeSet<_> = records
        .iter()
        .map(|record| record.field("WARC-Record-ID"))
        .collect();
    assert_eq!(names.len(), records.len(), "a record ID occurs twice");
    responses
}

fn record(rest: &mut &[u8]) -> Record {
    let end = rest
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&rest[..end]).unwrap();
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some("WARC/1.1"));
    let fields = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            assert!(!line.contains(char::is_control), "{line:?}");
            (name.to_owned(), value.to_owned())
        })
        .collect();
    let mut record = Record {
        fields,
        block: Vec::new(),
    };
    let length: usize = record.field("Content-Length").parse().unwrap();
    let block = &rest[end + 4..];
    record.block = block[..length].to_vec();
    assert_eq!(&block[length..length + 4], b"\r\n\r\n");
    *rest = &block[length + 4..];
    let sum = |bytes: &[u8]| {
        let mut hash = Hash::default();
        hash.add(bytes);
        hash.sum().label()
    };
    if let Some(digest) = record.get("WARC-Block-Digest") {
        assert_eq!(digest, sum(&record.block));
    }
    if let Some(digest) = record.get("WARC-Payload-Digest")
        && record.is("response")
    {
        assert_eq!(digest, sum(record.message().1));
    }
    record
}
