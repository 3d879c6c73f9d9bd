//! Whether a thread that does not wait on the clock does anything at all: one in a `join` does not.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A thread, as the system knows it; `None` where that cannot be told.
pub(super) type Task = Option<u32>;

/// This thread.
#[cfg(target_os = "linux")]
pub(super) fn this_task() -> Task {
    // `/proc/thread-self` is a link to `PID/task/TID` (proc(5)).
    std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn this_task() -> Task {
    None
}

/// The threads that any clock of this process knows.
pub(super) fn known_tasks() -> MutexGuard<'static, BTreeSet<u32>> {
    static KNOWN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a thread of this process runs, or is about to, that no clock knows.
pub(super) fn unknown_tasks_run() -> bool {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return false };
    let unknown = {
        let known = known_tasks();
        let task = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
        tasks.filter_map(|entry| task(entry.ok()?)).filter(|task| !known.contains(task)).collect::<Vec<u32>>()
    };
    unknown.into_iter().any(|task| Sample::of(Some(task)).is_some_and(|sample| !sample.sleeps))
}

/// What a thread was doing at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    sleeps: bool,
    /// How often it went to sleep so far. Between two equal samples it slept all the time.
    times: String,
}

impl Sample {
    /// `None` when it cannot be told.
    pub(super) fn of(task: Task) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/self/task/{}/status", task?)).ok()?;
        let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let sleeps = value("State:")?.starts_with('S');
        Some(Self { sleeps, times: value("voluntary_ctxt_switches:")?.to_owned() })
    }

    /// Whether it has slept since `earlier`, all the time.
    pub(super) fn slept_since(&self, earlier: &Self) -> bool {
        self.sleeps && self == earlier
    }
}
