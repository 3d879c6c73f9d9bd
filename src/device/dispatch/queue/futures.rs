//! The queue's waits for tasks. The timer is the caller's: dropped, they have taken nothing.

use std::io;

use super::{End, Queue, Received, State};
use crate::device::dispatch::wakers::{Look, Wakers};

impl AsMut<Wakers> for State {
    fn as_mut(&mut self) -> &mut Wakers {
        &mut self.wakers
    }
}

impl Queue {
    /// The next frame, an interruption, or what ended the reader.
    pub(in crate::device::dispatch) fn next_async(&self) -> impl Future<Output = io::Result<Received>> + Send {
        Look::new(&self.state, State::next)
    }

    /// What ended the reader.
    pub(in crate::device::dispatch) fn end_async(&self) -> impl Future<Output = io::Error> + Send {
        Look::new(&self.state, |state: &mut State| state.end.as_ref().map(End::to_error))
    }

    /// The pass after this call, or the reader's end.
    pub(in crate::device::dispatch) fn pass_async(&self) -> impl Future<Output = ()> + Send {
        let passes = self.passes();
        Look::new(&self.state, move |state: &mut State| state.has_passed(passes).then_some(()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::Arc;
    use std::task::Poll;
    use std::time::Instant;

    use super::*;
    use crate::device::dispatch::counting::Count;
    use crate::device::{Clock, Deadline, Mode};

    type Change = fn(&Queue);

    fn queue() -> Queue {
        Queue::new(Mode::Tun, 0, 1000, "tun0".into(), Clock::system())
    }

    #[test]
    fn whatever_the_next_frame_may_be_wakes_who_waits_for_it() {
        let changes: [(Change, Result<&[u8], ErrorKind>); 4] = [
            (|queue| assert!(queue.push(b"one", Instant::now(), 1)), Ok(b"one")),
            (
                |queue| {
                    let other = self::queue();
                    assert!(other.push(b"back", Instant::now(), 1));
                    queue.put_back(vec![other.next(Deadline::Now).unwrap()]);
                },
                Ok(b"back"),
            ),
            (Queue::interrupt, Err(ErrorKind::Interrupted)),
            (|queue| queue.end(&ErrorKind::BrokenPipe.into()), Err(ErrorKind::BrokenPipe)),
        ];
        for (change, expected) in changes {
            let (queue, count) = (queue(), Arc::new(Count::default()));
            let mut next = Box::pin(queue.next_async());
            assert!(count.poll(&mut next).is_pending());
            assert_eq!(count.get(), 0);
            change(&queue);
            assert_eq!(count.get(), 1);
            let Poll::Ready(next) = count.poll(&mut next) else { panic!("it is there") };
            assert_eq!(next.as_ref().map(Received::octets).map_err(io::Error::kind), expected);
        }
    }

    #[test]
    fn the_pass_after_the_call_and_the_end_wake_who_waits_for_it() {
        for change in [Queue::pass, |queue: &Queue| queue.end(&ErrorKind::BrokenPipe.into())] {
            let (queue, count) = (queue(), Arc::new(Count::default()));
            queue.pass();
            let mut pass = Box::pin(queue.pass_async());
            assert!(count.poll(&mut pass).is_pending());
            change(&queue);
            assert_eq!(count.get(), 1);
            assert!(count.poll(&mut pass).is_ready());
        }
    }
}
