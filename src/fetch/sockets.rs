//! The open connections of one lane: their number is limited, and idle ones are closed.
//!
//! A client's own pool limits idle connections by host and by time, but not in number. A lane has its share of the
//! limit on open files. When a new connection would exceed it, the lane closes those that have been idle for
//! longest. Connections in use are never closed: the requests in flight limit their number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::process::{Resource, getrlimit};

use super::socket_state::SocketState;

/// The most connections of a run, whatever the limit on files: each costs memory.
const MOST: u64 = 4096;

/// The open connections of one lane.
#[derive(Debug)]
pub(super) struct Sockets {
    limit: usize,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    /// The number of connections, including those that are not in `made` yet.
    open: usize,
    next: u64,
    made: HashMap<u64, Arc<SocketState>>,
}

/// Room for one connection, released when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    sockets: Arc<Sockets>,
    number: u64,
}

/// The most connections that a run may have open.
///
/// That is half of the files that it may open, so that outputs, bodies, name lookups and connections in use have
/// the rest.
pub(super) fn limit() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from((files / 2).clamp(1, MOST)).unwrap_or(1)
}

impl Sockets {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            list: Mutex::default(),
        })
    }

    /// Makes room for a connection by closing idle ones if there is none.
    pub(super) fn room(self: &Arc<Self>) -> Room {
        let mut list = self.lock();
        if list.open >= self.limit {
            list.close_idle(self.limit);
        }
        list.open += 1;
        list.next += 1;
        Room {
            sockets: self.clone(),
            number: list.next,
        }
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    /// Closes the connections that have been idle for longest.
    ///
    /// It closes a few at once, so that the search is rare.
    fn close_idle(&mut self, limit: usize) {
        let now = Instant::now();
        let idle = self.made.iter().filter_map(|(number, state)| {
            let since = state.idle_since(now)?;
            Some((since, *number))
        });
        let mut idle: Vec<_> = idle.collect();
        idle.sort_unstable();
        let excess = self.open + 1 - limit;
        for (_, number) in idle.iter().take(excess.max(limit / 16)) {
            if let Some(state) = self.made.get(number) {
                state.close();
            }
        }
    }
}

impl Room {
    /// Stores the connection that the room was for.
    pub(super) fn fill(&self, state: &Arc<SocketState>) {
        self.sockets.lock().made.insert(self.number, state.clone());
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut list = self.sockets.lock();
        list.open -= 1;
        list.made.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::socket_state::Phases;
    use super::*;

    #[test]
    fn the_connection_that_was_idle_for_longest_is_closed_and_none_in_use() {
        let sockets = Sockets::new(3);
        let began = Instant::now() - Duration::from_secs(10);
        let address = ([127, 0, 0, 1], 80).into();
        let state = || SocketState::new(address, began, Phases::default(), None);
        let states = [state(), state(), state()].map(Arc::new);
        let rooms = states.each_ref().map(|state| {
            let room = sockets.room();
            room.fill(state);
            room
        });
        let [in_use, idle, just_used] = &states;
        in_use.wrote();
        just_used.wrote();
        just_used.finish(1);
        let fourth = sockets.room();
        let now = Instant::now();
        let is_idle = |state: &SocketState| state.idle_since(now).is_some();
        assert!(!is_idle(in_use) && is_idle(just_used));
        assert!(!is_idle(idle), "it is being closed");
        drop((rooms, fourth));
        assert_eq!(sockets.lock().open, 0);
    }

    #[test]
    fn a_connection_whose_next_request_is_under_way_is_in_use() {
        let address = ([127, 0, 0, 1], 80).into();
        let state = SocketState::new(address, Instant::now(), Phases::default(), None);
        state.wrote();
        let (first, writes) = state.answer();
        state.wrote();
        state.finish(writes);
        assert!(first && state.idle_since(Instant::now()).is_none());
    }
}
