//! Threads that the time waits for from the moment on at which somebody says that they will be.
//!
//! Who uses an end counts from then on; who is only about to use one cannot be seen. A thread that begins with something
//! else (reads a file, builds a table, waits for another) is announced, and then no time passes before it has come to its
//! first wait.

use std::fmt;
use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Clock, Scheduler, WaitError, What};
use crate::device::Deadline;

/// A thread that is to come: [`begin`](Self::begin) is called on it. Dropped before that, it is not waited for any more.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::device::Clock;
///
/// let clock = Clock::new_virtual();
/// let announced = clock.announce("server");
/// let server = {
///     let clock = clock.clone();
///     std::thread::spawn(move || {
///         announced.begin();
///         clock.advance(Duration::from_secs(5));
///         clock.now()
///     })
/// };
/// let began = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.outside(|| server.join()).unwrap() - began, Duration::from_secs(5));
/// ```
#[must_use = "dropped, it is not waited for"]
pub struct Announcement {
    /// `None` on the system's clock, and when it has begun.
    open: Option<(Arc<Scheduler>, u64)>,
}

impl Announcement {
    /// This thread is the one that was announced.
    pub fn begin(mut self) {
        if let Some((scheduler, number)) = self.open.take() {
            scheduler.begin(number);
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some((scheduler, number)) = self.open.take() {
            scheduler.retract(number);
        }
    }
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcement").finish_non_exhaustive()
    }
}

/// Threads that have not ended, of a [`ClockScope`], or one.
#[derive(Clone, Debug)]
struct Running {
    clock: Clock,
    count: Arc<AtomicUsize>,
}

/// One of them; dropped at its end, however that comes.
struct Runs(Running);

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        if let Some(scheduler) = self.0.clock.scheduler() {
            scheduler.bump();
        }
    }
}

impl Running {
    fn none(clock: &Clock) -> Self {
        Self { clock: clock.clone(), count: Arc::default() }
    }

    fn one_more(&self) -> Runs {
        self.count.fetch_add(1, Ordering::AcqRel);
        Runs(self.clone())
    }

    /// Waits on the clock until all have ended: that is an event of the virtual time like another, and no time passes between
    /// it and what the caller does then. False when time stood still before that: whom it waits for is told, since a join
    /// has no deadline, and what a test prints is not seen before its end.
    fn wait(&self, name: &str) -> bool {
        let ended = || (self.count.load(Ordering::Acquire) == 0).then_some(());
        let Some(scheduler) = self.clock.scheduler().filter(|_| self.clock.is_virtual()) else { return false };
        match scheduler.wait(Deadline::Never, What::new(name, "end"), ended) {
            Ok(()) => true,
            Err(WaitError::Stuck(why) | WaitError::Deadlock(why)) => {
                let _ = writeln!(io::stderr(), "tuntap-test: waiting for the end of {name}: {why}");
                false
            }
            Err(_) => false,
        }
    }

    /// Joins one of them.
    fn join<T>(&self, name: &str, join: impl FnOnce() -> thread::Result<T>) -> thread::Result<T> {
        // One that is as good as ended is joined in no time.
        if self.wait(name) { join() } else { self.clock.outside(join) }
    }
}

/// A thread that [`Clock::spawn`] started. Dropped, it goes on by itself, as one of std's.
#[derive(Debug)]
pub struct ClockThread<T> {
    running: Running,
    name: String,
    thread: thread::JoinHandle<T>,
}

impl<T> ClockThread<T> {
    /// Waits for its end; meanwhile the time goes on.
    ///
    /// # Errors
    /// The payload of its panic.
    pub fn join(self) -> thread::Result<T> {
        self.running.join(&self.name, || self.thread.join())
    }
}

/// Where [`Clock::scope`] lets threads be started that may borrow.
#[derive(Debug)]
pub struct ClockScope<'scope, 'env: 'scope> {
    running: Running,
    scope: &'scope thread::Scope<'scope, 'env>,
}

