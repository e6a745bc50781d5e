//! What is said beside the bytes: of the file, and of each visit (`application/warc-fields`, ISO 28500 6.2 and 6.7).
//!
//! Names are those of the standard and of other crawlers where they have one: `via`, `hopsFromSeed`, `fetchTimeMs`.

use super::super::ArchiveSettings;
use super::super::opener::SinkPlan;
use super::head::on_one_line;
use crate::job::Attempt;
use crate::visit::Visit;

/// What a reader of the archive has to know of how it was made.
const DESCRIPTION: &str = "Bodies are as received, under their content codings. HTTP heads are made again from status and fields: names are \
    in lower case, transfer codings are removed and named in x-orig-transfer-encoding, HTTP/2 is written as \
    HTTP/1.1. A redirect that was followed has its own response and request; where it could not be kept it is a \
    truncated response with its status, and as location the URL that it led to. Request fields that may hold \
    secrets, and request bodies, are withheld; the metadata names them. What got no answer is a metadata record with \
    its error, and the request where one was sent.";

/// Named fields, one a line.
pub(super) struct Fields(Vec<u8>);

impl Fields {
    fn add(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        on_one_line(value, &mut self.0);
        self.0.extend_from_slice(b"\r\n");
    }

    fn maybe(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.add(name, value.as_ref());
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// What is said of a file.
    pub(super) fn of_file(settings: &ArchiveSettings, plan: &SinkPlan) -> Self {
        let mut fields = Self(Vec::with_capacity(1024));
        fields.add("software", concat!("haul/", env!("CARGO_PKG_VERSION")));
        fields.add("format", "WARC File Format 1.1");
        let standard =
            "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/";
        fields.add("conformsTo", standard);
        fields.maybe("operator", settings.operator.as_ref());
        fields.maybe("robots", plan.robots);
        let agent = plan.headers.text(http::header::USER_AGENT);
        fields.maybe("http-header-user-agent", agent);
        fields.maybe("command", settings.command.as_ref());
        fields.add("description", DESCRIPTION);
        fields
    }

    /// What is said of a visit. `withheld` is what its request does not show.
    pub(super) fn of_visit(visit: &Visit, withheld: &[String]) -> Self {
        let mut fields = Self(Vec::with_capacity(512));
        let job = &visit.job;
        if let Err(error) = &visit.outcome {
            fields.add("error", error.class());
            fields.add("errorMessage", &error.to_string());
        }
        fields.maybe("via", job.found_on.as_deref());
        let hops = "L".repeat(usize::from(job.depth)) + &"R".repeat(job.hops.len());
        fields.maybe("hopsFromSeed", (!hops.is_empty()).then_some(hops));
        fields.maybe("row", job.row.map(|row| row.to_string()));
        for hop in &job.hops {
            fields.add("redirect", &format!("{} {}", hop.status, hop.url));
        }
        for attempt in &job.attempts {
            fields.add("failedAttempt", &failed(attempt));
        }
        if let Ok(page) = &visit.outcome {
            let timing = &page.timing;
            fields.add("fetchTimeMs", &timing.total.as_millis().to_string());
            fields.add("firstByteMs", &timing.first_byte.as_millis().to_string());
            fields.add("httpVersion", page.version.as_str());
        }
        let parsed = &visit.parsed;
        fields.maybe("mediaType", parsed.media_type.as_ref());
        fields.maybe("charset", parsed.charset.as_ref());
        fields.maybe("title", parsed.title.as_ref());
        fields.maybe("fault", parsed.fault.as_ref());
        fields.maybe("note", parsed.note.as_ref());
        for name in withheld {
            fields.add("withheld", name);
        }
        fields
    }
}

fn failed(attempt: &Attempt) -> String {
    let why = match (&attempt.error, attempt.status) {
        (Some(error), _) => error.class().to_owned(),
        (None, Some(status)) => status.to_string(),
        (None, None) => "unknown".to_owned(),
    };
    format!("{why} after {} ms", attempt.took.as_millis())
}
