//! The terminal as the bar sees it: a few columns narrower than it is.
//!
//! The bar leaves the cursor after its last column. If that were the last column of the terminal, the `^C` that the
//! terminal itself prints would wrap to the next line, and the bar's line would never be cleared. So a few columns
//! stay free.

use std::io;

use console::Term;
use indicatif::TermLike;

/// Columns kept free: `^C` twice, as it may be pressed twice between two redraws, and one for the cursor.
const FREE: u16 = 5;

/// Standard error, with a few columns kept free on the right.
#[derive(Debug)]
pub(super) struct Terminal(Term);

impl Terminal {
    /// Standard error.
    pub(super) fn stderr() -> Self {
        Self(Term::buffered_stderr())
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        TermLike::width(&self.0).saturating_sub(FREE).max(1)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
