//! Repairs the end of an archive that is to be appended to: a torn record is cut off.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::super::packing::Packing;
use super::super::torn::{End, torn_member};
use crate::archive::{Records, series};
use crate::text::size::ByteSize;

/// The end of a record (ISO 28500 4).
const RECORD_END: &[u8] = b"\r\n\r\n";
/// The number of bytes searched at a time.
const CHUNK: usize = 64 << 10;

/// Cuts off a torn record at the end of an archive, in its last file.
///
/// # Errors
/// If it cannot be read or written, or is damaged elsewhere than at its end.
pub(in super::super) fn repair_end(path: &Path, rotate: ByteSize) -> io::Result<End> {
    let path = match rotate.0 {
        0 => path.to_owned(),
        _ => series::numbered(path, series::last(path, 0)),
    };
    let length = std::fs::metadata(&path)?.len();
    let intact_length = match Packing::of_path(&path) {
        Some(packing) => torn_member(&path, packing, |_, _| {})?,
        None => torn_record(&path, length)?,
    };
    let Some(intact_length) = intact_length.filter(|intact_length| *intact_length < length) else {
        return Ok(End::Whole);
    };
    OpenOptions::new()
        .write(true)
        .open(&path)?
        .set_len(intact_length)?;
    Ok(End::Torn(length - intact_length))
}

/// The start of the last record of an uncompressed file, if that record is torn.
fn torn_record(path: &Path, length: u64) -> io::Result<Option<u64>> {
    let mut records = Records::open(path, 0, u64::MAX).map_err(io::Error::other)?;
    let (mut start, mut end) = (0, 0);
    while let Ok(Some(_)) = records.next() {
        match records.end() {
            Ok(next) => (start, end) = (end, next),
            Err(_) => break,
        }
    }
    let mut file = File::open(path)?;
    if end == length {
        let mut last = [0; RECORD_END.len()];
        file.seek(SeekFrom::End(-(RECORD_END.len() as i64)))?;
        file.read_exact(&mut last)?;
        return Ok((last != *RECORD_END).then_some(start));
    }
    // If another record followed, this one would be damaged rather than torn.
    file.seek(SeekFrom::Start(end))?;
    let (mut bytes, mut before) = (vec![0; CHUNK], 0);
    loop {
        let count = file.read(&mut bytes[before..])?;
        if count == 0 {
            return Ok(Some(end));
        }
        let seen = before + count;
        if memchr::memmem::find(&bytes[..seen], b"\r\nWARC/1.").is_some() {
            let problem = format!("it is damaged at byte {end}; write to another file");
            return Err(io::Error::other(problem));
        }
        before = seen.min(16);
        bytes.copy_within(seen - before..seen, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::archive::Archive;

    use super::super::super::{ArchiveSettings, Format, Start, samples, tail};

    #[test]
    fn records_written_after_a_torn_record_can_be_read() {
        for name in ["a.warc", "a.warc.gz"] {
            for cut in [1, 3, 4, 20, 500, 1500] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(name);
                let format = Format::Warc(ArchiveSettings::default());
                let case = samples::Case::new(&path, true, format, Vec::new());
                let write = |rows: std::ops::Range<usize>| {
                    let mut sink = case.open(Start::Fresh).unwrap();
                    rows.for_each(|row| sink.write(&samples::numbered(row)).unwrap());
                    sink.finish().unwrap();
                };
                write(0..8);
                assert_eq!(tail::repair_end(&case.settings, &[]).unwrap(), None);
                let bytes = fs::read(&path).unwrap();
                fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
                assert!(
                    tail::repair_end(&case.settings, &[]).unwrap().is_some(),
                    "{name} {cut}"
                );
                write(90..93);
                let stored = Archive::open(&path).unwrap();
                let urls: Vec<_> = stored
                    .map(|stored| stored.unwrap().url.to_string())
                    .collect();
                let last = urls[urls.len() - 3..]
                    .iter()
                    .map(|url| url.rsplit_once('/').unwrap().1);
                assert_eq!(
                    last.collect::<Vec<_>>(),
                    ["00090", "00091", "00092"],
                    "{name} {cut}"
                );
                assert!(urls.len() >= 9, "{name} {cut}: {urls:?}");
            }
        }
    }
}
