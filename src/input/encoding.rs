//! Converts a list to UTF-8 from UTF-16 and older encodings, and removes byte order marks.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::foreign::{self, Refusal};

/// The most bytes that are peeked at before reading.
const HEAD: usize = 4096;
/// The number of bytes to wait for; hardly any URL is shorter.
const ENOUGH_BYTES: usize = 4;

/// An input whose first bytes have been peeked at.
pub(super) struct Peeked {
    head: Vec<u8>,
    at: usize,
    inner: Box<dyn Read>,
}

impl Peeked {
    /// Reads the first bytes, and keeps them for the actual reading.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn new(mut inner: Box<dyn Read>) -> io::Result<Self> {
        let mut head = vec![0; HEAD];
        let mut length = 0;
        while length < ENOUGH_BYTES && !head[..length].contains(&b'\n') {
            match inner.read(&mut head[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        head.truncate(length);
        Ok(Self { head, at: 0, inner })
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head[self.at..]
    }
}

impl Read for Peeked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.head.len() {
            return self.inner.read(buffer);
        }
        let count = (&self.head[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

/// The input as UTF-8, without its byte order mark; refused if it is not text.
pub(super) fn utf8(mut input: Peeked) -> Result<Box<dyn Read>, Refusal> {
    let utf16 = |encoding, input| Ok(Box::new(Transcoded::new(encoding, input)) as Box<dyn Read>);
    match *input.head() {
        [0xef, 0xbb, 0xbf, ..] => input.at += 3,
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Err(Refusal::NoList(
                "UTF-32, which is not supported: save it as UTF-8",
            ));
        }
        [0xff, 0xfe, ..] => {
            input.at += 2;
            return utf16(UTF_16LE, input);
        }
        [0xfe, 0xff, ..] => {
            input.at += 2;
            return utf16(UTF_16BE, input);
        }
        // UTF-16 without a byte order mark: each ASCII byte is paired with a zero.
        [b'\t'..=b'~', 0, b'\t'..=b'~', 0, ..] => return utf16(UTF_16LE, input),
        [0, b'\t'..=b'~', 0, b'\t'..=b'~', ..] => return utf16(UTF_16BE, input),
        _ => {}
    }
    match foreign::refusal(input.head()) {
        Some(refusal) => Err(refusal),
        None => Ok(Box::new(input)),
    }
}

/// UTF-16 as UTF-8. Invalid units become U+FFFD, which no URL contains.
struct Transcoded {
    decoder: Decoder,
    input: Peeked,
    raw: Vec<u8>,
    ready: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Transcoded {
    fn new(encoding: &'static Encoding, input: Peeked) -> Self {
        Self {
            decoder: encoding.new_decoder_without_bom_handling(),
            input,
            raw: vec![0; 32 << 10],
            ready: Vec::new(),
            at: 0,
            ended: false,
        }
    }
}

impl Read for Transcoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() && !self.ended {
            let count = self.input.read(&mut self.raw)?;
            self.ended = count == 0;
            let capacity = self.decoder.max_utf8_buffer_length(count).unwrap_or(0);
            self.ready.resize(capacity, 0);
            self.at = 0;
            let raw = &self.raw[..count];
            let (_, _, written, _) = self
                .decoder
                .decode_to_utf8(raw, &mut self.ready, self.ended);
            self.ready.truncate(written);
        }
        let count = (&self.ready[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

/// The text of bytes that should be UTF-8.
///
/// Bytes that are not valid UTF-8 are read as Windows-1252, which old spreadsheets write.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, Refusal> {
        let peeked = Peeked::new(Box::new(io::Cursor::new(bytes.to_vec()))).unwrap();
        let mut text = String::new();
        utf8(peeked)?.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn utf_16_is_read_with_and_without_a_byte_order_mark() {
        let line = "http://a.example/é\r\n🦀\r\n".repeat(5000);
        let little: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = line.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            [b"\xff\xfe", &little[..]].concat(),
            [b"\xfe\xff", &big[..]].concat(),
            little,
            big,
            [b"\xef\xbb\xbf", line.as_bytes()].concat(),
        ] {
            assert_eq!(read(&bytes).as_deref(), Ok(line.as_str()));
        }
        let refusal = read(b"\xff\xfe\0\0h\0\0\0").unwrap_err();
        assert!(matches!(refusal, Refusal::NoList(why) if why.contains("UTF-32")));
        assert_eq!(read(b"\xff\xfea\0\x01").as_deref(), Ok("a\u{fffd}"));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_read_as_windows_1252_and_the_rest_is_unchanged() {
        assert_eq!(text(b"caf\xe9 \xe2\x82\xac \x80"), "café € €");
    }
}
