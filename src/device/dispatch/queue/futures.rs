//! The queue's waits for tasks. The timer is the caller's: dropped, they have taken nothing.

use std::io;

use super::{Queue, Received, State};
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

    /// The pass after this call, or the reader's end.
    pub(in crate::device::dispatch) fn pass_async(&self) -> impl Future<Output = ()> + Send {
        let passes = self.passes();
        Look::new(&self.state, move |state: &mut State| state.has_passed(passes).then_some(()))
    }
}
