//! What sits behind the cable, and how frames reach it: one at a time, in order, on the writer's thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::device::{FrameRef, Mode};

/// A host at the far end of a cable: it gets what the device end writes and may answer.
///
/// It runs on the thread that writes, and what it sends is queued before [`transmit`](crate::device::Device::transmit)
/// returns, as with the kernel. No lock of the cable is held meanwhile: a stack may hold ends of its own cable and use
/// them; a frame that it writes to its own device end is given to it after the present one.
pub trait HostStack: Send {
    /// Takes one frame (never empty of its mode's header rules, but otherwise unchecked) and gives to `out` each frame
    /// that it sends. A frame longer than the link's MTU is not sent: it counts as dropped.
    fn receive(&mut self, frame: FrameRef<'_>, out: &mut dyn FnMut(&[u8]));
}

/// The place of a cable's host stack: lends it to one writer at a time.
pub(super) struct HostSlot {
    occupied: bool,
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    /// Absent while some thread runs it.
    stack: Option<Box<dyn HostStack>>,
    runner: Option<ThreadId>,
    inbox: VecDeque<Vec<u8>>,
    /// Tickets: frames ever put into the inbox, frames ever done, and how far the runner has to go.
    enqueued: u64,
    done: u64,
    until: u64,
}

impl HostSlot {
    pub(super) fn new(stack: Option<Box<dyn HostStack>>) -> Self {
        Self {
            occupied: stack.is_some(),
            inner: Mutex::new(Inner { stack, runner: None, inbox: VecDeque::new(), enqueued: 0, done: 0, until: 0 }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a frame to the stack and returns when the stack is done with it; from within the stack, at once.
    pub(super) fn deliver(&self, frame: FrameRef<'_>, out: &mut dyn FnMut(&[u8])) {
        if !self.occupied {
            return;
        }
        let me = thread::current().id();
        let mut inner = self.lock();
        inner.enqueued += 1;
        let ticket = inner.enqueued;
        inner.inbox.push_back(frame.octets.to_vec());
        if inner.runner == Some(me) {
            inner.until = ticket;
            return;
        }
        while inner.done < ticket {
            if let Some(stack) = inner.stack.take() {
                inner.runner = Some(me);
                inner.until = inner.until.max(ticket);
                drop(inner);
                Running { slot: self, stack: Some(stack), busy: false }.run(frame.mode, out);
                inner = self.lock();
            } else {
                inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// The stack while it runs; puts it back when dropped, also when it panics.
struct Running<'a> {
    slot: &'a HostSlot,
    stack: Option<Box<dyn HostStack>>,
    busy: bool,
}

impl Running<'_> {
    fn run(&mut self, mode: Mode, out: &mut dyn FnMut(&[u8])) {
        while let Some(octets) = self.next() {
            if let Some(stack) = &mut self.stack {
                stack.receive(FrameRef::new(mode, &octets), out);
            }
        }
    }

    /// Marks the frame at hand as done and takes the next.
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut inner = self.slot.lock();
        inner.done += u64::from(self.busy);
        self.busy = false;
        if inner.done >= inner.until {
            return None;
        }
        let octets = inner.inbox.pop_front();
        self.busy = octets.is_some();
        octets
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut inner = self.slot.lock();
        inner.done += u64::from(self.busy);
        inner.stack = self.stack.take();
        inner.runner = None;
        drop(inner);
        self.slot.changed.notify_all();
    }
}
