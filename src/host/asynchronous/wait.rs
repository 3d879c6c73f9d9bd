//! How a task waits at a socket: it looks, and if that would block it is woken when there may be more, or by a timer.
//!
//! ```text
//!  generation ─► attempt ─► EAGAIN ─► step: what is due now · the next generation, or what is due next, or the deadline
//!      ▲                                │
//!      └──────────── again ─────────────┘
//! ```
//!
//! The generation is read before the attempt: what changes after it ends the step at once, so that no wake-up is lost. A
//! dropped wait leaves nothing behind.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use crate::device::{Clock, Deadline};
use crate::host::wait::{Place, Waiting};

/// How long a deadline that was jumped to waits for the kernel.
#[cfg(target_os = "linux")]
const CATCH_UP: Duration = Duration::from_millis(100);
/// How late a stream's timer may be seen: who comes later was not the one that waited.
const LATE: Duration = Duration::from_millis(100);
/// After how many calls a socket lets other tasks run.
const CALLS_AT_ONCE: u32 = 64;

/// What owns a socket's descriptor: nothing on the mock.
#[cfg(target_os = "linux")]
pub(super) type Owner = crate::kernel::Owner;
#[cfg(not(target_os = "linux"))]
pub(super) type Owner = std::convert::Infallible;

/// A socket that tasks wait at.
pub(super) trait Waits {
    fn waiting(&self) -> &Arc<Waiting>;

    fn owner(&self) -> Option<Owner>;
}

/// What the tasks at one socket share.
pub(in crate::host) struct Tasks {
    calls: AtomicU32,
    #[cfg(target_os = "linux")]
    registration: crate::kernel::Registration,
}

impl Tasks {
    pub(in crate::host) const fn new() -> Self {
        Self {
            calls: AtomicU32::new(0),
            #[cfg(target_os = "linux")]
            registration: crate::kernel::Registration::new(),
        }
    }

    /// Whether the next call is to let other tasks run first.
    fn is_turn_over(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) % CALLS_AT_ONCE == CALLS_AT_ONCE - 1
    }
}

/// What a call wants.
#[derive(Clone, Copy)]
pub(super) struct Call {
    /// Its name.
    verb: &'static str,
    /// Room to write instead of something to read.
    room: bool,
}

impl Call {
    pub(super) const fn read(verb: &'static str) -> Self {
        Self { verb, room: false }
    }

    pub(super) const fn write(verb: &'static str) -> Self {
        Self { verb, room: true }
    }

    /// Tries until it gives something else than EAGAIN.
    pub(super) async fn until<T>(
        self,
        socket: &impl Waits,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let mut wait = Wait::default();
        poll_fn(|context| wait.poll(context, self, socket, &mut attempt)).await
    }
}

/// When a wait is over.
#[derive(Clone, Copy)]
enum Until {
    Now,
    At(Instant),
    Never,
}

/// How a step ended.
enum Ended {
    /// There may be more.
    Again,
    /// The time is over.
    Over,
}

type Step = Pin<Box<dyn Future<Output = io::Result<Ended>> + Send + Sync>>;

/// One wait, from the first attempt that gave EAGAIN on.
#[derive(Default)]
pub(super) struct Wait {
    /// How long, and thus until when.
    until: Option<(Deadline, Until)>,
    step: Option<Step>,
    /// A stream's: nobody says when who waited went away.
    is_streams: bool,
}

impl Wait {
    /// The wait of all reads, or of all writes, of a stream: its time begins with the first poll that finds nothing since
    /// one that found something.
    pub(super) fn of_stream() -> Self {
        Self { is_streams: true, ..Self::default() }
    }

    fn reset(&mut self) {
        (self.until, self.step) = (None, None);
    }

