//! The plan of a run: the settings of each part, derived before it starts.
//!
//! It is made once from the user's settings and never written back to them. It examines files to check outputs, but
//! opens none.

use std::time::Duration;

use http::header;

use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, Result, Setting};
use crate::fetch::{FetchPlan, KEEP_IDLE, Private, SpoolPlan, Versions};
use crate::follow::{CrawlSettings, FollowPlan};
use crate::frontier::{FrontierPlan, FrontierSettings, HostPace, Robots};
use crate::parse::{self, FollowSettings, ParsePlan, Wants};
use crate::robots;
use crate::sink::{self, Destination, FilesSettings, Layout, SinkPlan, SinkSettings};

/// The plans of each part of a run.
#[derive(Debug, Clone)]
pub(super) struct RunPlan {
    pub(super) fetch: FetchPlan,
    pub(super) parse: ParsePlan,
    pub(super) frontier: FrontierPlan,
    /// What to follow; `None` for a list.
    pub(super) follow: Option<FollowPlan>,
    pub(super) sinks: SinkPlan,
    /// Whether a host or the run is rate-limited: then jobs must not wait on a lane.
    pub(super) is_paced: bool,
    /// Whether a proxy may lead to private addresses that haul would refuse, because the proxy resolves the names.
    pub(super) proxy_resolves: bool,
    /// Whether recipes have links to follow, though a list of URLs is fetched, which follows none.
    pub(super) leads_nowhere: bool,
}

impl RunPlan {
    /// Derives the plan from the settings.
    ///
    /// `wants` is what the program needs from pages in addition.
    ///
    /// # Errors
    /// When two settings contradict each other, or one is invalid.
    pub(super) fn of(config: &Config, wants: Wants) -> Result<Self> {
        let settings = &config.frontier;
        if matches!(config.engine, Engine::Blocking(_)) && config.fetch.versions == Versions::Http2
        {
            let problem =
                "the engine blocking speaks HTTP/1.1 and not HTTP/2; choose another engine";
            return Err(Error::Setting(problem.into()));
        }
        let sinks = sinks(config)?;
        let parse = parse(config, wants)?;
        let links = parse.follow.as_ref().map(|follow| &follow.wanted);
        let mut recipes = config.parse.extract.recipes.iter();
        let recipes_lead = recipes.any(|recipe| !recipe.follow.is_empty());
        let is_crawl = config.crawl.is_some();
        let is_fetched_list = !is_crawl && config.engine != Engine::Stored;
        Ok(Self {
            fetch: fetch(config, &parse),
            frontier: FrontierPlan {
                template: config.fetch.template(),
                per_host: per_host(settings, config.engine),
                is_crawl,
                read_external: is_crawl && links.is_some_and(|links| links.fragments),
                ..FrontierPlan::list(settings.clone(), config.fetch.method.clone())
            },
            follow: config.crawl.clone().map(|crawl| FollowPlan {
                settings: crawl,
                max_records: settings.max_records,
                obeys: settings.robots == Robots::Obey,
                has_assets: links.is_some_and(|links| links.assets),
                recipes_lead,
            }),
            is_paced: !settings.delay.is_zero()
                || settings.rate.is_some()
                || settings.adaptive
                || settings.hosts.iter().any(HostPace::is_paced),
            proxy_resolves: config.fetch.private == Private::Refuse
                && (config.fetch.all_proxies()).any(|proxy| !proxy.is_given_addresses()),
            leads_nowhere: recipes_lead && is_fetched_list,
            sinks,
            parse,
        })
    }
}

fn sinks(config: &Config) -> Result<SinkPlan> {
    let index = config.files.as_ref().and_then(FilesSettings::index);
    if config.job.is_some()
        && let Some(name) = not_rewindable(&config.sinks, index.as_ref())
    {
        return Err(Error::Setting(format!(
            "a job cannot write to {name}: after a kill nothing could be taken back from it"
        )));
    }
    Ok(SinkPlan {
        tables: config.parse.extract.tables()?,
        robots: Some(match config.frontier.robots {
            Robots::Obey => "obey",
            Robots::Ignore => "ignore",
        }),
        proxied: config.fetch.all_proxies().next().is_some(),
        headers: config.fetch.headers.clone(),
        template: config.fetch.template(),
    })
}

/// Returns the name of the first output that cannot be taken back after a kill.
fn not_rewindable(sinks: &[SinkSettings], index: Option<&Destination>) -> Option<String> {
    let sink = sinks.iter().find(|sink| !sink.is_rewindable());
    let index = index.filter(|index| !index.is_rewindable());
    sink.map(sink::name).or_else(|| index.map(sink::index_name))
}

