//! The fields of a record: their names and values, for every format that writes single fields.

use super::record::Record;
use super::value::Value;
use crate::parse::Wants;
use crate::visit::fields::Kind;

/// Defines the fields from one table: their order, their names, and the kinds of their values.
macro_rules! fields {
    ($($field:ident $name:literal $kind:ident,)*) => {
        /// A field of a record; the order is that of [`FIELDS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Field {
            $($field,)*
        }

        /// The names of the fields, in the order in which they are written.
        pub const FIELDS: [&str; Field::ALL.len()] = [$($name,)*];

        impl Field {
            /// Every field, in the order of a record.
            pub(super) const ALL: [Self; [$($name,)*].len()] = [$(Self::$field,)*];

            /// The kind of its values, which typed tables use for their columns.
            pub(super) fn kind(self) -> Kind {
                match self {
                    $(Self::$field => Kind::$kind,)*
                }
            }
        }
    };
}

fields! {
    Row "row" Integer,
    Url "url" Url,
    FinalUrl "final_url" Url,
    Redirects "redirects" Json,
    Status "status" Integer,
    HttpVersion "http_version" Text,
    ContentType "content_type" Text,
    Charset "charset" Text,
    WireBytes "wire_bytes" Integer,
    DecodedBytes "decoded_bytes" Integer,
    Sha256 "sha256" Text,
    Title "title" Text,
    Sent "sent" Timestamp,
    QueuedMs "queued_ms" Number,
    ResolveMs "resolve_ms" Number,
    ConnectMs "connect_ms" Number,
    TlsMs "tls_ms" Number,
    FirstByteMs "first_byte_ms" Number,
    BodyMs "body_ms" Number,
    TotalMs "total_ms" Number,
    ParseMs "parse_ms" Number,
    Attempts "attempts" Json,
    Pass "pass" Integer,
    Remote "remote" Text,
    Error "error" Text,
    ErrorMessage "error_message" Text,
    DuplicateOf "duplicate_of" Integer,
    File "file" Text,
    Fault "fault" Text,
    Method "method" Text,
    Location "location" Text,
    Depth "depth" Integer,
    FoundOn "found_on" Url,
    Links "links" Integer,
    Noindex "noindex" Bool,
    External "external" Bool,
    Headers "headers" Json,
    Unchanged "unchanged" Bool,
    Changed "changed" Text,
    Cached "cached" Bool,
    Checked "checked" Text,
    Note "note" Text,
    Columns "columns" Json,
    Fields "fields" Json,
    Items "items" Json,
    Misses "misses" Json,
    Metadata "metadata" Json,
    Article "article" Text,
    Markdown "markdown" Text,
    Body "body" Text,
}

impl Field {
    /// The field with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let at = FIELDS.iter().position(|known| *known == name)?;
        Some(Self::ALL[at])
    }

    /// The field's name.
    pub(super) fn name(self) -> &'static str {
        FIELDS[self as usize]
    }

    /// What has to be read from a page for this field.
    pub(super) fn wants(self) -> Wants {
        match self {
            Self::Sha256 => Wants {
                digest: true,
                ..Wants::NOTHING
            },
            // Looking for a title decodes the page, which also yields its charset, its length and its faults.
            Self::Title | Self::Charset | Self::DecodedBytes | Self::Fault => Wants {
                title: true,
                ..Wants::NOTHING
            },
            Self::Body => Wants {
                text: true,
                ..Wants::NOTHING
            },
            _ => Wants::NOTHING,
        }
    }

    /// The field's value in a record; `None` if the record omits it.
    pub(super) fn of<'r>(self, record: &'r Record<'_>) -> Option<Value<'r>> {
        Some(match self {
            Self::Row => record.row.into(),
            Self::Url => Value::Text(record.url),
            Self::FinalUrl => record.final_url.into(),
            Self::Redirects => Value::Hops(record.redirects),
            Self::Status => record.status.map(u64::from).into(),
            Self::HttpVersion => record.http_version.into(),
            Self::ContentType => record.content_type.into(),
            Self::Charset => record.charset.into(),
            Self::WireBytes => record.wire_bytes.into(),
            Self::DecodedBytes => record.decoded_bytes.into(),
            Self::Sha256 => record.sha256.map_or(Value::Null, Value::Digest),
            Self::Title => record.title.into(),
            Self::Sent => record.sent.map_or(Value::Null, Value::Moment),
            Self::QueuedMs => record.queued_ms.into(),
            Self::ResolveMs => record.resolve_ms.into(),
            Self::ConnectMs => record.connect_ms.into(),
            Self::TlsMs => record.tls_ms.into(),
            Self::FirstByteMs => record.first_byte_ms.into(),
            Self::BodyMs => record.body_ms.into(),
            Self::TotalMs => record.total_ms.into(),
            Self::ParseMs => record.parse_ms.into(),
            Self::Attempts => Value::Attempts(record.attempts),
            Self::Pass => Value::Number(record.pass.into()),
            Self::Remote => record.remote.map_or(Value::Null, Value::Address),
            Self::Error => record.error.into(),
            Self::ErrorMessage => record.error_message.as_deref().into(),
            Self::DuplicateOf => record.duplicate_of.into(),
            Self::File => record.file.into(),
            Self::Fault => record.fault.into(),
            Self::Method => record.method.into(),
            Self::Location => record.location.into(),
            Self::Depth => Value::Number(record.depth.into()),
            Self::FoundOn => record.found_on.into(),
            Self::Links => record.links.into(),
            Self::Noindex => record.noindex.map_or(Value::Null, Value::Flag),
            Self::External => Value::Flag(record.external?),
            Self::Headers => Value::Headers(record.headers?),
            Self::Unchanged => Value::Flag(record.unchanged?),
            Self::Changed => Value::Text(record.changed?),
            Self::Cached => Value::Flag(record.cached?),
            Self::Checked => Value::Text(record.checked?),
            Self::Note => Value::Text(record.note?),
            Self::Columns if record.columns.is_empty() => return None,
            Self::Columns => Value::Columns(record.columns),
            Self::Fields => Value::Json(record.fields?),
            Self::Items => Value::Json(record.items?),
            Self::Misses => Value::Json(record.misses?),
            Self::Metadata => Value::Json(record.metadata?),
            Self::Article => Value::Text(record.article?),
            Self::Markdown => Value::Text(record.markdown?),
            Self::Body => Value::Text(record.body?),
        })
    }

    /// Appends the field's value to a buffer, as the text of a cell.
    pub(super) fn write(self, record: &Record<'_>, out: &mut Vec<u8>) {
        if let Some(value) = self.of(record) {
            value.cell(out);
        }
    }
}
