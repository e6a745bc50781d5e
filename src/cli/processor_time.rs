//! Processor time of this process and of the children that it waited for.

use std::time::Duration;

/// The processor time used so far, of the program and of the kernel on its behalf; `None` where the system does not
/// say.
pub(crate) fn processor_time() -> Option<Duration> {
    of_stat(
        &std::fs::read_to_string("/proc/self/stat").ok()?,
        rustix::param::clock_ticks_per_second(),
    )
}

/// See proc_pid_stat(5): utime, stime, cutime and cstime are the fields 14 to 17. The second field is the program's
/// name in parentheses, which may hold anything.
fn of_stat(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let times: Vec<u64> = after_name
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let ticks: u64 = times.iter().sum();
    (times.len() == 4 && ticks_per_second > 0)
        .then(|| Duration::from_secs_f64(ticks as f64 / ticks_per_second as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "12 (a) b (c)) S 1 12 12 0 -1 4194304 1 2 3 4 150 50 20 30 20 0 9 0";
        assert_eq!(of_stat(stat, 100), Some(Duration::from_millis(2500)));
        assert_eq!(of_stat("12 (a) S 1", 100), None);
    }
}
