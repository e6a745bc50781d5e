//! Physical lines with any line ending: LF, CRLF or CR alone.
//!
//! Invariant: memory is bounded by one buffer and one line, and the line by a limit; anything beyond the limit is
//! skipped, and the line is marked as cut. The reader of a slow pipe is notified before each wait.

use std::io::{self, Read};

use memchr::memchr2;

/// The number of bytes read at a time, and the most that can be sampled before reading.
pub(crate) const BUFFER: usize = 256 << 10;
/// How much of an input is sampled to detect its layout, if there is as much.
const SAMPLE: usize = 64 << 10;

/// An input that is read line by line.
pub(crate) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// The range of the buffer that has not been read yet.
    start: usize,
    end: usize,
    at_end: bool,
    /// The last line ended with a CR: an LF right after it belongs to the same line ending.
    after_return: bool,
    /// The number of lines read so far.
    number: u64,
    longest: usize,
    /// Whether to distinguish CR and CRLF even if that means waiting for the next byte.
    exact: bool,
}

/// A line ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LineEnd {
    Feed,
    Return,
    Both,
    /// The end of the input.
    #[default]
    None,
}

/// A line without its ending.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) bytes: Vec<u8>,
    /// Its number, from 1.
    pub(crate) number: u64,
    pub(crate) end: LineEnd,
    /// Whether it was longer than the limit.
    pub(crate) cut: bool,
}

impl LineEnd {
    pub(crate) const fn bytes(self) -> &'static [u8] {
        match self {
            LineEnd::Feed => b"\n",
            LineEnd::Return => b"\r",
            LineEnd::Both => b"\r\n",
            LineEnd::None => b"",
        }
    }
}

/// Called before a read that may block.
pub(crate) trait BeforeWait {
    fn before_wait(&mut self);
}

/// For readers that do not deliver entries.
impl BeforeWait for () {
    fn before_wait(&mut self) {}
}

impl<R: Read> Lines<R> {
    /// At most `longest` bytes of each line are kept.
    pub(crate) fn new(input: R, longest: usize) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            at_end: false,
            after_return: false,
            number: 0,
            longest,
            exact: false,
        }
    }

    /// Sets the limit for the lines that follow.
    pub(crate) fn set_longest(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// From now on, waits for the byte after a CR to tell CR from CRLF.
    ///
    /// This only matters inside quoted cells, which keep their line endings.
    pub(crate) fn distinguish_line_ends(&mut self) {
        self.exact = true;
    }

    /// Reads the next line; returns `false` at the end.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(crate) fn next(&mut self, line: &mut Line, wait: &mut impl BeforeWait) -> io::Result<bool> {
        line.bytes.clear();
        line.cut = false;
        line.end = LineEnd::None;
        let mut any = false;
        loop {
            if self.start == self.end && !self.fill(wait)? {
                break;
            }
            if std::mem::take(&mut self.after_return) && self.buffer[self.start] == b'\n' {
                self.start += 1;
                continue;
            }
            any = true;
            let rest = &self.buffer[self.start..self.end];
            let line_end = memchr2(b'\n', b'\r', rest);
            let length = line_end.unwrap_or(rest.len());
            let room = self.longest.saturating_sub(line.bytes.len());
            line.cut |= length > room;
            line.bytes.extend_from_slice(&rest[..length.min(room)]);
            self.start += length;
            if line_end.is_some() {
                line.end = self.take_end(wait)?;
                break;
            }
        }
        if any {
            self.number += 1;
            line.number = self.number;
        }
        Ok(any)
    }

    /// Consumes the line ending at this position.
    fn take_end(&mut self, wait: &mut impl BeforeWait) -> io::Result<LineEnd> {
        let is_return = self.buffer[self.start] == b'\r';
        self.start += 1;
        if !is_return {
            return Ok(LineEnd::Feed);
        }
        if self.start == self.end {
            if !self.exact {
                self.after_return = true;
                return Ok(LineEnd::Return);
            }
            if !self.fill(wait)? {
                return Ok(LineEnd::Return);
            }
        }
        if self.buffer[self.start] == b'\n' {
            self.start += 1;
            return Ok(LineEnd::Both);
        }
        Ok(LineEnd::Return)
    }

    /// Reads more bytes into the buffer; returns `false` if there are none, or no room for them.
    fn fill(&mut self, wait: &mut impl BeforeWait) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            return Ok(false);
        }
        wait.before_wait();
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A preview of the next whole lines, without consuming them.
    ///
    /// At least `least` of them are not blank, unless the sample or the input is too short. The last line of an
    /// input needs no line ending.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(crate) fn sample(&mut self, least: usize, wait: &mut impl BeforeWait) -> io::Result<&[u8]> {
        loop {
            let ready = &self.buffer[self.start..self.end];
            if ready.len() >= SAMPLE || whole_lines(ready) >= least {
                break;
            }
            if !self.fill(wait)? {
                break;
            }
        }
        let ready = &self.buffer[self.start..self.end];
        if self.at_end {
            return Ok(ready);
        }
        let whole = ready.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
        Ok(whole.map_or(ready, |end| &ready[..=end]))
    }
}

