//! The media types whose bodies are read, if the user named any.

use std::str::FromStr;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::job::{Job, Probe, Role};
use crate::page::headers::Headers;

/// Media types whose bodies are read, as in `text/html` and `image/*`; if empty, all are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaTypes(Vec<String>);

impl MediaTypes {
    /// Adds a media type.
    ///
    /// # Errors
    /// When it is not a media type.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let text = text.trim().to_ascii_lowercase();
        match text.split_once('/') {
            Some((kind, rest)) if !kind.is_empty() && !rest.is_empty() => self.0.push(text),
            _ => {
                return Err(format!(
                    "{text:?} is not a media type like text/html or image/*"
                ));
            }
        }
        Ok(())
    }

    /// Adds all of these.
    pub fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Whether to read the body of this response.
    ///
    /// Yes as well if the response has no type, or the crawl itself needs the body.
    pub(super) fn want(&self, job: &Job, headers: &Headers) -> bool {
        if job.probed_with() == Some(Method::GET) {
            return job.probe == Probe::Read && may_have_ids(headers);
        }
        if self.0.is_empty() || !matches!(job.role, Role::Page | Role::Asset) {
            return true;
        }
        let Some(named) = headers.text(http::header::CONTENT_TYPE) else {
            return true;
        };
        let essence = named.split(';').next().unwrap_or_default().trim();
        let kind = essence.split('/').next().unwrap_or_default();
        self.0.iter().any(|wanted| match wanted.strip_suffix("/*") {
            Some(wanted) => wanted == "*" || wanted.eq_ignore_ascii_case(kind),
            None => wanted.eq_ignore_ascii_case(essence),
        })
    }
}

impl FromStr for MediaTypes {
    type Err = String;

    /// Parses media types separated by commas: `text/html,image/*`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut types = Self::default();
        text.split(',').try_for_each(|item| types.add(item))?;
        Ok(types)
    }
}

/// Whether a response may be a page with ids.
fn may_have_ids(headers: &Headers) -> bool {
    let named = headers.text(http::header::CONTENT_TYPE);
    named.is_none_or(|named| named.to_ascii_lowercase().contains("html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::PageUrl;

    #[test]
    fn a_body_is_read_if_its_type_is_wanted_or_unknown() {
        let job = Job::seed(1, PageUrl::parse("http://h.example/").unwrap());
        let with_type = |text: Option<&'static str>| {
            let mut headers = Headers::default();
            if let Some(text) = text {
                let value = http::HeaderValue::from_static(text);
                headers.0.insert(http::header::CONTENT_TYPE, value);
            }
            headers
        };
        let mut types = MediaTypes::default();
        assert!(types.want(&job, &with_type(Some("image/png"))));
        types.merge(&"Text/HTML, application/*".parse().unwrap());
        for (text, wanted) in [
            (Some("text/html; charset=utf-8"), true),
            (Some("APPLICATION/pdf"), true),
            (Some("text/plain"), false),
            (Some("image/png"), false),
            (None, true),
        ] {
            assert_eq!(types.want(&job, &with_type(text)), wanted, "{text:?}");
        }
        let robots = Job::robots(&job.host, job.reach, job.since).unwrap();
        assert!(types.want(&robots, &with_type(Some("text/plain"))));
        assert!("text/html,html".parse::<MediaTypes>().is_err());
    }
}
