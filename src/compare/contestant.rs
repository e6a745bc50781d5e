//! An engine and the name under which it is compared.

use std::num::NonZeroUsize;

use crate::engine::{Engine, cores};

/// The most child processes when no size is given: each is a process with a client of its own.
const MOST_CHILDREN: usize = 64;

/// The engines that are compared by default.
pub const CONTESTANTS: [&str; 6] = [
    "sequential",
    "threads",
    "blocking",
    "async",
    "processes",
    "hybrid",
];

/// An engine and the name under which it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contestant {
    /// The name: `async`, or `async#2` for the second of that name.
    pub name: String,
    /// The engine with its size.
    pub engine: Engine,
    /// Whether the user gave its size; otherwise it follows the number of requests in flight.
    pub fixed: bool,
}

impl Contestant {
    /// Parses a list such as `async,threads:16,hybrid`.
    ///
    /// An engine without a size gets `in_flight` requests in flight.
    ///
    /// `processes` runs that many children with one request each; `hybrid` runs one child per core, which share the
    /// requests.
    ///
    /// # Errors
    /// When a word names no engine; the message quotes it.
    pub fn list(words: &[String], in_flight: NonZeroUsize) -> Result<Vec<Self>, String> {
        let mut contestants: Vec<Self> = Vec::new();
        for word in words.iter().map(|word| word.trim()) {
            let engine = engine(word, in_flight)?;
            let twins = contestants
                .iter()
                .filter(|other| other.name.split('#').next() == Some(word))
                .count();
            let name = match twins {
                0 => word.to_owned(),
                earlier => format!("{word}#{}", earlier + 1),
            };
            contestants.push(Self {
                name,
                engine,
                fixed: word.contains(':') || word == "sequential",
            });
        }
        if contestants.is_empty() {
            return Err(format!(
                "no engine is given; the engines are {}",
                CONTESTANTS.join(", ")
            ));
        }
        Ok(contestants)
    }

    /// The same engine with `in_flight` requests in flight, unless its size is fixed.
    pub(super) fn sized(&self, in_flight: NonZeroUsize) -> Self {
        let word = self.name.split('#').next().unwrap_or_default();
        Self {
            engine: match self.fixed {
                true => self.engine,
                false => engine(word, in_flight).unwrap_or(self.engine),
            },
            ..self.clone()
        }
    }
}

fn engine(word: &str, in_flight: NonZeroUsize) -> Result<Engine, String> {
    let at_most = |limit: usize| in_flight.min(NonZeroUsize::new(limit).unwrap_or(in_flight));
    Ok(match word {
        "threads" => Engine::Threads(in_flight),
        "blocking" => Engine::Blocking(in_flight),
        "async" => Engine::Async(in_flight),
        "processes" => Engine::Processes {
            processes: at_most(MOST_CHILDREN),
            each: NonZeroUsize::MIN,
        },
        "hybrid" => {
            let processes = at_most(cores());
            let each = in_flight.get().div_ceil(processes.get());
            Engine::Processes {
                processes,
                each: NonZeroUsize::new(each).unwrap_or(NonZeroUsize::MIN),
            }
        }
        other => match other.strip_prefix("hybrid:") {
            Some(size) => format!("processes:{size}").parse()?,
            None => other.parse().map_err(|_| {
                format!(
                    "{other:?} is not an engine; the engines are {}",
                    CONTESTANTS.join(", ")
                )
            })?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<(String, String)>, String> {
        let words: Vec<String> = text.split(',').map(str::to_owned).collect();
        let contestants = Contestant::list(&words, NonZeroUsize::new(64).unwrap())?;
        let pair =
            |contestant: &Contestant| (contestant.name.clone(), contestant.engine.to_string());
        Ok(contestants.iter().map(pair).collect())
    }

    #[test]
    fn engines_without_a_size_get_the_default_and_repeated_names_get_numbers() {
        let named = list("sequential,threads,processes,async,async,async:8,hybrid:4x16").unwrap();
        let engines: Vec<_> = named.iter().map(|(_, engine)| engine.as_str()).collect();
        assert_eq!(
            engines,
            [
                "sequential",
                "threads:64",
                "processes:64x1",
                "async:64",
                "async:64",
                "async:8",
                "processes:4x16"
            ]
        );
        assert_eq!(named[3].0, "async");
        assert_eq!(named[4].0, "async#2");
        assert!(list("async,fibers").unwrap_err().contains("fibers"));
    }
}
