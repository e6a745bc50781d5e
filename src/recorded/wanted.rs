//! Which fields of a record a caller wants.

/// Which fields of a record are read, besides those that identify a request and its outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The extra columns of the list.
    pub(crate) columns: bool,
    /// What describes the response: its final URL, type, digest, title, moment, file and header fields.
    pub(crate) response: bool,
    /// The fields and items that were extracted.
    pub(crate) values: bool,
    /// The text of the page.
    pub(crate) body: bool,
    /// When each of its requests was sent, and how long they took.
    pub(crate) timing: bool,
}

/// The fields that every record has, and by which a record is recognized.
pub(super) const REQUIRED: [&str; 8] = [
    "row",
    "url",
    "status",
    "error",
    "duplicate_of",
    "method",
    "depth",
    "found_on",
];

/// Fields that are always read where they exist: records of earlier versions do not have all of them.
const ALWAYS: [&str; 2] = ["pass", "external"];

/// The fields that describe a response, besides its header fields.
const RESPONSE: [&str; 9] = [
    "final_url",
    "location",
    "content_type",
    "charset",
    "sha256",
    "simhash",
    "title",
    "sent",
    "file",
];

impl Wanted {
    /// Whether a field is read.
    pub(super) fn has(self, name: &str) -> bool {
        match name {
            "columns" => self.columns,
            "headers" => self.response,
            "fields" | "items" => self.values,
            "body" => self.body,
            "sent" => self.response || self.timing,
            "total_ms" | "attempts" | "redirects" => self.timing,
            name if RESPONSE.contains(&name) => self.response,
            name => REQUIRED.contains(&name) || ALWAYS.contains(&name),
        }
    }

    /// Whether one of the fields may be long, so that the start of a line does not suffice.
    pub(super) fn may_be_long(self) -> bool {
        self.values || self.body
    }
}
