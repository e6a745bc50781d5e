//! Open files: the limit that a run with thousands of sockets meets first.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::engine::Engine;

/// Files that are open beside the sockets: lists, outputs, bodies on their way to their names, libraries, pipes.
const BESIDE: u64 = 128;

/// Raises the limit as far as the system allows.
///
/// Returns the engine, lowered if the limit is still too low, and what to tell the user about that.
pub(crate) fn fit(engine: Engine) -> (Engine, Option<String>) {
    let wanted = engine.in_flight() as u64;
    // A request may need two sockets for a moment, as a connection that is not needed after all is finished and kept;
    // a loop has files of its own.
    let needed = wanted.saturating_mul(2).saturating_add(BESIDE);
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
    let room = current.saturating_sub(BESIDE).max(1);
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
