//! The thread that a wrapped device has while something is late: it sleeps until that is due, does it, and ends when
//! nothing is left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::device::Core;
use crate::device::Device;

#[derive(Default)]
pub(super) struct Timer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The device is dropped.
    stopped: bool,
    running: bool,
    /// Until when the thread sleeps.
    until: Option<Instant>,
    thread: Option<JoinHandle<()>>,
}

impl Timer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread has ended when this returns.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let thread = state.thread.take();
        drop(state);
        self.changed.notify_all();
        if let Some(thread) = thread {
            // It catches what panics in it.
            let _ = thread.join();
        }
    }
}

impl<D: Device + ?Sized + 'static> Core<D> {
    /// Something may be due earlier than the thread knows, or there is no thread yet.
    pub(super) fn set_timer(self: &Arc<Self>) {
        let Some(next) = self.next() else { return };
        let mut state = self.timer.lock();
        if state.stopped {
            return;
        }
        if state.running {
            if state.until.is_some_and(|until| next < until) {
                self.timer.changed.notify_all();
            }
            return;
        }
        if let Some(ended) = state.thread.take() {
            // It said so as the last thing it did.
            let _ = ended.join();
        }
        let core = Arc::clone(self);
        let name = format!("{} faults", self.device.name().unwrap_or_default().replace('\0', "?"));
        match thread::Builder::new().name(name).spawn(move || core.keep_time()) {
            Ok(thread) => (state.running, state.thread) = (true, Some(thread)),
            Err(error) => {
                drop(state);
                self.faults.trouble().failed(format!("no thread could be started for what is late: {error}"));
            }
        }
    }

    fn keep_time(&self) {
        let mut state = self.timer.lock();
        while !state.stopped {
            // The time is asked behind that, so that what is due now is due.
            let (next, now) = (self.next(), Instant::now());
            match next {
                None => break,
                Some(due) if due > now => {
                    state.until = Some(due);
                    let woken = self.timer.changed.wait_timeout(state, due - now);
                    (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
                    state.until = None;
                }
                Some(_) => {
                    drop(state);
                    // A device may be anybody's, and so may a pattern.
                    if catch_unwind(AssertUnwindSafe(|| self.do_what_is_due(now))).is_err() {
                        self.faults.trouble().failed("the device panicked when something was due".to_owned());
                    }
                    state = self.timer.lock();
                }
            }
        }
        state.running = false;
    }
}
