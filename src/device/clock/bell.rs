//! What wakes those who wait on the clock: a condition variable that costs nothing while nobody does.
//!
//! `std::sync::Condvar` asks the system each time it is notified, whether anybody waits or not, and a link's ends notify
//! for each frame.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, LockResult, MutexGuard, WaitTimeoutResult};
use std::time::Duration;

/// All that wait go by one lock. What they wait for changes under that lock only: so whoever changed it and finds nobody
/// counted here, before or after letting go of the lock, has been seen by those that come later.
#[derive(Default)]
pub(super) struct Bell {
    condvar: Condvar,
    /// Changes under the lock, except that it is lowered after a wait.
    waiting: AtomicUsize,
}

impl Bell {
    pub(super) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let woken = self.condvar.wait(guard);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        woken
    }

    pub(super) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        at_most: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let woken = self.condvar.wait_timeout(guard, at_most);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        woken
    }

    pub(super) fn notify_all(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.condvar.notify_all();
        }
    }
}
