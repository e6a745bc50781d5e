//! What the frontier is handed: what the user says, and what follows for it from the rest of the run.

use http::Method;

use super::settings::FrontierSettings;

/// The settings, and what the run works out for them.
#[derive(Debug, Clone)]
pub(crate) struct FrontierPlan {
    /// What the user says.
    pub(crate) settings: FrontierSettings,
    /// The run's own method, for lines that name none.
    pub(crate) method: Method,
    /// Requests in flight on one host at the most; 0 for no limit.
    pub(crate) per_host: usize,
    /// Whether each page is asked once, wherever lines, links and redirects lead: a crawl.
    pub(crate) is_crawl: bool,
    /// Whether pages out of the scope are read, and not only asked for.
    pub(crate) read_external: bool,
}

impl FrontierPlan {
    /// A list: nothing is followed but redirects.
    pub(crate) fn list(settings: FrontierSettings, method: Method) -> Self {
        Self {
            per_host: settings.per_host,
            settings,
            method,
            is_crawl: false,
            read_external: false,
        }
    }
}
