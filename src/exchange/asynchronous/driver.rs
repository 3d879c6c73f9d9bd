//! The driver that awaits: the verbs' other one blocks (`verb`).

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use crate::device::dispatch::{Dispatcher, Received};
use crate::device::{Deadline, patience};
use crate::exchange::verb::{CATCH_UP, Need, Until, Verb, is_missed};
use crate::exchange::{Exchange, Failure, Fate, lock};

/// How many frames a verb looks at before it lets other tasks run, although more are there.
const FRAMES_AT_ONCE: u32 = 64;

impl Exchange {
    /// Runs a verb in a task.
    pub(super) async fn drive_async<V: Verb>(&self, verb: V) -> Result<V::Output, Failure> {
        let event = *lock(&self.last_event);
        let mut running = Running { exchange: self, verb, event, over: false };
        let outcome = running.run().await;
        running.over = true;
        outcome
    }

    /// The next frame that no rule ignores.
    pub(super) async fn take_async(&self, until: Until) -> io::Result<Received> {
        self.take_by(until, &mut Clock::default()).await
    }

    async fn take_by(&self, until: Until, clock: &mut Clock) -> io::Result<Received> {
        let (dispatcher, _) = self.end.reader(None)?;
        let begin = Instant::now();
        loop {
            let next = next(dispatcher, until, clock).await;
            if let Some(received) = self.sift(next, until, begin)? {
                return Ok(received);
            }
        }
    }
}

/// The next frame, and errors as [`Dispatcher::next`] gives them.
async fn next(dispatcher: &Dispatcher, until: Until, clock: &mut Clock) -> io::Result<Received> {
    // What is there needs no timer.
    let there = dispatcher.next(Deadline::Now);
    if !is_missed(&there, Until::Now) {
        return there;
    }
    if until == Until::Now {
        let soon = Until::after(Instant::now(), CATCH_UP);
        if clock.before(soon, dispatcher.catch_up_async("receive")).await.is_none() && is_ahead(soon) {
            let _ = dispatcher.catch_up("receive", CATCH_UP);
        }
        return dispatcher.next(Deadline::Now);
    }
    if let Some(next) = clock.before(until, dispatcher.next_async()).await {
        return next;
    }
    if is_ahead(until) {
        let _ = dispatcher.catch_up("receive", CATCH_UP);
    }
    // What came meanwhile, or that the time is over.
    dispatcher.next(Deadline::After(Duration::ZERO))
}

/// A verb on its way. Dropped before it is over, it puts back what it holds.
struct Running<'a, V: Verb> {
    exchange: &'a Exchange,
    verb: V,
    /// The last event before it began.
    event: Option<Instant>,
    over: bool,
}

impl<V: Verb> Running<'_, V> {
    async fn run(&mut self) -> Result<V::Output, Failure> {
        let Self { exchange, verb, .. } = self;
        let line = verb.line();
        exchange.check_monitors(line)?;
        let (mut clock, mut frames) = (Clock::default(), 0);
        loop {
            match verb.need()? {
                Need::Frame(until) => match exchange.take_by(until, &mut clock).await {
                    Ok(received) => {
                        verb.judge(received)?;
                        frames += 1;
                        if frames % FRAMES_AT_ONCE == 0 {
                            let_others_run().await;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => verb.nothing(error)?,
                },
                Need::Reader { verb: name } => match catch_up(exchange, name, &mut clock).await {
                    Ok(()) => verb.caught_up(),
                    Err(error) => verb.nothing(error)?,
                },
                Need::Time(until) => {
                    match pause(exchange, until, &mut clock).await {
                        Ok(()) => verb.due(),
                        Err(error) => verb.nothing(error)?,
                    }
                    frames += 1;
                    if frames % FRAMES_AT_ONCE == 0 {
                        let_others_run().await;
                    }
                }
                Need::Fence { nonce, until } => {
                    let fences = &exchange.timeline.fences;
                    let answered = match clock.before(until, fences.wait_async(nonce)).await {
                        Some(answered) => answered,
                        None if is_ahead(until) => fences.wait(nonce, Deadline::After(CATCH_UP)),
                        None => fences.wait(nonce, Deadline::Now),
                    };
                    verb.fenced(answered);
                }
                Need::Nothing => break,
            }
        }
        exchange.check_monitors(line)?;
        verb.end()
    }
}

impl<V: Verb> Drop for Running<'_, V> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let held = self.verb.abandon();
        let exchange = self.exchange;
        for received in &held {
            exchange.timeline.mark(received.number(), Fate::Waiting);
        }
        let mut event = lock(&exchange.last_event);
        // Another task may have sent something meanwhile: that is an event still.
        if held.iter().any(|received| *event == Some(received.at())) {
            *event = self.event;
        }
        drop(event);
        exchange.put_back(held);
    }
}

/// Waits for a time, and notes how late it ended.
async fn pause(exchange: &Exchange, until: Until, clock: &mut Clock) -> io::Result<()> {
    // What is due needs no timer, which counts milliseconds.
    if until != Until::Now && !matches!(until, Until::At(point) if point <= Instant::now()) {
        let (dispatcher, _) = exchange.end.reader(None)?;
        let begin = Instant::now();
        if let Some(error) = clock.before(until, dispatcher.end_async()).await {
            return Err(error);
        }
        lock(&exchange.record.stalls).note(until, begin);
    }
    Ok(())
}

async fn catch_up(exchange: &Exchange, verb: &str, clock: &mut Clock) -> io::Result<()> {
    let (dispatcher, _) = exchange.end.reader(None)?;
    let until = Until::after(Instant::now(), patience());
    match clock.before(until, dispatcher.catch_up_async(verb)).await {
        Some(()) => Ok(()),
        None if is_ahead(until) => dispatcher.catch_up(verb, CATCH_UP),
        None => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// The verbs' deadlines on tokio's clock. A deadline that stays is the same point there, whatever that clock does.
#[derive(Default)]
struct Clock {
    last: Option<(Instant, Option<tokio::time::Instant>)>,
}

impl Clock {
    /// Waits for a future until the time is over.
    async fn before<F: Future>(&mut self, until: Until, future: F) -> Option<F::Output> {
        let point = match until {
            Until::At(point) => self.point(point),
            Until::Now => Some(tokio::time::Instant::now()),
            Until::Never => None,
        };
        match point {
            Some(point) => timeout_at(point, future).await.ok(),
            None => Some(future.await),
        }
    }

    /// `None` where that clock cannot express it.
    fn point(&mut self, at: Instant) -> Option<tokio::time::Instant> {
        match self.last {
            Some((last, point)) if last == at => point,
            _ => {
                let left = at.saturating_duration_since(Instant::now());
                let point = tokio::time::Instant::now().checked_add(left);
                self.last = Some((at, point));
                point
            }
        }
    }
}

/// Whether tokio's clock, on which this deadline has passed, ran ahead of the real one: it is paused and jumped.
fn is_ahead(until: Until) -> bool {
    matches!(until, Until::At(point) if Instant::now() < point)
}

/// Lets the runtime poll its other tasks once.
async fn let_others_run() {
    let mut has_run = false;
    poll_fn(|context| {
        if has_run {
            return Poll::Ready(());
        }
        has_run = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
