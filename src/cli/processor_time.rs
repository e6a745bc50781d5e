//! CPU time of this process and of the child processes that it waited for.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// The CPU time used so far, by the program and by the kernel on its behalf. `None` if the system does not say.
pub(crate) fn processor_time() -> Option<Duration> {
    let of = |who| {
        let usage = getrusage(who).ok()?;
        let micros = [usage.user_time(), usage.system_time()].map(|time| time.num_microseconds());
        Some(Duration::from_micros(
            micros.iter().sum::<i64>().unsigned_abs(),
        ))
    };
    Some(of(UsageWho::RUSAGE_SELF)? + of(UsageWho::RUSAGE_CHILDREN)?)
}
