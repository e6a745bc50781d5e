//! Sorts any number of lines by their bytes.
//!
//! If they do not fit in memory, they are sorted in parts, each in an unnamed temporary file, and merged.
//! Invariant: memory is bounded by one part.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// Lines to be sorted.
pub(super) struct Sorter {
    /// The folder for temporary files.
    folder: PathBuf,
    /// The most bytes of lines in memory.
    capacity: usize,
    lines: Vec<String>,
    bytes: usize,
    parts: Vec<File>,
}

impl Sorter {
    pub(super) fn new(folder: &Path, capacity: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            capacity,
            lines: Vec::new(),
            bytes: 0,
            parts: Vec::new(),
        }
    }

    /// Adds a line, which must not contain a line break.
    ///
    /// # Errors
    /// If a part cannot be written.
    pub(super) fn add(&mut self, line: String) -> io::Result<()> {
        self.bytes += line.len() + size_of::<String>();
        self.lines.push(line);
        if self.bytes < self.capacity {
            return Ok(());
        }
        self.lines.sort_unstable();
        let mut part = BufWriter::new(tempfile::tempfile_in(&self.folder)?);
        for line in self.lines.drain(..) {
            part.write_all(line.as_bytes())?;
            part.write_all(b"\n")?;
        }
        let mut part = part.into_inner().map_err(io::IntoInnerError::into_error)?;
        part.rewind()?;
        self.parts.push(part);
        self.bytes = 0;
        Ok(())
    }

    /// Calls a function with all lines in order.
    ///
    /// # Errors
    /// If a part cannot be read, or the function fails.
    pub(super) fn each(mut self, mut take: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        self.lines.sort_unstable();
        let mut parts: Vec<_> = self
            .parts
            .into_iter()
            .map(|part| BufReader::new(part).lines())
            .collect();
        let mut rest = self.lines.into_iter();
        // The lines in memory form another part, the last one.
        let in_memory = parts.len();
        let mut next = |part: usize| match parts.get_mut(part) {
            Some(part) => part.next().transpose(),
            None => Ok(rest.next()),
        };
        let mut heap = BinaryHeap::with_capacity(in_memory + 1);
        for part in 0..=in_memory {
            if let Some(line) = next(part)? {
                heap.push(Reverse((line, part)));
            }
        }
        while let Some(Reverse((line, part))) = heap.pop() {
            take(&line)?;
            if let Some(line) = next(part)? {
                heap.push(Reverse((line, part)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sorted_whether_they_fit_in_memory_or_not() {
        let folder = tempfile::tempdir().unwrap();
        for capacity in [1, 500, 5_000, 1 << 20] {
            let mut random = fastrand::Rng::with_seed(4);
            let mut sorter = Sorter::new(folder.path(), capacity);
            let mut expected = Vec::new();
            for _ in 0..1000 {
                let line = format!("{:x} é", random.u16(..));
                expected.push(line.clone());
                sorter.add(line).unwrap();
            }
            expected.sort();
            let mut sorted = Vec::new();
            sorter
                .each(|line| {
                    sorted.push(line.to_owned());
                    Ok(())
                })
                .unwrap();
            assert_eq!(sorted, expected, "{capacity}");
        }
    }
}
