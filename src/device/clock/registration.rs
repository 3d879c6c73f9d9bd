//! A thread that ends is nobody's party any more.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::thread::ThreadId;

use super::asleep::{Task, known_tasks};
use super::scheduler::Scheduler;

/// The clocks that know a thread. Dropped when the thread ends.
struct Known {
    thread: ThreadId,
    task: Task,
    by: Vec<Weak<Scheduler>>,
}

impl Drop for Known {
    fn drop(&mut self) {
        if let Some(task) = self.task {
            known_tasks().remove(&task);
        }
        for scheduler in self.by.iter().filter_map(Weak::upgrade) {
            scheduler.forget(self.thread);
        }
    }
}

thread_local! {
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
}

/// Lets `scheduler` forget this thread when it ends. Gives false on a thread that is ending already.
pub(super) fn remember(scheduler: &Arc<Scheduler>, thread: ThreadId, task: Task) -> bool {
    KNOWN
        .try_with(|known| {
            let mut known = known.borrow_mut();
            let known = known.get_or_insert_with(|| {
                known_tasks().extend(task);
                Known { thread, task, by: Vec::new() }
            });
            known.by.retain(|scheduler| scheduler.strong_count() > 0);
            known.by.push(Arc::downgrade(scheduler));
        })
        .is_ok()
}
