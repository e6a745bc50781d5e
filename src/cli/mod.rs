//! The command line, and the only room that uses clap. Turns arguments into settings, and results into text.
//!
//! Nothing is run here: `main` runs the [`Plan`] that this room returns.

mod advice;
mod audit;
mod closed;
mod compare;
mod completions;
mod config;
mod config_file;
mod crawl;
mod diff;
pub(crate) mod ending;
mod event_loop;
mod exit;
mod explain;
mod fetch;
mod health;
mod hints;
mod interrupt;
mod job;
mod kept;
mod key_log;
mod layers;
mod man;
mod output;
mod pages;
mod paths;
mod plan;
mod processor_time;
mod query;
mod recipe;
mod report;
mod resume;
mod retry;
mod schema;
mod select;
mod serve;
mod serving;
mod spelling;
mod subcommands;
mod summary;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub(crate) use audit::AuditArguments;
pub(crate) use closed::check_stdout;
pub(crate) use compare::{Announcement, ComparePlan, stage};
pub(crate) use diff::DiffArguments;
pub(crate) use event_loop::event_loop;
pub(crate) use exit::{Exit, Failure};
pub(crate) use fetch::asks_for_json;
pub(crate) use health::{fall_short, fields_summary};
pub(crate) use interrupt::Interrupts;
pub(crate) use key_log::log_keys;
pub(crate) use plan::Plan;
pub(crate) use processor_time::processor_time;
pub(crate) use query::QueryArguments;
pub(crate) use report::Reporting;
pub(crate) use resume::Resume;
pub(crate) use retry::Retry;
pub(crate) use serve::ServeArguments;
pub(crate) use serving::{Served, Serving};
pub(crate) use summary::{mirror_summary, summary, summary_of_done};

use compare::CompareArguments;
use crawl::CrawlArguments;
use fetch::{FetchArguments, Terminals};
use subcommands::with_fetch;

/// Fetch lists of URLs and crawl sites, fast and politely, with one honest record per URL.
///
/// fetch is the default command: haul example.org is short for haul fetch example.org.
#[derive(Debug, Parser)]
#[command(name = "haul", bin_name = "haul", version, max_term_width = 100, override_usage = "haul fetch [OPTIONS] [URL|FILE]...\n       haul [OPTIONS OF FETCH] URL...\n       haul <COMMAND>", arg_required_else_help = true, after_help = EXAMPLES)]
struct CommandLine {
    #[command(subcommand)]
    command: Wanted,
}