/// The number of complete lines that are not blank.
fn whole_lines(bytes: &[u8]) -> usize {
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let Some(end) = bytes.iter().rposition(ends) else {
        return 0;
    };
    let lines = bytes[..end].split(ends);
    lines.filter(|line| !line.trim_ascii().is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns its bytes a few at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn all(text: &[u8], at_a_time: usize) -> Vec<(String, LineEnd, u64)> {
        let mut lines = Lines::new(Slow(text, at_a_time), 1000);
        lines.distinguish_line_ends();
        let (mut read, mut line) = (Vec::new(), Line::default());
        while lines.next(&mut line, &mut ()).unwrap() {
            let text = String::from_utf8(line.bytes.clone()).unwrap();
            read.push((text, line.end, line.number));
        }
        read
    }

    #[test]
    fn a_line_ends_with_lf_crlf_or_cr_wherever_the_reads_split_it() {
        for at_a_time in 1..8 {
            let read = all(b"a\nb\r\nc\rd\r\r\n\ne", at_a_time);
            let lines: Vec<_> = read.iter().map(|(text, ..)| text.as_str()).collect();
            assert_eq!(lines, ["a", "b", "c", "d", "", "", "e"], "{at_a_time}");
            let ends: Vec<_> = read.iter().map(|(_, end, _)| *end).collect();
            use LineEnd::{Both, Feed, None, Return};
            assert_eq!(ends, [Feed, Both, Return, Return, Both, Feed, None]);
            assert_eq!(read.last().unwrap().2, 7);
        }
        assert!(all(b"", 4).is_empty());
        assert_eq!(all(b"x\r", 1).len(), 1);
    }

    #[test]
    fn a_line_is_cut_at_the_limit_and_marked_as_cut() {
        let text = [&[b'x'; 5000][..], b"\nshort\n"].concat();
        let mut lines = Lines::new(&text[..], 10);
        let mut line = Line::default();
        assert!(lines.next(&mut line, &mut ()).unwrap());
        assert_eq!((line.bytes.len(), line.cut), (10, true));
        assert!(lines.next(&mut line, &mut ()).unwrap());
        assert_eq!((&line.bytes[..], line.cut), (&b"short"[..], false));
        assert!(!lines.next(&mut line, &mut ()).unwrap());
    }

    #[test]
    fn a_sample_has_whole_lines_and_consumes_nothing() {
        let mut lines = Lines::new(Slow(b"one\ntwo\nthree\nfo", 9), 100);
        assert_eq!(lines.sample(2, &mut ()).unwrap(), b"one\ntwo\n");
        let mut line = Line::default();
        assert!(lines.next(&mut line, &mut ()).unwrap());
        assert_eq!(line.bytes, b"one");
    }
}
