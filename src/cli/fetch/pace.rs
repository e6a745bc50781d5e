//! The flags about speed: how many requests at once, how often, on which engine, and for how long.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use haul::engine::{DEFAULT_IN_FLIGHT, Engine};
use haul::fetch::Bandwidth;
use haul::frontier::{FrontierSettings, Rate};
use haul::{ByteSize, Error, ShareSettings};

use super::shared;
use crate::cli::layers::Settings;

/// The size that `auto` stands for.
const DEFAULT: NonZeroUsize = NonZeroUsize::new(DEFAULT_IN_FLIGHT).expect("it is not 0");

/// How many requests, and how often.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct Pace {
    /// Total requests in flight; auto is 64
    #[arg(short, long, value_name = "N|auto", default_value = "auto")]
    concurrency: Concurrency,

    /// Requests in flight per host; 0 for no limit
    #[arg(long, value_name = "N", default_value = "8")]
    per_host: usize,

    /// Requests in flight per IP address, across all its hosts; 0 for no limit
    ///
    /// The address of a host is known after its first response; until then it gets one request at a time, and hosts under
    /// the same domain are assumed to share an address. Behind a proxy, the proxy's address counts.
    #[arg(long, value_name = "N", default_value = "0")]
    per_ip: usize,

    /// Adapt to what each host can take: between 1 and --per-host requests in flight
    ///
    /// More while responses stay fast, fewer when they slow down, and fewer at once after 429, 503, a timeout or a refused
    /// connection. If a host refuses even one at a time, haul finds a rate that it accepts.
    #[arg(long)]
    adaptive: bool,

    /// Limit all requests to this rate, as in 10/s or 300/m [default: no limit]
    #[arg(short, long, value_name = "N/UNIT")]
    rate: Option<Rate>,

    /// Time between two requests to the same host, as in 500ms
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = haul::duration)]
    delay: Duration,

    /// Receive at most this many bytes of bodies per second in all, as in 1M; 0 for no limit
    ///
    /// Compressed bodies count as they are received. With --engine processes, each child process gets an equal part.
    #[arg(long, value_name = "SIZE", default_value = "0")]
    limit_rate: ByteSize,

    /// Receive at most this many bytes of bodies per second from each host, as in 200K; 0 for no limit
    #[arg(long, value_name = "SIZE", default_value = "0")]
    limit_rate_per_host: ByteSize,
}

/// The engine, and the limits of the whole run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct Running {
    /// Stop the run after this time, as in 10m [default: no limit]
    ///
    /// Requests in flight are dropped, and the command that fetches the rest is printed. Exit code 124.
    #[arg(long, value_name = "DURATION", value_parser = haul::duration)]
    max_time: Option<Duration>,

    /// Ask hosts at this run's own pace, even if other runs of yours on this machine ask them too
    ///
    /// By default they share: --delay, the rates of hosts, Crawl-delay, Retry-After and pauses hold for all of them
    /// together. --rate is for this run alone.
    #[arg(long)]
    no_share: bool,

    /// Use at most about this much memory for decoded pages [default: 256M]
    ///
    /// A page waits for its share before it is decoded; one that is larger than the limit is decoded alone. Bodies as
    /// received do not count: above 1 MiB each is kept in a temporary file.
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,

    /// How requests are run: sequential, threads, blocking, async or processes
    ///
    /// A size may follow: threads:16, blocking:16, async:64, processes:4 (child processes) or processes:4x16 (child
    /// processes x requests in flight in each). Without a size, --concurrency sets it.
    #[arg(long, value_name = "ENGINE[:N|:PxN]", default_value = "async")]
    engine: EngineChoice,
}

/// How many requests may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concurrency {
    /// haul's own choice.
    Auto,
    /// This many.
    Count(NonZeroUsize),
}

/// An engine as given on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EngineChoice {
    engine: Engine,
    size: Size,
}

/// How much of an engine's size was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// Nothing: the concurrency is the size.
    Open,
    /// Child processes, and not how many requests in each.
    Processes,
    /// All of it.
    Whole,
}

impl Pace {
    /// Applies these flags to the frontier settings.
    pub(super) fn apply(&self, frontier: &mut FrontierSettings) {
        frontier.per_host = self.per_host;
        frontier.per_ip = self.per_ip;
        frontier.adaptive = self.adaptive;
        frontier.rate = self.rate;
        frontier.delay = self.delay;
    }

    /// The most bytes to receive in a second.
    pub(super) fn bandwidth(&self) -> Bandwidth {
        Bandwidth {
            in_all: self.limit_rate,
            per_host: self.limit_rate_per_host,
        }
    }

