//! Whether a thread that does not wait on the clock does anything at all: one in a `join` does not.

#[cfg(target_os = "linux")]
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A thread, as the system knows it; `None` where that cannot be told.
pub(super) type Task = Option<u32>;

/// This thread. Looked up once in each process: looking takes as long as many a fuzzed body.
#[cfg(target_os = "linux")]
pub(super) fn this_task() -> Task {
    thread_local! {
        static TASK: Cell<Option<(u32, Task)>> = const { Cell::new(None) };
    }
    // A child of this process has the same thread-locals, and other threads.
    let process = std::process::id();
    if let Ok(Some((_, task))) = TASK.try_with(|task| task.get().filter(|(of, _)| *of == process)) {
        return task;
    }
    // `/proc/thread-self` is a link to `PID/task/TID` (proc(5)).
    let look = || std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok();
    let task = look();
    let _ = TASK.try_with(|place| place.set(Some((process, task))));
    task
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

/// The threads of this process; `None` where that cannot be told.
pub(super) fn all_tasks() -> Option<BTreeSet<u32>> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let task = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    Some(tasks.filter_map(|entry| task(entry.ok()?)).collect())
}

/// Those that there were when somebody first asked for this: for clocks that are made a million times. Who came since is new to
/// all of them.
pub(super) fn first_tasks() -> Option<Arc<BTreeSet<u32>>> {
    static FIRST: OnceLock<Option<Arc<BTreeSet<u32>>>> = OnceLock::new();
    FIRST.get_or_init(|| all_tasks().map(Arc::new)).clone()
}

/// The threads of this process that no clock knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strangers {
    /// One runs, or is about to.
    Run,
    /// None does, but one is there that was not before.
    AreNew,
    /// Those that were there before sleep.
    Sleep,
    Untold,
}

impl Strangers {
    pub(super) fn since(before: Option<&BTreeSet<u32>>) -> Self {
        let Some((before, mut unknown)) = before.zip(all_tasks()) else { return Self::Untold };
        {
            let known = known_tasks();
            unknown.retain(|task| !known.contains(task));
        }
        let runs = |task: &u32| Sample::of(Some(*task)).is_some_and(|sample| !sample.sleeps);
        if unknown.iter().any(runs) {
            Self::Run
        } else if unknown.is_subset(before) {
            Self::Sleep
        } else {
            Self::AreNew
        }
    }
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
