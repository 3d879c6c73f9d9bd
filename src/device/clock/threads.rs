//! Threads that the time waits for from the moment on at which somebody says that they will be.
//!
//! Who uses an end counts from then on; who is only about to use one cannot be seen. A thread that begins with something
//! else (reads a file, builds a table, waits for another) is announced, and then no time passes before it has come to its
//! first wait.

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

use super::{Clock, Scheduler};

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

/// A thread that [`Clock::spawn`] started. Dropped, it goes on by itself, as one of std's.
#[derive(Debug)]
pub struct ClockThread<T> {
    clock: Clock,
    thread: thread::JoinHandle<T>,
}

impl<T> ClockThread<T> {
    /// Waits for its end; meanwhile the time goes on without the calling thread.
    ///
    /// # Errors
    /// The payload of its panic.
    pub fn join(self) -> thread::Result<T> {
        self.clock.outside(|| self.thread.join())
    }
}

/// Where [`Clock::scope`] lets threads be started that may borrow.
#[derive(Debug)]
pub struct ClockScope<'scope, 'env: 'scope> {
    clock: Clock,
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
        let announced = self.clock.announce(name);
        let builder = thread::Builder::new().name(name.to_owned());
        let thread = builder.spawn_scoped(self.scope, move || {
            announced.begin();
            body()
        });
        ScopedClockThread { clock: self.clock.clone(), thread: started(thread) }
    }
}

/// A thread that [`ClockScope::spawn`] started.
#[derive(Debug)]
pub struct ScopedClockThread<'scope, T> {
    clock: Clock,
    thread: thread::ScopedJoinHandle<'scope, T>,
}

impl<T> ScopedClockThread<'_, T> {
    /// Waits for its end; meanwhile the time goes on without the calling thread.
    ///
    /// # Errors
    /// The payload of its panic.
    pub fn join(self) -> thread::Result<T> {
        self.clock.outside(|| self.thread.join())
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
        let announced = self.announce(name);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            announced.begin();
            body()
        });
        ClockThread { clock: self.clone(), thread: started(thread) }
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
    pub fn scope<'env, T>(&self, body: impl for<'scope> FnOnce(&ClockScope<'scope, 'env>) -> T) -> T {
        let result = thread::scope(|scope| {
            let result = panic::catch_unwind(AssertUnwindSafe(|| body(&ClockScope { clock: self.clone(), scope })));
            // The scope ends when its threads have.
            let outside = self.scheduler().map(|scheduler| scheduler.step_outside());
            (result, outside)
        });
        let (result, outside) = result;
        drop(outside);
        result.unwrap_or_else(|payload| panic::resume_unwind(payload))
    }
}

fn started<T>(thread: io::Result<T>) -> T {
    match thread {
        Ok(thread) => thread,
        Err(error) => panic!("cannot start a thread: {error}"),
    }
}