    /// Requests in flight for an engine that was given no size.
    pub(super) fn in_flight(&self) -> NonZeroUsize {
        match self.concurrency {
            Concurrency::Auto => DEFAULT,
            Concurrency::Count(count) => count,
        }
    }
}

impl Running {
    /// The longest that the run may take; `None` for no limit.
    pub(super) fn max_time(&self) -> Option<Duration> {
        self.max_time.filter(|limit| !limit.is_zero())
    }

    /// Where the pace of hosts is shared with other runs; `None` if it is not.
    pub(super) fn share(&self) -> Option<ShareSettings> {
        (!self.no_share).then(|| ShareSettings {
            folder: shared::folder(|name| std::env::var_os(name)),
            except: None,
        })
    }

    /// Memory for decoded pages.
    pub(super) fn max_memory(&self) -> Option<ByteSize> {
        self.max_memory
    }

    /// The engine in its final size.
    ///
    /// # Errors
    /// When --engine and --concurrency ask for different sizes, and neither overrides the other.
    pub(super) fn engine(&self, pace: &Pace, settings: &Settings) -> haul::Result<Engine> {
        let EngineChoice { engine, size } = self.engine;
        let Concurrency::Count(count) = pace.concurrency else {
            return Ok(sized(engine, size, DEFAULT));
        };
        if size != Size::Whole || engine.in_flight() == count.get() {
            return Ok(sized(engine, size, count));
        }
        match settings.rank("engine").cmp(&settings.rank("concurrency")) {
            std::cmp::Ordering::Greater => Ok(engine),
            std::cmp::Ordering::Less if engine != Engine::Sequential => {
                Ok(sized(engine, Size::Open, count))
            }
            _ => Err(Error::Setting(format!(
                "--engine {engine} means {} in flight but --concurrency is {count}: drop one of them",
                engine.in_flight()
            ))),
        }
    }
}

/// Fills in what was left open of an engine's size.
fn sized(engine: Engine, size: Size, count: NonZeroUsize) -> Engine {
    match engine {
        Engine::Threads(_) if size == Size::Open => Engine::Threads(count),
        Engine::Blocking(_) if size == Size::Open => Engine::Blocking(count),
        Engine::Async(_) if size == Size::Open => Engine::Async(count),
        Engine::Processes { processes, .. } if size != Size::Whole => {
            let processes = processes.min(count);
            let each = count.get().div_ceil(processes.get());
            Engine::Processes {
                processes,
                each: NonZeroUsize::new(each).unwrap_or(NonZeroUsize::MIN),
            }
        }
        engine => engine,
    }
}

impl FromStr for Concurrency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Concurrency::Auto);
        }
        match text.parse::<NonZeroUsize>() {
            Ok(count) => Ok(Concurrency::Count(count)),
            Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err("it has to be at least 1, and fit a 64-bit number".into())
            }
            // curl users expect -c to name a cookie jar.
            Err(_) => Err(format!(
                "{text:?} is neither a number nor auto (-c is --concurrency here; cookies are sent with -b, and written with --cookie-jar)"
            )),
        }
    }
}

impl FromStr for EngineChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let engine: Engine = text.parse()?;
        let size = match (engine, text.split_once(':')) {
            (Engine::Sequential, _) => Size::Whole,
            (_, None) => Size::Open,
            (Engine::Processes { .. }, Some((_, size))) if !size.contains('x') => Size::Processes,
            (_, Some(_)) => Size::Whole,
        };
        Ok(Self { engine, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_without_a_size_takes_the_concurrency() {
        for (text, count, whole) in [
            ("async", 10, "async:10"),
            ("threads", 10, "threads:10"),
            ("processes:4", 10, "processes:4x3"),
            ("processes:4", 2, "processes:2x1"),
            ("processes:4x16", 10, "processes:4x16"),
            ("sequential", 10, "sequential"),
        ] {
            let choice: EngineChoice = text.parse().unwrap();
            let count = NonZeroUsize::new(count).unwrap();
            assert_eq!(sized(choice.engine, choice.size, count).to_string(), whole);
        }
    }

    #[test]
    fn a_cookie_jar_for_a_concurrency_gets_a_hint() {
        assert!(
            "cookies.txt"
                .parse::<Concurrency>()
                .unwrap_err()
                .contains("-b")
        );
        assert!(
            "0".parse::<Concurrency>()
                .unwrap_err()
                .contains("at least 1")
        );
        assert_eq!("auto".parse(), Ok(Concurrency::Auto));
    }
}
