//! Named fields about a file and about each visit (`application/warc-fields`).
//!
//! See ISO 28500 6.2 and 6.7. The names are those of the standard and of other crawlers, if they have one: `via`,
//! `hopsFromSeed`, `fetchTimeMs`.

use super::super::ArchiveSettings;
use super::super::plan::SinkPlan;
use super::head::on_one_line;
use crate::job::Attempt;
use crate::visit::Visit;

/// What a reader of the archive needs to know about how it was made.
const DESCRIPTION: &str = "Bodies are as received, under their content codings. HTTP heads are reconstructed from status and fields: names are \
    in lower case, transfer codings are removed and named in x-orig-transfer-encoding, HTTP/2 is written as \
    HTTP/1.1. A redirect that was followed has its own response and request; if it could not be stored, it is a \
    truncated response with its status and, as location, the URL of its target. Request fields that may contain \
    secrets, and request bodies, are withheld; the metadata names them. A request without a response is a metadata record with \
    its error, plus the request if it was sent.";

/// Named fields, one per line.
pub(super) struct Fields(Vec<u8>);

impl Fields {
    fn add(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        on_one_line(value, &mut self.0);
        self.0.extend_from_slice(b"\r\n");
    }

    fn add_if_some(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.add(name, value.as_ref());
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The fields about a file.
    pub(super) fn of_file(settings: &ArchiveSettings, plan: &SinkPlan) -> Self {
        let mut fields = Self(Vec::with_capacity(1024));
        fields.add("software", concat!("haul/", env!("CARGO_PKG_VERSION")));
        fields.add("format", "WARC File Format 1.1");
        let standard =
            "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/";
        fields.add("conformsTo", standard);
        fields.add_if_some("operator", settings.operator.as_ref());
        fields.add_if_some("robots", plan.robots);
        let agent = plan.headers.text(http::header::USER_AGENT);
        fields.add_if_some("http-header-user-agent", agent);
        fields.add_if_some("command", settings.command.as_ref());
        fields.add("description", DESCRIPTION);
        fields
    }

    /// The fields about a visit. `withheld` names what its request does not show.
    pub(super) fn of_visit(visit: &Visit, withheld: &[String]) -> Self {
        let mut fields = Self(Vec::with_capacity(512));
        let job = &visit.job;
        if let Err(error) = &visit.outcome {
            fields.add("error", error.class());
            fields.add("errorMessage", &error.to_string());
        }
        fields.add_if_some("via", job.found_on.as_deref());
        let hops = "L".repeat(usize::from(job.depth)) + &"R".repeat(job.hops.len());
        fields.add_if_some("hopsFromSeed", (!hops.is_empty()).then_some(hops));
        fields.add_if_some("row", job.row.map(|row| row.to_string()));
        for hop in &job.hops {
            fields.add("redirect", &format!("{} {}", hop.status, hop.url));
        }
        for attempt in &job.attempts {
            fields.add("failedAttempt", &failed(attempt));
        }
        if visit.parsed.cached {
            fields.add("cached", "true");
        } else if let Ok(page) = &visit.outcome {
            let timing = &page.timing;
            fields.add("fetchTimeMs", &timing.total.as_millis().to_string());
            fields.add("firstByteMs", &timing.first_byte.as_millis().to_string());
            fields.add("httpVersion", page.version.as_str());
        }
        let parsed = &visit.parsed;
        fields.add_if_some("mediaType", parsed.media_type.as_ref());
        fields.add_if_some("charset", parsed.charset.as_ref());
        fields.add_if_some("title", parsed.title.as_ref());
        fields.add_if_some("fault", parsed.fault.as_ref());
        fields.add_if_some("checked", parsed.checked.as_ref());
        fields.add_if_some("note", parsed.note.as_ref());
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
