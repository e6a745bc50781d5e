//! Records in CSV.

use std::path::Path;

use super::error::{damaged, not_ours};
use super::item::{Choice, Visitor};
use super::record::Recorded;
use super::wanted::Wanted;
use crate::error::Result;
use crate::input::framing::{Cells, Dialect, Record, Records};
use crate::input::{Input, encoding};

/// The columns with which a table of records starts.
pub(crate) const HEADER: [&str; 5] = ["row", "url", "final_url", "redirects", "status"];
/// The longest record in bytes: it may contain the text of its page.
pub(crate) const LONGEST: usize = 64 << 20;
/// The delimiters of a table that another program may have written again.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Passes each record to the visitor.
///
/// # Errors
/// If haul did not write it, or it cannot be read.
pub(super) fn each(
    path: &Path,
    mut lines: Input,
    wanted: Wanted,
    visitor: &mut dyn Visitor,
) -> Result<()> {
    let damaged = |line, error| damaged(path, "line", line, &error);
    let sample = lines
        .sample(1, &mut ())
        .map_err(|error| damaged(0, error))?;
    let dialect = dialect(sample).ok_or_else(|| not_ours(path))?;
    let mut records = Records::new(lines, dialect);
    let (mut record, mut names) = (Record::default(), Vec::new());
    let mut number = 0;
    loop {
        let read = records.next(&mut record, &mut ());
        if !read.map_err(|error| damaged(record.line, error))? {
            return Ok(());
        }
        if names.is_empty() {
            let cells = record.cells.iter();
            names.extend(cells.map(|cell| encoding::text(cell).into_owned()));
            continue;
        }
        number += 1;
        match visitor.choose(number) {
            Choice::Read => {}
            Choice::Skip => continue,
            Choice::Stop => return Ok(()),
        }
        let is_whole = record.problem.is_none() && record.cells.len() == names.len();
        let item = is_whole.then(|| {
            let mut recorded = Box::<Recorded>::default();
            for (name, cell) in names.iter().zip(record.cells.iter()) {
                recorded.set(wanted, name, &encoding::text(plain(cell)));
            }
            recorded
        });
        if visitor.take(number, item).is_break() {
            return Ok(());
        }
    }
}

/// How the cells of a table of records are separated; `None` if the sample is not its beginning.
fn dialect(sample: &[u8]) -> Option<Dialect> {
    let end = memchr::memchr2(b'\n', b'\r', sample).unwrap_or(sample.len());
    let dialects = DELIMITERS.map(|delimiter| Dialect {
        delimiter,
        quotes: true,
        strict: true,
        longest: LONGEST,
    });
    dialects.into_iter().find(|dialect| {
        let mut cells = Cells::default();
        let is_closed = cells.split(&sample[..end], *dialect, None).is_none();
        is_closed
            && cells
                .iter()
                .take(HEADER.len())
                .eq(HEADER.map(str::as_bytes))
    })
}

/// The cell without the apostrophe that keeps a spreadsheet from evaluating it.
fn plain(cell: &[u8]) -> &[u8] {
    match cell {
        [b'\'', rest @ ..]
            if rest
                .first()
                .is_some_and(|first| b"=+-@\t\r\n".contains(first)) =>
        {
            rest
        }
        cell => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_records_is_recognized_by_its_header_with_any_delimiter() {
        for (text, expected) in [
            ("row,url,final_url,redirects,status,x\n1", Some(b',')),
            ("row;url;final_url;redirects;status\r\n", Some(b';')),
            (
                "\"row\"\t\"url\"\tfinal_url\tredirects\tstatus",
                Some(b'\t'),
            ),
            ("row,url,final_url,redirects\n", None),
            ("url,row,final_url,redirects,status\n", None),
            ("", None),
        ] {
            let dialect = dialect(text.as_bytes());
            assert_eq!(
                dialect.map(|dialect| dialect.delimiter),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn only_the_apostrophe_before_a_formula_is_removed() {
        assert_eq!(plain(b"'=1+1"), b"=1+1");
        assert_eq!(plain(b"'tis"), b"'tis");
        assert_eq!(plain(b"-1"), b"-1");
    }
}
