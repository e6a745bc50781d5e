//! How much the metadata of one page may cost, and what is told where that is not enough.
//!
//! Invariant: every byte that is kept was taken here first, with something for the entry around it.

/// Bytes of one text; a longer one is cut.
pub(super) const TEXT_BYTES: usize = 64 << 10;
/// Bytes of all that is kept.
const TOTAL_BYTES: usize = 4 << 20;
/// What an entry costs beside its text, about: what holds it.
const ENTRY_BYTES: usize = 64;
/// Entries of one list: properties, links.
const ENTRIES: usize = 1_000;
/// Nodes looked at for microdata: an item in an item is walked over for both.
const STEPS: usize = 8_000_000;
/// Faults that are told.
const FAULTS: usize = 20;

/// What is left for the metadata of a page.
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

    /// Tells what is wrong. The same is told once.
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

    /// Takes an entry of so many bytes; whether that many were left.
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

    /// What is left: the difference between two moments is what was taken between them.
    pub(super) fn left(&self) -> usize {
        self.bytes
    }

    /// Takes a text, cut where it is too long. None: there is no room for it.
    pub(super) fn text(&mut self, what: &str, text: &str) -> Option<String> {
        let mut kept = text;
        if text.len() > TEXT_BYTES {
            kept = &text[..text.floor_char_boundary(TEXT_BYTES)];
            self.fault(format!("{}: cut after {TEXT_BYTES} bytes", short(what)));
        }
        self.take(kept.len()).then(|| kept.to_owned())
    }

    /// Whether a list with so many entries may have one more.
    pub(super) fn room(&mut self, what: &str, entries: usize) -> bool {
        let room = entries < ENTRIES;
        if !room {
            self.fault(format!("more than {ENTRIES} {what}: the rest is left out"));
        }
        room
    }

    /// Takes a step; whether one was left.
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

    /// What was told.
    pub(super) fn faults(self) -> Vec<String> {
        let mut faults = self.faults;
        if self.more_faults > 0 {
            faults.push(format!("{} more", self.more_faults));
        }
        faults
    }
}

/// Trimmed, each run of white space one space, and no longer than a text may be and one byte: so that it is seen to be cut.
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

/// The start of a text of the page, for a fault.
pub(super) fn short(text: &str) -> String {
    const SHOWN: usize = 60;
    let text = text.trim();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
