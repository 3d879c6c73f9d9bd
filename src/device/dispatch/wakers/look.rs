//! The future that looks, waits to be woken, and looks again.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Wakers;

impl Wakers {
    /// Wakes this one at the next change, in place of the waker that it left before, which is given back: to be dropped
    /// when the lock is free, because dropping a waker may drop a future that wants it.
    fn register(&mut self, place: &mut Option<u64>, waker: &Waker) -> Option<Waker> {
        let place = *place.get_or_insert_with(|| {
            self.last += 1;
            self.last
        });
        match self.waiting.iter_mut().find(|(other, _)| *other == place) {
            Some((_, registered)) if registered.will_wake(waker) => None,
            Some((_, registered)) => Some(std::mem::replace(registered, waker.clone())),
            None => {
                self.waiting.push((place, waker.clone()));
                None
            }
        }
    }

    /// It waits no longer.
    fn leave(&mut self, place: u64) -> Option<(u64, Waker)> {
        let at = self.waiting.iter().position(|(other, _)| *other == place)?;
        Some(self.waiting.remove(at))
    }
}

/// Waits until `look` finds something. What it finds it gives out at once: dropped before, it has taken nothing.
///
/// Whoever changes the state has to [`take`](Wakers::take) and wake its wakers.
#[must_use = "futures do nothing unless awaited"]
pub(crate) struct Look<'a, S: AsMut<Wakers>, F> {
    state: &'a Mutex<S>,
    look: F,
    /// Where its waker stands, from the first look that found nothing on.
    place: Option<u64>,
}

impl<'a, S: AsMut<Wakers>, F> Look<'a, S, F> {
    pub(crate) const fn new(state: &'a Mutex<S>, look: F) -> Self {
        Self { state, look, place: None }
    }
}

impl<S: AsMut<Wakers>, T, F: FnMut(&mut S) -> Option<T> + Unpin> Future for Look<'_, S, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let mut state = this.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = (this.look)(&mut state) {
            return Poll::Ready(found);
        }
        let before = state.as_mut().register(&mut this.place, context.waker());
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl<S: AsMut<Wakers>, F> Drop for Look<'_, S, F> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let left = self.state.lock().unwrap_or_else(PoisonError::into_inner).as_mut().leave(place);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::counting::Count;
    use super::*;

    #[derive(Default)]
    struct State {
        there: Option<u8>,
        wakers: Wakers,
    }

    impl AsMut<Wakers> for State {
        fn as_mut(&mut self) -> &mut Wakers {
            &mut self.wakers
        }
    }

    fn take(state: &mut State) -> Option<u8> {
        state.there.take()
    }

    fn put(state: &Mutex<State>) {
        let mut state = state.lock().unwrap();
        state.there = Some(7);
        let woken = state.wakers.take();
        drop(state);
        woken.wake();
    }

    #[test]
    fn all_that_wait_are_woken_once_and_one_takes_what_is_there() {
        let state = Mutex::new(State::default());
        let (mut first, mut second) = (Look::new(&state, take), Look::new(&state, take));
        let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
        assert!(counts[0].poll(&mut first).is_pending() && counts[1].poll(&mut second).is_pending());
        // Looked at again with the same waker and with another one: it is woken once, by the last.
        assert!(counts[0].poll(&mut first).is_pending());
        let other = Arc::new(Count::default());
        assert!(other.poll(&mut second).is_pending());
        put(&state);
        let woken = [&counts[0], &counts[1], &other].map(|count| count.get());
        assert_eq!(woken, [1, 0, 1]);
        assert_eq!(other.poll(&mut second), Poll::Ready(7));
        assert!(counts[0].poll(&mut first).is_pending());
    }

    #[test]
    fn who_was_woken_and_dropped_leaves_it_to_the_next() {
        let state = Mutex::new(State::default());
        let count = Arc::new(Count::default());
        let (mut first, mut second) = (Look::new(&state, take), Look::new(&state, take));
        assert!(count.poll(&mut first).is_pending() && count.poll(&mut second).is_pending());
        put(&state);
        drop(first);
        assert_eq!(count.poll(&mut second), Poll::Ready(7));
    }

    #[test]
    fn who_is_dropped_is_not_woken() {
        let state = Mutex::new(State::default());
        let count = Arc::new(Count::default());
        let mut dropped = Look::new(&state, take);
        assert!(count.poll(&mut dropped).is_pending());
        drop(dropped);
        put(&state);
        assert_eq!((count.get(), Arc::strong_count(&count)), (0, 1));
    }
}
