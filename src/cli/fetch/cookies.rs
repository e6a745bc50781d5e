//! The flags about cookies that servers set.

use clap::Args;
use haul::Config;
use haul::cookies::Cookies;

/// How long cookies are kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub(super) struct CookieFlags {
    /// Keep the cookies that servers set for the whole run, as a browser does; a crawl does so anyway
    ///
    /// Otherwise a list keeps them only within each chain of redirects.
    #[arg(long)]
    cookies: bool,

    /// Ignore the cookies that servers set
    #[arg(long, conflicts_with = "cookies")]
    no_cookies: bool,
}

impl CookieFlags {
    /// Applies these flags to a run.
    pub(super) fn apply(&self, config: &mut Config) {
        config.cookies.keep = match config.crawl {
            _ if self.no_cookies => Cookies::Ignore,
            None if !self.cookies => Cookies::Chain,
            _ => Cookies::Run,
        };
    }
}
