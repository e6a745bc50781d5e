//! `haul compare`: its flags, and the settings that they become.

mod announcement;
mod curves;
mod figures;
mod json;
mod layout;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use haul::compare::{
    Archived, Axis, CONTESTANTS, CompareSettings, Comparison, Contestant, LEAST_ROUNDS, Practice,
    Target,
};
use haul::origin::{LogLevel, OriginSettings};
use haul::parse::{Wants, Work};
use haul::replay::Waits;
use haul::seeds::SeedSettings;
use haul::{ByteSize, Config, Error};

use json::Json;
use words::Words;

use super::exit::Share;
use super::fetch::targets::Targets;
use super::fetch::{Conditions, Terminals};
use super::layers::{Origin, Settings};
use super::output::{columns, json_text};
use super::paths;
use super::serving::{Served, Serving};
use super::spelling;
use crate::progress::Verbosity;
pub(crate) use announcement::{Announcement, stage};

/// Flags about the comparison and not about requests: they are left out of the fetch command.
const OWN: [&str; 21] = [
    "from",
    "as-recorded",
    "engines",
    "rounds",
    "time-budget",
    "seed",
    "work",
    "sweep",
    "map",
    "yes",
    "limit",
    "latency",
    "jitter",
    "size",
    "pages",
    "error-rate",
    "report",
    "json",
    "concurrency",
    "quiet",
    "color",
];

/// The most URLs of an archive, as of a list: a comparison keeps them all in memory.
const MOST_URLS: usize = 1_000_000;

/// The long help of the positional arguments.
const WORDS: &str = "URLs to fetch, and files that list URLs

An argument without `scheme://` that names an existing file is read as a list; - is standard input. With no arguments and no -i, a \
practice server is started and used.";

/// The flags of `haul compare`.
#[derive(Debug, Args)]
#[command(mut_arg("targets", |words| words.help("URLs to fetch, and files that list URLs").long_help(WORDS)))]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    comparing: Comparing,
    #[command(flatten)]
    practising: Practising,
    #[command(flatten)]
    reporting: Reporting,
    #[command(flatten)]
    conditions: Conditions,
}

/// What is compared.
#[derive(Debug, Args)]
#[command(next_help_heading = "The comparison")]
struct Comparing {
    /// Compare these engines: sequential, threads, blocking, async, processes, hybrid
    ///
    /// A size may follow, as in threads:16 or hybrid:2x32 (child processes x requests in flight in each); without one,
    /// --concurrency sets it. The same engine may be listed twice.
    #[arg(long, value_name = "ENGINE[:N],…", value_delimiter = ',', default_values = CONTESTANTS)]
    engines: Vec<String>,

    /// Serve this archive in place of the servers, and fetch its URLs or those that are given: a .warc, .warc.gz, .wacz, job or folder
    ///
    /// Requests are sent as usual, and none of them leaves this machine: other people's servers are not part of the measurement,
    /// and the same comparison can be repeated. --latency and --jitter say how slow the server is, or --as-recorded. Of the
    /// pages that the archive does not have, every engine gets the same 404. Nothing is retried by default, and no
    /// Retry-After is obeyed: a stored response stays what it is.
    #[arg(long, value_name = "ARCHIVE", conflicts_with = "serve")]
    from: Option<PathBuf>,

    /// Delay each response of the archive for as long as its first byte took when it was stored
    #[arg(long, requires = "from", conflicts_with_all = ["latency", "jitter"])]
    as_recorded: bool,

    /// Work to do per page: none, parse (HTML into a tree), select:CSS, or hash:N (SHA-256 over N KiB)
    #[arg(long, value_name = "WORK", default_value = "none")]
    work: Work,

    /// Runs of each engine, at least 5
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(i64::from(LEAST_ROUNDS)..=1000))]
    rounds: u32,

    /// Time that all rounds together should take: slow engines fetch fewer URLs
    #[arg(long, value_name = "DURATION", default_value = "45s", value_parser = haul::duration)]
    time_budget: Duration,

    /// Fetch at most N URLs
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<u64>,

    /// Random seed for the order of rounds, the choice of URLs, and the practice server [default: random, and printed]
    #[arg(long)]
    seed: Option<u64>,

    /// Also measure throughput over a range of concurrency, latency or work
    ///
    /// Concurrency is doubled until an engine gets no faster, and the Universal Scalability Law is fitted to the results.
    /// Latency needs the practice server.
    #[arg(long, value_name = "AXIS", num_args = 0..=1, default_missing_value = "concurrency")]
    sweep: Option<Axis>,

    /// Also find the fastest engine for each combination of latency and work
    ///
    /// Takes a few minutes, and needs the practice server.
    #[arg(long)]
    map: bool,

    /// Allow more than 1,000 requests to other machines, and repeat the list if it is too short
    #[arg(long)]
    yes: bool,
}

