//! The meaning of bytes inside a tag.

pub(super) const SPACE: u8 = 1;
pub(super) const SLASH: u8 = 2;
pub(super) const CLOSE: u8 = 4;
const EQUALS: u8 = 8;

/// The meaning of each byte inside a tag, outside a value. A carriage return counts as a line feed (13.2.3.5).
pub(super) static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    class[b'\t' as usize] = SPACE;
    class[b'\n' as usize] = SPACE;
    class[b'\x0C' as usize] = SPACE;
    class[b'\r' as usize] = SPACE;
    class[b' ' as usize] = SPACE;
    class[b'/' as usize] = SLASH;
    class[b'>' as usize] = CLOSE;
    class[b'=' as usize] = EQUALS;
    class
};

/// Whether this byte is white space for the tokenizer.
pub(super) fn is_space(byte: u8) -> bool {
    CLASS[usize::from(byte)] == SPACE
}

/// Whether this byte ends a tag name.
#[inline]
pub(super) fn ends_name(byte: u8) -> bool {
    CLASS[usize::from(byte)] & (SPACE | SLASH | CLOSE) != 0
}
