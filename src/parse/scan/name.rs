//! The element names that matter to the scanner and the link finder.
//!
//! Invariant: two names are the same [`Name`] only if they are equal apart from ASCII case; every other name is
//! [`Name::Other`].

use super::byte::ends_name;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const SLOTS: usize = 128;
/// Maps the names below to different slots of the table; the compiler checks that.
const MULTIPLIER: u64 = 0xF341_E07A_83F7_3F17;
static TABLE: [(u64, Name); SLOTS] = table();

macro_rules! names {
    ($($name:ident = $text:literal,)+) => {
        /// An element name that matters to the scanner.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Name {
            /// Any name that is not listed.
            Other,
            $(#[doc = concat!("`", $text, "`")] $name,)+
        }

        const NAMES: &[(&str, Name)] = &[$(($text, Name::$name),)+];
    };
}

names! {
    A = "a", Area = "area", Audio = "audio", Base = "base", Body = "body", Button = "button", Embed = "embed", FeImage = "feimage",
    Font = "font", Form = "form",
    Frame = "frame", Html = "html", Iframe = "iframe", Image = "image", Img = "img", Input = "input", Link = "link", Math = "math",
    Meta = "meta", Noembed = "noembed", Noframes = "noframes", Object = "object", Plaintext = "plaintext",
    Script = "script", Source = "source", Style = "style", Svg = "svg", Textarea = "textarea", Title = "title",
    Track = "track", Use = "use", Video = "video", Xmp = "xmp",
}

impl Name {
    /// The name of the end tag that ends this element's raw text or RCDATA.
    ///
    /// `None` if the element has neither, and for `script` and `plaintext`, which end differently.
    pub(super) fn raw_text(self) -> Option<&'static [u8]> {
        Some(match self {
            Name::Title => b"title",
            Name::Style => b"style",
            Name::Textarea => b"textarea",
            Name::Xmp => b"xmp",
            Name::Iframe => b"iframe",
            Name::Noembed => b"noembed",
            Name::Noframes => b"noframes",
            _ => return None,
        })
    }
}

/// Reads the tag name at `from`. Returns which one it is, and where it ends.
#[inline]
pub(super) fn read(html: &[u8], from: usize) -> (Name, usize) {
    if let Some(eight) = html.get(from..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        // Finds the first byte that is a space or lower, "/" or ">": the lowest mark of each of these tests is exact.
        let space = word.wrapping_sub(0x21 * ONES) & !word;
        let slash = zero_bytes(word ^ (0x2F * ONES));
        let close = zero_bytes(word ^ (0x3E * ONES));
        let marks = (space | slash | close) & HIGHS;
        if marks != 0 {
            let bits = marks.trailing_zeros() & !7;
            let end = from + (bits / 8) as usize;
            if ends_name(html[end]) {
                let mask = (1_u64 << bits) - 1;
                return (find((word | (0x20 * ONES)) & mask), end);
            }
        }
    }
    read_slowly(html, from)
}

/// Does the same for names at the end of the input, long ones, and odd ones.
///
/// Odd names have control characters in them.
#[cold]
fn read_slowly(html: &[u8], from: usize) -> (Name, usize) {
    let rest = &html[from..];
    let length = rest
        .iter()
        .position(|&byte| ends_name(byte))
        .unwrap_or(rest.len());
    let text = &rest[..length];
    let name = NAMES
        .iter()
        .find(|(candidate, _)| candidate.as_bytes().eq_ignore_ascii_case(text))
        .map_or(Name::Other, |&(_, name)| name);
    (name, from + length)
}

const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

#[inline]
fn find(key: u64) -> Name {
    let (candidate, name) = TABLE[slot(key)];
    // All names in the table are letters only: a byte with 0x20 set equals a letter only if it was that letter in some
    // case.
    if candidate == key { name } else { Name::Other }
}

const fn slot(key: u64) -> usize {
    (key.wrapping_mul(MULTIPLIER) >> 57) as usize
}

const fn table() -> [(u64, Name); SLOTS] {
    let mut table = [(0, Name::Other); SLOTS];
    let mut index = 0;
    while index < NAMES.len() {
        let (text, name) = NAMES[index];
        let bytes = text.as_bytes();
        // Only "plaintext" is longer than a word; `read_slowly` finds it.
        if bytes.len() <= 8 {
            let mut key = 0;
            let mut at = 0;
            while at < bytes.len() {
                key |= (bytes[at] as u64) << (8 * at);
                at += 1;
            }
            assert!(table[slot(key)].0 == 0, "two names in one slot");
            table[slot(key)] = (key, name);
        }
        index += 1;
    }
    table
}
