//! Where a redirect leads.

use crate::earlier::Page;
use crate::url::PageUrl;

/// The URL that a page's redirects led to, or that its own redirect names; `None` without one.
pub(super) fn target(page: &Page) -> Option<String> {
    let reached = page.final_url.as_deref().unwrap_or(&page.url);
    if let (Some(300..400), Some(location)) = (page.status, &page.location) {
        let from = PageUrl::parse(reached).ok()?;
        return Some(from.join(location).ok()?.as_str().to_owned());
    }
    (reached != page.url).then(|| reached.to_owned())
}
