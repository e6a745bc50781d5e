//! `haul crawl`: its own flags, and the settings that they become.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use haul::frontier::Robots;
use haul::parse::Follow;
use haul::scope::{Pattern, Reach, ScopeSettings, TrapSettings};
use haul::sink::{FilesSettings, Format, Layout, SinkSettings};
use haul::{BrokenSettings, Config, CrawlSettings, Error, External, SimilarPages, Sitemaps};

use super::exit::Judged;
use super::fetch::targets::Targets;
use super::fetch::{Common, Plan, Terminals};
use super::layers::Settings;
use super::paths;

/// The flags of `haul crawl`.
#[derive(Debug, Args)]
pub(crate) struct CrawlArguments {
    #[command(flatten)]
    seeds: Targets,
    #[command(flatten)]
    following: Following,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    common: Common,
}

/// What is made of a site, beside its records.
#[derive(Debug, Args)]
#[command(next_help_heading = "The site")]
struct Making {
    /// Save pages and all they are made of to DIR as a copy that can be browsed from the disk
    ///
    /// Links lead to the copy where it has what they lead to, and to the site elsewhere; they are rewritten when the crawl
    /// ends. Implies --assets; with --assets-anywhere what other hosts deliver is saved too.
    #[arg(long, value_name = "DIR", conflicts_with = "output_dir")]
    mirror: Option<PathBuf>,

    /// Write the links of each page to FILE: .csv for from, to, kind and nofollow, .dot or .gv for Graphviz
    #[arg(long, value_name = "FILE", value_parser = graph)]
    graph: Option<SinkSettings>,

    /// Write every broken URL to FILE as CSV, a row for each page that links there: url, class, status, holder
    ///
    /// Without it, and without --fail-on-broken, the summary names the page that first led to each.
    #[arg(long, value_name = "FILE")]
    broken: Option<PathBuf>,

    /// Write every link that redirects to FILE as CSV, a row for each page that holds it: url, status, target, holder
    ///
    /// The target is the end of the chain. A link that redirects is not broken.
    #[arg(long, value_name = "FILE")]
    redirects: Option<PathBuf>,

    /// Count links as broken whose #fragment is not on their page
    ///
    /// As browsers look for it: by the id of any element and the name of an a, first as it is written and then decoded. #top, the
    /// text behind :~: and what is no HTML are never broken. What scripts would add to a page is not known. With --external,
    /// pages out of the scope are fetched with GET and read for it.
    #[arg(long)]
    fragments: bool,

    /// Ask once whether the links that lead out of the scope are there, and follow none of them
    ///
    /// With HEAD, and with GET where that fails; the body is not taken. They have records, marked external, and count as broken
    /// where they fail. Limits, --exclude and the manners towards each host hold for them; --include and --depth say what is followed,
    /// and do not. robots.txt is not asked: it is one request for a link that anybody may click. Nor are links with
    /// rel=nofollow, without --ignore-robots.
    #[arg(long)]
    external: bool,

    /// Exit with 3 when any URL failed that was asked, as a link checker has to
    ///
    /// A redirect to what failed has failed. What robots.txt forbids, what is out of scope and what pages ask not to follow
    /// is not asked. Without this flag the exit code tells of seeds that failed, and of pages that got no answer because
    /// their host was down or this machine ran short.
    #[arg(long)]
    fail_on_broken: bool,
}

/// What is followed.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is followed")]
struct Following {
    /// How far from the seeds: page, path, host, domain (the registrable one) or any
    #[arg(long, value_name = "SCOPE", default_value = "host",
          value_parser = PossibleValuesParser::new(["page", "path", "host", "domain", "any"])
              .try_map(|name| name.parse::<Reach>()))]
    scope: Reach,

    /// Follow only links to pages that match: a glob as in '/docs/**' or '*.html', or re:REGEX; may be repeated
    ///
    /// A glob with :// is compared with the whole URL, another one with path and query. * stays within a segment of
    /// the path, ** does not. Seeds are asked in any case. With --assets or --mirror the parts of these pages come
    /// with them, whatever their URLs; --exclude keeps parts out, too.
    #[arg(short = 'I', long, value_name = "PATTERN")]
    include: Vec<Pattern>,

    /// Ask for nothing that matches, pages and their parts; may be repeated, and wins over --include
    #[arg(short = 'E', long, value_name = "PATTERN")]
    exclude: Vec<Pattern>,

    /// Follow at most N links from a seed; 0 for the seeds alone [default: no limit]
    #[arg(short, long, value_name = "N")]
    depth: Option<u16>,

    /// End after N records, exactly [default: no limit]
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<u64>,

    /// Ask at most N URLs of one host [default: no limit]
    #[arg(long, value_name = "N")]
    max_per_host: Option<u64>,

    /// Ask for images, scripts, style sheets and all else that pages are made of, too
    #[arg(long)]
    assets: bool,

    /// Take the parts of pages from any host, as from the network that delivers them
    #[arg(long)]
    assets_anywhere: bool,

    /// Follow text in scripts that looks like a URL, too; script files are fetched for it, and nothing is executed
    #[arg(long)]
    guess: bool,

    /// Follow the links that recipes name, and no others; no sitemaps either
    #[arg(long, conflicts_with_all = ["guess", "sitemaps"], requires = "recipe")]
    only_recipe_links: bool,

    /// Which sitemaps are read: those that robots.txt names, /sitemap.xml too, or none
    #[arg(long, value_name = "WHICH", default_value = "named")]
    sitemaps: SitemapChoice,

    /// Do not follow the links of a page whose text is nearly that of one before
    #[arg(long)]
    skip_similar: bool,

    /// Follow what looks like a trap: repeated paths, endless calendars, sessions, growing URLs
    #[arg(long)]
    no_traps: bool,

    /// The longest Crawl-delay of a robots.txt that is kept; 0 for no limit
    ///
    /// A site that asks for more is asked once in this time. -v says which sites ask for a delay.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = haul::duration)]
    max_crawl_delay: Duration,

    /// Ask what robots.txt forbids, and follow what pages ask not to follow; for sites of your own
    #[arg(long)]
    ignore_robots: bool,
}

