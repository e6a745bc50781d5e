//! `haul crawl`: its own flags, and how they become settings.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use haul::frontier::Robots;
use haul::parse::FollowSettings;
use haul::scope::{Pattern, Reach, ScopeSettings, TrapSettings};
use haul::sink::{FilesSettings, Format, Layout, SinkSettings};
use haul::{BrokenSettings, Config, CrawlSettings, Error, External, SimilarPages, Sitemaps};

use super::exit::FailureScope;
use super::fetch::robots::CrawlDelay;
use super::fetch::stored;
use super::fetch::targets::Targets;
use super::fetch::{Common, Terminals};
use super::layers::Settings;
use super::paths;
use super::plan::Plan;
use super::serving::Serving;

/// The arguments of `haul crawl`.
#[derive(Debug, Args)]
pub(crate) struct CrawlArguments {
    #[command(flatten)]
    seeds: Targets,
    #[command(flatten)]
    archives: Archives,
    #[command(flatten)]
    following: Following,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    common: Common,
}

/// Where pages come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "The list")]
struct Archives {
    /// Crawl inside an archive instead of fetching: a .warc, .warc.gz or .wacz file, or a folder of them or of saved pages; may be repeated
    ///
    /// The last stored response of a URL counts; URLs that are not in the archive fail as not-stored. robots.txt is
    /// ignored. A job folder works too: its stored pages are read.
    #[arg(long, value_name = "ARCHIVE", conflicts_with = "serve")]
    from: Vec<PathBuf>,
}

/// What is written besides records.
#[derive(Debug, Args)]
#[command(next_help_heading = "The site")]
struct Outputs {
    /// Save pages and their assets to DIR as a copy of the site that can be browsed offline
    ///
    /// When the crawl ends, links to saved files are rewritten to lead to the copy; all others lead to the site. Implies
    /// --assets; with --assets-anywhere, assets on other hosts are saved too.
    #[arg(long, value_name = "DIR", conflicts_with = "output_dir")]
    mirror: Option<PathBuf>,

    /// Write the links between pages to FILE: .csv (from, to, kind, nofollow), or .dot or .gv for Graphviz
    #[arg(long, value_name = "FILE", value_parser = graph)]
    graph: Option<SinkSettings>,

    /// Write broken links to FILE as CSV, one row per linking page: url, class, status, holder
    ///
    /// Without this and --fail-on-broken, the summary names only the first page that links to each broken URL.
    #[arg(long, value_name = "FILE")]
    broken: Option<PathBuf>,

    /// Write links that redirect to FILE as CSV, one row per linking page: url, status, target, holder
    ///
    /// The target is the last URL of the chain. A link that redirects is not broken.
    #[arg(long, value_name = "FILE")]
    redirects: Option<PathBuf>,

    /// Count a link as broken if the page does not have its #fragment
    ///
    /// Fragments are found as browsers do: by the id of any element or the name of an a element, first as written and then
    /// percent-decoded. #top, text fragments (:~:) and pages that are not HTML never count. Scripts are not run, so what
    /// they would add is missing. With --external, pages outside the scope are fetched with GET to check their fragments.
    #[arg(long)]
    fragments: bool,

    /// Check links that lead out of the scope, without following them
    ///
    /// Each is requested once with HEAD, and with GET if that fails; the body is not downloaded. They get records, marked
    /// external, and count as broken if they fail. Limits, --exclude and the limits of each host apply; --include and
    /// --depth do not. robots.txt is not consulted: this is one request for a link that anybody may click. Links with
    /// rel=nofollow are not checked unless --ignore-robots is given.
    #[arg(long)]
    external: bool,

    /// Exit with 3 if any URL failed, as a link checker does
    ///
    /// A redirect to a URL that failed counts as failed. URLs that were skipped (by robots.txt, by the scope, by nofollow)
    /// do not. Without this flag, the exit code reflects failed seeds, and pages that got no response because their host was
    /// down or this machine ran out of resources.
    #[arg(long)]
    fail_on_broken: bool,
}

