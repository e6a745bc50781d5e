//! The flags that select rows of the list, and say how duplicates are treated.

use std::path::PathBuf;

use clap::Args;
use haul::frontier::{Duplicates, FrontierSettings, Run};
use haul::seeds::{SeedSettings, SeedSource, Shard};
use haul::{Checksum, Error, Rows};

use super::given::{ValueOrFile, value_or_file};
use super::stdin::stdin_twice;
use super::stored;
use super::targets::Targets;

/// What is fetched.
#[derive(Debug, Args)]
#[command(next_help_heading = "The list")]
pub(super) struct List {
    #[command(flatten)]
    pub(super) targets: Targets,

    /// Read stored pages instead of fetching: a .warc, .warc.gz or .wacz file, or a folder of them or of saved pages; may be repeated
    ///
    /// A job folder works too: its stored pages are read. The network is not used. The pages are parsed as fetched ones
    /// are, on every core, and give the same records.
    #[arg(long, value_name = "ARCHIVE", conflicts_with_all = ["targets", "input", "dry_run"])]
    pub(crate) from: Vec<PathBuf>,

    /// Fetch only these rows, as in 3,7-9,120-; @FILE reads them from a file
    ///
    /// Rows are lines, counted from 1 across all inputs in order; records carry their number. An interrupted run prints
    /// the rows that it did not get to.
    #[arg(long, value_name = "ROWS", value_parser = value_or_file::<Rows>)]
    rows: Option<ValueOrFile<Rows>>,

    /// Fetch only the rows of one shard of the list, as in 2/8: the second of eight
    ///
    /// A row belongs to a shard by its site (its registrable domain), so machines that each fetch one shard never ask the
    /// same host, without knowing of each other. Rows keep their numbers: the records of all shards together are those of
    /// the list.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Fail unless the saved body has this SHA-256; for a single URL
    ///
    /// Lists have a column sha256 instead. A body with another SHA-256 is not saved; it is fetched once more, and then the
    /// URL fails with the class checksum.
    #[arg(long, value_name = "sha256=HEX")]
    checksum: Option<Checksum>,

    /// Fetch at most N rows of the list
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<u64>,

    /// Fetch a URL again each time the list repeats it
    ///
    /// By default it is fetched once, and later rows get a record that points to the first.
    #[arg(long)]
    keep_duplicates: bool,

    /// Fetch nothing: read the list and write a record for each row
    #[arg(long)]
    dry_run: bool,
}

impl List {
    /// The seeds that these flags ask for.
    ///
    /// # Errors
    /// As [`Targets::seeds`].
    pub(super) fn seeds(&self, stdin_is_terminal: bool) -> haul::Result<SeedSettings> {
        if !self.from.is_empty() {
            return self.chosen(SeedSettings::stored(stored::places(&self.from)?));
        }
        let seeds = self.targets.seeds(stdin_is_terminal)?;
        let on_stdin = self.rows.as_ref().is_some_and(ValueOrFile::reads_stdin);
        if on_stdin && seeds.sources.contains(&SeedSource::Stdin) {
            return Err(stdin_twice());
        }
        self.chosen(seeds)
    }

    /// These seeds, restricted to the rows that the flags select.
    ///
    /// # Errors
    /// When the file of rows cannot be read.
    pub(super) fn chosen(&self, seeds: SeedSettings) -> haul::Result<SeedSettings> {
        let is_single =
            |source: &SeedSource| matches!(source, SeedSource::Urls(urls) if urls.len() == 1);
        if self.checksum.is_some() && !(seeds.sources.len() == 1 && is_single(&seeds.sources[0])) {
            let problem = "--checksum is about a single URL: give each row of a list its own in a column sha256";
            return Err(Error::Setting(problem.into()));
        }
        let rows = self.rows.as_ref();
        Ok(SeedSettings {
            rows: rows.map(|rows| rows.value("--rows")).transpose()?,
            shard: self.shard,
            limit: self.limit,
            checksum: self.checksum,
            ..seeds
        })
    }

    /// Applies these flags to the frontier settings.
    pub(super) fn apply(&self, frontier: &mut FrontierSettings) {
        if self.keep_duplicates {
            frontier.duplicates = Duplicates::Keep;
        }
        if self.dry_run {
            frontier.run = Run::Dry;
        }
    }
}