#[derive(Debug, Subcommand)]
enum Wanted {
    /// Fetch URLs and write one record for each
    #[command(args_override_self = true, after_help = FETCH_EXAMPLES, after_long_help = fetch_codes())]
    Fetch(Box<FetchArguments>),
    /// Crawl sites: fetch pages, follow their links, and write one record for each page
    ///
    /// Obeys robots.txt, and with --job can be resumed after any crash, with each record written once. A folder of HTML
    /// files can be crawled too: haul crawl ./site serves it as site.localhost during the run, with each of its pages as a seed.
    #[command(args_override_self = true, after_help = FETCH_EXAMPLES, after_long_help = fetch_codes())]
    Crawl(Box<CrawlArguments>),
    /// Find out which engine is fastest here, and why
    ///
    /// Fetches the same URLs with every engine, each in its own process, in rounds of random order, and checks that all of them got
    /// the same responses. Reports which engine wins, how certain that is, what the run spent its time on, and which command to
    /// run next. Without URLs it uses a practice server of its own.
    #[command(args_override_self = true, after_help = COMPARE_EXAMPLES, after_long_help = fetch_codes())]
    Compare(Box<compare::CompareArguments>),
    /// Try selectors on a page: see what matches, on which line, and the resulting value
    Select(select::SelectArguments),
    /// Check recipes before using them
    Recipe(recipe::RecipeArguments),
    /// Create the report of a comparison from its JSON
    ///
    /// Writes one self-contained HTML page with charts.
    Report(report::ReportArguments),
    /// Show the state of a job: what is waiting, what is done, what failed and why
    ///
    /// A job is a folder made by --job. It is only read, even while another haul is working on it.
    #[command(after_help = JOB_EXAMPLES)]
    Job(job::JobArguments),
    /// Ask a job, or a SQLite output, with SQL
    ///
    /// A job is shown as the tables urls, waiting, done, failed, skipped and hosts, with the tables of its SQLite outputs beside
    /// them; without SQL, all tables and columns are listed. The job is only read, even while another haul is working on it.
    #[command(after_help = QUERY_EXAMPLES)]
    Query(query::QueryArguments),
    /// Fetch the failed URLs of a job, or of an output, again
    ///
    /// A job is resumed with the settings that it was started with, for its failed URLs only. A job stores no secrets (-H, -u,
    /// -b, --data), so give them again after --. For a run without a job, name its output: .jsonl or .csv (also compressed),
    /// .sqlite, .parquet or .arrow. Records do not contain the flags, headers or bodies of their run, so give those after --.
    /// Each URL gets one more record in the same output; its last record counts.
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(retry::RetryArguments),
    /// Explain why a URL of a job is waiting, failed, was skipped, or was never requested
    ///
    /// Shows which rule, pattern or limit decided, which page linked to it, and the path of pages from the seed. The job is
    /// only read.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(explain::ExplainArguments),
    /// Show what changed between two runs of the same site
    ///
    /// OLD and NEW are job folders, outputs (.jsonl, .csv, .sqlite, .parquet, .arrow) or archives (.warc, .wacz, saved pages),
    /// in any combination. Reports pages that broke, disappeared, moved or are new, changed texts and titles, and changed
    /// values of fields and items. A page that NEW did not request, because it ended early or was limited, is not reported as gone.
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(diff::DiffArguments),
    /// Check whether a run was polite, by when each of its requests was sent
    ///
    /// For each host: the shortest time between two requests, the most in flight at once, whether robots.txt was obeyed as it
    /// stood then, and whether Retry-After was kept. A job is held to its own limits. Records and archives say none, so
    /// demand some, or only the figures are shown. Exits with 0 if every limit was kept, as far as is known; with 3 if one was
    /// broken; with 4 if there is nothing to check, or not enough is known.
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit(audit::AuditArguments),
    /// Serve a folder, an archive or a generated site for practice, with latency and faults
    ///
    /// An archive (.warc, .wacz, a job, saved pages) is served as the site that it was, with all its hosts. A folder of
    /// files and a generated site have one host each. Prints the addresses that it listens on. Besides the site there is
    /// /fault/, an index of everything that a server can do wrong, and /status/NNN, /delay/MS, /size/BYTES, /redirect/N and
    /// /echo.
    Serve(serve::ServeArguments),
    /// Print every setting in effect, and where it comes from
    ///
    /// Takes the flags of fetch. The output is a valid configuration file, without secrets.
    #[command(args_override_self = true)]
    Config(Box<FetchArguments>),
    /// Print the JSON Schema of records, of progress or of recipes
    Schema(schema::SchemaArguments),
    /// Print a shell completion script
    Completions(completions::CompletionsArguments),
    /// Print the manual page of haul or of one command
    Man(man::ManArguments),
}

const EXAMPLES: &str = "\
Examples:
  haul fetch urls.txt                        print a line for each URL of the list
  haul fetch urls.txt -o out.jsonl           write full records
  haul fetch urls.txt --output-dir pages     save each body to a file
  haul crawl example.org --job example       crawl a site; the same command resumes it
  haul job example                           show the state of that job
  haul example.org -w '%{status} %{url}\\n'   print lines in your own format
  haul config                                show the settings in effect";

const COMPARE_EXAMPLES: &str = "\
Examples:
  haul compare                               see the effect on a practice server, in about a minute
  haul compare --latency 0 --work parse      see the opposite: a run that only computes
  haul compare urls.txt -n 100               compare on your own URLs
  haul compare --sweep --report out.html     see how much concurrency pays off, with charts
  haul compare --engines async:64,async:16   compare two sizes of one engine";

const JOB_EXAMPLES: &str = "\
Examples:
  haul job example                           show the state of the job in the folder example
  haul job example --json | jq .waiting      use it in a script";

const QUERY_EXAMPLES: &str = "\
Examples:
  haul query example                         list the tables and their columns
  haul query example 'SELECT class, count(*) FROM failed GROUP BY class'
  haul query example 'SELECT url FROM waiting' -f csv  use it in a script
  haul query out.sqlite 'SELECT url, title FROM latest WHERE status = 200'";

const RETRY_EXAMPLES: &str = "\
Examples:
  haul retry example                         retry everything that failed
  haul retry example --cause 5xx,timeout     retry what a busy server may have caused
  haul retry out.jsonl                       retry the failures of a run without a job
  haul retry out.jsonl -- -o again.jsonl     the same, but write to another file
  haul retry example -- -u ann:secret        give the secret that the job was started with
  haul retry example -- --delay 2s --allow-changes  retry more slowly";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  haul explain example http://example.org/a  find out why it is not in the records";

const DIFF_EXAMPLES: &str = "\
Examples:
  haul diff monday tuesday                   compare two jobs
  haul diff old.jsonl new.jsonl --key sku    compare items by their sku too
  haul diff old.wacz new.wacz --report d.html  show changed texts side by side
  haul diff old new --only broken,gone --fail-on-change  exit with 8 if any is
  haul diff old new -f jsonl | jq .kind      use it in a script";