/// What is followed.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is followed")]
struct Following {
    /// How far to go from the seeds: the same page, path, host, registrable domain, or any
    #[arg(long, value_name = "SCOPE", default_value = "host",
          value_parser = PossibleValuesParser::new(["page", "path", "host", "domain", "any"])
              .try_map(|name| name.parse::<Reach>()))]
    scope: Reach,

    /// Follow only links to pages that match: a glob such as '/docs/**' or '*.html', or re:REGEX; may be repeated
    ///
    /// A glob with :// is matched against the whole URL, any other against path and query. * does not cross a / and **
    /// does. Seeds are always fetched. With --assets or --mirror, the assets of matching pages are fetched whatever their
    /// URL; --exclude applies to assets too.
    #[arg(short = 'I', long, value_name = "PATTERN")]
    include: Vec<Pattern>,

    /// Skip pages and assets that match; may be repeated, and overrides --include
    #[arg(short = 'E', long, value_name = "PATTERN")]
    exclude: Vec<Pattern>,

    /// Follow links at most N levels deep; 0 for the seeds only [default: no limit]
    #[arg(short, long, value_name = "N")]
    depth: Option<u16>,

    /// Stop after exactly N records [default: no limit]
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<u64>,

    /// Fetch at most N URLs per host [default: no limit]
    #[arg(long, value_name = "N")]
    max_per_host: Option<u64>,

    /// Also fetch assets: images, scripts, style sheets, and whatever else a page needs
    #[arg(long)]
    assets: bool,

    /// Fetch assets from any host, such as a CDN
    #[arg(long)]
    assets_anywhere: bool,

    /// Also follow text in scripts that looks like a URL; script files are fetched, and never executed
    #[arg(long, alias = "guess")]
    script_links: bool,

    /// Follow only the links that recipes select, and no sitemaps
    #[arg(long, conflicts_with_all = ["script_links", "sitemaps"], requires = "recipe")]
    only_recipe_links: bool,

    /// Which sitemaps to read
    #[arg(long, value_name = "WHICH", default_value = "named")]
    sitemaps: SitemapChoice,

    /// Do not follow links on pages whose text is almost the same as an earlier page's
    #[arg(long)]
    skip_similar: bool,

    /// Also follow links that look like traps: repeating paths, endless calendars, session ids, growing URLs
    #[arg(long, alias = "no-traps")]
    follow_traps: bool,

    #[command(flatten)]
    delay: CrawlDelay,

    /// Ignore robots.txt and nofollow; for your own sites
    #[arg(long)]
    ignore_robots: bool,
}

/// Which sitemaps to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SitemapChoice {
    /// Those that robots.txt lists
    Named,
    /// Those, and /sitemap.xml of each host
    Guessed,
    /// None
    None,
}

impl CrawlArguments {
    /// The run that these flags describe.
    ///
    /// # Errors
    /// When flags cannot be combined, or a file that they name cannot be read.
    pub(super) fn plan(mut self, settings: Settings, terminals: Terminals) -> haul::Result<Plan> {
        paths::refuse_urls(&settings)?;
        if self.assets_are_ignored() {
            return Err(Error::Setting(
                "--assets-anywhere says where to fetch assets from: it needs --assets or --mirror"
                    .into(),
            ));
        }
        let folder = self.seeds.open_folder()?;
        let mut config = Config::new(self.seeds.seeds(terminals.stdin)?);
        self.following.apply(&mut config);
        if let Some(crawl) = &mut config.crawl {
            crawl.archives = stored::places(&self.archives.from)?;
        }
        let failure_scope = match self.outputs.fail_on_broken {
            true => FailureScope::Links,
            false => FailureScope::Seeds,
        };
        let mirror = self.outputs.mirror.clone();
        self.outputs.apply(&mut config);
        let mut plan = self.common.plan("crawl", config, settings, terminals)?;
        plan.failure_scope = failure_scope;
        if let Some(folder) = folder
            && let Some(other) = plan.serve.replace(Serving::Files(folder))
        {
            return Err(Error::Setting(format!(
                "the folder to crawl is served already, so --serve {} cannot be added",
                other.path().display()
            )));
        }
        if let Some(folder) = mirror {
            let files = FilesSettings {
                layout: Layout::Browsable,
                ..FilesSettings::folder(folder)
            };
            if plan.config.files.replace(files).is_some() {
                return Err(Error::Setting(
                    "bodies can be saved to one folder only".into(),
                ));
            }
        }
        paths::check(&mut plan)?;
        Ok(plan)
    }

    /// The scope of the crawl.
    pub(super) fn scope(self) -> ScopeSettings {
        let mut config = Config::urls(Vec::<String>::new());
        self.following.apply(&mut config);
        config.crawl.map(|crawl| crawl.scope).unwrap_or_default()
    }
}

impl CrawlArguments {
    fn assets_are_ignored(&self) -> bool {
        self.following.assets_anywhere && !self.following.assets && self.outputs.mirror.is_none()
    }
}

impl Outputs {
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

/// The sink for `--graph`.
fn graph(path: &str) -> Result<SinkSettings, String> {
    let path = PathBuf::from(path);
    let format = Format::of_graph(&path).ok_or("the file name has to end in .csv, .dot or .gv")?;
    Ok(SinkSettings::file(path, format))
}

impl Following {
    fn apply(self, config: &mut Config) {
        config.frontier.max_records = self.limit;
        self.delay.apply(&mut config.frontier);
        config.frontier.robots = match self.ignore_robots {
            true => Robots::Ignore,
            false => Robots::Obey,
        };
        config.parse.follow = Some(FollowSettings {
            assets: self.assets,
            guess: self.script_links,
            pages: !self.only_recipe_links,
            ..FollowSettings::default()
        });
        let traps = match self.follow_traps {
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
            archives: Vec::new(),
        });
    }
}