/// The practice server, if neither URLs nor an archive are given.
#[derive(Debug, Args)]
#[command(next_help_heading = "The practice server, if no URLs are given")]
struct Practising {
    /// Delay before each response
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = haul::duration)]
    latency: Duration,

    /// Random extra delay, up to this much
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = haul::duration)]
    jitter: Duration,

    /// Approximate size of a page
    #[arg(long, value_name = "SIZE", default_value = "6K")]
    size: ByteSize,

    /// Number of pages
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pages: u64,

    /// Share of requests that fail, as in 5%
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    error_rate: Share,
}

/// Where the results are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
struct Reporting {
    /// Write a report to FILE: one self-contained HTML page with charts
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Write all figures to FILE as JSON; - writes them to standard output instead of the table
    ///
    /// haul report FILE creates the HTML page from it.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A comparison, ready to start, and how to report it.
#[derive(Debug)]
pub(crate) struct ComparePlan {
    /// The comparison; if there is a list, its URLs have not been read yet.
    pub(crate) settings: CompareSettings,
    /// The command line that fetches the same URLs with the same settings, except engine and concurrency.
    fetch_command: String,
    /// The list of URLs; `None` for the practice server.
    pub(crate) seeds: Option<SeedSettings>,
    /// What to serve during the run.
    pub(crate) serve: Option<Serving>,
    /// The most URLs.
    limit: Option<u64>,
    /// How slow and how bad the server is that serves an archive.
    pace: OriginSettings,
    /// What the user should know before it starts.
    pub(crate) notices: Vec<String>,
    /// The file for the HTML report.
    pub(crate) report: Option<PathBuf>,
    /// The file for the JSON; `-` is standard output.
    pub(crate) json: Option<PathBuf>,
    /// Whether many requests may be sent to other machines.
    pub(crate) yes: bool,
    /// How much is printed.
    pub(crate) verbosity: Verbosity,
    /// Whether the table is coloured.
    pub(crate) color: bool,
}

impl CompareArguments {
    /// The comparison that these flags ask for.
    ///
    /// # Errors
    /// When flags cannot be combined, or a file that they name cannot be read.
    pub(super) fn plan(
        self,
        settings: &Settings,
        terminals: Terminals,
    ) -> haul::Result<ComparePlan> {
        paths::refuse_urls(settings)?;
        if let Some(path) = &self.reporting.json {
            paths::refuse_url("--json", path)?;
        }
        let is_listed = !self.targets.targets.is_empty() || !self.targets.input.is_empty();
        let practises = !is_listed && self.comparing.from.is_none();
        let serve = self.conditions.serve().map(PathBuf::from);
        let serve = match &self.comparing.from {
            Some(from) => Some(Serving::archive(from.clone())?),
            None => serve.map(Serving::of).transpose()?,
        };
        if !is_listed && self.comparing.from.is_none() && serve.is_some() {
            return Err(Error::Setting(
                "--serve DIR needs URLs that lead to it".into(),
            ));
        }
        let of_any_server = ["latency", "jitter", "error-rate"];
        let misplaced = |flag: &&&str| {
            let fits = self.comparing.from.is_some() && of_any_server.contains(*flag);
            !practises && !fits && settings.rank(flag) == 3
        };
        if let Some(flag) = ["latency", "jitter", "size", "pages", "error-rate"]
            .iter()
            .find(misplaced)
        {
            return Err(Error::Setting(format!(
                "--{flag} configures the practice server, which is only used if no URLs are given"
            )));
        }
        let seeds = match is_listed {
            false => None,
            true => Some(SeedSettings {
                limit: self.comparing.limit,
                ..self.targets.seeds(terminals.stdin)?
            }),
        };
        let serves_here = practises || self.comparing.from.is_some();
        let mut config = Config::new(
            seeds
                .clone()
                .unwrap_or_else(|| SeedSettings::urls(Vec::<String>::new())),
        );
        config.parse.wants = Wants::NOTHING;
        self.conditions.refuse_cookie_files()?;
        let notices = self.conditions.apply(&mut config, settings)?;
        if serves_here && !settings.is_set("per-host") {
            config.frontier.per_host = 0; // the server is our own
        }
        if self.comparing.from.is_some() {
            // A response of an archive is the same whenever it is asked for, so no waiting helps.
            if !settings.is_set("retries") {
                config.frontier.retries = 0;
            }
            if !settings.is_set("max-retry-after") {
                config.frontier.max_retry_after = Duration::from_nanos(1); // zero would be no limit
            }
        }
        let in_flight = self.conditions.in_flight();
        let contestants = Contestant::list(&self.comparing.engines, in_flight)
            .map_err(|problem| Error::Setting(format!("--engines: {problem}")))?;
        let seed = self
            .comparing
            .seed
            .unwrap_or_else(|| u64::from(fastrand::u32(..)));
        let mut claims = config.claims();
        paths::read_by_flags(settings, &mut claims);
        for path in [&self.reporting.report, &self.reporting.json] {
            if let Some(path) = path.as_deref().filter(|path| path.as_os_str() != "-") {
                claims.write(path.display().to_string(), path);
            }
        }
        claims.check()?;
        let (command, fetch_command) = commands(settings, seed, practises, is_listed);
        let archive = self.comparing.from.as_ref().map(|path| Archived {
            path: path.display().to_string(),
            latency: self.practising.latency,
            jitter: self.practising.jitter,
            as_recorded: self.comparing.as_recorded,
        });
        Ok(ComparePlan {
            settings: CompareSettings {
                contestants,
                in_flight,
                target: Target::Practice(self.practising.practice(self.comparing.limit)),
                archive,
                fetch: config.fetch,
                frontier: config.frontier,
                work: self.comparing.work,
                rounds: self.comparing.rounds,
                time_budget: self.comparing.time_budget,
                repeats: self.comparing.yes,
                seed,
                sweep: self.comparing.sweep,
                map: self.comparing.map,
                program: None,
                command,
                settings: spelling::in_force(settings),
            },
            fetch_command,
            seeds,
            serve,
            limit: self.comparing.limit,
            pace: self.practising.pace(),
            notices,
            report: self.reporting.report,
            json: self.reporting.json,
            yes: self.comparing.yes,
            verbosity: self.conditions.verbosity(),
            color: self.conditions.color(terminals),
        })
    }
}

impl ComparePlan {
    /// Starts the server of this comparison, if it has one of its own, and leads all requests to it.
    ///
    /// # Errors
    /// When what is served cannot be read, or has no URLs to fetch.
    pub(crate) fn serve(&mut self) -> haul::Result<Option<Served>> {
        let Some(serving) = self.serve.take() else {
            return Ok(None);
        };
        let served = match &self.settings.archive {
            Some(archive) if archive.as_recorded => {
                let pace = OriginSettings {
                    latency: Duration::ZERO,
                    ..self.pace.clone()
                };
                serving.start_with(pace, Waits::AsRecorded)?
            }
            Some(_) => serving.start_with(self.pace.clone(), Waits::AsTold)?,
            None => serving.start()?,
        };
        served.lead(&mut self.settings.fetch)?;
        if let (Served::Archive(archive), true) = (&served, self.seeds.is_none()) {
            let most = self.limit.map_or(MOST_URLS, |limit| {
                usize::try_from(limit).unwrap_or(MOST_URLS).min(MOST_URLS)
            });
            self.settings.target = Target::Urls(archive.replay.urls(most)?);
        }
        Ok(Some(served))
    }

