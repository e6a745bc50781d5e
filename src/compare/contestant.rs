//! An engine under the name that it is compared by.

use std::num::NonZeroUsize;

use crate::engine::{Engine, cores};

/// Child processes at the most where nobody says how many: each is a process with a client of its own.
const MOST_CHILDREN: usize = 64;

/// The engines that are compared where nobody says which.
pub const CONTESTANTS: [&str; 6] = [
    "sequential",
    "threads",
    "blocking",
    "async",
    "processes",
    "hybrid",
];

/// An engine under the name that it is compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contestant {
    /// Its name: `async`, or `async#2` for the second of that name.
    pub name: String,
    /// The engine, with its size.
    pub engine: Engine,
    /// Whether its size was said; otherwise it follows what is to be in flight.
    pub fixed: bool,
}

impl Contestant {
    /// Reads a list such as `async,threads:16,hybrid`; without a size an engine has `in_flight` requests in flight.
    ///
    /// `processes` is as many children with one request each, `hybrid` a child a core with its share of the requests.
    ///
    /// # Errors
    /// Which word is no engine.
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
            return Err(format!("no engine is named: {}", CONTESTANTS.join(", ")));
        }
        Ok(contestants)
    }

    /// The same with so many in flight, where its size is open.
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
            None => other
                .parse()
                .map_err(|_| format!("{other:?} is no engine: {}", CONTESTANTS.join(", ")))?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<(String, String)>, String> {
        let words: Vec<String> = text.split(',').map(str::to_owned).collect();
        let contestants = Contestant::list(&words, NonZeroUsize::new(64).unwrap())?;
        let told =
            |contestant: &Contestant| (contestant.name.clone(), contestant.engine.to_string());
        Ok(contestants.iter().map(told).collect())
    }

    #[test]
    fn without_a_size_every_engine_has_as_many_in_flight_and_twins_have_numbers() {
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
