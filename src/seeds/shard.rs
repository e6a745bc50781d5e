//! A shard of a list: the rows of some of its sites, so that several machines can share a list.
//!
//! Invariant: every row is in exactly one of the shards, all rows of a site are in the same one, and neither the machine
//! nor the version of haul decides which. So machines that know nothing of each other ask no host together.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64;

use super::entry::Entry;
use crate::page::failure::FetchError;

/// One of several shards of a list, written as `2/8`: the second of eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: NonZeroU32,
    count: NonZeroU32,
}

impl Shard {
    /// Shard `number`, from 1, of `count`; `None` if there are fewer.
    pub fn new(number: u32, count: u32) -> Option<Self> {
        let (number, count) = (NonZeroU32::new(number)?, NonZeroU32::new(count)?);
        (number <= count).then_some(Self { number, count })
    }

    /// Whether the rows of a site belong to the shard.
    pub fn has_site(&self, site: &str) -> bool {
        let hash = u128::from(xxh3_64(site.as_bytes()));
        // The hash as a fraction of its range, so that each shard gets the same share.
        let shard = (hash * u128::from(self.count.get())) >> 64;
        shard + 1 == u128::from(self.number.get())
    }

    /// Whether a row belongs to the shard. A row that is no URL belongs to one by its text.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Job(job) => self.has_site(job.url.site()),
            Entry::Bad(visit) => match &visit.outcome {
                Err(FetchError::Malformed { text, .. }) => self.has_site(text),
                _ => self.has_site(""),
            },
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(number, count)| {
            let (number, count) = (number.parse().ok()?, count.parse().ok()?);
            Self::new(number, count)
        });
        parsed.ok_or_else(|| {
            format!("{text:?} is not a shard: write 1/8, 2/8, … 8/8 for the eight shards of a list")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_written_as_its_number_of_how_many() {
        assert_eq!("2/8".parse(), Ok(Shard::new(2, 8).unwrap()));
        assert_eq!("8/8".parse::<Shard>().unwrap().to_string(), "8/8");
        for wrong in [
            "", "0/8", "9/8", "1/0", "1", "1/", "/8", "-1/8", "1/8/2", "1.5/8",
        ] {
            let problem = wrong.parse::<Shard>().unwrap_err();
            assert!(problem.contains("is not a shard: write 1/8"), "{problem}");
        }
    }

    #[test]
    fn a_site_stays_in_its_shard_from_version_to_version() {
        let shard =
            |site: &str| (1..=8).find(|number| Shard::new(*number, 8).unwrap().has_site(site));
        let sites = ["example.org", "example.com", "a.localhost", "127.0.0.1"];
        assert_eq!(sites.map(shard), [3, 5, 1, 5].map(Some));
    }
}