    pub(super) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        call: Call,
        socket: &impl Waits,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let waiting = socket.waiting();
        if self.until.is_none() && waiting.tasks.is_turn_over() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        waiting.follow();
        loop {
            let seen = waiting.generation();
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => {
                    self.reset();
                    return Poll::Ready(result);
                }
            }
            let (timeout, until) = *self.until.get_or_insert_with(|| waiting.begin());
            let new = || step(Arc::clone(waiting), seen, until, call.room, socket.owner());
            let ended = ready!(self.step.get_or_insert_with(|| Box::pin(new())).as_mut().poll(context));
            self.step = None;
            match ended {
                Ok(Ended::Again) => {}
                Ok(Ended::Over) if self.is_streams && waiting.is_late(until) => self.reset(),
                Ok(Ended::Over) => {
                    self.reset();
                    // What came at the very end is there.
                    return Poll::Ready(match attempt() {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            let over = if timeout == Deadline::Now { error.kind() } else { io::ErrorKind::TimedOut };
                            Err(waiting.nothing(call.verb, over, timeout))
                        }
                        result => result,
                    });
                }
                Err(error) => {
                    self.reset();
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl Waiting {
    /// From here on the time of the mock is tokio's.
    fn follow(&self) {
        match &self.place {
            Place::Mock(clock) => clock.follow_tokio(),
            #[cfg(target_os = "linux")]
            Place::Kernel => {}
        }
    }

    /// Rises with all that may end a wait on the mock.
    fn generation(&self) -> u64 {
        match &self.place {
            Place::Mock(clock) => clock.generation(),
            #[cfg(target_os = "linux")]
            Place::Kernel => 0,
        }
    }

    fn now(&self) -> Instant {
        match &self.place {
            Place::Mock(clock) => clock.now(),
            #[cfg(target_os = "linux")]
            Place::Kernel => tokio::time::Instant::now().into_std(),
        }
    }

    fn begin(&self) -> (Deadline, Until) {
        let timeout = self.timeout();
        let until = match timeout {
            Deadline::Now => Until::Now,
            // A point that the clock cannot express never comes.
            Deadline::After(wait) => self.now().checked_add(wait).map_or(Until::Never, Until::At),
            Deadline::Never => Until::Never,
        };
        (timeout, until)
    }

    fn is_late(&self, until: Until) -> bool {
        matches!(until, Until::At(point) if self.now().saturating_duration_since(point) > LATE)
    }
}

/// Waits for something new, or for the end of the time.
async fn step(waiting: Arc<Waiting>, seen: u64, until: Until, room: bool, owner: Option<Owner>) -> io::Result<Ended> {
    // Used where there is a kernel backend.
    let _ = (room, &owner);
    match &waiting.place {
        Place::Mock(clock) => Ok(on_clock(clock, seen, until).await),
        #[cfg(target_os = "linux")]
        Place::Kernel => in_driver(&waiting, until, room, owner).await,
    }
}

#[cfg(target_os = "linux")]
async fn in_driver(waiting: &Waiting, until: Until, room: bool, owner: Option<Owner>) -> io::Result<Ended> {
    use std::os::fd::AsFd;

    let Some(owner) = owner else { return Ok(Ended::Over) };
    let more = waiting.tasks.registration.more(owner.clone(), room);
    match until {
        Until::Now => return Ok(Ended::Over),
        Until::Never => more.await?,
        Until::At(point) => match timeout_at(point.into(), more).await {
            Ok(there) => there?,
            // A paused clock has jumped to it, of which the kernel knows nothing.
            Err(_) if Instant::now() < point => {
                let end = Instant::now().checked_add(CATCH_UP);
                if !crate::kernel::ready(owner.as_fd(), room, end)? {
                    return Ok(Ended::Over);
                }
            }
            Err(_) => return Ok(Ended::Over),
        },
    }
    Ok(Ended::Again)
}

/// What is due is done by who waits: nothing in memory happens by itself.
async fn on_clock(clock: &Clock, seen: u64, until: Until) -> Ended {
    let next = clock.do_what_is_due();
    let own = match until {
        Until::Now => return Ended::Over,
        Until::At(point) => clock.on_tokio(point),
        Until::Never => None,
    };
    let next = next.and_then(|next| clock.on_tokio(next)).filter(|next| own.is_none_or(|own| *next < own));
    let changed = clock.changed(seen);
    match next.or(own) {
        None => changed.await,
        Some(point) => {
            if timeout_at(point, changed).await.is_err() && next.is_none() {
                return Ended::Over;
            }
        }
    }
    Ended::Again
}
