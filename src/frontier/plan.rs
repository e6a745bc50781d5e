//! The plan of the frontier: the user's settings, and values derived from the run.

use http::Method;

use super::settings::FrontierSettings;
use crate::job::outgoing::Template;

/// The settings of the frontier, and values that the run derives for it.
#[derive(Debug, Clone)]
pub(crate) struct FrontierPlan {
    /// The user's settings.
    pub(crate) settings: FrontierSettings,
    /// The method of the run, for lines that do not give one.
    pub(crate) method: Method,
    /// What every request has in common.
    pub(crate) template: Template,
    /// The most requests in flight on one host; 0 for no limit.
    pub(crate) per_host: usize,
    /// Whether this is a crawl, which requests each page once.
    ///
    /// However many lines, links and redirects point to it.
    pub(crate) is_crawl: bool,
    /// Whether pages out of the scope are read, and not only checked for existence.
    pub(crate) read_external: bool,
}

impl FrontierPlan {
    /// Makes the plan of a list: only redirects are followed.
    pub(crate) fn list(settings: FrontierSettings, method: Method) -> Self {
        Self {
            template: Template::default(),
            per_host: settings.per_host,
            settings,
            method,
            is_crawl: false,
            read_external: false,
        }
    }
}