    /// Writes the results to every place that the flags name: the files first, as they outlast the terminal.
    ///
    /// # Errors
    /// When a file or standard output cannot be written.
    pub(crate) fn write(&self, comparison: &Comparison) -> haul::Result<()> {
        let stdout = |text: &str| {
            let mut stdout = std::io::stdout().lock();
            let written = stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush());
            written.map_err(|source| Error::output("standard output", source))
        };
        let words = Words::of(comparison, &self.fetch_command);
        let json = json_text(&Json::of(comparison, &words));
        let to_file = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|source| Error::output(path, source))
        };
        if let Some(path) = &self.report {
            to_file(path, &haul::report::page(&json, "haul"))?;
        }
        match &self.json {
            Some(path) if path.as_os_str() == "-" => return stdout(&json),
            Some(path) => to_file(path, &json)?,
            None => {}
        }
        stdout(&figures::text(
            comparison,
            &words,
            columns().max(60),
            self.color,
        ))
    }
}

impl Practising {
    fn pace(&self) -> OriginSettings {
        OriginSettings {
            latency: self.latency,
            jitter: self.jitter,
            error_rate: self.error_rate.share(),
            log: LogLevel::Counts,
            ..OriginSettings::default()
        }
    }

    fn practice(&self, limit: Option<u64>) -> Practice {
        Practice {
            latency: self.latency,
            jitter: self.jitter,
            size: self.size,
            pages: limit.map_or(self.pages, |limit| limit.min(self.pages)),
            error_rate: self.error_rate.share(),
        }
    }
}

/// The command that reruns the comparison, and the one that fetches the same URLs.
fn commands(settings: &Settings, seed: u64, practises: bool, is_listed: bool) -> (String, String) {
    let given = |setting: &&super::layers::Setting| setting.origin == Origin::Flag;
    let given: Vec<_> = settings.0.iter().filter(given).cloned().collect();
    let mut command = "haul compare".to_owned();
    spelling::flags(&mut command, &given, &["seed", "report", "json"]);
    command.push_str(&format!(" --seed {seed}"));
    spelling::targets(&mut command, &given);
    let mut fetch = "haul fetch".to_owned();
    match practises {
        // The practice server is one host, and ours: it was measured without a limit per host.
        true if given.iter().all(|setting| setting.flag != "per-host") => {
            fetch.push_str(" urls.txt --per-host 0");
        }
        _ if !is_listed => fetch.push_str(" urls.txt"),
        _ => spelling::targets(&mut fetch, &given),
    }
    spelling::flags(&mut fetch, &given, &OWN);
    (command, fetch)
}