fn parse(config: &Config, wants: Wants) -> Result<ParsePlan> {
    let settings = &config.parse;
    if settings.memory.0 == 0 {
        return Err(Error::invalid(
            Setting::Memory,
            "with 0 no page could be decoded; give a size, as in 256M",
        ));
    }
    let mut plan = ParsePlan::of(settings);
    let sinks = config.sinks.iter().map(|sink| sink.format.wants());
    plan.wants = sinks.fold(settings.wants.and(wants), Wants::and);
    plan.wants.content |= config.files.is_some();
    plan.redirects = config.frontier.max_redirects > 0;
    if let Some(files) = &config.files {
        plan.folder.clone_from(&files.folder);
    }
    let crawl = config.crawl.as_ref();
    let agent = config.fetch.headers.text(header::USER_AGENT);
    plan.agent = robots::product_token(agent.unwrap_or("*")).to_owned();
    // What a later run compares with, and what this one compares.
    plan.keeps = config.job.is_some();
    let compares = config.since.is_some() || plan.keeps;
    plan.wants.digest |= compares;
    plan.wants.title |= compares;
    plan.follow = followed(config).map(|wanted| parse::LinkPlan {
        similar: compares || crawl.is_some_and(CrawlSettings::compares),
        ..parse::LinkPlan::of(wanted)
    });
    Ok(plan)
}

/// Returns what to look for in pages.
fn followed(config: &Config) -> Option<FollowSettings> {
    let said = config.parse.follow.clone();
    let Some(crawl) = &config.crawl else {
        return said;
    };
    let mut wanted = said.unwrap_or_default();
    // A browsable copy needs assets; and assets that may come from anywhere are wanted too.
    let is_copied = |files: &FilesSettings| files.layout == Layout::Browsable;
    wanted.assets |= config.files.as_ref().is_some_and(is_copied) || crawl.scope.assets_anywhere;
    Some(wanted)
}

fn fetch(config: &Config, parse: &ParsePlan) -> FetchPlan {
    let settings = &config.frontier;
    // Bodies to be saved are downloaded to their target folder, so that they are renamed and not copied.
    let files = config.files.as_ref().map(|files| &files.folder);
    let folder = files.or(config.fetch.spool.folder.as_ref());
    let in_flight = config.engine.in_flight();
    // Connections outlive the slowest delay, so that a host with rare requests can reuse its connection.
    let delays = settings.hosts.iter().filter_map(|one| one.delay);
    let delay = delays.fold(settings.delay, Duration::max);
    let slowest = match settings.robots {
        Robots::Obey => delay.max(settings.max_crawl_delay),
        Robots::Ignore => delay,
    };
    FetchPlan {
        spool: SpoolPlan {
            folder: folder.cloned().unwrap_or_else(std::env::temp_dir),
            keep: parse.reads_bodies(),
            resume: folder.is_some(),
            digest: parse.wants.digest,
        },
        keep_idle: KEEP_IDLE.max(slowest.saturating_mul(2)),
        idle_per_host: match most_per_host(settings, config.engine) {
            0 => in_flight,
            limit => limit.min(in_flight),
        },
        settings: config.fetch.clone(),
        past: None,
        cache: None,
    }
}

/// Returns the highest limit that any host has; 0 if one has none.
fn most_per_host(settings: &FrontierSettings, engine: Engine) -> usize {
    let own = settings.hosts.iter().filter_map(|one| one.per_host);
    let most = |one: usize, other: usize| match (one, other) {
        (0, _) | (_, 0) => 0,
        _ => one.max(other),
    };
    own.fold(per_host(settings, engine), most)
}

/// Returns the limit per host; for an adaptive run without one, the capacity of all lanes.
fn per_host(settings: &FrontierSettings, engine: Engine) -> usize {
    match settings.per_host {
        0 if settings.adaptive => engine.in_flight(),
        limit => limit,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn plan(change: impl FnOnce(&mut Config)) -> RunPlan {
        let mut config = Config::urls(["http://a.example/"]);
        change(&mut config);
        let given = config.clone();
        let plan = RunPlan::of(&config, Wants::NOTHING).unwrap();
        assert_eq!(config, given);
        plan
    }

    #[test]
    fn a_connection_is_kept_for_longer_than_its_host_is_left_alone() {
        let kept = |change: fn(&mut Config)| plan(change).fetch.keep_idle;
        assert_eq!(kept(|_| {}), KEEP_IDLE);
        let minutes = |count: u64| Duration::from_secs(60 * count);
        assert_eq!(
            kept(|config| config.frontier.delay = Duration::from_secs(300)),
            minutes(10)
        );
        let crawl = |config: &mut Config| {
            config.frontier.robots = Robots::Obey;
            config.frontier.max_crawl_delay = Duration::from_secs(600);
        };
        assert_eq!(kept(crawl), minutes(20));
    }
}
