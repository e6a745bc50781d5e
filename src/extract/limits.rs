//! How much one page may cost, and the account that is kept of it.

use serde::{Deserialize, Serialize};

/// Bounds on what is read out of one page. Where one is met, the page or the value is refused with a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of text in a page; a longer page is refused.
    pub page_bytes: usize,
    /// Elements inside each other; a deeper page is refused. Browsers stop at 512, and building a tree takes time with the
    /// square of its depth.
    pub depth: usize,
    /// Nodes of a page's tree; a larger page is refused. Each takes about 200 bytes, and misnested markup can ask for hundreds a byte.
    pub nodes: usize,
    /// Items out of one page, nested ones too, and values in one list; the rest is left out and told.
    pub items: usize,
    /// Bytes of one value; a longer one is a miss.
    pub value_bytes: usize,
    /// Bytes of all values out of one page; the rest is left out and told.
    pub total_bytes: usize,
    /// Bytes of the article, and of the Markdown, of one page; a longer one is refused.
    pub text_bytes: usize,
    /// Misses told of one page; the rest is counted.
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

/// What is left of the limits while one page is read.
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

    /// Takes one item.
    ///
    /// # Errors
    /// When none is left.
    pub(super) fn item(&mut self) -> Result<(), String> {
        let Some(left) = self.items.checked_sub(1) else {
            return Err(format!("more than {} items on one page", self.limits.items));
        };
        self.items = left;
        Ok(())
    }

    /// Takes a value of so many bytes.
    ///
    /// # Errors
    /// When it is too long, or the page has had its share.
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
