//! Digests in the format of archives: SHA-1 in base 32.
//!
//! They look like `sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ`. SHA-1 does not protect against an attacker, but every
//! reader and index of archives understands it, and it distinguishes payloads.

use sha1::{Digest, Sha1};

/// The 32 digits of RFC 4648 6.
const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Computes the SHA-1 of bytes that arrive in pieces.
#[derive(Default)]
pub(super) struct Hash(Sha1);

/// A SHA-1 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum([u8; 20]);

impl Hash {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn sum(self) -> Sum {
        Sum(self.0.finalize().into())
    }
}

impl Sum {
    /// The digest as written in a header field.
    pub(super) fn label(self) -> String {
        let mut text = String::with_capacity(37);
        text.push_str("sha1:");
        // 160 bits are 32 digits and no padding.
        for five in self.0.chunks_exact(5) {
            let bits = five
                .iter()
                .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for digit in (0..8).rev() {
                text.push(char::from(DIGITS[(bits >> (5 * digit) & 31) as usize]));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_empty_input_is_the_well_known_one() {
        let empty = Hash::default().sum();
        assert_eq!(empty.label(), "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
        let mut hash = Hash::default();
        hash.add(b"a");
        hash.add(b"bc");
        // `printf abc | sha1sum | xxd -r -p | base32`
        assert_eq!(hash.sum().label(), "sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5");
    }
}
