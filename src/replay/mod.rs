//! An archive served as the site that it was: each request gets the response that was stored for its URL.
//!
//! [`Replay`] opens an archive and knows where each response is; [`site`](Replay::site) makes a [`Site`] of it, for the
//! practice server. A response has the status, the fields and the body that were stored, without what was only true of
//! the connection that it came over. Invariant: memory grows by 32 bytes for each response, whatever its size, and what
//! the archive lacks is never mistaken for what it has: such a [miss](Misses) is a 404 with a field of its own.
//!
//! Of several responses to one URL, the latest is sent. Edge: a 304 says nothing to a client that does not have the
//! page, so the response before it is sent instead; pages in a folder have no fields but their type.

mod asked;
mod exchange;
mod hosts;
mod index;
mod misses;
mod reply;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use hosts::Hosts;
pub use misses::{MISS, Misses};

use crate::archive::{self, Damage, Entry, Rack};
use crate::error::{Error, Result};
use crate::origin::{OriginError, OriginSettings, Reply, Request, Response, Site, SiteBuilder};
use asked::Asked;
use exchange::Exchanges;
use hosts::HostCounts;
use index::{Capture, Index};
use misses::MissLog;

/// An archive, opened to be served.
#[derive(Clone)]
pub struct Replay {
    stored: Arc<Stored>,
}

/// How long responses wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Waits {
    /// As the settings of the server say.
    #[default]
    AsTold,
    /// As long as the first byte took when it was stored, as far as the archive has that; only haul and Heritrix store it.
    AsRecorded,
}

/// What the requests share.
struct Stored {
    path: PathBuf,
    rack: Rack,
    index: Index,
    hosts: Hosts,
    /// The folder for large bodies while they are sent.
    spool: PathBuf,
    misses: MissLog,
}

/// Whether a path is to be served as an archive: a file, or a folder with WARC files or with a list of saved pages.
pub fn is_archive(path: &Path) -> bool {
    archive::is_archive(path)
}

impl Replay {
    /// Opens an archive: a WARC file, a package of them, or a folder of either or of saved pages.
    ///
    /// It is read once, to its end.
    ///
    /// # Errors
    /// When it does not exist, has no response, or more than 100 million, or its responses cannot be read one by one.
    pub fn open(path: &Path) -> Result<Self> {
        let refused = |damage: Damage| Error::Setting(damage.to_string());
        let (mut index, mut exchanges) = (Index::new(), Exchanges::default());
        let mut hosts = HostCounts::default();
        let rack = Rack::open(path, &mut |entry| {
            match entry {
                Entry::Response { url, place, head } => {
                    let number = index.add(path, url, place, head)?;
                    hosts.count(url);
                    if let Some(head) = head {
                        exchanges.response(head, number, &mut index);
                    }
                }
                Entry::Other { head, block } => exchanges.other(head, block, &mut index)?,
            }
            Ok(())
        });
        let rack = rack.map_err(refused)?;
        if index.is_empty() {
            let why = match rack.damage().first() {
                Some(damage) => damage.to_string(),
                None => format!("{}: it has no stored response", path.display()),
            };
            return Err(Error::Setting(why));
        }
        index.sort();
        Ok(Self {
            stored: Arc::new(Stored {
                path: path.to_owned(),
                rack,
                index,
                hosts: hosts.most(),
                spool: std::env::temp_dir(),
                misses: MissLog::default(),
            }),
        })
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.stored.path
    }

    /// The hosts with the most responses.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.stored.hosts
    }

    /// What is damaged, in words: responses behind it are missing.
    pub fn damage(&self) -> impl Iterator<Item = String> {
        self.stored.rack.damage().iter().map(ToString::to_string)
    }

    /// What was asked for and not found, so far.
    #[must_use]
    pub fn misses(&self) -> Misses {
        self.stored.misses.so_far()
    }

    /// The URLs with a response to `GET`, each once, in the order of the archive; at most `most` of them.
    ///
    /// # Errors
    /// When the archive cannot be read again.
    pub fn urls(&self, most: usize) -> Result<Vec<String>> {
        self.stored.urls(most)
    }

    /// A site that has a response for each request, with settings for its pace and its log.
    #[must_use]
    pub fn site(&self, settings: OriginSettings, waits: Waits) -> SiteBuilder {
        let stored = Arc::clone(&self.stored);
        let answer = Response::read(move |request| stored.answer(request, waits));
        Site::builder().settings(settings).only(answer)
    }

    /// [`site`](Self::site), built.
    ///
    /// # Errors
    /// As [`Site::new`].
    pub fn build(&self, settings: OriginSettings, waits: Waits) -> Result<Site, OriginError> {
        self.site(settings, waits).build()
    }
}

impl Stored {
    fn answer(&self, request: &Request, waits: Waits) -> Response {
        let Some(asked) = Asked::of(request) else {
            let text = "haul: this is an archive; a request for it names a host and a path\n";
            return Reply::new(400).body(text).into();
        };
        match self.find(&asked, request) {
            Ok(Some((reply, took))) => {
                let reply = Response::from(reply.fitted_to(request));
                match waits {
                    Waits::AsRecorded => reply.after(took),
                    Waits::AsTold => reply,
                }
            }
            Ok(None) => self.misses.reply(request.method(), &asked.url).into(),
            Err(problem) => misses::unreadable(&asked.url, &problem).into(),
        }
    }

    /// The response to a request, and how long it took.
    fn find(&self, asked: &Asked, request: &Request) -> Result<Option<(Reply, Duration)>, String> {
        for exchange in exchange::candidates(request) {
            for capture in self.index.find(&asked.url, exchange, asked.is_exact) {
                if let Some(reply) = self.read(asked, capture)? {
                    let took = Duration::from_millis(u64::from(capture.took));
                    return Ok(Some((reply, took)));
                }
            }
        }
        Ok(None)
    }

    /// The response that was stored; `None` if it is another URL's, or not one to send.
    fn read(&self, asked: &Asked, capture: &Capture) -> Result<Option<Reply>, String> {
        let held = self.rack.hold(&asked.url, capture.place(), &self.spool);
        // A client has no business with the paths of this machine.
        let problem = |damage: Damage| format!("{}, at byte {}", damage.problem, damage.offset);
        let held = held.map_err(problem)?;
        let held = held.filter(|held| asked.is_for(&held.stored.url));
        held.and_then(reply::of)
            .transpose()
            .map_err(|error| error.to_string())
    }

    fn urls(&self, most: usize) -> Result<Vec<String>> {
        let mut urls = index::Distinct::of(&self.index, most);
        let read = Rack::open(&self.path, &mut |entry| {
            if let Entry::Response { url, .. } = entry {
                urls.add(url);
            }
            Ok(())
        });
        read.map_err(|damage| Error::Setting(damage.to_string()))?;
        Ok(urls.list)
    }
}