impl<'scope> ClockScope<'scope, '_> {
    /// Starts a thread of that name, which the time waits for at once.
    ///
    /// # Panics
    /// When the system starts no thread.
    pub fn spawn<T: Send + 'scope>(
        &self,
        name: &str,
        body: impl FnOnce() -> T + Send + 'scope,
    ) -> ScopedClockThread<'scope, T> {
        let clock = &self.running.clock;
        let (announced, running) = (clock.announce(name), Running::none(clock));
        let runs = (running.one_more(), self.running.one_more());
        let builder = thread::Builder::new().name(name.to_owned());
        let thread = builder.spawn_scoped(self.scope, move || {
            let _runs = runs;
            announced.begin();
            body()
        });
        ScopedClockThread { running, name: label(name), thread: started(thread) }
    }
}

/// A thread that [`ClockScope::spawn`] started.
#[derive(Debug)]
pub struct ScopedClockThread<'scope, T> {
    running: Running,
    name: String,
    thread: thread::ScopedJoinHandle<'scope, T>,
}

impl<T> ScopedClockThread<'_, T> {
    /// Waits for its end; meanwhile the time goes on.
    ///
    /// # Errors
    /// The payload of its panic.
    pub fn join(self) -> thread::Result<T> {
        self.running.join(&self.name, || self.thread.join())
    }
}

impl Clock {
    /// Says that a thread of that name is to come, which the time waits for from now on. It waits for the calling thread
    /// from now on as well.
    pub fn announce(&self, name: &str) -> Announcement {
        let scheduler = self.scheduler().filter(|_| self.is_virtual());
        if let Some(scheduler) = scheduler {
            scheduler.touch("");
        }
        Announcement { open: scheduler.map(|scheduler| (Arc::clone(scheduler), scheduler.announce(name))) }
    }

    /// Starts a thread of that name, which the time waits for at once. On the system's clock it is a thread like another.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tuntap_test::device::Clock;
    /// # let clock = Clock::new_virtual();
    /// let server = { let clock = clock.clone(); move || clock.advance(Duration::from_secs(60)) };
    /// clock.spawn("server", server).join().unwrap();
    /// ```
    ///
    /// # Panics
    /// When the system starts no thread.
    pub fn spawn<T: Send + 'static>(&self, name: &str, body: impl FnOnce() -> T + Send + 'static) -> ClockThread<T> {
        let (announced, running) = (self.announce(name), Running::none(self));
        let runs = running.one_more();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _runs = runs;
            announced.begin();
            body()
        });
        ClockThread { running, name: label(name), thread: started(thread) }
    }

    /// As [`std::thread::scope`], for threads that the time waits for at once, and for the calling thread as well: when this
    /// returns all of them have ended.
    ///
    /// ```
    /// use tuntap_test::prelude::*;
    ///
    /// #[tuntap_test]
    /// fn two_sides(tun: Tun, host: Host) {
    ///     tun.clock().scope(|scope| {
    ///         scope.spawn("client", || {
    ///             let socket = host.udp_bind((tun.host_v4(), 0)).unwrap();
    ///             socket.send_to(b"hello", (tun.peer_v4(), 9)).unwrap();
    ///         });
    ///         tun.expect(Udp::new().dport(9) / b"hello");
    ///     });
    /// }
    /// ```
    ///
    /// # Panics
    /// When the closure does, with its payload, or a thread that nobody has joined.
    #[track_caller]
    pub fn scope<'env, T>(&self, body: impl for<'scope> FnOnce(&ClockScope<'scope, 'env>) -> T) -> T {
        let result = thread::scope(|scope| {
            let running = Running::none(self);
            let inside = ClockScope { running: running.clone(), scope };
            let result = panic::catch_unwind(AssertUnwindSafe(|| body(&inside)));
            // The scope ends when its threads have.
            let ended = running.wait("the scope");
            let outside = self.scheduler().filter(|_| !ended).map(|scheduler| scheduler.step_outside());
            (result, outside)
        });
        let (result, outside) = result;
        drop(outside);
        result.unwrap_or_else(|payload| panic::resume_unwind(payload))
    }
}

fn label(name: &str) -> String {
    format!("thread `{name}`")
}

fn started<T>(thread: io::Result<T>) -> T {
    match thread {
        Ok(thread) => thread,
        Err(error) => panic!("cannot start a thread: {error}"),
    }
}
