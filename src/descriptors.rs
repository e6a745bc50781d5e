//! The limit on open files, which a run with thousands of sockets reaches first.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::engine::Engine;

/// Files that are open besides the sockets: lists, outputs, unfinished bodies, libraries, pipes.
const OTHER_FILES: u64 = 128;

/// Raises the limit on open files as far as the system allows.
///
/// Returns the engine, with fewer requests in flight if the limit is still too low, and a notice about that.
pub(crate) fn fit(engine: Engine) -> (Engine, Option<String>) {
    let wanted = engine.in_flight() as u64;
    // A request may briefly need two sockets, because a connection that turned out not to be needed is still finished
    // and kept; an event loop has files of its own.
    let needed = wanted.saturating_mul(2).saturating_add(OTHER_FILES);
    let limit = getrlimit(Resource::Nofile);
    let mut current = limit.current.unwrap_or(u64::MAX);
    if current < needed {
        let raised = limit.maximum.unwrap_or(needed.max(1 << 20)).max(current);
        if setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(raised),
                maximum: limit.maximum,
            },
        )
        .is_ok()
        {
            current = raised;
        }
    }
    let room = current.saturating_sub(OTHER_FILES).max(1);
    if room >= wanted {
        return (engine, None);
    }
    let lowered = NonZeroUsize::new(room as usize).unwrap_or(NonZeroUsize::MIN);
    let engine = match engine {
        Engine::Async(_) => Engine::Async(lowered),
        Engine::Threads(_) => Engine::Threads(lowered),
        Engine::Blocking(_) => Engine::Blocking(lowered),
        // Each child has a limit of its own, raised here and inherited.
        Engine::Sequential | Engine::Processes { .. } | Engine::Stored | Engine::Stub(_) => {
            return (engine, None);
        }
    };
    let notice = format!(
        "only {current} files may be open: {lowered} requests in flight instead of {wanted} (ulimit -n raises it)"
    );
    (engine, Some(notice))
}
