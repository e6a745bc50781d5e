//! `haul serve`: the practice server from the command line.
//!
//! The server itself is [`haul::origin`]; this file has its flags, prints its addresses, and waits for the interrupt.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use haul::origin::{Lastmod, LogLevel, Origin, OriginSettings, Site, Validators};
use haul::replay::{Replay, Waits};
use haul::{ByteSize, Error};

use super::exit::Share;
use super::interrupt::Signals;
use super::serving::{self, Serving, unserved};

/// What is served, where, and how badly.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Serve this folder, or this archive as the site that it was: a .warc, .warc.gz or .wacz file, a job, saved pages
    ///
    /// In a folder of files, serve.toml sets rules, and hosts/NAME/ is the root of the host NAME. A folder with WARC files, or
    /// with a list of saved pages (index.jsonl), is an archive; see --as. Of an archive every host is served, over http
    /// and https: to clients that use this as a proxy, and to those that send a Host header. The latest response to a
    /// URL counts. What the archive does not have is a 404 with the header Haul-Miss.
    #[arg(value_name = "DIR|ARCHIVE")]
    folder: Option<PathBuf>,

    /// Whether DIR is a folder of files or an archive
    #[arg(
        long = "as",
        value_name = "WHAT",
        default_value = "auto",
        requires = "folder"
    )]
    kind: KindChoice,

    /// Listen on this port; 0 for a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// Listen on this address; may be repeated: every 127.x.y.z is a host of its own
    ///
    /// Host names need no setup: every name below localhost (a.localhost, b.localhost) is this machine, and each is a host
    /// with its own limits.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    address: Vec<IpAddr>,

    /// Serve a generated site of N linked pages; the same --seed gives the same site
    #[arg(long, value_name = "N", default_value_t = 0)]
    pages: u64,

    /// Approximate size of a generated page
    #[arg(long, value_name = "SIZE", default_value = "6K")]
    size: ByteSize,

    /// Delay before each response
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = haul::duration)]
    latency: Duration,

    /// Delay each response of an archive for as long as its first byte took when it was stored
    #[arg(long, conflicts_with_all = ["latency", "jitter"])]
    as_recorded: bool,

    /// Write the certificate that clients of an archive's https hosts have to trust to FILE
    ///
    /// It is made for this run: each host gets a certificate that is signed with it.
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,

    /// Random extra delay, up to this much
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = haul::duration)]
    jitter: Duration,

    /// Bytes per second on each connection, at most
    #[arg(long, value_name = "SIZE")]
    bandwidth: Option<ByteSize>,

    /// Share of requests that fail, as in 5%: with 503, or a dropped connection
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    error_rate: Share,

    /// Requests per second and host above which responses are 429 with Retry-After
    #[arg(long, value_name = "N")]
    rate_limit: Option<f64>,

    /// Random seed for generated pages and random faults
    #[arg(long, default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    change: ChangeArguments, // last, because its heading is for all that follows
}

/// How pages change, and what the server says about it: for a client that asks again.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pages that change")]
struct ChangeArguments {
    /// Share of pages with another text in each edition than in the one before, as in 5%
    ///
    /// Exactly that share, chosen by --seed; the other pages are the same to the byte. To see what a client makes of it,
    /// serve one edition, stop, and serve the next. /changes-since/1 lists what changed since edition 1. In a folder, the
    /// HTML files change: each letter of their text, but no markup.
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    churn: Share,

    /// The edition to serve, from 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 1)]
    edition: u64,

    /// Share of generated pages that each later edition has in addition
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    added: Share,

    /// Share of generated pages that each later edition lacks: they are a 404, and links to them stay
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    gone: Share,

    /// Give each response of a page other bytes, with the same text, as pages with nonces have
    #[arg(long)]
    nonces: bool,

    /// What sitemaps of generated pages say about when these changed
    #[arg(long, value_name = "WHAT", default_value = "none")]
    lastmod: LastmodChoice,

