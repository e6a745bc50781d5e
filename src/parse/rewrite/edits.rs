//! The replacements in one document.

/// The replacements, each with the byte range it replaces.
#[derive(Default)]
pub(super) struct Edits(pub(super) Vec<(usize, usize, Vec<u8>)>);

impl Edits {
    pub(super) fn apply(mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.sort_by_key(|(start, end, _)| (*start, *end));
        let mut output = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        let mut copied = 0;
        for (start, end, new) in self.0 {
            // Replacements do not overlap; if they did, the first would win.
            if start < copied || end > bytes.len() {
                continue;
            }
            output.extend_from_slice(&bytes[copied..start]);
            output.extend_from_slice(&new);
            copied = end;
        }
        output.extend_from_slice(&bytes[copied..]);
        output
    }
}
