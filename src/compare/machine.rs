//! What the system reports about the machine, this process, and other load.
//!
//! From `/proc` and getrusage(2); if one of them is missing, its figures are `None` and the diagnosis says so.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::engine::cores;

/// The machine on which a comparison ran.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The number of processors that this process may use.
    pub cores: usize,
    /// The processors' model name.
    pub cpu: Option<String>,
    /// The memory of the machine.
    pub memory_bytes: Option<u64>,
    /// The kernel and the architecture.
    pub system: String,
    /// The one-minute load average before the first round.
    pub load: Option<f64>,
}

/// What a process, and the children that it waited for, have used so far.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Usage {
    pub(super) user: Duration,
    pub(super) system: Duration,
    pub(super) voluntary: u64,
    pub(super) involuntary: u64,
}

/// What the processes of a round occupy at one moment.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Footprint {
    /// The sum of the peak memory of all processes.
    pub(super) peak_bytes: u64,
    pub(super) threads: u64,
    pub(super) processes: u64,
}

/// How busy the processors and the disk have been since the system started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Busy {
    pub(super) busy: Duration,
    pub(super) all: Duration,
    /// Time in which at least one task was stalled by the disk; `None` if the kernel has no PSI.
    pub(super) disk: Option<Duration>,
}

impl Usage {
    /// The usage of this process, and with `children` also of those that it waited for.
    pub(super) fn now(children: bool) -> Self {
        let mut sum = Self::default();
        let who = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN];
        for who in &who[..1 + usize::from(children)] {
            let Ok(usage) = getrusage(*who) else { continue };
            sum.user += duration(usage.user_time());
            sum.system += duration(usage.system_time());
            sum.voluntary += usage.voluntary_context_switches().unsigned_abs();
            sum.involuntary += usage.involuntary_context_switches().unsigned_abs();
        }
        sum
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            voluntary: self.voluntary.saturating_sub(before.voluntary),
            involuntary: self.involuntary.saturating_sub(before.involuntary),
        }
    }

    pub(super) fn time(self) -> Duration {
        self.user + self.system
    }
}

fn duration(time: nix::sys::time::TimeVal) -> Duration {
    let micros = time.tv_usec().unsigned_abs();
    Duration::from_secs(time.tv_sec().unsigned_abs()) + Duration::from_micros(micros)
}

impl Footprint {
    /// The sum over this process and its children; `None` if there is no `/proc`.
    pub(super) fn now() -> Option<Self> {
        let mut sum = Self::of("self")?;
        for child in children() {
            if let Some(footprint) = Self::of(&child) {
                sum.peak_bytes += footprint.peak_bytes;
                sum.threads += footprint.threads;
                sum.processes += footprint.processes;
            }
        }
        Some(sum)
    }

    fn of(process: &str) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        Some(Self {
            peak_bytes: field(&status, "VmHWM:")? * 1024,
            threads: field(&status, "Threads:")?,
            processes: 1,
        })
    }
}

/// How long threads of this process and its children were ready but waited for a processor.
///
/// Only threads that still run count. See sched-stats in the kernel's documentation; `None` if there is no such file.
pub(super) fn run_queue() -> Option<Duration> {
    let mut processes = children();
    processes.push("self".to_owned());
    let waits = processes.iter().flat_map(|process| {
        let tasks = fs::read_dir(format!("/proc/{process}/task"));
        tasks.into_iter().flatten().flatten()
    });
    waits
        .filter_map(|task| {
            let line = fs::read_to_string(task.path().join("schedstat")).ok()?;
            let nanos = line.split_whitespace().nth(1)?.parse().ok()?;
            Some(Duration::from_nanos(nanos))
        })
        .reduce(|one, other| one + other)
}

/// The children of this process, no matter which thread started them.
fn children() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let lists = tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Busy {
    /// The figures so far; `None` if the system does not report them.
    pub(super) fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        let disk = fs::read_to_string("/proc/pressure/io").ok();
        let (busy, all) = busy(&stat)?;
        let time = |count: u64| Duration::from_secs_f64(count as f64 / ticks as f64);
        Some(Self {
            busy: time(busy),
            all: time(all),
            disk: disk.as_deref().and_then(stalled_time),
        })
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            busy: self.busy.saturating_sub(before.busy),
            all: self.all.saturating_sub(before.all),
            disk: self
                .disk
                .zip(before.disk)
                .map(|(now, then)| now.saturating_sub(then)),
        }
    }
}

/// The busy ticks and all ticks, from the line that sums up all processors.
///
/// See proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; the time of guests is included in user.
fn busy(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let times: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map_while(|word| word.parse().ok())
        .collect();
    let all: u64 = times.iter().sum();
    let idle = times.get(3)? + times.get(4).unwrap_or(&0);
    Some((all - idle, all))
}

/// The time in which some task was stalled, from a file of the kernel's PSI.
fn stalled_time(pressure: &str) -> Option<Duration> {
    let line = pressure.lines().find(|line| line.starts_with("some"))?;
    let total = line.split_once("total=")?.1;
    total.trim().parse().ok().map(Duration::from_micros)
}

impl Machine {
    /// Describes this machine as it is now.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let name = cpu.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == "model name").then(|| value.trim().to_owned())
        });
        let kernel = rustix::system::uname();
        let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        Self {
            cores: cores(),
            cpu: name,
            memory_bytes: field(&read("/proc/meminfo"), "MemTotal:").map(|kib| kib * 1024),
            system: format!(
                "{} {} {}",
                text(kernel.sysname()),
                text(kernel.release()),
                text(kernel.machine())
            ),
            load: read("/proc/loadavg")
                .split_whitespace()
                .next()
                .and_then(|load| load.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_for_the_disk_are_not_busy() {
        let stat = "cpu  100 5 50 800 20 1 2 3 0 0\ncpu0 1 1 1 1\n";
        assert_eq!(busy(stat), Some((161, 981)));
        assert_eq!(busy("intr 5"), None);
    }

    #[test]
    fn pressure_is_the_time_in_which_some_task_was_stalled() {
        let text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500\nfull avg10=0.00 total=9\n";
        assert_eq!(stalled_time(text), Some(Duration::from_micros(1500)));
        assert_eq!(stalled_time(""), None);
    }

    #[test]
    fn this_process_has_memory_threads_and_processor_time() {
        let footprint = Footprint::now().unwrap();
        assert!(footprint.peak_bytes > 1 << 20 && footprint.threads > 0 && footprint.processes > 0);
        let before = Usage::now(false);
        let mut sum = 0_u64;
        while Usage::now(false).since(before).time() < Duration::from_millis(2) {
            sum = sum.wrapping_mul(31).wrapping_add(1);
        }
        assert!(Usage::now(true).time() >= before.time(), "{sum}");
    }
}
