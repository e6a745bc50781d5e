//! What a run works out before it starts: what each part is handed.
//!
//! Made once, of what the user says, and never written back to it. Pure but for the checks: nothing is opened or asked here.

use http::{Method, header};

use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fetch::{FetchPlan, KEEP_IDLE, SpoolPlan};
use crate::follow::FollowPlan;
use crate::frontier::{FrontierPlan, FrontierSettings, Robots};
use crate::job;
use crate::parse::{self, ParsePlan, Wants};
use crate::robots;
use crate::sink::{self, Format, Layout, SinkSettings};

/// What each part of a run is handed.
#[derive(Debug, Clone)]
pub(super) struct RunPlan {
    pub(super) fetch: FetchPlan,
    pub(super) parse: ParsePlan,
    pub(super) frontier: FrontierPlan,
    /// What is followed; `None` where the list is all there is.
    pub(super) follow: Option<FollowPlan>,
    pub(super) sinks: Vec<SinkSettings>,
    /// Whether a host or the run has a pace of its own: then how long jobs wait on a lane must not count.
    pub(super) is_paced: bool,
    /// Whether recipes name links that a list does not follow.
    pub(super) leads_nowhere: bool,
}

impl RunPlan {
    /// Works out what these settings mean; `wants` is what else is to be read of pages.
    ///
    /// # Errors
    /// When two settings contradict each other, or one cannot hold.
    pub(super) fn of(config: &Config, wants: Wants) -> Result<Self> {
        let settings = &config.frontier;
        let method = method(config)?;
        let sinks = sinks(config)?;
        let parse = parse(config, &sinks, wants)?;
        let links = parse.follow.as_ref().map(|follow| &follow.wanted);
        let recipes_lead = config.parse.extract.recipes.iter();
        let recipes_lead = recipes_lead.clone().any(|recipe| !recipe.follow.is_empty());
        let is_crawl = config.crawl.is_some();
        Ok(Self {
            fetch: fetch(config, &parse),
            frontier: FrontierPlan {
                per_host: per_host(settings, config.engine),
                is_crawl,
                read_external: is_crawl && links.is_some_and(|links| links.fragments),
                ..FrontierPlan::list(settings.clone(), method)
            },
            follow: config.crawl.clone().map(|crawl| FollowPlan {
                settings: crawl,
                max_records: settings.max_records,
                obeys: settings.robots == Robots::Obey,
                has_assets: links.is_some_and(|links| links.assets),
                recipes_lead,
            }),
            is_paced: !settings.delay.is_zero() || settings.rate.is_some() || settings.adaptive,
            leads_nowhere: recipes_lead && !is_crawl,
            sinks,
            parse,
        })
    }
}

fn method(config: &Config) -> Result<Method> {
    let method = &config.fetch.method;
    job::method(method)
        .ok_or_else(|| Error::Setting(format!("--method {method:?} is not an HTTP method")))
}

fn sinks(config: &Config) -> Result<Vec<SinkSettings>> {
    let mut sinks = config.sinks.clone();
    sinks.extend(config.sinks.iter().filter_map(sink::index_of));
    let tables = config.parse.extract.tables()?;
    for sink in &mut sinks {
        sink.tables.clone_from(&tables);
        if sink.format == Format::Warc {
            let robots = match config.frontier.robots {
                Robots::Obey => "obey",
                Robots::Ignore => "ignore",
            };
            sink.archive.robots.get_or_insert_with(|| robots.to_owned());
            sink.archive.proxied = !config.fetch.proxies.is_empty();
            sink.archive.method.clone_from(&config.fetch.method);
            sink.archive.headers.clone_from(&config.fetch.headers);
            sink.archive.body.clone_from(&config.fetch.body);
        }
    }
    if config.job.is_some()
        && let Some(sink) = sinks.iter().find(|sink| !sink.is_rewindable())
    {
        return Err(Error::Setting(format!(
            "a job cannot write to {}: after a kill nothing could be taken back from it",
            sink::name(sink)
        )));
    }
    if sinks.iter().filter(|sink| sink.folder.is_some()).count() > 1 {
        return Err(Error::Setting(
            "bodies can be saved to one folder only".into(),
        ));
    }
    Ok(sinks)
}

fn parse(config: &Config, sinks: &[SinkSettings], wants: Wants) -> Result<ParsePlan> {
    let settings = &config.parse;
    if settings.memory.0 == 0 {
        return Err(Error::Setting(
            "--max-memory 0: no page could be decoded; give a size, as in 256M".into(),
        ));
    }
    let mut plan = ParsePlan::of(settings);
    plan.wants = sinks
        .iter()
        .map(sink::wants)
        .fold(settings.wants.and(wants), Wants::and);
    plan.redirects = config.frontier.max_redirects > 0;
    if let Some(folder) = folder(sinks) {
        plan.folder.clone_from(folder);
    }
    if let Some(crawl) = &config.crawl {
        let mut wanted = settings.follow.clone().unwrap_or_default();
        // A copy without what pages are made of is no copy; and what may come from anywhere is wanted.
        let is_copied = |sink: &SinkSettings| sink.layout == Layout::Browsable;
        wanted.assets |= sinks.iter().any(is_copied) || crawl.scope.assets_anywhere;
        let agent = config.fetch.headers.text(header::USER_AGENT);
        plan.follow = Some(parse::FollowPlan {
            agent: robots::product_token(agent.unwrap_or("*")).to_owned(),
            similar: crawl.compares(),
            ..parse::FollowPlan::of(wanted)
        });
    }
    Ok(plan)
}

fn fetch(config: &Config, parse: &ParsePlan) -> FetchPlan {
    let settings = &config.frontier;
    // A body that is saved is written in the folder that it is saved to, so that it is renamed and not copied.
    let folder = folder(&config.sinks).or(config.fetch.spool.folder.as_ref());
    let in_flight = config.engine.in_flight();
    // A host that is asked once in a while is asked on the connection that it has.
    let slowest = match settings.robots {
        Robots::Obey => settings.delay.max(settings.max_crawl_delay),
        Robots::Ignore => settings.delay,
    };
    FetchPlan {
        spool: SpoolPlan {
            folder: folder.cloned().unwrap_or_else(std::env::temp_dir),
            keep: parse.reads_bodies() || settings.robots == Robots::Obey,
            resume: folder.is_some(),
            digest: parse.wants.digest,
        },
        keep_idle: KEEP_IDLE.max(slowest.saturating_mul(2)),
        idle_per_host: match per_host(settings, config.engine) {
            0 => in_flight,
            limit => limit.min(in_flight),
        },
        settings: config.fetch.clone(),
    }
}

/// A host that is asked as much as it bears is asked no more than all lanes do.
fn per_host(settings: &FrontierSettings, engine: Engine) -> usize {
    match settings.per_host {
        0 if settings.adaptive => engine.in_flight(),
        limit => limit,
    }
}

/// The folder that bodies are saved to.
fn folder(sinks: &[SinkSettings]) -> Option<&std::path::PathBuf> {
    sinks.iter().find_map(|sink| sink.folder.as_ref())
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
