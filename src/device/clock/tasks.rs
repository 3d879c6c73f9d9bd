//! Tasks that wait on a clock: they do what is due themselves, and are woken by all that may give them something new.

use std::time::Instant;

use super::Clock;
use super::parties::State;
use crate::device::dispatch::Wakers;

impl AsMut<Wakers> for State {
    fn as_mut(&mut self) -> &mut Wakers {
        &mut self.wakers
    }
}

impl Clock {
    /// A number that rises with all that somebody who waits may want to know; 0 on the system's clock.
    pub(crate) fn generation(&self) -> u64 {
        self.0.as_ref().map_or(0, |scheduler| scheduler.generation())
    }

    /// Waits until the generation is another than `seen`: for ever on the system's clock.
    pub(crate) async fn changed(&self, seen: u64) {
        match &self.0 {
            Some(scheduler) => scheduler.after(seen).await,
            None => std::future::pending().await,
        }
    }

    /// That instant on tokio's clock; `None` where that clock cannot express it.
    pub(crate) fn on_tokio(&self, at: Instant) -> Option<tokio::time::Instant> {
        let left = at.saturating_duration_since(self.now());
        tokio::time::Instant::now().checked_add(left)
    }
}