const AUDIT_EXAMPLES: &str = "\
Examples:
  haul audit example                         hold a job to its own limits
  haul audit out.jsonl --delay 1s            hold a run to a delay
  haul audit site.warc.gz --robots --agent wget  hold another tool's archive to its robots.txt
  haul audit example --json | jq 'select(.broken > 0)'  use it in a script";

const FETCH_EXAMPLES: &str = "\
Every flag is also an environment variable (HAUL_PER_HOST for --per-host) and
a key of the configuration file. --help shows more, including the exit codes.";

const FETCH_LAYERS: &str = "\
Every flag is also an environment variable (HAUL_PER_HOST for --per-host; a flag
that may be repeated takes one value per line) and a key of the configuration
file.";

/// The end of `haul fetch --help`: the layers of settings and the exit codes.
fn fetch_codes() -> String {
    format!("{FETCH_LAYERS}\n\nExit codes:\n{}", Exit::table())
}

/// The task that a command line asks for.
#[derive(Debug)]
pub(crate) enum Task {
    /// Fetch or crawl.
    Fetch(Box<Plan>),
    /// Compare engines.
    Compare(Box<ComparePlan>),
    /// Retry the failures of a job or an output.
    Retry(Box<Retry>),
    /// Ask a job or an output with SQL.
    Query(Box<QueryArguments>),
    /// Compare two runs.
    Diff(Box<DiffArguments>),
    /// Check whether a run was polite.
    Audit(Box<AuditArguments>),
    /// Serve a folder or a practice site.
    Serve(Box<ServeArguments>),
    /// Print this text.
    Print(String),
}

/// Reads the command line, and the layers of settings below it.
///
/// # Errors
/// When it asks for help, or cannot be used.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Task, Failure> {
    let arguments = with_fetch(arguments.collect());
    let environment = |name: &str| std::env::var_os(name);
    let mut command = CommandLine::command();
    command.build();
    let matches = command
        .clone()
        .try_get_matches_from(&arguments)
        .map_err(hints::for_curl_users)?;
    let layered = || {
        layers::check_variables(&command, std::env::vars_os())?;
        layers::matches(&command, &arguments, &environment)
    };
    match CommandLine::from_arg_matches(&matches)?.command {
        Wanted::Fetch(_) => {
            let (matches, settings) = layered()?;
            let arguments = FetchArguments::from_arg_matches(&matches)?;
            Ok(Task::Fetch(Box::new(
                arguments.plan(settings, Terminals::here())?,
            )))
        }
        Wanted::Crawl(_) => {
            let (matches, settings) = layered()?;
            let arguments = CrawlArguments::from_arg_matches(&matches)?;
            Ok(Task::Fetch(Box::new(
                arguments.plan(settings, Terminals::here())?,
            )))
        }
        Wanted::Compare(_) => {
            let (matches, settings) = layered()?;
            let arguments = CompareArguments::from_arg_matches(&matches)?;
            Ok(Task::Compare(Box::new(
                arguments.plan(&settings, Terminals::here())?,
            )))
        }
        Wanted::Select(arguments) => Ok(Task::Print(arguments.text()?)),
        Wanted::Recipe(arguments) => Ok(Task::Print(arguments.text()?)),
        Wanted::Report(arguments) => Ok(Task::Print(arguments.draw()?)),
        Wanted::Job(arguments) => Ok(Task::Print(arguments.text()?)),
        Wanted::Query(arguments) => Ok(Task::Query(Box::new(arguments))),
        Wanted::Explain(arguments) => Ok(Task::Print(arguments.text(&command)?)),
        Wanted::Retry(arguments) => Ok(match arguments.plan(&command)? {
            retry::Again::Retry(retry) => Task::Retry(retry),
            retry::Again::Nothing(message) => Task::Print(message),
        }),
        Wanted::Diff(arguments) => Ok(Task::Diff(Box::new(arguments))),
        Wanted::Audit(arguments) => Ok(Task::Audit(Box::new(arguments))),
        Wanted::Serve(arguments) => Ok(Task::Serve(Box::new(arguments))),
        Wanted::Config(_) => Ok(Task::Print(config::text(&layered()?.1))),
        Wanted::Schema(arguments) => Ok(Task::Print(arguments.text())),
        Wanted::Completions(arguments) => Ok(Task::Print(arguments.text(command))),
        Wanted::Man(arguments) => Ok(Task::Print(arguments.text(command)?)),
    }
}

#[cfg(test)]
mod tests;
