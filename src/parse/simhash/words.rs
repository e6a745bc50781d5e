//! Splits text into words: runs of letters and digits, read eight bytes at a time.
//!
//! Invariant: a word's hash depends only on its letters, regardless of case, position and the path through this code.

/// A word with the lowest bit of each byte set.
pub(super) const LOW_BITS: u64 = 0x0101_0101_0101_0101;
/// Multiplier that spreads a word over 64 bits: the golden ratio.
pub(super) const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
/// The highest bit of each byte: not set in ASCII.
const HIGH_BITS: u64 = 0x80 * LOW_BITS;
/// The bit that separates lower case from upper case; set in all digits.
const CASE_BITS: u64 = 0x20 * LOW_BITS;

/// Calls `take` with every word of a text.
#[inline]
pub(super) fn for_each_word(text: &[u8], mut take: impl FnMut(Word)) {
    let mut word = Word::default();
    let mut at = 0;
    while at < text.len() {
        let eight = load_eight(text, at);
        if eight & HIGH_BITS != 0 {
            at = read_non_ascii(text, at, &mut word, &mut take);
            continue;
        }
        let letters = letter_bits(eight);
        if word.length == 0 && letters & 0x80 == 0 {
            // Skip to the first letter.
            at += letters.trailing_zeros() as usize / 8;
            continue;
        }
        let bits = (!letters & HIGH_BITS).trailing_zeros() & !7;
        word.add(eight | CASE_BITS, bits);
        at += bits as usize / 8;
        if bits < 64 {
            finish_word(&mut word, &mut take);
            at += 1;
        }
    }
    finish_word(&mut word, &mut take);
}

/// Continues byte by byte, up to the end of a word.
#[cold]
fn read_non_ascii(
    text: &[u8],
    mut at: usize,
    word: &mut Word,
    take: &mut impl FnMut(Word),
) -> usize {
    while let Some(&byte) = text.get(at) {
        match byte {
            // A character that is a word by itself: Chinese, Japanese, Korean, and everything beyond.
            0xE3.. => {
                finish_word(word, take);
                let length = character_length(&text[at..]);
                word.add_bytes(&text[at..at + length]);
                finish_word(word, take);
                return at + length;
            }
            0x80.. => {
                let length = character_length(&text[at..]);
                if is_punctuation(&text[at..]) {
                    finish_word(word, take);
                    return at + length;
                }
                word.add_bytes(&text[at..at + length]);
                at += length;
            }
            _ if byte.is_ascii_alphanumeric() => {
                word.add(u64::from(byte | 0x20), 8);
                at += 1;
            }
            _ => {
                finish_word(word, take);
                return at + 1;
            }
        }
    }
    at
}

#[inline]
fn finish_word(word: &mut Word, take: &mut impl FnMut(Word)) {
    if word.length > 0 {
        take(std::mem::take(word));
    }
}

/// A word as far as it was read: eight letters at a time, wherever they were found.
#[derive(Clone, Copy)]
pub(super) struct Word {
    hash: u64,
    group: u64,
    /// The total number of bytes.
    length: usize,
    /// Whether it consists of digits only.
    pub(super) is_number: bool,
}

impl Default for Word {
    fn default() -> Self {
        Self {
            hash: 0,
            group: 0,
            length: 0,
            is_number: true,
        }
    }
}

impl Word {
    /// Adds the bytes in the lowest `bits` bits of `letters`.
    #[inline]
    pub(super) fn add(&mut self, letters: u64, bits: u32) {
        if bits == 0 {
            return;
        }
        let letters = letters & (u64::MAX >> (64 - bits));
        // Among ASCII letters and digits, only letters have bit 6.
        self.is_number &= letters & ((0x40 * LOW_BITS) | HIGH_BITS) == 0;
        let filled = (self.length % 8 * 8) as u32;
        self.group |= letters << filled;
        self.length += bits as usize / 8;
        if filled + bits >= 64 {
            self.hash = (self.hash ^ self.group)
                .wrapping_mul(GOLDEN_RATIO)
                .rotate_left(29);
            self.group = letters.checked_shr(64 - filled).unwrap_or(0);
        }
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.add(u64::from(*byte), 8));
    }

    #[inline]
    pub(super) fn hash(self) -> u64 {
        (self.hash ^ self.group).wrapping_mul(GOLDEN_RATIO) | 1
    }
}

/// Eight bytes of a text as one number, the first one lowest; zeros after the end.
#[inline]
fn load_eight(text: &[u8], at: usize) -> u64 {
    let rest = &text[at..];
    match rest.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => rest
            .iter()
            .rev()
            .fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

/// The high bit of each of eight ASCII bytes that is a letter or a digit.
#[inline]
fn letter_bits(eight: u64) -> u64 {
    // Adding to bytes below 128 carries into their own high bit and no further.
    let from = |bytes: u64, first: u8| bytes + LOW_BITS * u64::from(128 - first);
    let small = eight | CASE_BITS;
    let letter = from(small, b'a') & !from(small, b'z' + 1);
    let digit = from(eight, b'0') & !from(eight, b'9' + 1);
    (letter | digit) & HIGH_BITS
}

/// The length in bytes of the UTF-8 character that starts here.
fn character_length(text: &[u8]) -> usize {
    let more = text.iter().skip(1).take(3);
    1 + more.take_while(|byte| matches!(byte, 0x80..=0xBF)).count()
}

/// Whether a punctuation character starts here.
///
/// U+0080 to 00BF and U+2000 to 203F count: a no-break space, a quote, a dash.
fn is_punctuation(text: &[u8]) -> bool {
    matches!(text, [0xC2, ..] | [0xE2, 0x80, ..])
}