/// Which sitemaps are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SitemapChoice {
    /// Those that robots.txt names
    Named,
    /// Those, and /sitemap.xml of each host
    Guessed,
    /// None
    None,
}

impl CrawlArguments {
    /// The run that these flags ask for.
    ///
    /// # Errors
    /// When they contradict each other, or a file that they name cannot be read.
    pub(super) fn plan(mut self, settings: Settings, terminals: Terminals) -> haul::Result<Plan> {
        paths::refuse_urls(&settings)?;
        if self.assets_are_ignored() {
            return Err(Error::Setting(
                "--assets-anywhere says where assets are taken from: it needs --assets or --mirror"
                    .into(),
            ));
        }
        let folder = self.seeds.open_folder()?;
        let mut config = Config::new(self.seeds.seeds(terminals.stdin)?);
        self.following.apply(&mut config);
        let judged = match self.making.fail_on_broken {
            true => Judged::Links,
            false => Judged::Seeds,
        };
        let mirror = self.making.mirror.clone();
        self.making.apply(&mut config);
        let mut plan = self.common.plan("crawl", config, settings, terminals)?;
        plan.judged = judged;
        if let Some(folder) = folder
            && let Some(other) = plan.serve.replace(folder)
        {
            return Err(Error::Setting(format!(
                "a folder that is crawled is served: --serve {} would be another",
                other.display()
            )));
        }
        if let Some(folder) = mirror {
            let layout = Layout::Browsable;
            if plan
                .config
                .files
                .replace(FilesSettings { folder, layout })
                .is_some()
            {
                return Err(Error::Setting(
                    "bodies can be saved to one folder only".into(),
                ));
            }
        }
        paths::check(&plan)?;
        Ok(plan)
    }

    /// What belongs to the crawl that these flags ask for.
    pub(super) fn scope(self) -> ScopeSettings {
        let mut config = Config::urls(Vec::<String>::new());
        self.following.apply(&mut config);
        config.crawl.map(|crawl| crawl.scope).unwrap_or_default()
    }
}

impl CrawlArguments {
    fn assets_are_ignored(&self) -> bool {
        self.following.assets_anywhere && !self.following.assets && self.making.mirror.is_none()
    }
}

impl Making {
    fn apply(self, config: &mut Config) {
        if let Some(crawl) = &mut config.crawl
            && self.external
        {
            crawl.external = External::Check;
        }
        config.sinks.extend(self.graph);
        if let Some(follow) = &mut config.parse.follow {
            follow.fragments = self.fragments;
        }
        let asks = self.fail_on_broken || self.fragments;
        if asks || self.broken.is_some() || self.redirects.is_some() {
            config.broken = Some(BrokenSettings {
                report: self.broken,
                redirects: self.redirects,
            });
        }
    }
}

/// The sink of a map of the site.
fn graph(path: &str) -> Result<SinkSettings, String> {
    let path = PathBuf::from(path);
    let format = Format::of_graph(&path).ok_or(
        "a map of the site is a .csv, a .dot or a .gv: its name has to end in one of them",
    )?;
    Ok(SinkSettings::file(path, format))
}

impl Following {
    fn apply(self, config: &mut Config) {
        config.frontier.max_records = self.limit;
        config.frontier.max_crawl_delay = self.max_crawl_delay;
        config.frontier.robots = match self.ignore_robots {
            true => Robots::Ignore,
            false => Robots::Obey,
        };
        config.parse.follow = Some(Follow {
            assets: self.assets,
            guess: self.guess,
            pages: !self.only_recipe_links,
            ..Follow::default()
        });
        let traps = match self.no_traps {
            true => TrapSettings::OFF,
            false => TrapSettings::default(),
        };
        config.crawl = Some(CrawlSettings {
            scope: ScopeSettings {
                reach: self.scope,
                assets_anywhere: self.assets_anywhere,
                include: self.include,
                exclude: self.exclude,
                depth: self.depth,
                max_per_host: self.max_per_host,
                traps,
            },
            sitemaps: match self.sitemaps {
                _ if self.only_recipe_links => Sitemaps::Ignore,
                SitemapChoice::Named => Sitemaps::Named,
                SitemapChoice::Guessed => Sitemaps::Guessed,
                SitemapChoice::None => Sitemaps::Ignore,
            },
            similar: match self.skip_similar {
                true => SimilarPages::Skip,
                false => SimilarPages::Ignore,
            },
            external: External::Ignore,
        });
    }
}
