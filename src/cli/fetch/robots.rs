//! The flags about robots.txt. A list ignores it unless asked; a crawl obeys it and has flags of its own.

use std::time::Duration;

use clap::Args;
use haul::frontier::{FrontierSettings, Robots};

/// Whether the list obeys robots.txt.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct RobotsTxt {
    /// Obey the robots.txt of each host, as crawls do
    ///
    /// It is fetched first. URLs that it forbids get a record with the class robots and do not count as failed; if it
    /// cannot be fetched, the URLs of the host fail as robots-unreachable. Crawl-delay is obeyed. With --from, nothing is
    /// requested and robots.txt is ignored.
    #[arg(long)]
    robots: bool,

    #[command(flatten)]
    delay: CrawlDelay,
}

/// How slow a robots.txt may make the run.
#[derive(Debug, Args)]
pub(in crate::cli) struct CrawlDelay {
    /// Longest Crawl-delay in robots.txt that is obeyed; 0 for no limit
    ///
    /// A site that asks for more gets one request per this time. -v reports which sites ask for a delay.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = haul::duration)]
    max_crawl_delay: Duration,
}

impl RobotsTxt {
    /// Applies these flags to the frontier settings.
    pub(super) fn apply(&self, frontier: &mut FrontierSettings) {
        self.delay.apply(frontier);
        if self.robots {
            frontier.robots = Robots::Obey;
        }
    }
}

impl CrawlDelay {
    /// Applies this flag to the frontier settings.
    pub(in crate::cli) fn apply(&self, frontier: &mut FrontierSettings) {
        frontier.max_crawl_delay = self.max_crawl_delay;
    }
}
