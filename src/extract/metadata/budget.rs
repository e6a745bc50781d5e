//! Limits on the cost of one page's metadata, and the faults that are reported.
//!
//! Invariant: every byte that is stored was charged here first, plus a fixed amount for the entry around it.

/// The most bytes of one text; a longer one is cut.
pub(super) const TEXT_BYTES: usize = 64 << 10;
/// The most bytes stored in total.
const TOTAL_BYTES: usize = 4 << 20;
/// The approximate overhead of an entry besides its text.
const ENTRY_BYTES: usize = 64;
/// The most entries of one list: properties, links.
const ENTRIES: usize = 1_000;
/// The most nodes visited for microdata.
///
/// Nested items are walked once for each enclosing item.
const STEPS: usize = 8_000_000;
/// The most faults reported.
const FAULTS: usize = 20;

/// What is left of the limits for a page's metadata.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    steps: usize,
    faults: Vec<String>,
    more_faults: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            bytes: TOTAL_BYTES,
            steps: STEPS,
            faults: Vec::new(),
            more_faults: 0,
        }
    }

    /// Reports a fault, each text only once.
    pub(super) fn fault(&mut self, why: impl Into<String>) {
        let why = why.into();
        if self.faults.contains(&why) {
            return;
        }
        if self.faults.len() + 1 < FAULTS {
            self.faults.push(why);
        } else {
            self.more_faults += 1;
        }
    }

    /// Charges an entry of this many bytes; returns whether that much was left.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match self.bytes.checked_sub(bytes.saturating_add(ENTRY_BYTES)) {
            Some(left) => {
                self.bytes = left;
                true
            }
            None => {
                self.fault(format!(
                    "more than {TOTAL_BYTES} bytes of metadata: the rest is left out"
                ));
                false
            }
        }
    }

    /// The bytes left: the difference between two calls is what was charged between them.
    pub(super) fn left(&self) -> usize {
        self.bytes
    }

    /// Charges a text, cutting it if it is too long. `None` if there is no room for it.
    pub(super) fn text(&mut self, what: &str, text: &str) -> Option<String> {
        let mut text = text;
        if text.len() > TEXT_BYTES {
            text = &text[..text.floor_char_boundary(TEXT_BYTES)];
            self.fault(format!("{}: cut after {TEXT_BYTES} bytes", short(what)));
        }
        self.take(text.len()).then(|| text.to_owned())
    }

    /// Whether a list of this many entries may have one more.
    pub(super) fn room(&mut self, what: &str, entries: usize) -> bool {
        let room = entries < ENTRIES;
        if !room {
            self.fault(format!("more than {ENTRIES} {what}: the rest is left out"));
        }
        room
    }

    /// Charges a step; returns whether one was left.
    pub(super) fn step(&mut self) -> bool {
        match self.steps.checked_sub(1) {
            Some(left) => {
                self.steps = left;
                true
            }
            None => {
                self.fault(format!(
                    "microdata: more than {STEPS} steps: the rest is left out"
                ));
                false
            }
        }
    }

    /// The reported faults.
    pub(super) fn faults(self) -> Vec<String> {
        let mut faults = self.faults;
        if self.more_faults > 0 {
            faults.push(format!("{} more", self.more_faults));
        }
        faults
    }
}

/// The text with white space folded, cut to one byte more than a text may have.
///
/// The extra byte shows that it was cut.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::new();
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        let room = (TEXT_BYTES + 1).saturating_sub(folded.len());
        if word.len() > room {
            folded.push_str(&word[..word.ceil_char_boundary(room)]);
            break;
        }
        folded.push_str(word);
    }
    folded
}

/// The start of a text of the page, for quoting in a fault.
pub(super) fn short(text: &str) -> String {
    const SHOWN: usize = 60;
    let text = text.trim();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