    /// Validators of pages, right or wrong; by default an ETag, and for files Last-Modified too
    #[arg(long, value_name = "WHICH")]
    validators: Option<ValidatorsChoice>,
}

/// What a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindChoice {
    /// An archive if it looks like one
    Auto,
    /// Files
    Files,
    /// An archive
    Archive,
}

/// What a sitemap says about when pages changed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LastmodChoice {
    /// Nothing
    None,
    /// The time when each page changed
    Truthful,
    /// Wrong: every page changed just now
    AlwaysNow,
    /// Wrong: no page has changed since it appeared
    NeverChanges,
}

/// Which validators pages have.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ValidatorsChoice {
    /// A strong ETag
    Etag,
    /// A weak ETag
    WeakEtag,
    /// Last-Modified
    LastModified,
    /// A strong ETag and Last-Modified
    Both,
    /// None
    None,
    /// Wrong: 304 whatever the client has, although the page may have changed
    #[value(name = "always-304")]
    Always304,
    /// Wrong: an ETag that changes with each response
    ChangingEtag,
    /// Wrong: an ETag without quotes
    UnquotedEtag,
    /// Wrong: a 304 has another ETag than the 200
    #[value(name = "other-etag-in-304")]
    OtherEtagIn304,
    /// Wrong: Last-Modified is in the future
    FutureDate,
    /// Wrong: Last-Modified is not a date
    MalformedDate,
}

/// The practice server, listening.
pub(crate) struct Served {
    origins: Vec<Origin>,
    site: Arc<Site>,
    replay: Option<Replay>,
}

impl ServeArguments {
    /// Starts to listen.
    ///
    /// # Errors
    /// When a setting is out of bounds, the folder cannot be read, or the port is taken.
    pub(crate) fn start(self) -> haul::Result<Served> {
        let (addresses, port) = (self.address.clone(), self.port);
        let (site, replay) = self.site()?;
        let site = Arc::new(site);
        let listen = |address: &IpAddr| Origin::at(SocketAddr::new(*address, port), site.clone());
        let origins = addresses
            .iter()
            .map(listen)
            .collect::<Result<_, _>>()
            .map_err(unserved)?;
        Ok(Served {
            origins,
            site,
            replay,
        })
    }

    /// The site, and the archive that it is made of.
    ///
    /// # Errors
    /// When a setting is out of bounds, or the folder or archive cannot be read.
    fn site(mut self) -> haul::Result<(Site, Option<Replay>)> {
        let serving = match (self.folder.take(), self.kind) {
            (None, _) => None,
            (Some(path), KindChoice::Auto) => Some(Serving::of(path)?),
            (Some(path), KindChoice::Files) => Some(Serving::Files(path)),
            (Some(path), KindChoice::Archive) => Some(Serving::archive(path)?),
        };
        match serving {
            Some(Serving::Archive(path)) => {
                self.refuse_practice()?;
                let waits = if self.as_recorded {
                    Waits::AsRecorded
                } else {
                    Waits::AsTold
                };
                let seal = serving::seal(self.authority.as_deref())?;
                let replay = Replay::open(&path)?;
                let site = replay.site(self.settings(None), waits).sealed(seal);
                Ok((site.build().map_err(unserved)?, Some(replay)))
            }
            other if self.as_recorded || self.authority.is_some() => Err(Error::Setting(format!(
                "--as-recorded and --authority are about archives, and {}",
                match other {
                    Some(files) => format!("{} is a folder of files", files.path().display()),
                    None => "none is served".to_owned(),
                }
            ))),
            other => {
                let folder = other.map(|files| files.path().to_owned());
                let site = Site::new(self.settings(folder)).map_err(unserved)?;
                Ok((site, None))
            }
        }
    }

