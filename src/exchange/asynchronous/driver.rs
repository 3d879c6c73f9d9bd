//! The driver that awaits: the verbs' other one blocks (`verb`).

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
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
        self.take_by(until, &mut Timer::new(self)).await
    }

    async fn take_by(&self, until: Until, timer: &mut Timer<'_>) -> io::Result<Received> {
        let (dispatcher, _) = self.end.reader(None)?;
        let begin = self.now();
        loop {
            let next = next(dispatcher, until, timer).await;
            if let Some(received) = self.sift(next, until, begin)? {
                return Ok(received);
            }
        }
    }
}

/// The next frame, and errors as [`Dispatcher::next`] gives them.
async fn next(dispatcher: &Dispatcher, until: Until, timer: &mut Timer<'_>) -> io::Result<Received> {
    // What is there needs no timer.
    let there = dispatcher.next(Deadline::Now);
    if !is_missed(&there, Until::Now) {
        return there;
    }
    if until == Until::Now {
        let soon = Until::after(timer.exchange.now(), CATCH_UP);
        if timer.before(soon, dispatcher.catch_up_async("receive")).await.is_none() && timer.is_ahead(soon) {
            let _ = dispatcher.catch_up("receive", CATCH_UP);
        }
        return dispatcher.next(Deadline::Now);
    }
    if let Some(next) = timer.before(until, dispatcher.next_async()).await {
        return next;
    }
    if timer.is_ahead(until) {
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
        let (mut timer, mut frames) = (Timer::new(exchange), 0);
        loop {
            match verb.need()? {
                Need::Frame(until) => match exchange.take_by(until, &mut timer).await {
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
                Need::Reader { verb: name } => match catch_up(exchange, name, &mut timer).await {
                    Ok(()) => verb.caught_up(),
                    Err(error) => verb.nothing(error)?,
                },
                Need::Time(until) => {
                    match pause(exchange, until, &mut timer).await {
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
                    let answered = match timer.before(until, fences.wait_async(nonce)).await {
                        Some(answered) => answered,
                        None if timer.is_ahead(until) => fences.wait(nonce, Deadline::After(CATCH_UP)),
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
async fn pause(exchange: &Exchange, until: Until, timer: &mut Timer<'_>) -> io::Result<()> {
    // What is due needs no timer, which counts milliseconds.
    if until != Until::Now && !matches!(until, Until::At(point) if point <= exchange.now()) {
        let (dispatcher, _) = exchange.end.reader(None)?;
        let begin = exchange.now();
        if let Some(error) = timer.before(until, dispatcher.end_async()).await {
            return Err(error);
        }
        lock(&exchange.record.stalls).note(until, begin, exchange.now());
    }
    Ok(())
}

async fn catch_up(exchange: &Exchange, verb: &str, timer: &mut Timer<'_>) -> io::Result<()> {
    let (dispatcher, _) = exchange.end.reader(None)?;
    let until = Until::after(exchange.now(), patience());
    match timer.before(until, dispatcher.catch_up_async(verb)).await {
        Some(()) => Ok(()),
        None if timer.is_ahead(until) => dispatcher.catch_up(verb, CATCH_UP),
        None => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// The verbs' deadlines on tokio's clock. A deadline that stays is the same point there, whatever that clock does.
struct Timer<'a> {
    exchange: &'a Exchange,
    last: Option<(Instant, Option<tokio::time::Instant>)>,
}

impl<'a> Timer<'a> {
    fn new(exchange: &'a Exchange) -> Self {
        exchange.timeline.clock.follow_tokio();
        Self { exchange, last: None }
    }

    /// Waits for a future until the time is over.
    async fn before<F: Future>(&mut self, until: Until, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let clock = &self.exchange.timeline.clock;
        loop {
            let own = match until {
                Until::At(point) => self.point(point),
                Until::Now => Some(tokio::time::Instant::now()),
                Until::Never => None,
            };
            // On a link in memory nothing happens by itself: this task does what is due, and wakes for what will be.
            // Another task may change what that is.
            let seen = clock.generation();
            let next = clock.do_what_is_due();
            let next = next.and_then(|next| clock.on_tokio(next)).filter(|next| own.is_none_or(|own| *next < own));
            let first = first(&mut future, clock.changed(seen));
            let output = match next.or(own) {
                None => first.await,
                Some(point) => match timeout_at(point, first).await {
                    Ok(output) => output,
                    Err(_) if next.is_some() => None,
                    Err(_) => return None,
                },
            };
            if output.is_some() {
                return output;
            }
        }
    }

    /// `None` where that clock cannot express it.
    fn point(&mut self, at: Instant) -> Option<tokio::time::Instant> {
        match self.last {
            Some((last, point)) if last == at => point,
            _ => {
                let point = self.exchange.timeline.clock.on_tokio(at);
                self.last = Some((at, point));
                point
            }
        }
    }

    /// Whether tokio's clock, on which this deadline has passed, ran ahead of the link's: it is paused and jumped.
    fn is_ahead(&self, until: Until) -> bool {
        matches!(until, Until::At(point) if self.exchange.now() < point)
    }
}

/// What a future gives, or `None` when something else happens first.
async fn first<F: Future + Unpin>(mut future: F, other: impl Future<Output = ()>) -> Option<F::Output> {
    let mut other = pin!(other);
    poll_fn(|context| match Pin::new(&mut future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => other.as_mut().poll(context).map(|()| None),
    })
    .await
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
