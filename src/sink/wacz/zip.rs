//! ZIP files (APPNOTE 6.3.10) with uncompressed entries.
//!
//! An entry starts before its length is known, and its header is filled in when it is complete; space for 64-bit
//! lengths is reserved from the start (4.5.3). This module deals with bytes, not files.

/// The first version that supports 64-bit lengths.
const VERSION: u16 = 45;
/// The flag for names in UTF-8.
const UTF8: u16 = 1 << 11;
/// The earliest date of the ZIP format, because entries have no time of their own.
const DATE: u16 = 1 << 5 | 1;

/// A file in a ZIP file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ZipEntry {
    pub(super) name: String,
    /// The offset of its header.
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) crc: u32,
}

impl ZipEntry {
    /// The header before its content; its size does not depend on the content's length.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(64);
        header.extend_from_slice(b"PK\x03\x04");
        self.write_common_fields(&mut header);
        header.extend_from_slice(&20_u16.to_le_bytes());
        header.extend_from_slice(self.name.as_bytes());
        self.write_zip64_extra(&mut header, &[self.length, self.length]);
        header
    }

    /// The offset of its content.
    pub(super) fn start(&self) -> u64 {
        self.offset + self.header().len() as u64
    }

    fn write_common_fields(&self, out: &mut Vec<u8>) {
        for number in [VERSION, UTF8, 0, 0, DATE] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.crc.to_le_bytes());
        out.extend_from_slice(&[0xFF; 8]); // both lengths are in the extra field
        out.extend_from_slice(&(self.name.len() as u16).to_le_bytes());
    }

    fn write_zip64_extra(&self, out: &mut Vec<u8>, numbers: &[u64]) {
        out.extend_from_slice(&1_u16.to_le_bytes());
        out.extend_from_slice(&(8 * numbers.len() as u16).to_le_bytes());
        for number in numbers {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn write_directory_entry(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PK\x01\x02");
        out.extend_from_slice(&VERSION.to_le_bytes());
        self.write_common_fields(out);
        out.extend_from_slice(&28_u16.to_le_bytes());
        out.extend_from_slice(&[0; 10]); // no comment, the first disk, no attributes
        out.extend_from_slice(&[0xFF; 4]);
        out.extend_from_slice(self.name.as_bytes());
        self.write_zip64_extra(out, &[self.length, self.length, self.offset]);
    }
}

/// The end of a ZIP file: its directory, which starts at `offset`.
pub(super) fn directory(entries: &[ZipEntry], offset: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        entry.write_directory_entry(&mut out);
    }
    let (count, length) = (entries.len() as u64, out.len() as u64);
    out.extend_from_slice(b"PK\x06\x06");
    out.extend_from_slice(&44_u64.to_le_bytes());
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    for number in [count, count, length, offset] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    out.extend_from_slice(&(offset + length).to_le_bytes());
    out.extend_from_slice(&1_u32.to_le_bytes());
    out.extend_from_slice(b"PK\x05\x06");
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[0xFF; 12]); // counts, length and offset are in the record above
    out.extend_from_slice(&[0; 2]);
    out
}
