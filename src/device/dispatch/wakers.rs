//! Who is to be woken: the tasks that wait for something that another thread does.
//!
//! Layer: `device`; `exchange` uses it too. It is to futures, of any runtime, what a condition variable is to threads:
//! whoever changes what is waited for wakes all that wait, and each looks again. So nothing is lost when one that was
//! woken is dropped before it looked. Without the feature `tokio` nobody waits so, and the list stays empty.

#[cfg(all(test, feature = "tokio"))]
pub(crate) mod counting;
#[cfg(feature = "tokio")]
mod look;

use std::task::Waker;

#[cfg(feature = "tokio")]
pub(crate) use look::Look;

/// The tasks that wait, behind the lock of what they wait for.
#[derive(Default)]
pub(crate) struct Wakers {
    waiting: Vec<(u64, Waker)>,
    #[cfg(feature = "tokio")]
    last: u64,
}

impl Wakers {
    /// Takes all out, so that they can be woken when the lock is free again.
    pub(crate) fn take(&mut self) -> Woken {
        Woken(std::mem::take(&mut self.waiting))
    }
}

/// Wakers that were taken out of their list.
#[derive(Default)]
#[must_use = "they wait until `wake`"]
pub(crate) struct Woken(Vec<(u64, Waker)>);

impl Woken {
    /// Wakes them, in the order in which they began to wait.
    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(|(_, waker)| waker.wake());
    }
}