    /// # Errors
    /// When a flag is about pages that change or are generated: those of an archive are as they were.
    fn refuse_practice(&self) -> haul::Result<()> {
        let change = &self.change;
        let given = [
            (self.pages > 0, "--pages"),
            (change.edition > 1, "--edition"),
            (change.churn.share() > 0.0, "--churn"),
            (change.added.share() > 0.0, "--added"),
            (change.gone.share() > 0.0, "--gone"),
            (change.nonces, "--nonces"),
            (change.validators.is_some(), "--validators"),
        ];
        match given.iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => Err(Error::Setting(format!(
                "{flag} is about the pages of a practice site, and an archive is served as it was recorded"
            ))),
            None => Ok(()),
        }
    }

    fn settings(&self, folder: Option<PathBuf>) -> OriginSettings {
        OriginSettings {
            folder,
            pages: self.pages,
            page_bytes: usize::try_from(self.size.0).unwrap_or(usize::MAX),
            latency: self.latency,
            jitter: self.jitter,
            bandwidth: self.bandwidth.and_then(|size| NonZeroU64::new(size.0)),
            error_rate: self.error_rate.share(),
            rate_limit: self.rate_limit,
            seed: self.seed,
            log: LogLevel::Counts,
            edition: self.change.edition,
            churn: self.change.churn.share(),
            added: self.change.added.share(),
            gone: self.change.gone.share(),
            nonces: self.change.nonces,
            lastmod: self.change.lastmod.into(),
            validators: self.change.validators.map(Validators::from),
            ..OriginSettings::default()
        }
    }
}

impl From<LastmodChoice> for Lastmod {
    fn from(choice: LastmodChoice) -> Lastmod {
        match choice {
            LastmodChoice::None => Lastmod::None,
            LastmodChoice::Truthful => Lastmod::Truthful,
            LastmodChoice::AlwaysNow => Lastmod::AlwaysNow,
            LastmodChoice::NeverChanges => Lastmod::NeverChanges,
        }
    }
}

impl From<ValidatorsChoice> for Validators {
    fn from(choice: ValidatorsChoice) -> Validators {
        match choice {
            ValidatorsChoice::Etag => Validators::Etag,
            ValidatorsChoice::WeakEtag => Validators::WeakEtag,
            ValidatorsChoice::LastModified => Validators::LastModified,
            ValidatorsChoice::Both => Validators::Both,
            ValidatorsChoice::None => Validators::None,
            ValidatorsChoice::Always304 => Validators::Always304,
            ValidatorsChoice::ChangingEtag => Validators::ChangingEtag,
            ValidatorsChoice::UnquotedEtag => Validators::UnquotedEtag,
            ValidatorsChoice::OtherEtagIn304 => Validators::OtherEtagIn304,
            ValidatorsChoice::FutureDate => Validators::FutureDate,
            ValidatorsChoice::MalformedDate => Validators::MalformedDate,
        }
    }
}

impl Served {
    /// The addresses that it listens on, one URL per line.
    pub(crate) fn addresses(&self) -> String {
        self.origins
            .iter()
            .map(|origin| origin.url("/") + "\n")
            .collect()
    }

    /// What is served and how to reach it, if that is an archive.
    pub(crate) fn contents(&self) -> String {
        let (Some(replay), Some(origin)) = (&self.replay, self.origins.first()) else {
            return String::new();
        };
        serving::contents(replay) + &serving::ways(&origin.host(), replay)
    }

    /// Serves until the first interrupt, and reports the number of requests.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub(crate) fn until_interrupted(self) -> haul::Result<String> {
        let failed = |source: std::io::Error| Error::Setup {
            what: "the event loop",
            source: source.into(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        runtime.block_on(async { haul::Result::Ok(Signals::catch()?.next().await) })?;
        let counts = self.site.log().counts();
        let text = format!(
            "served {} requests on {} connections\n",
            counts.requests, counts.connections
        );
        let misses = self.replay.as_ref().map(Replay::misses);
        let misses = misses.as_ref().and_then(serving::misses);
        Ok(text + &misses.unwrap_or_default())
    }
}
