//! The futures that the verbs give.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::exchange::Failure;

type Inner<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A verb that gives a `Result`.
#[must_use = "futures do nothing unless awaited"]
pub struct Trying<'a, T, E = Failure>(Inner<'a, T, E>);

impl<'a, T, E> Trying<'a, T, E> {
    pub(super) fn new(verb: impl Future<Output = Result<T, E>> + Send + 'a) -> Self {
        Self(Box::pin(verb))
    }
}

impl<'a, T> Trying<'a, T> {
    pub(super) fn asserting(self) -> Asserting<'a, T> {
        Asserting(self.0)
    }
}

impl<T, E> Future for Trying<'_, T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

/// A verb that asserts: it panics with the report. The report names the line at which the verb was called; the panic is
/// at the line of its `.await`, or of whatever polls it.
#[must_use = "futures do nothing unless awaited"]
pub struct Asserting<'a, T>(Inner<'a, T, Failure>);

impl<'a, T> Asserting<'a, T> {
    pub(super) fn new(verb: impl Future<Output = Result<T, Failure>> + Send + 'a) -> Self {
        Self(Box::pin(verb))
    }
}

impl<T> Future for Asserting<'_, T> {
    type Output = T;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match self.0.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(given)) => Poll::Ready(given),
            Poll::Ready(Err(failure)) => failure.panic(),
        }
    }
}

impl<T, E> fmt::Debug for Trying<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trying")
    }
}

impl<T> fmt::Debug for Asserting<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asserting")
    }
}
