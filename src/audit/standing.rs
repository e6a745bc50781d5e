//! The robots.txt of a host as it stood at a moment. One at a time is in memory.

use super::queue::Queue;
use super::request::RobotsFrom;
use crate::error::Result;
use crate::url::HostKey;

/// The robots.txt of a host as it stood at a moment.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Whether there is one at any time.
    pub(super) is_known: bool,
    robots: Option<RobotsFrom>,
    session: i64,
    from: i64,
    until: i64,
}

impl Standing {
    /// That of a host, before its first request.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of(host: &HostKey, queue: &Queue) -> Result<Self> {
        Ok(Self {
            is_known: queue.has_robots(host)?,
            ..Self::default()
        })
    }

    /// Finds the one that was known last at a moment of a session.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn find(
        &mut self,
        host: &HostKey,
        (session, at): (i64, i64),
        queue: &Queue,
    ) -> Result<()> {
        let is_same = self.session == session && (self.from..self.until).contains(&at);
        if self.is_known && !is_same {
            let (robots, until) = queue.robots_at(host, session, at)?;
            self.from = robots.as_ref().map_or(i64::MIN, |robots| robots.at);
            (self.robots, self.session, self.until) = (robots, session, until);
        }
        Ok(())
    }

    /// The one that was found; `None` if none was known yet.
    pub(super) fn robots(&self) -> Option<&RobotsFrom> {
        self.robots.as_ref()
    }
}
