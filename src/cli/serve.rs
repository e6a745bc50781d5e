//! `haul serve`: the practice server from the command line.
//!
//! The server itself is [`haul::origin`]; this file has its flags, prints its addresses, and waits for the interrupt.

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use haul::origin::{Lastmod, LogLevel, Origin, OriginError, OriginSettings, Site, Validators};
use haul::{ByteSize, Error};

use super::exit::Share;
use super::interrupt::Signals;

/// What is served, where, and how badly.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Serve this folder; serve.toml in it sets rules, and hosts/NAME/ is the root of the host NAME
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

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
}

/// Starts to serve a folder on a free port of this machine, for the duration of a run.
///
/// # Errors
/// When the folder or its rules cannot be read.
pub(crate) fn serve_folder(folder: PathBuf) -> haul::Result<Origin> {
    let log = LogLevel::Counts;
    let folder = Some(folder);
    let settings = OriginSettings {
        folder,
        log,
        ..OriginSettings::default()
    };
    Origin::start(settings).map_err(unserved)
}

impl ServeArguments {
    /// Starts to listen.
    ///
    /// # Errors
    /// When a setting is out of bounds, the folder cannot be read, or the port is taken.
    pub(crate) fn start(self) -> haul::Result<Served> {
        let settings = OriginSettings {
            folder: self.folder,
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
        };
        let site = Arc::new(Site::new(settings).map_err(unserved)?);
        let listen =
            |address: &IpAddr| Origin::at(SocketAddr::new(*address, self.port), site.clone());
        let origins = self
            .address
            .iter()
            .map(listen)
            .collect::<Result<_, _>>()
            .map_err(unserved)?;
        Ok(Served { origins, site })
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
        Ok(format!(
            "served {} requests on {} connections\n",
            counts.requests, counts.connections
        ))
    }
}

/// Turns a server error into a message with the flag and all causes on one line.
fn unserved(error: OriginError) -> Error {
    if let OriginError::Setting { setting, why } = &error {
        let flag = setting.replace("page_bytes", "size").replace('_', "-");
        return Error::Setting(format!("--{flag} is out of bounds: {why}"));
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(because) = cause {
        text.push_str(&format!(": {because}"));
        cause = because.source();
    }
    Error::Setting(text)
}
