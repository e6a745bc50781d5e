//! The records of a WARC file from any producer.
//!
//! Supported are WARC/1.0 and 1.1 (ISO 28500), compressed or not. Common deviations are tolerated: lines that end
//! with a bare newline, folded fields, field names in any case, blank lines between records. Invariant: a head is
//! bounded; a block is read or skipped, never stored as a whole. Damage ends the file, and is reported.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::stream::Stream;

/// The longest head of a record, in bytes.
const HEAD: usize = 256 << 10;
/// The most bytes of blank lines between two records.
const BLANK: usize = 64 << 10;

/// The records of a file, read one at a time.
pub(crate) struct Records {
    stream: Stream,
    path: PathBuf,
    /// The bytes of the block that have not been read.
    left: u64,
    ended: bool,
}

/// The head of a record.
#[derive(Debug)]
pub(crate) struct Head {
    fields: Vec<(String, String)>,
    /// The offset in the file at which it starts.
    pub(crate) offset: u64,
    /// Whether reading can start at that offset.
    pub(crate) is_findable: bool,
    /// The length of the block.
    pub(crate) length: u64,
}

/// Why reading a file cannot continue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}, at byte {offset}", path.display())]
pub struct Damage {
    /// The path of the file.
    pub path: PathBuf,
    /// The offset of the damaged record or gzip member.
    pub offset: u64,
    /// What is wrong.
    pub problem: String,
}

impl Head {
    /// The first value of a field, whose name is case-insensitive.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let field = fields.find(|(own, _)| own.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.fields.iter();
        let fields = fields.filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        fields.map(|(_, value)| value.as_str())
    }

    /// The record type, in lower case.
    pub(crate) fn kind(&self) -> String {
        self.get("WARC-Type")
            .unwrap_or_default()
            .to_ascii_lowercase()
    }

    /// The target URI, without the angle brackets that some producers put around it.
    pub(crate) fn target(&self) -> Option<&str> {
        let uri = self.get("WARC-Target-URI")?;
        let bare = uri.strip_prefix('<').and_then(|uri| uri.strip_suffix('>'));
        Some(bare.unwrap_or(uri))
    }
}

impl Records {
    /// Opens a file at an offset, and reads at most `length` bytes of it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(crate) fn open(path: &Path, start: u64, length: u64) -> Result<Self, Damage> {
        let stream = Stream::open(path, start, length).map_err(|error| Damage {
            path: path.to_owned(),
            offset: start,
            problem: error.to_string(),
        })?;
        Ok(Self {
            stream,
            path: path.to_owned(),
            left: 0,
            ended: false,
        })
    }

    /// The next record, after skipping the rest of the last one.
    ///
    /// After damage there are no more records.
    ///
    /// # Errors
    /// What is damaged.
    pub(crate) fn next(&mut self) -> Result<Option<Head>, Damage> {
        if self.ended {
            return Ok(None);
        }
        let next = self.skip_rest().and_then(|()| self.head());
        self.ended = !matches!(next, Ok(Some(_)));
        next.map_err(|error| self.damage(&error))
    }

    /// Reads more of the record's block.
    ///
    /// # Errors
    /// What is damaged; then there are no more records.
    pub(crate) fn read(&mut self) -> Result<&[u8], Damage> {
        let offset = self.stream.position().0;
        let damage = |path: &Path, problem: String| Damage {
            path: path.to_owned(),
            offset,
            problem,
        };
        if self.left == 0 {
            return Ok(&[]);
        }
        match self.stream.fill() {
            Ok([]) => {
                self.ended = true;
                Err(damage(&self.path, "the last record is cut off".into()))
            }
            Ok(bytes) => {
                let count = self.left.min(bytes.len() as u64) as usize;
                Ok(&bytes[..count])
            }
            Err(error) => {
                self.ended = true;
                Err(damage(&self.path, problem_of(&error)))
            }
        }
    }

    /// Consumes bytes of the block that were read.
    pub(crate) fn take(&mut self, count: usize) {
        self.left -= count as u64;
        self.stream.consume(count);
    }

    /// The offset at which the record that was read ends and the next one starts.
    ///
    /// # Errors
    /// What is damaged.
    pub(crate) fn end(&mut self) -> Result<u64, Damage> {
        self.skip_rest().map_err(|error| {
            self.ended = true;
            self.damage(&error)
        })?;
        Ok(self.stream.position().0)
    }

    /// Skips the rest of the block, and the lines that end the record.
    fn skip_rest(&mut self) -> io::Result<()> {
        while self.left > 0 {
            let count = self.left.min(self.stream.fill()?.len() as u64);
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.take(count as usize);
        }
        let mut blank = 0;
        loop {
            let bytes = self.stream.fill()?;
            let count = bytes
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let (count, all) = (count.count(), bytes.len());
            self.stream.consume(count);
            blank += count;
            if count < all || all == 0 {
                return Ok(());
            }
            if blank > BLANK {
                return Err(io::Error::other("nothing but blank lines"));
            }
        }
    }

    fn head(&mut self) -> io::Result<Option<Head>> {
        if self.stream.fill()?.is_empty() {
            return Ok(None);
        }
        let (offset, is_findable) = self.stream.position();
        let start = self.stream.fill()?;
        if !start
            .iter()
            .zip(b"WARC/")
            .all(|(byte, expected)| byte == expected)
        {
            return Err(io::Error::other("not a WARC record"));
        }
        let mut budget = HEAD;
        let mut line = Vec::new();
        self.line(&mut line, &mut budget)?;
        if !line.starts_with(b"WARC/1.") && !line.starts_with(b"WARC/0.") {
            return Err(io::Error::other("not a WARC record"));
        }
        let mut fields: Vec<(String, String)> = Vec::new();
        loop {
            self.line(&mut line, &mut budget)?;
            if line.is_empty() {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            if text.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(text.trim());
                }
            } else if let Some((name, value)) = text.split_once(':') {
                fields.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        let mut head = Head {
            fields,
            offset,
            is_findable,
            length: 0,
        };
        let length = head
            .get("Content-Length")
            .and_then(|length| length.parse().ok());
        head.length = length.ok_or_else(|| io::Error::other("a record without a length"))?;
        self.left = head.length;
        Ok(Some(head))
    }

    /// Reads a line, without its line ending.
    fn line(&mut self, line: &mut Vec<u8>, budget: &mut usize) -> io::Result<()> {
        line.clear();
        loop {
            let bytes = self.stream.fill()?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let end = memchr::memchr(b'\n', bytes);
            let count = end.map_or(bytes.len(), |end| end + 1);
            *budget = budget
                .checked_sub(count)
                .ok_or_else(|| io::Error::other("the head of a record is too large"))?;
            line.extend_from_slice(&bytes[..count]);
            self.stream.consume(count);
            if end.is_some() {
                while matches!(line.last(), Some(b'\r' | b'\n')) {
                    line.pop();
                }
                return Ok(());
            }
        }
    }

    fn damage(&self, error: &io::Error) -> Damage {
        Damage {
            path: self.path.clone(),
            offset: self.stream.position().0,
            problem: problem_of(error),
        }
    }
}

/// Reads the block of the current record.
impl Read for Records {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = Self::read(self).map_err(io::Error::other)?;
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        self.take(count);
        Ok(count)
    }
}

fn problem_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the last record is cut off".into(),
        _ => error.to_string(),
    }
}
