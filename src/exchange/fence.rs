//! The fences that are under way: who waits for the answer of which.
//!
//! Layer: `exchange`. A verb begins a fence before it sends the request; the link's reader tells of each answer; whoever
//! began it waits for its own nonce, so that two verbs at once do not take each other's.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::device::Deadline;
#[cfg(feature = "tokio")]
use crate::device::dispatch::Look;
use crate::device::dispatch::Wakers;

/// One fence, and when its answer came.
struct Pending {
    nonce: u64,
    answered: Option<Instant>,
}

#[derive(Default)]
struct State {
    pending: Vec<Pending>,
    wakers: Wakers,
}

#[cfg(feature = "tokio")]
impl AsMut<Wakers> for State {
    fn as_mut(&mut self) -> &mut Wakers {
        &mut self.wakers
    }
}

/// The fences of one link.
#[derive(Default)]
pub(crate) struct Fences {
    state: Mutex<State>,
    answered: Condvar,
}

impl Fences {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its answer will be kept for [`wait`](Self::wait).
    pub(super) fn begin(&self, nonce: u64) {
        self.state().pending.push(Pending { nonce, answered: None });
    }

    /// A frame came at that time that may be the answer to any of them.
    pub(super) fn answer(&self, at: Instant, mut is_answer: impl FnMut(u64) -> bool) {
        let mut state = self.state();
        let found = state.pending.iter_mut().find(|fence| fence.answered.is_none() && is_answer(fence.nonce));
        if let Some(fence) = found {
            fence.answered = Some(at);
            let woken = state.wakers.take();
            drop(state);
            self.answered.notify_all();
            woken.wake();
        }
    }

    /// Waits for the answer: when it came. The fence is over then, answered or not.
    pub(super) fn wait(&self, nonce: u64, deadline: Deadline) -> Option<Instant> {
        let at_most = match deadline {
            Deadline::Now => Duration::ZERO,
            Deadline::After(wait) => wait,
            Deadline::Never => Duration::MAX,
        };
        let pending = |state: &mut State| state.is_pending(nonce);
        let waited = self.answered.wait_timeout_while(self.state(), at_most, pending);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.end(nonce)
    }

    /// As [`wait`](Self::wait), for a task: waits as long as it takes.
    #[cfg(feature = "tokio")]
    pub(super) fn wait_async(&self, nonce: u64) -> impl Future<Output = Option<Instant>> + Send {
        Look::new(&self.state, move |state: &mut State| (!state.is_pending(nonce)).then(|| state.end(nonce)))
    }

    /// Nobody waits for the answer any more.
    pub(super) fn end(&self, nonce: u64) {
        self.state().end(nonce);
    }
}

impl State {
    fn is_pending(&self, nonce: u64) -> bool {
        self.pending.iter().any(|fence| fence.nonce == nonce && fence.answered.is_none())
    }

    fn end(&mut self, nonce: u64) -> Option<Instant> {
        let at = self.pending.iter().position(|fence| fence.nonce == nonce)?;
        self.pending.swap_remove(at).answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_for_its_own_fence() {
        let (fences, at) = (Fences::default(), Instant::now());
        fences.begin(1);
        fences.begin(2);
        fences.answer(at, |nonce| nonce == 2);
        // The first answer counts.
        fences.answer(at + Duration::from_secs(1), |nonce| nonce == 2);
        assert_eq!(fences.wait(1, Deadline::Now), None);
        assert_eq!(fences.wait(2, Deadline::Never), Some(at));
        // Each is over when it was waited for.
        fences.answer(at, |_| true);
        assert_eq!(fences.wait(2, Deadline::Never), None);
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn an_answer_wakes_the_task_that_waits_for_it() {
        use std::sync::Arc;
        use std::task::Poll;

        use crate::device::dispatch::counting::Count;

        let (fences, at, count) = (Fences::default(), Instant::now(), Arc::new(Count::default()));
        fences.begin(1);
        let mut answer = Box::pin(fences.wait_async(1));
        assert!(count.poll(&mut answer).is_pending());
        fences.answer(at, |nonce| nonce == 2);
        assert_eq!(count.get(), 0);
        fences.answer(at, |nonce| nonce == 1);
        assert_eq!((count.get(), count.poll(&mut answer)), (1, Poll::Ready(Some(at))));
    }
}
