//! The available engines, their names, and the number of requests they have in flight.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{cpu, stored};

/// How responses are waited for, and how many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Engine {
    /// One request after another.
    Sequential,
    /// N threads, each driving one request on its own runtime.
    Threads(NonZeroUsize),
    /// N threads, each with one request on a blocking socket.
    Blocking(NonZeroUsize),
    /// N requests on event loops, one per core.
    Async(NonZeroUsize),
    /// Child processes, with several requests in each.
    Processes {
        /// The number of child processes.
        processes: NonZeroUsize,
        /// The number of requests in flight in each.
        each: NonZeroUsize,
    },
    /// No requests: every page comes from archives, and all cores parse.
    ///
    /// It has no name in `--engine`.
    #[doc(hidden)]
    Stored,
    /// No requests: every job returns at once, to measure the loop.
    ///
    /// It has no name in `--engine`.
    #[doc(hidden)]
    Stub(NonZeroUsize),
}

/// The names of the engines that `--engine` accepts.
pub const ENGINES: [&str; 5] = ["sequential", "threads", "blocking", "async", "processes"];

/// The default number of requests in flight.
pub const DEFAULT_IN_FLIGHT: usize = 64;

impl Engine {
    /// The number of requests that may be in flight.
    pub fn in_flight(&self) -> usize {
        match self {
            Engine::Sequential => 1,
            Engine::Threads(count)
            | Engine::Blocking(count)
            | Engine::Async(count)
            | Engine::Stub(count) => count.get(),
            Engine::Processes { processes, each } => processes.get() * each.get(),
            Engine::Stored => stored::PER_CORE * cpu::cores(),
        }
    }
}

impl FromStr for Engine {
    type Err = String;

    /// Reads an engine with or without a size.
    ///
    /// Examples are `async`, `async:64`, `threads:16`, `processes:4`, `processes:4x16`, and `hybrid:4x16`, which is
    /// the same. Without a number the default size of the engine is used.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, size) = text
            .split_once(':')
            .map_or((text, None), |(name, size)| (name, Some(size)));
        let number = |text: &str| {
            text.parse::<NonZeroUsize>()
                .map_err(|_| format!("{text:?} in {name}:{text} is not a number above 0"))
        };
        let or = |default: usize| match size {
            Some(size) => number(size),
            None => Ok(NonZeroUsize::new(default).unwrap_or(NonZeroUsize::MIN)),
        };
        match name {
            "sequential" if size.is_none() => Ok(Engine::Sequential),
            "sequential" => {
                Err("sequential takes no size: it sends one request at a time".to_owned())
            }
            "threads" => Ok(Engine::Threads(or(DEFAULT_IN_FLIGHT)?)),
            "blocking" => Ok(Engine::Blocking(or(DEFAULT_IN_FLIGHT)?)),
            "async" => Ok(Engine::Async(or(DEFAULT_IN_FLIGHT)?)),
            // Several in flight in each child: `haul compare` calls it hybrid, and it is the best size of processes.
            "processes" | "hybrid" => {
                let cores = cpu::cores();
                let (processes, each) = match size.and_then(|size| size.split_once('x')) {
                    Some((processes, each)) => (number(processes)?, number(each)?),
                    None => {
                        let processes = or(cores)?;
                        let each = DEFAULT_IN_FLIGHT.div_ceil(processes.get());
                        (
                            processes,
                            NonZeroUsize::new(each).unwrap_or(NonZeroUsize::MIN),
                        )
                    }
                };
                Ok(Engine::Processes { processes, each })
            }
            other => Err(format!(
                "unknown engine {other:?}; the engines are {}",
                ENGINES.join(", ")
            )),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Engine::Sequential => f.write_str("sequential"),
            Engine::Threads(count) => write!(f, "threads:{count}"),
            Engine::Blocking(count) => write!(f, "blocking:{count}"),
            Engine::Async(count) => write!(f, "async:{count}"),
            Engine::Stored => f.write_str("stored"),
            Engine::Stub(count) => write!(f, "stub:{count}"),
            Engine::Processes { processes, each } => write!(f, "processes:{processes}x{each}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_read_as_it_is_written() {
        for text in [
            "sequential",
            "threads:16",
            "blocking:3",
            "async:64",
            "processes:4x16",
        ] {
            assert_eq!(text.parse::<Engine>().unwrap().to_string(), text);
        }
        assert_eq!("async".parse::<Engine>().unwrap().in_flight(), 64);
        assert_eq!("processes:2".parse::<Engine>().unwrap().in_flight(), 64);
        for wrong in [
            "",
            "fibers",
            "async:0",
            "sequential:2",
            "processes:2x",
            "threads:x",
        ] {
            assert!(wrong.parse::<Engine>().is_err(), "{wrong}");
        }
    }
}
