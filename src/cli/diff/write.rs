//! Writes changes: as text, as JSON Lines, or as CSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use haul::Error;
use haul::diff::{Change, Diff};

use super::text::Listing;
use crate::cli::check_stdout;
use crate::cli::output::columns;

/// The columns of text in a file.
const FILE_COLUMNS: usize = 80;

/// The name of standard output in messages.
const STDOUT: &str = "standard output";

/// Writes text for people, at most `show` changes of each kind; all if that is 0.
///
/// # Errors
/// When it cannot be written.
pub(super) fn text(diff: &Diff, output: Option<&Path>, show: u64) -> haul::Result<()> {
    let columns = match output {
        Some(_) => FILE_COLUMNS,
        None => columns(),
    };
    let mut listing = Listing::new(diff, columns, show);
    let head = listing.head();
    write(
        output,
        |out| out.write_all(head.as_bytes()),
        |change, out| out.write_all(listing.change(&change).as_bytes()),
        diff,
    )
}

/// Writes one JSON object per line.
///
/// # Errors
/// When it cannot be written.
pub(super) fn jsonl(diff: &Diff, output: Option<&Path>) -> haul::Result<()> {
    write(
        output,
        |_| Ok(()),
        |change, out| {
            serde_json::to_writer(&mut *out, &change)?;
            out.write_all(b"\n")
        },
        diff,
    )
}

/// Writes a table with a header line.
///
/// # Errors
/// When it cannot be written.
pub(super) fn csv(diff: &Diff, output: Option<&Path>) -> haul::Result<()> {
    let row = |cells: &mut dyn Iterator<Item = String>, out: &mut dyn Write| {
        let mut line = csv::Writer::from_writer(Vec::new());
        line.write_record(cells).map_err(io::Error::other)?;
        let line = line
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()))?;
        out.write_all(&line)
    };
    write(
        output,
        |out| {
            row(
                &mut Change::COLUMNS.iter().map(|name| (*name).to_owned()),
                out,
            )
        },
        |change, out| row(&mut change.cells().into_iter(), out),
        diff,
    )
}

/// Writes a beginning, and then every change.
fn write(
    output: Option<&Path>,
    begin: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    mut each: impl FnMut(Change, &mut dyn Write) -> io::Result<()>,
    diff: &Diff,
) -> haul::Result<()> {
    let failed = |source| match output {
        Some(path) => Error::output(path, source),
        None => Error::output(STDOUT, source),
    };
    let raw: Box<dyn Write> = match output {
        Some(path) => Box::new(File::create(path).map_err(failed)?),
        None => {
            check_stdout();
            Box::new(io::stdout().lock())
        }
    };
    let mut out = BufWriter::new(raw);
    begin(&mut out).map_err(failed)?;
    diff.each(&mut |change| each(change, &mut out).map_err(failed))?;
    out.flush().map_err(failed)
}
