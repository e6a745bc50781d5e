//! Limits on the cost of one page, and the account of what is left of them.

use serde::{Deserialize, Serialize};

/// Limits on what is extracted from one page.
///
/// Beyond one of them, the page or the value is refused with a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of text in a page; a longer page is refused.
    pub page_bytes: usize,
    /// Nesting depth of elements; a deeper page is refused.
    ///
    /// Browsers stop at 512, and the time to build a tree grows with the square of its depth.
    pub depth: usize,
    /// Nodes of a page's tree; a larger page is refused.
    ///
    /// Each takes about 200 bytes, and misnested markup can produce hundreds of nodes per byte.
    pub nodes: usize,
    /// Items of one page, nested ones included, and values of one list.
    ///
    /// The rest is dropped and reported.
    pub items: usize,
    /// Bytes of one value; a longer one becomes a miss.
    pub value_bytes: usize,
    /// Bytes of all values of one page; the rest is dropped and reported.
    pub total_bytes: usize,
    /// Bytes of a page's article, and of its Markdown; a longer one is refused.
    pub text_bytes: usize,
    /// Misses listed for one page; any further ones are only counted.
    pub misses: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_bytes: 64 << 20,
            depth: 512,
            nodes: 3 << 20,
            items: 100_000,
            value_bytes: 1 << 20,
            total_bytes: 64 << 20,
            text_bytes: 8 << 20,
            misses: 100,
        }
    }
}

/// What is left of the limits while a page is being read.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) limits: Limits,
    items: usize,
    bytes: usize,
}

impl Account {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            items: limits.items,
            bytes: limits.total_bytes,
        }
    }

    /// Accounts for one item.
    ///
    /// # Errors
    /// If the limit is used up.
    pub(super) fn item(&mut self) -> Result<(), String> {
        let Some(left) = self.items.checked_sub(1) else {
            return Err(format!("more than {} items on one page", self.limits.items));
        };
        self.items = left;
        Ok(())
    }

    /// Accounts for a value of this many bytes.
    ///
    /// # Errors
    /// If the value is too long, or the page's total is used up.
    pub(super) fn bytes(&mut self, bytes: usize) -> Result<(), String> {
        if bytes > self.limits.value_bytes {
            return Err(format!(
                "{bytes} bytes, where a value has at most {}",
                self.limits.value_bytes
            ));
        }
        let Some(left) = self.bytes.checked_sub(bytes) else {
            return Err(format!(
                "the values of this page have more than {} bytes",
                self.limits.total_bytes
            ));
        };
        self.bytes = left;
        Ok(())
    }
}
