//! The list of responders, and how one leaves it: on request, or by a panic.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Responder, Verdict};
use crate::device::FrameRef;
use crate::device::dispatch::Replies;

/// Names an attached responder, for [`Dispatcher::detach`](super::Dispatcher::detach).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResponderId(u64);

/// Of the whole process, so that one dispatcher's id means nothing to another.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// What [`Dispatcher::detach`](super::Dispatcher::detach) gives back.
#[non_exhaustive]
pub enum Detached {
    /// The responder, which worked until now.
    Working(Box<dyn Responder>),
    /// It panicked earlier and was dropped then.
    Panicked {
        /// Its name.
        name: String,
        /// The panic's message.
        message: String,
        /// The frame it was given, without packet information.
        request: Vec<u8>,
    },
}

impl fmt::Debug for Detached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Working(responder) => f.debug_tuple("Working").field(&responder.name()).finish(),
            Self::Panicked { name, message, request } => f
                .debug_struct("Panicked")
                .field("name", name)
                .field("message", message)
                .field("request_octets", &request.len())
                .finish(),
        }
    }
}

#[derive(Default)]
pub(super) struct List {
    working: Vec<(ResponderId, Box<dyn Responder>)>,
    panicked: Vec<(ResponderId, Detached)>,
    ended: bool,
}

/// The list behind its lock. The reader holds the lock while responders run and their replies are written, so whoever
/// gets it knows that none is running.
///
/// A std mutex is not fair: a reader under flood would take it again before a woken waiter could. So the others wait in
/// `turnstile`, through which the reader passes too while `waiting` is above zero.
#[derive(Default)]
pub(super) struct Responders {
    list: Mutex<List>,
    turnstile: Mutex<()>,
    waiting: AtomicUsize,
}

impl Responders {
    /// The lock as the reader takes it: one uncontended lock unless somebody wants in.
    pub(super) fn lock_as_reader(&self) -> MutexGuard<'_, List> {
        if self.waiting.load(Ordering::Acquire) > 0 {
            drop(self.turnstile.lock().unwrap_or_else(PoisonError::into_inner));
        }
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut List) -> T) -> T {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let turnstile = self.turnstile.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        drop(turnstile);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        change(&mut list)
    }

    pub(super) fn attach(&self, mut responder: Box<dyn Responder>) -> ResponderId {
        self.change(|list| {
            if list.ended {
                // The reader told those that it found when it ended; this one comes too late for that.
                responder.reader_ended();
            }
            let id = ResponderId(NEXT_ID.fetch_add(1, Ordering::Relaxed));
            list.working.push((id, responder));
            id
        })
    }

    pub(super) fn detach(&self, id: ResponderId) -> Option<Detached> {
        self.change(|list| {
            if let Some(at) = list.working.iter().position(|(other, _)| *other == id) {
                return Some(Detached::Working(list.working.remove(at).1));
            }
            let at = list.panicked.iter().position(|(other, _)| *other == id)?;
            Some(list.panicked.remove(at).1)
        })
    }
}

impl List {
    /// Offers the frame to one responder after the other. `transmit` gets the replies of each that made some, with its
    /// name, and says how many the device took and refused; `taken` gets the name of the one that took the frame,
    /// `panicked` that of each that panicked, with the message.
    pub(super) fn offer(
        &mut self,
        request: FrameRef<'_>,
        replies: &mut Replies,
        mut transmit: impl FnMut(&str, &mut Replies) -> (u64, u64),
        taken: impl FnOnce(&str),
        panicked: impl Fn(&str, &str),
    ) -> Verdict {
        let mut at = 0;
        while let Some((_, responder)) = self.working.get_mut(at) {
            replies.clear();
            let called = catch_unwind(AssertUnwindSafe(|| {
                let verdict = responder.respond(request, replies);
                if !replies.is_empty() {
                    let (taken, refused) = transmit(responder.name(), replies);
                    responder.transmitted(taken, refused);
                }
                verdict
            }));
            match called {
                Ok(Verdict::Taken) => {
                    taken(responder.name());
                    return Verdict::Taken;
                }
                Ok(Verdict::Passed) => at += 1,
                Err(payload) => {
                    self.bury(at, &*payload, request.octets);
                    if let Some((_, Detached::Panicked { name, message, .. })) = self.panicked.last() {
                        panicked(name, message);
                    }
                }
            }
        }
        Verdict::Passed
    }

    /// Tells everybody that nothing follows.
    pub(super) fn end(&mut self) {
        self.ended = true;
        let mut at = 0;
        while let Some((_, responder)) = self.working.get_mut(at) {
            match catch_unwind(AssertUnwindSafe(|| responder.reader_ended())) {
                Ok(()) => at += 1,
                Err(payload) => self.bury(at, &*payload, &[]),
            }
        }
    }

    /// Moves a responder that panicked from the working to the panicked.
    fn bury(&mut self, at: usize, payload: &(dyn Any + Send), request: &[u8]) {
        let (id, responder) = self.working.remove(at);
        let message = panic_message(payload);
        let name = catch_unwind(AssertUnwindSafe(|| responder.name().to_owned()))
            .unwrap_or_else(|_| "a responder whose name panics".to_owned());
        self.panicked.push((id, Detached::Panicked { name, message, request: request.to_vec() }));
        // After the panic is on record: dropping it may wake whoever asks for it. A second panic tells nothing new.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(responder)));
    }
}

/// The text that `panic!` was given.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}
