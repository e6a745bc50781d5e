//! The flags that say how fast: how much at once, how often, on which engine, for how long.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use haul::engine::{DEFAULT_IN_FLIGHT, Engine};
use haul::frontier::{FrontierSettings, Rate};
use haul::{ByteSize, Error};

use crate::cli::layers::Settings;

/// The size that `auto` stands for.
const DEFAULT: NonZeroUsize = NonZeroUsize::new(DEFAULT_IN_FLIGHT).expect("it is above 0");

/// How fast.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct Pace {
    /// Requests in flight in all; auto is 64
    #[arg(short, long, value_name = "N|auto", default_value = "auto")]
    concurrency: Concurrency,

    /// Requests in flight on one host; 0 for no limit
    #[arg(long, value_name = "N", default_value = "8")]
    per_host: usize,

    /// Requests in flight on one address, over all its hosts; 0 for no limit
    ///
    /// An address is known from the first answer of a host, and until then a host has one request in flight. Names below one
    /// name are taken to share an address until one of them has answered. Behind a proxy, its address is the one that counts.
    #[arg(long, value_name = "N", default_value = "0")]
    per_ip: usize,

    /// Find out what each host bears: between 1 and --per-host in flight
    ///
    /// More while answers come as fast as ever, fewer when they come slower, and fewer at once after 429, 503, a time-out or a
    /// refused connection. Where one at a time is still refused, haul finds the rate that is not.
    #[arg(long)]
    adaptive: bool,

    /// Requests over time in all, as in 10/s or 300/m [default: no limit]
    #[arg(short, long, value_name = "N/UNIT")]
    rate: Option<Rate>,

    /// Time from one request to a host to the next, as in 500ms
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = haul::duration)]
    delay: Duration,
}

/// On which engine, and for how long.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct Running {
    /// End the whole run after this time, as in 10m [default: no limit]
    ///
    /// What is in flight then is dropped, and the command that fetches what is missing is printed. Exit code 124.
    #[arg(long, value_name = "DURATION", value_parser = haul::duration)]
    max_time: Option<Duration>,

    /// Let decoded pages take about this much memory together [default: 256M]
    ///
    /// A page waits for its share before it is decoded, and one that is larger than all of it goes alone. Bodies as received
    /// are not counted: above 1 MiB each is in a file.
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,

    /// Who waits for the answers: sequential, threads, blocking, async or processes
    ///
    /// A size may follow: threads:16, blocking:16, async:64, processes:4 (children) or processes:4x16 (children, and
    /// requests in flight in each). Without one it is --concurrency.
    #[arg(long, value_name = "ENGINE[:N|:PxN]", default_value = "async")]
    engine: EngineChoice,
}

/// How many requests may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concurrency {
    /// As many as haul thinks right.
    Auto,
    /// So many.
    Count(NonZeroUsize),
}

/// An engine as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EngineChoice {
    engine: Engine,
    size: Size,
}

/// How much of an engine's size was said.
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
    /// What these flags ask of the frontier.
    pub(super) fn apply(&self, frontier: &mut FrontierSettings) {
        frontier.per_host = self.per_host;
        frontier.per_ip = self.per_ip;
        frontier.adaptive = self.adaptive;
        frontier.rate = self.rate;
        frontier.delay = self.delay;
    }

    /// How many requests may be in flight, for an engine whose size is open.
    pub(super) fn in_flight(&self) -> NonZeroUsize {
        match self.concurrency {
            Concurrency::Auto => DEFAULT,
            Concurrency::Count(count) => count,
        }
    }
}

impl Running {
    /// How long the run may take; zero is no limit.
    pub(super) fn max_time(&self) -> Option<Duration> {
        self.max_time.filter(|limit| !limit.is_zero())
    }

    /// How much memory decoded pages may take.
    pub(super) fn max_memory(&self) -> Option<ByteSize> {
        self.max_memory
    }

    /// The engine, in the size that was asked for.
    ///
    /// # Errors
    /// When --engine and --concurrency name two different sizes in the same breath.
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
                "--engine {engine} has {} in flight and --concurrency says {count}: leave one of them out",
                engine.in_flight()
            ))),
        }
    }
}

/// The engine with what was left open of its size filled in.
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
                Err("at least 1 request has to be in flight, and no more than fit a number".into())
            }
            // Whoever writes -c cookies.txt thinks of curl's cookie jar.
            Err(_) => Err(format!(
                "{text:?} is neither a number nor auto (-c is --concurrency here; cookies are sent with -b 'name=value')"
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
