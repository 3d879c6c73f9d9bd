//! The reader of a link in memory: no thread, but something to do on the link's clock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use super::Shared;
use super::reader::{Reading, stopped};
use super::responders::panic_message;
use crate::device::Source;

/// Reads all there is whenever the clock comes round to it.
pub(super) struct Pump {
    shared: Arc<Shared>,
    /// The buffers of the reader; absent while it runs and after its end.
    reading: Mutex<Option<Reading>>,
    runner: Mutex<Option<ThreadId>>,
    ended: AtomicBool,
}

impl Pump {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let reading = Mutex::new(Some(Reading::new(&*shared.device)));
        Self { shared, reading, runner: Mutex::new(None), ended: AtomicBool::new(false) }
    }

    /// Whether this thread is reading right now, from inside a responder say.
    pub(super) fn runs_here(&self) -> bool {
        *self.runner.lock().unwrap_or_else(PoisonError::into_inner) == Some(thread::current().id())
    }

    /// Nothing is read any more when this returns, except from inside a responder.
    pub(super) fn stop(&self) {
        if let Some(scheduler) = self.shared.device.clock().scheduler() {
            scheduler.wait_until_idle();
        }
        self.end(&stopped());
    }

    fn end(&self, error: &std::io::Error) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        self.shared.queue.end(error);
        // From inside a responder its list is locked; whoever drops the list drops the responders.
        if !self.runs_here() {
            self.shared.responders.lock_as_reader().end();
        }
    }
}

impl Source for Pump {
    fn run(&self, _: Instant) -> bool {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut reading) = reading.filter(|_| !self.ended.load(Ordering::Acquire)) else { return false };
        *self.runner.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        // A device may be anybody's: if it panics, whoever waits for a frame must hear of it.
        let read = catch_unwind(AssertUnwindSafe(|| reading.read_what_is_there(&self.shared)));
        *self.runner.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match read {
            Ok(Ok(did)) => {
                *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
                did
            }
            Ok(Err(error)) => {
                self.end(&error);
                true
            }
            Err(payload) => {
                let why = format!("the device panicked in the link's reader: {}", panic_message(&*payload));
                self.end(&std::io::Error::other(why));
                true
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        None
    }
}
